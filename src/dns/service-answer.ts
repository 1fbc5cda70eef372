import { hexIp, parseIp } from '../lib/ip.ts';
import type { Unit } from './answer.ts';
import type { DnsInstance } from './catalog.ts';
import { asked, nothingFound } from './draft.ts';
import type { Draft, Section } from './draft.ts';
import type { Lookup } from './names.ts';
import { recordTypes } from './wire.ts';
import type { RecordData, ResourceRecord } from './wire.ts';

type ServiceLookup = Lookup & { readonly kind: 'service' };

/** Where an instance is reached: an address of its own, that of its node, or a host name. */
type Place =
  | { readonly kind: 'ip'; readonly address: string; readonly own: boolean }
  | { readonly kind: 'host'; readonly target: string }
  | { readonly kind: 'nowhere' };

const followedTypes: readonly RecordData['type'][] = ['CNAME', 'A', 'AAAA'];

/** The healthy instances of a service, as addresses or, for SRV, as places with ports. */
export function serviceSection(
  lookup: ServiceLookup,
  type: number,
  owner: string,
  depth: number,
  draft: Draft,
): Section {
  const { catalog, authorize } = draft.context;
  if (lookup.datacenter !== '' && lookup.datacenter !== catalog.datacenter) return nothingFound;
  const tagged = draft
    .read(catalog.health(lookup.service))
    .filter(
      ({ node, service }) =>
        authorize.service(service.name) && authorize.node(node.name) && hasTag(service.tags, lookup.tag),
    );
  const instances = draft.healthy(tagged);
  if (instances.length === 0) return nothingFound;
  const ttl = draft.serviceTtl(lookup.service);
  if (type === recordTypes.SRV) return srvSection(instances, ttl, owner, depth, draft);
  return addressSection(instances, type, ttl, owner, depth, draft);
}

function hasTag(tags: readonly string[], tag: string): boolean {
  return tag === '' || tags.some((own) => own.toLowerCase() === tag);
}

function srvSection(
  instances: readonly DnsInstance[],
  ttl: number,
  owner: string,
  depth: number,
  draft: Draft,
): Section {
  const units = new Map<string, Unit>();
  for (const instance of instances) {
    const { node, service } = instance;
    const key = JSON.stringify([node.name, service.address, service.port]);
    if (units.has(key)) continue;
    const place = placeOf(instance, owner, draft);
    const target = place.kind === 'nowhere' ? undefined : srvTarget(instance, place, draft);
    if (target === undefined) continue;
    const glue = glueOf(place, target, ttl, depth, draft);
    const weight = weightOf(instance);
    units.set(key, {
      record: draft.record(owner, ttl, { type: 'SRV', priority: 1, weight, port: service.port, target }),
      additional: [...glue, ...metaOf(instance, ttl, draft)],
    });
  }
  return { units: [...units.values()], shuffle: true, pick: Infinity };
}

function addressSection(
  instances: readonly DnsInstance[],
  type: number,
  ttl: number,
  owner: string,
  depth: number,
  draft: Draft,
): Section {
  const addresses = new Map<string, ResourceRecord>();
  const hosts = new Set<string>();
  for (const instance of instances) {
    const place = placeOf(instance, owner, draft);
    if (place.kind === 'host') hosts.add(place.target);
    if (place.kind !== 'ip' || addresses.has(place.address)) continue;
    const record = draft.addressRecord(owner, ttl, place.address)!;
    if (answersType(record, type)) addresses.set(place.address, record);
  }
  const limit = draft.context.options.aRecordLimit;
  if (addresses.size > 0) {
    const units = [...addresses.values()].map((record) => ({ record, additional: [] }));
    return { units, shuffle: true, pick: limit > 0 ? limit : Infinity };
  }
  return aliasSection([...hosts], ttl, owner, depth, draft);
}

/** One CNAME, since a name has no more than one (RFC 1034 section 3.6.2), with what it leads to. */
function aliasSection(
  hosts: readonly string[],
  ttl: number,
  owner: string,
  depth: number,
  draft: Draft,
): Section {
  const alias = (target: string): Unit => ({
    record: draft.record(owner, ttl, { type: 'CNAME', target }),
    additional: [],
  });
  if (!hosts.some((host) => draft.isFollowable(host)))
    return { units: hosts.map(alias), shuffle: true, pick: 1 };
  if (hosts.length > 1) draft.cacheable = false;
  const target = hosts[Math.floor(draft.context.random() * hosts.length)]!;
  const records = draft.followed(target, ttl, followedTypes, depth);
  return {
    units: [alias(target), ...records.map((record) => ({ record, additional: [] }))],
    shuffle: false,
    pick: Infinity,
  };
}

function answersType({ data }: ResourceRecord, type: number): boolean {
  // A TXT question yields the addresses too, whatever their family; Consul has always done so.
  if (type === recordTypes.ANY || type === recordTypes.TXT) return true;
  return data.type !== 'other' && recordTypes[data.type] === type;
}

function placeOf({ node, service }: DnsInstance, owner: string, draft: Draft): Place {
  const host = hostName(service.address);
  // A service whose address is its own name is reached at its node.
  const name = owner === asked ? draft.question.name : owner;
  const own = service.address !== '' && host.toLowerCase() !== name.toLowerCase();
  const address = own ? service.address : node.address;
  if (parseIp(address) !== undefined) return { kind: 'ip', address, own };
  const target = hostName(address);
  return address !== '' && draft.encodable(target) ? { kind: 'host', target } : { kind: 'nowhere' };
}

function hostName(address: string): string {
  return address.endsWith('.') ? address : `${address}.`;
}

/** `<hex>.addr` for an address of its own, the node's name for the node's, or the host name. */
function srvTarget({ node }: DnsInstance, place: Place, draft: Draft): string | undefined {
  if (place.kind === 'nowhere') return undefined;
  if (place.kind === 'host') return place.target;
  const { datacenter } = draft.context.catalog;
  const byNode = `${node.name}.node.${datacenter}.${draft.domain}`;
  if (!place.own && draft.encodable(byNode)) return byNode;
  return `${hexIp(parseIp(place.address)!)}.addr.${datacenter}.${draft.domain}`;
}

function glueOf(place: Place, target: string, ttl: number, depth: number, draft: Draft): ResourceRecord[] {
  if (place.kind === 'ip') return [draft.addressRecord(target, ttl, place.address)!];
  return place.kind === 'host' ? draft.followed(target, ttl, followedTypes, depth) : [];
}

function metaOf({ node }: DnsInstance, ttl: number, draft: Draft): ResourceRecord[] {
  if (!draft.context.options.nodeMetaTxt) return [];
  const owner = `${node.name}.node.${draft.context.catalog.datacenter}.${draft.domain}`;
  return draft.encodable(owner) ? draft.metaRecords(owner, ttl, node.meta) : [];
}

/** SRV weight: that for warning as soon as one check warns (RFC 2782 leaves 0 to 65535). */
function weightOf({ service, checks }: DnsInstance): number {
  const warns = checks.some(({ status }) => status === 'warning');
  return Math.min(Math.max(warns ? service.weights.warning : service.weights.passing, 0), 0xffff);
}
