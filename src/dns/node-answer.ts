import { parseIp } from '../lib/ip.ts';
import type { Unit } from './answer.ts';
import type { DnsNode } from './catalog.ts';
import { nothingFound } from './draft.ts';
import type { Draft, Section } from './draft.ts';
import type { Lookup } from './names.ts';
import { recordTypes } from './wire.ts';
import type { ResourceRecord } from './wire.ts';

const answeredTypes: ReadonlySet<number> = new Set([
  recordTypes.A,
  recordTypes.AAAA,
  recordTypes.TXT,
  recordTypes.ANY,
]);

/** The address of a node, and its meta as TXT records. Health does not matter. */
export function nodeSection(
  lookup: Lookup & { readonly kind: 'node' },
  type: number,
  owner: string,
  depth: number,
  draft: Draft,
): Section {
  const { catalog, options, authorize } = draft.context;
  const whole = { shuffle: false, pick: Infinity, bareIfEmpty: true };
  // Even when there is no such node.
  if (!answeredTypes.has(type)) return { ...whole, units: [] };
  if (lookup.datacenter !== '' && lookup.datacenter !== catalog.datacenter) return nothingFound;
  const node = draft.read(catalog.node(lookup.node))?.node;
  if (node === undefined || !isNamed(node, lookup.node) || !authorize.node(node.name)) return nothingFound;

  const ttl = options.nodeTtlSeconds;
  const addresses = type === recordTypes.TXT ? [] : addressRecords(node, type, owner, depth, draft);
  const inAnswer = type === recordTypes.TXT || type === recordTypes.ANY;
  const meta = inAnswer || options.nodeMetaTxt ? draft.metaRecords(owner, ttl, node.meta) : [];
  const answers = inAnswer ? [...addresses, ...meta] : addresses;
  return { ...whole, units: answers.map(bare), additional: inAnswer ? [] : meta };
}

/** The catalog takes prefixes of IDs too; in DNS a short name must not hit a node by chance. */
function isNamed(node: DnsNode, asked: string): boolean {
  return node.name.toLowerCase() === asked || node.id.toLowerCase() === asked;
}

function addressRecords(
  node: DnsNode,
  type: number,
  owner: string,
  depth: number,
  draft: Draft,
): ResourceRecord[] {
  const ttl = draft.context.options.nodeTtlSeconds;
  const bytes = parseIp(node.address);
  if (bytes !== undefined) {
    const own = bytes.length === 4 ? recordTypes.A : recordTypes.AAAA;
    return type === own || type === recordTypes.ANY ? [draft.addressRecord(owner, ttl, node.address)!] : [];
  }
  const target = `${node.address}.`.replace(/\.\.$/, '.');
  if (node.address === '' || !draft.encodable(target)) return [];
  const alias = draft.record(owner, ttl, { type: 'CNAME', target });
  return [alias, ...draft.followed(target, ttl, ['CNAME', 'A', 'AAAA', 'TXT'], depth)];
}

function bare(record: ResourceRecord): Unit {
  return { record, additional: [] };
}
