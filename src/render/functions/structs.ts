/**
 * consul-template's structs as templates see them, over the answers of a source. Field names and their order are Go's.
 * Source: consul-template dependency package, consul/api health.go and catalog.go.
 */
import { defineStruct, pointerSliceType, withMethods } from '../../template/functions.ts';
import { mapOf, sliceOf, stringType } from '../../template/types.ts';
import { GoMap, Slice, Struct, goMap, stringMap, stringSlice, uint64 } from '../../template/values.ts';
import type { Value } from '../../template/values.ts';
import { aggregateStatus } from '../answers.ts';
import { healthCheck } from './check.ts';
import type { StructType } from '../../template/types.ts';
import type {
  CatalogNode,
  CatalogSnippet,
  HealthCheck,
  HealthService,
  KeyPair,
  NodeRecord,
  NodeService,
} from '../source.ts';

const stringMapName = 'map[string]string';

/** `[]string` under a name of its own; accepted wherever a `[]string` is. */
const serviceTags = sliceOf(stringType, 'dependency.ServiceTags');

const serviceAddress = defineStruct<{ address: string; port: number }>({
  name: 'api.ServiceAddress',
  fields: {
    Address: { type: 'string', get: (a) => a.address },
    Port: { type: 'int', get: (a) => a.port },
  },
});
const serviceAddresses = mapOf(stringType, serviceAddress);

const weights = defineStruct<{ passing: number; warning: number }>({
  name: 'api.AgentWeights',
  fields: {
    Passing: { type: 'int', get: (w) => w.passing },
    Warning: { type: 'int', get: (w) => w.warning },
  },
});

const healthChecks = withMethods(sliceOf(healthCheck.pointer, 'api.HealthChecks'), {
  AggregatedStatus: {
    params: [],
    result: 'string',
    call: ({ items }) => aggregateStatus(items.map((check) => sourceOf<HealthCheck>(check))),
  },
});

export const healthService = defineStruct<HealthService>({
  name: 'dependency.HealthService',
  fields: {
    Node: { type: 'string', get: (s) => s.node },
    NodeID: { type: 'string', get: (s) => s.nodeId },
    NodeAddress: { type: 'string', get: (s) => s.nodeAddress },
    NodeTaggedAddresses: { type: stringMapName, get: (s) => stringMap(s.nodeTaggedAddresses) },
    NodeMeta: { type: stringMapName, get: (s) => stringMap(s.nodeMeta) },
    ServiceMeta: { type: stringMapName, get: (s) => stringMap(s.serviceMeta) },
    Address: { type: 'string', get: (s) => s.address },
    ServiceTaggedAddresses: { type: serviceAddresses, get: (s) => taggedAddresses(s) },
    ID: { type: 'string', get: (s) => s.id },
    Name: { type: 'string', get: (s) => s.name },
    Tags: { type: serviceTags, get: (s) => stringSlice(s.tags, serviceTags) },
    Checks: {
      type: healthChecks,
      get: (s) =>
        new Slice(
          healthChecks,
          s.checks.map((check) => new Struct(healthCheck, check)),
        ),
    },
    Status: { type: 'string', get: (s) => s.status },
    Port: { type: 'int', get: (s) => s.port },
    Weights: { type: weights, get: (s) => new Struct(weights, s.weights, false) },
  },
});

function taggedAddresses(service: HealthService): GoMap {
  const addresses = service.serviceTaggedAddresses;
  if (addresses === null) return new GoMap(serviceAddresses, [], true);
  return goMap(
    Object.entries(addresses).map(([name, address]) => [name, new Struct(serviceAddress, address, false)]),
    serviceAddresses,
  );
}

export const catalogSnippet = defineStruct<CatalogSnippet>({
  name: 'dependency.CatalogSnippet',
  fields: {
    Name: { type: 'string', get: (s) => s.name },
    Tags: { type: serviceTags, get: (s) => stringSlice(s.tags, serviceTags) },
  },
});

export const node = defineStruct<NodeRecord>({
  name: 'dependency.Node',
  fields: {
    ID: { type: 'string', get: (n) => n.id },
    Node: { type: 'string', get: (n) => n.node },
    Address: { type: 'string', get: (n) => n.address },
    Datacenter: { type: 'string', get: (n) => n.datacenter },
    TaggedAddresses: { type: stringMapName, get: (n) => stringMap(n.taggedAddresses) },
    Meta: { type: stringMapName, get: (n) => stringMap(n.meta) },
  },
});

const nodeService = defineStruct<NodeService>({
  name: 'dependency.CatalogNodeService',
  fields: {
    ID: { type: 'string', get: (s) => s.id },
    Service: { type: 'string', get: (s) => s.service },
    Tags: { type: serviceTags, get: (s) => stringSlice(s.tags, serviceTags) },
    Meta: { type: stringMapName, get: (s) => stringMap(s.meta) },
    Port: { type: 'int', get: (s) => s.port },
    Address: { type: 'string', get: (s) => s.address },
    EnableTagOverride: { type: 'bool', get: (s) => s.enableTagOverride },
  },
});

/** An unknown node is a CatalogNode (and so true in `if`) whose Node is nil. */
export const catalogNode = defineStruct<CatalogNode | UnknownNode>({
  name: 'dependency.CatalogNode',
  fields: {
    Node: { type: node.pointer, get: (n) => new Struct(node, n.node) },
    Services: {
      type: pointerSliceType(nodeService),
      get: (n) => pointers(nodeService, n.services),
    },
  },
});

export interface UnknownNode {
  readonly node: undefined;
  readonly services: readonly NodeService[];
}

export const keyPair = defineStruct<KeyPair>({
  name: 'dependency.KeyPair',
  fields: {
    Path: { type: 'string', get: (p) => p.path },
    Key: { type: 'string', get: (p) => p.key },
    Value: { type: 'string', get: (p) => p.value },
    CreateIndex: { type: 'uint64', get: (p) => uint64(p.createIndex) },
    ModifyIndex: { type: 'uint64', get: (p) => uint64(p.modifyIndex) },
    LockIndex: { type: 'uint64', get: (p) => uint64(p.lockIndex) },
    Flags: { type: 'uint64', get: (p) => uint64(p.flags) },
    Session: { type: 'string', get: (p) => p.session },
  },
});

/** `[]*T` of the given sources. */
export function pointers(type: StructType, sources: readonly object[]): Slice {
  return new Slice(
    pointerSliceType(type),
    sources.map((source) => new Struct(type, source)),
  );
}

/** The source behind a pointer in a list of `[]*T`. */
export function sourceOf<T>(value: Value): T {
  return (value as Struct).source as T;
}
