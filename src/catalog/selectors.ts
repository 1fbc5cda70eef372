import type { Check } from '../model/check.ts';
import type { Node } from '../model/node.ts';
import type { Service, ServiceAddress } from '../model/service.ts';

/** What filter expressions may select, a table for each kind of row. Names and types are Consul's (consul.md 2.3). */

export type SelectorTable<T> = Readonly<Record<string, Field<T>>>;

export type Field<T> =
  | { readonly type: 'string'; readonly get: (row: T) => string; readonly constant?: 'datacenter' }
  | { readonly type: 'int'; readonly get: (row: T) => number }
  | { readonly type: 'bool'; readonly get: (row: T) => boolean }
  | { readonly type: 'strings'; readonly get: (row: T) => readonly string[] }
  | { readonly type: 'map'; readonly get: (row: T) => Readonly<Record<string, string>> | null }
  /** A map whose values have fields of their own. */
  | {
      readonly type: 'structs';
      readonly get: (row: T) => Readonly<Record<string, unknown>> | null;
      readonly fields: SelectorTable<unknown>;
    }
  | { readonly type: 'struct'; readonly get: (row: T) => unknown; readonly fields: SelectorTable<unknown> }
  | {
      readonly type: 'list';
      readonly get: (row: T) => readonly unknown[];
      readonly fields: SelectorTable<unknown>;
    };

/** A service with the node it is on. */
interface ServiceOnNode extends Service {
  readonly node: Node;
}

/** A check with its node's name; an agent's own checks have no row of their node. */
interface CheckOnNode extends Omit<Check, 'definition'> {
  readonly node: { readonly name: string };
  readonly serviceTags?: readonly string[];
}

interface Entry {
  readonly node: Node;
  readonly service: Service;
  readonly checks: readonly CheckOnNode[];
}

const none: readonly string[] = Object.freeze([]);

function text<T>(get: (row: T) => string): Field<T> {
  return { type: 'string', get };
}

function int<T>(get: (row: T) => number): Field<T> {
  return { type: 'int', get };
}

function flag<T>(get: (row: T) => boolean): Field<T> {
  return { type: 'bool', get };
}

function texts<T>(get: (row: T) => readonly string[]): Field<T> {
  return { type: 'strings', get };
}

function map<T>(get: (row: T) => Readonly<Record<string, string>> | null): Field<T> {
  return { type: 'map', get };
}

function struct<T, S>(get: (row: T) => S, fields: SelectorTable<S>): Field<T> {
  return { type: 'struct', get, fields: fields as SelectorTable<unknown> };
}

function structs<T, S>(
  get: (row: T) => Readonly<Record<string, S>> | null,
  fields: SelectorTable<S>,
): Field<T> {
  return { type: 'structs', get, fields: fields as SelectorTable<unknown> };
}

function list<T, S>(get: (row: T) => readonly S[], fields: SelectorTable<S>): Field<T> {
  return { type: 'list', get, fields: fields as SelectorTable<unknown> };
}

const datacenter: Field<unknown> = { type: 'string', get: () => '', constant: 'datacenter' };

const addressFields: SelectorTable<ServiceAddress> = {
  Address: text((row) => row.address),
  Port: int((row) => row.port),
};

const weightFields: SelectorTable<Service['weights']> = {
  Passing: int((row) => row.passing),
  Warning: int((row) => row.warning),
};

/** What the service mesh would fill: selectable, and empty. */
const emptyText = text(() => '');
const proxyFields: SelectorTable<unknown> = {
  DestinationServiceName: emptyText,
  DestinationServiceID: emptyText,
  LocalServiceAddress: emptyText,
  LocalServicePort: int(() => 0),
  LocalServiceSocketPath: emptyText,
  Mode: emptyText,
  MeshGateway: struct(() => null, { Mode: emptyText }),
  Expose: struct(() => null, { Checks: flag(() => false) }),
  TransparentProxy: struct(() => null, {
    OutboundListenerPort: int(() => 0),
    DialedDirectly: flag(() => false),
  }),
};
const connectFields: SelectorTable<unknown> = { Native: flag(() => false) };

/** catalog/nodes. */
export const nodeSelectors: SelectorTable<Node> = {
  ID: text((row) => row.id),
  Node: text((row) => row.name),
  Address: text((row) => row.address),
  Datacenter: datacenter as Field<Node>,
  TaggedAddresses: map((row) => row.taggedAddresses),
  Meta: map((row) => row.meta),
  PeerName: text(() => ''),
};

/** catalog/service and catalog/services. */
export const serviceNodeSelectors: SelectorTable<ServiceOnNode> = {
  ID: text((row) => row.node.id),
  Node: text((row) => row.node.name),
  Address: text((row) => row.node.address),
  Datacenter: datacenter as Field<ServiceOnNode>,
  TaggedAddresses: map((row) => row.node.taggedAddresses),
  NodeMeta: map((row) => row.node.meta),
  ServiceKind: text(() => ''),
  ServiceID: text((row) => row.id),
  ServiceName: text((row) => row.name),
  ServiceTags: texts((row) => row.tags),
  ServiceAddress: text((row) => row.address),
  ServiceTaggedAddresses: structs((row) => row.taggedAddresses, addressFields),
  ServiceWeights: struct((row) => row.weights, weightFields),
  ServiceMeta: map((row) => row.meta),
  ServicePort: int((row) => row.port),
  ServiceSocketPath: text((row) => row.socketPath),
  ServiceEnableTagOverride: flag((row) => row.enableTagOverride),
  ServiceProxy: struct(() => null, proxyFields),
  ServiceConnect: struct(() => null, connectFields),
  PeerName: text(() => ''),
};

/** catalog/node, catalog/node-services and agent/services. */
export const nodeServiceSelectors: SelectorTable<Service> = {
  ID: text((row) => row.id),
  Service: text((row) => row.name),
  Kind: text(() => ''),
  Tags: texts((row) => row.tags),
  Address: text((row) => row.address),
  TaggedAddresses: structs((row) => row.taggedAddresses, addressFields),
  Meta: map((row) => row.meta),
  Port: int((row) => row.port),
  SocketPath: text((row) => row.socketPath),
  Weights: struct((row) => row.weights, weightFields),
  EnableTagOverride: flag((row) => row.enableTagOverride),
  Proxy: struct(() => null, proxyFields),
  Connect: struct(() => null, connectFields),
  PeerName: text(() => ''),
};

/** health/node, health/checks, health/state and agent/checks. */
export const healthCheckSelectors: SelectorTable<CheckOnNode> = {
  Node: text((row) => row.node.name),
  CheckID: text((row) => row.id),
  Name: text((row) => row.name),
  Status: text((row) => row.status),
  Notes: text((row) => row.notes),
  Output: text((row) => row.output),
  ServiceID: text((row) => row.serviceId),
  ServiceName: text((row) => row.serviceName),
  ServiceTags: texts((row) => row.serviceTags ?? none),
  Type: text((row) => row.type),
  Interval: text((row) => row.interval),
  Timeout: text((row) => row.timeout),
  ExposedPort: int(() => 0),
  PeerName: text(() => ''),
};

/** health/service. */
export const checkServiceNodeSelectors: SelectorTable<Entry> = {
  Node: struct((row) => row.node, nodeSelectors),
  Service: struct((row) => row.service, nodeServiceSelectors),
  Checks: list((row) => row.checks, healthCheckSelectors),
};
