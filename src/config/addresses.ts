import { isIP } from 'node:net';
import type { NetworkInterfaceInfo } from 'node:os';
import { ConfigError } from './config-error.ts';

export type Interfaces = Readonly<Record<string, readonly NetworkInterfaceInfo[] | undefined>>;

const anyAddresses = new Set(['', '0.0.0.0', '::', '[::]']);

/** An address without what templates and brackets put around it; throws for one that is no IP. */
export function ipAddress(key: string, value: string): string {
  const bare = value.replace(/^\[(.*)\]$/, '$1');
  if (isIP(bare) === 0) {
    throw new ConfigError(
      'invalid-value',
      `${key}: ${JSON.stringify(value)} is not an IP address, e.g. 10.0.0.1`,
    );
  }
  return bare;
}

/** -advertise; else -bind if it names one address; else the host's only private IPv4; else refused with the candidates. */
export function chooseAdvertise(advertise: string, bind: string, interfaces: Interfaces): string {
  if (advertise !== '') return ipAddress('advertise_addr', advertise);
  if (!anyAddresses.has(bind)) return ipAddress('bind_addr', bind);
  const found = Object.entries(interfaces).flatMap(([name, addresses]) =>
    (addresses ?? [])
      .filter(({ family, internal, address }) => family === 'IPv4' && !internal && isPrivate(address))
      .map(({ address }) => ({ name, address })),
  );
  if (found.length === 1) return found[0]!.address;
  if (found.length === 0) {
    throw new ConfigError(
      'conflict',
      'no private IPv4 address found: choose one with -advertise, e.g. -advertise=127.0.0.1',
    );
  }
  const list = found.map(({ name, address }) => `${address} (${name})`).join(', ');
  throw new ConfigError(
    'conflict',
    `several private IPv4 addresses found: ${list}; choose one with -advertise or -bind`,
  );
}

/** RFC 1918, RFC 6598 and link-local; Consul's "private". */
function isPrivate(address: string): boolean {
  const [a = 0, b = 0] = address.split('.').map(Number);
  return (
    a === 10 ||
    (a === 172 && b >= 16 && b < 32) ||
    (a === 192 && b === 168) ||
    (a === 100 && b >= 64 && b < 128)
  );
}
