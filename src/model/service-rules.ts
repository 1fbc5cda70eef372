import { isIPv4, isIPv6 } from 'node:net';
import { metaProblem } from './meta-rules.ts';
import type { Service, ServiceAddress, Weights } from './service.ts';

/**
 * What every registration of a service must meet, whoever brings it: the HTTP API, a configuration file or a
 * container's labels. Texts are Consul's, in the order in which Consul looks.
 */

/** `tagged-address` is what Consul answers with 500 and not 400. */
export interface ServiceProblem {
  readonly code: 'invalid' | 'tagged-address';
  readonly text: string;
}

/** The first thing wrong with a service, or undefined. */
export function serviceProblem(service: Service): ServiceProblem | undefined {
  const text = textProblem(service);
  if (text !== undefined) return { code: 'invalid', text };
  const tagged = taggedAddressProblem(service.taggedAddresses);
  return tagged === undefined ? undefined : { code: 'tagged-address', text: tagged };
}

function textProblem(service: Service): string | undefined {
  if (service.name === '') return 'Missing service name';
  if (isAnyAddress(service.address)) return 'Invalid service address';
  const weights = weightsProblem(service.weights);
  if (weights !== undefined) return `Invalid Weights: ${weights}`;
  const meta = metaProblem(service.meta);
  return meta === undefined ? undefined : `Invalid Service Meta: ${meta}`;
}

/** An address that means "all interfaces" can't be reached. */
export function isAnyAddress(address: string): boolean {
  return address === '0.0.0.0' || address === '::' || address === '[::]';
}

export function weightsProblem(weights: Weights): string | undefined {
  if (weights.passing < 1) return 'Passing must be greater than 0';
  if (weights.warning < 0) return 'Warning must be greater or equal than 0';
  if (weights.passing > 65535 || weights.warning > 65535) return 'DNS Weight must be between 0 and 65535';
  return undefined;
}

const familyOfTag: Readonly<Record<string, 'ipv4' | 'ipv6'>> = {
  lan_ipv4: 'ipv4',
  wan_ipv4: 'ipv4',
  lan_ipv6: 'ipv6',
  wan_ipv6: 'ipv6',
};

function taggedAddressProblem(tagged: Service['taggedAddresses']): string | undefined {
  if (tagged === null) return undefined;
  for (const [tag, family] of Object.entries(familyOfTag)) {
    const entry = tagged[tag];
    if (entry !== undefined && addressFamily(entry.address) !== family) {
      return `Service tagged address "${tag}" must be a valid ${family} address`;
    }
  }
  return undefined;
}

/** The family of an IP address as Go sees it (IPv4 mapped into IPv6 is IPv4); undefined for a host name. */
export function addressFamily(address: string): 'ipv4' | 'ipv6' | undefined {
  if (isIPv4(address) || /^::ffff:\d+\.\d+\.\d+\.\d+$/i.test(address)) return 'ipv4';
  return isIPv6(address) && !address.includes('%') ? 'ipv6' : undefined;
}

/**
 * A service whose address is an IP gains `lan_ipv4` and `wan_ipv4` (or `_ipv6`) of that address unless it brings its
 * own. Otherwise the tagged addresses as they are, null when there are none.
 */
export function defaultTaggedAddresses(
  service: Pick<Service, 'address' | 'port' | 'taggedAddresses'>,
): Service['taggedAddresses'] {
  const given = service.taggedAddresses;
  const family = addressFamily(service.address);
  if (family === undefined) return given === null || Object.keys(given).length === 0 ? null : given;
  const lan = `lan_${family}`;
  const wan = `wan_${family}`;
  if (given !== null && given[lan] !== undefined && given[wan] !== undefined) return given;
  const own: ServiceAddress = { address: service.address, port: service.port };
  return { ...given, [lan]: given?.[lan] ?? own, [wan]: given?.[wan] ?? own };
}

/** Why a name can't be looked up in DNS, for a warning; undefined when it can. */
export function dnsNameProblem(name: string): string | undefined {
  if (!/^[A-Za-z0-9-]+$/.test(name)) {
    return 'invalid characters: only letters, digits and dashes can be looked up in DNS';
  }
  return name.length > 63 ? 'too long: DNS labels have at most 63 bytes' : undefined;
}
