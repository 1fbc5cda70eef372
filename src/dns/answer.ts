import { compareUtf8 } from '../lib/bytes.ts';
import { formatIp, parseIp } from '../lib/ip.ts';
import type { View } from '../watch/view.ts';
import type { DnsCatalog } from './catalog.ts';
import { asked, Draft, nothingFound } from './draft.ts';
import type { Section } from './draft.ts';
import { labelsInside, labelsOf, parseLookup, reversedAddress } from './names.ts';
import type { Lookup } from './names.ts';
import { nodeSection } from './node-answer.ts';
import type { AnswerOptions, Authorize } from './options.ts';
import { serviceSection } from './service-answer.ts';
import { rcodes, recordTypes } from './wire.ts';
import type { ResourceRecord } from './wire.ts';

/**
 * Question -> answer.
 *
 * In: a question, the catalog as it is now, what recursors said so far. Out: records, not yet bytes, and the views that
 * they were made from.
 * Invariants: no I/O; the same catalog and the same random numbers give the same answer.
 * Not here: sizes, truncation, the order of a reply, EDNS.
 */
export interface AskedQuestion {
  /** As its asker spelled it. */
  readonly name: string;
  readonly type: number;
  /** Without EDNS at most five records of a followed name are given. */
  readonly edns: boolean;
}

export interface AnswerContext {
  readonly catalog: DnsCatalog;
  readonly options: AnswerOptions;
  readonly authorize: Authorize;
  /** 0 <= n < 1. */
  readonly random: () => number;
  /** Names outside the zone, in lower case, with the answers of recursors. */
  readonly resolved: ReadonlyMap<string, readonly ResourceRecord[]>;
}

/** One record of the answer section with the additional records that belong to it. */
export interface Unit {
  readonly record: ResourceRecord;
  readonly additional: readonly ResourceRecord[];
}

export interface Answer {
  readonly rcode: number;
  /** A record named `@` is named as the question is. */
  readonly units: readonly Unit[];
  /** True: the units are equals, and each reply gives them in an order of its own. */
  readonly shuffle: boolean;
  /** At most this many units. */
  readonly pick: number;
  readonly authority: readonly ResourceRecord[];
  readonly additional: readonly ResourceRecord[];
  /** What it was made from, each with its index from before it was read. */
  readonly sources: readonly { readonly view: View<unknown>; readonly index: number }[];
  /** False: the next asker would be given something else although no view moved. */
  readonly cacheable: boolean;
  /** Names outside the zone that recursors should be asked for; with their answers the question is put again. */
  readonly wanted: readonly string[];
}

/** Names inside the zone are followed this far. */
const maxDepth = 3;
const maxNameServers = 3;

/** The answer, or `outside` when the zone has none to give and recursors should be asked. */
export function answerQuestion(question: AskedQuestion, context: AnswerContext): Answer | 'outside' {
  const labels = labelsOf(question.name);
  const draft = new Draft(question, context, follow);
  if (labels.at(-1) === 'arpa') return pointerAnswer(labels, draft);
  const zone = zoneOf(labels, context.options);
  if (zone === undefined) return 'outside';
  draft.domain = zone.domain;
  switch (question.type) {
    case recordTypes.SOA:
      return zoneAnswer(draft);
    case recordTypes.NS:
      return draft.finish({
        units: nameServers(draft),
        shuffle: true,
        pick: maxNameServers,
        bareIfEmpty: true,
      });
    case recordTypes.AXFR:
    case recordTypes.IXFR:
      return draft.fail(rcodes.NOTIMP);
    default:
      return draft.finish(
        lookUp(parseLookup(zone.labels, question.type), question.type, asked, maxDepth, draft),
      );
  }
}

/** The zone that a name is in, of the two that are ours, and its labels before that. */
function zoneOf(
  labels: readonly string[],
  { domain, altDomain }: AnswerOptions,
): { readonly domain: string; readonly labels: readonly string[] } | undefined {
  const inside = labelsInside(labels, labelsOf(domain));
  if (inside !== undefined) return { domain: `${domain}.`, labels: inside };
  const insideAlt = altDomain === '' ? undefined : labelsInside(labels, labelsOf(altDomain));
  return insideAlt && { domain: `${altDomain}.`, labels: insideAlt };
}

function lookUp(lookup: Lookup, type: number, owner: string, depth: number, draft: Draft): Section {
  switch (lookup.kind) {
    case 'none':
    case 'query':
      return nothingFound;
    case 'address':
      return addressSection(lookup.hex, type, owner, draft);
    case 'node':
      return nodeSection(lookup, type, owner, depth, draft);
    case 'service':
      return serviceSection(lookup, type, owner, depth, draft);
  }
}

/** What a name inside the zone stands for, in an order of this moment; undefined when it is outside. */
function follow(target: string, depth: number, draft: Draft): readonly ResourceRecord[] | undefined {
  const zone = zoneOf(labelsOf(target), draft.context.options);
  if (zone === undefined) return undefined;
  if (depth < 1) return [];
  const type = recordTypes.ANY;
  const section = lookUp(parseLookup(zone.labels, type), type, target, depth - 1, draft);
  if (section.shuffle && section.units.length > 1) draft.cacheable = false;
  const units = section.shuffle ? draft.shuffled(section.units) : section.units;
  return units.slice(0, section.pick).map(({ record }) => record);
}

/** `<hex>.addr`: 8 digits are an IPv4 address, 32 an IPv6 one. Asked for another type it is only additional. */
function addressSection(hex: string, type: number, owner: string, draft: Draft): Section {
  if (!/^(?:[0-9a-f]{8}|[0-9a-f]{32})$/.test(hex)) return nothingFound;
  const address = new Uint8Array(Buffer.from(hex, 'hex'));
  const kind = address.length === 4 ? ('A' as const) : ('AAAA' as const);
  // In lower case, not as asked: so does Consul.
  const name = (owner === asked ? draft.question.name : owner).toLowerCase();
  const record = draft.record(name, draft.context.options.nodeTtlSeconds, { type: kind, address });
  const wanted = type === recordTypes[kind] || type === recordTypes.ANY;
  return {
    units: wanted ? [{ record, additional: [] }] : [],
    shuffle: false,
    pick: Infinity,
    additional: wanted ? [] : [record],
    bareIfEmpty: true,
  };
}

function zoneAnswer(draft: Draft): Answer {
  const servers = nameServers(draft);
  if (servers.length > maxNameServers) draft.cacheable = false;
  const chosen = draft.shuffled(servers).slice(0, maxNameServers);
  return draft.finish({
    units: [{ record: draft.soa(), additional: chosen.flatMap(({ additional }) => additional) }],
    shuffle: false,
    pick: Infinity,
    authority: chosen.map(({ record }) => record),
  });
}

/** The healthy agents, which all serve the zone, as NS records with their addresses. */
function nameServers(draft: Draft): Unit[] {
  const { catalog, options, authorize } = draft.context;
  const ttl = options.nodeTtlSeconds;
  const units = new Map<string, Unit>();
  for (const { node } of draft.healthy(draft.read(catalog.health('consul')))) {
    const target = `${node.name}.node.${catalog.datacenter}.${draft.domain}`.toLowerCase();
    if (!/^[a-z0-9._-]+$/.test(target) || !draft.encodable(target) || !authorize.node(node.name)) continue;
    const glue = draft.addressRecord(target, ttl, node.address);
    const record = draft.record(draft.domain, ttl, { type: 'NS', target });
    units.set(target, { record, additional: glue === undefined ? [] : [glue] });
  }
  return [...units.values()];
}

/** Reverse names: a node with that address, else a service, whatever type was asked (as in Consul). */
function pointerAnswer(labels: readonly string[], draft: Draft): Answer | 'outside' {
  const { catalog, options } = draft.context;
  // The tables of addresses have no view of their own.
  draft.cacheable = false;
  const found = pointerTarget(reversedAddress(labels), draft);
  if (found === undefined) return options.recursors.length > 0 ? 'outside' : draft.finish(nothingFound);
  const target = `${found.label}.${catalog.datacenter}.${draft.domain}`;
  return draft.finish({
    units: [{ record: draft.record(asked, found.ttl, { type: 'PTR', target }), additional: [] }],
    shuffle: false,
    pick: Infinity,
    authority: draft.question.type === recordTypes.SOA ? [draft.soa()] : [],
  });
}

function pointerTarget(
  address: string | undefined,
  draft: Draft,
): { readonly label: string; readonly ttl: number } | undefined {
  const bytes = address === undefined ? undefined : parseIp(address);
  if (bytes === undefined) return undefined;
  const { catalog, options, authorize } = draft.context;
  const text = formatIp(bytes);
  const longest = `service.${catalog.datacenter}.${draft.domain}`;
  const usable = ({ name }: { readonly name: string }): boolean => draft.encodable(`${name}.${longest}`);
  const node = catalog
    .nodesByAddress(text)
    .filter((row) => authorize.node(row.name) && usable(row))
    .sort(byName)[0];
  if (node !== undefined) return { label: `${node.name}.node`, ttl: options.nodeTtlSeconds };
  const service = catalog
    .servicesByAddress(text)
    .filter((row) => authorize.service(row.name) && usable(row))
    .sort(byName)[0];
  return service && { label: `${service.name}.service`, ttl: draft.serviceTtl(service.name) };
}

function byName(a: { readonly name: string }, b: { readonly name: string }): number {
  return compareUtf8(a.name, b.name);
}
