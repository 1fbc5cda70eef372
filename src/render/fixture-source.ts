/**
 * A Source over a fixed world, for evaluating templates offline and for tests.
 * In: a fixture as JSON, with the field names of templates' structs: `kv` (key -> value), `services` (instances of all
 * names), `catalog` (name -> tags), `nodes`, `datacenters`, `files` (path -> text), `env`. Everything but `files` and `env` is a query.
 */
import { compareUtf8 } from '../lib/bytes.ts';
import { byNodeThenAddress, byPath, byServiceThenId, keyBelow, selectInstances } from './answers.ts';
import { type CheckAnswer, healthCheck } from './consul-answers.ts';
import type { Answers, HealthService, KeyPair, NodeRecord, Query, Source, Subscription } from './source.ts';

export interface Fixture {
  readonly env?: Readonly<Record<string, string>>;
  readonly kv?: Readonly<Record<string, string>>;
  readonly services?: readonly FixtureService[];
  readonly catalog?: Readonly<Record<string, readonly string[]>>;
  readonly nodes?: readonly FixtureNode[];
  readonly datacenters?: readonly string[];
  readonly files?: Readonly<Record<string, string>>;
}

type StringMap = Readonly<Record<string, string>> | null;

export interface FixtureService {
  readonly Node: string;
  readonly Name: string;
  readonly ID: string;
  readonly NodeID?: string;
  readonly NodeAddress?: string;
  readonly NodeTaggedAddresses?: StringMap;
  readonly NodeMeta?: StringMap;
  readonly ServiceMeta?: StringMap;
  readonly Address?: string;
  readonly ServiceTaggedAddresses?: Readonly<
    Record<string, { readonly Address: string; readonly Port: number }>
  > | null;
  readonly Tags?: readonly string[] | null;
  readonly Checks?: readonly CheckAnswer[] | null;
  readonly Status?: string;
  readonly Port?: number;
  readonly Weights?: { readonly Passing: number; readonly Warning: number };
}

export interface FixtureNode {
  readonly Node: string;
  readonly Address?: string;
  readonly ID?: string;
  readonly Datacenter?: string;
  readonly TaggedAddresses?: StringMap;
  readonly Meta?: StringMap;
}

/** Every query has its answer at once, and never another. */
export function fixtureSource(fixture: Fixture): Source {
  return {
    name: 'fixture',
    subscribe: <Q extends Query>(query: Q): Subscription<Q> => {
      const data = answer(fixture, query) as Answers[Q['type']];
      return { current: () => ({ data }), close: () => {} };
    },
    close: () => Promise.resolve(),
  };
}

function answer(fixture: Fixture, query: Query): Answers[Query['type']] {
  const instances = (fixture.services ?? []).map(healthService);
  const nodes = (fixture.nodes ?? []).map(nodeRecord);
  switch (query.type) {
    case 'service':
      return selectInstances(
        query,
        instances.filter(({ name }) => name === query.name && query.connect === undefined),
      );
    case 'services':
      return Object.entries(fixture.catalog ?? {})
        .map(([name, tags]) => ({ name, tags: [...tags].sort(compareUtf8) }))
        .sort((a, b) => compareUtf8(a.name, b.name));
    case 'nodes':
      return nodes.sort(byNodeThenAddress);
    case 'node':
      return nodeWithServices(
        query.name === '' ? nodes[0] : nodes.find(({ node }) => node === query.name),
        instances,
      );
    case 'key':
      return ownValue(fixture.kv, query.key) ?? null;
    case 'prefix':
      return keyPairs(fixture.kv ?? {}, query.prefix);
    case 'document':
      return null;
    case 'datacenters':
      return [...(fixture.datacenters ?? [])].sort(compareUtf8);
  }
}

/** A property of the object's own, so that `constructor` is no key of every fixture. */
export function ownValue<T>(record: Readonly<Record<string, T>> | undefined, key: string): T | undefined {
  return record !== undefined && Object.hasOwn(record, key) ? record[key] : undefined;
}

function nodeWithServices(
  node: NodeRecord | undefined,
  instances: readonly HealthService[],
): Answers['node'] {
  if (node === undefined) return null;
  const services = instances
    .filter((instance) => instance.node === node.node)
    .map(({ id, name, tags, serviceMeta, port, address }) => ({
      id,
      service: name,
      tags,
      meta: serviceMeta,
      port,
      address,
      enableTagOverride: false,
    }));
  return { node, services: services.sort(byServiceThenId) };
}

function keyPairs(kv: Readonly<Record<string, string>>, prefix: string): readonly KeyPair[] {
  return Object.entries(kv)
    .filter(([path]) => path.startsWith(prefix))
    .map(([path, value]) => ({
      path,
      key: keyBelow(prefix, path),
      value,
      createIndex: 1,
      modifyIndex: 2,
      lockIndex: 0,
      flags: 0n,
      session: '',
    }))
    .sort(byPath);
}

function healthService(service: FixtureService): HealthService {
  return {
    node: service.Node,
    nodeId: service.NodeID ?? '',
    nodeAddress: service.NodeAddress ?? '',
    nodeTaggedAddresses: service.NodeTaggedAddresses ?? null,
    nodeMeta: service.NodeMeta ?? null,
    nodeDatacenter: '',
    id: service.ID,
    name: service.Name,
    address: service.Address ?? service.NodeAddress ?? '',
    port: service.Port ?? 0,
    tags: [...(service.Tags ?? [])].sort(compareUtf8),
    serviceMeta: service.ServiceMeta ?? null,
    serviceTaggedAddresses: taggedAddresses(service),
    status: service.Status ?? 'passing',
    checks: (service.Checks ?? []).map(healthCheck),
    weights: { passing: service.Weights?.Passing ?? 0, warning: service.Weights?.Warning ?? 0 },
  };
}

function taggedAddresses(service: FixtureService): HealthService['serviceTaggedAddresses'] {
  const addresses = service.ServiceTaggedAddresses ?? null;
  if (addresses === null) return null;
  return Object.fromEntries(
    Object.entries(addresses).map(([name, { Address, Port }]) => [name, { address: Address, port: Port }]),
  );
}

function nodeRecord(node: FixtureNode): NodeRecord {
  return {
    id: node.ID ?? '',
    node: node.Node,
    address: node.Address ?? '',
    datacenter: node.Datacenter ?? '',
    taggedAddresses: node.TaggedAddresses ?? null,
    meta: node.Meta ?? null,
  };
}
