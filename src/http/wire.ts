import type { CheckRow, Instance, NodeRow, ServiceRow } from '../catalog/rows.ts';
import type { Service, ServiceAddress } from '../model/service.ts';
import type {
  AgentService,
  HealthCheck,
  Node,
  NodeService,
  ServiceAddress as WireAddress,
  ServiceEntry,
  ServiceNode,
  ServiceProxy,
} from '@portolan/sdk/wire';
import type { LocalCheck } from './deps.ts';

/** Rows -> the JSON shapes of the API, fields in Consul's order. Pure. */

const noProxy: ServiceProxy = Object.freeze({ Mode: '', MeshGateway: {}, Expose: {} });
const nothing: Readonly<Record<string, never>> = Object.freeze({});

type Tagged = Readonly<Record<string, ServiceAddress>>;

function hasEntries(map: object | null): map is object {
  if (map !== null) for (const _ in map) return true;
  return false;
}

function addresses(tagged: Tagged): Record<string, WireAddress> {
  const wire: Record<string, WireAddress> = {};
  for (const name of Object.keys(tagged).sort()) {
    const { address, port } = tagged[name]!;
    wire[name] = { Address: address, Port: port };
  }
  return wire;
}

/** Maps print in the order of their keys. */
function sorted(map: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  const keys = Object.keys(map);
  if (keys.length < 2) return map;
  return Object.fromEntries(keys.sort().map((key) => [key, map[key]!]));
}

function sortedOrNull(map: Readonly<Record<string, string>> | null): Readonly<Record<string, string>> | null {
  return map === null ? null : sorted(map);
}

export function wireNode(row: NodeRow, datacenter: string): Node {
  return {
    ID: row.id,
    Node: row.name,
    Address: row.address,
    Datacenter: datacenter,
    TaggedAddresses: sortedOrNull(row.taggedAddresses),
    Meta: sortedOrNull(row.meta),
    CreateIndex: row.createIndex,
    ModifyIndex: row.modifyIndex,
  };
}

export function wireServiceNode(row: ServiceRow, datacenter: string): ServiceNode {
  const node = row.node;
  const tagged = row.taggedAddresses;
  return {
    ID: node.id,
    Node: node.name,
    Address: node.address,
    Datacenter: datacenter,
    TaggedAddresses: sortedOrNull(node.taggedAddresses),
    NodeMeta: sortedOrNull(node.meta),
    ServiceKind: '',
    ServiceID: row.id,
    ServiceName: row.name,
    ServiceTags: row.tags,
    ServiceAddress: row.address,
    ...(hasEntries(tagged) ? { ServiceTaggedAddresses: addresses(tagged as Tagged) } : {}),
    ServiceWeights: { Passing: row.weights.passing, Warning: row.weights.warning },
    ServiceMeta: sorted(row.meta ?? nothing),
    ServicePort: row.port,
    ServiceSocketPath: row.socketPath,
    ServiceEnableTagOverride: row.enableTagOverride,
    ServiceProxy: noProxy,
    ServiceConnect: nothing,
    CreateIndex: row.createIndex,
    ModifyIndex: row.modifyIndex,
  };
}

export function wireNodeService(row: ServiceRow): NodeService {
  const tagged = row.taggedAddresses;
  return {
    ID: row.id,
    Service: row.name,
    Tags: row.tags,
    Address: row.address,
    ...(hasEntries(tagged) ? { TaggedAddresses: addresses(tagged as Tagged) } : {}),
    Meta: sortedOrNull(row.meta),
    ...(row.port === 0 ? {} : { Port: row.port }),
    ...(row.socketPath === '' ? {} : { SocketPath: row.socketPath }),
    Weights: { Passing: row.weights.passing, Warning: row.weights.warning },
    EnableTagOverride: row.enableTagOverride,
    Proxy: noProxy,
    Connect: nothing,
    CreateIndex: row.createIndex,
    ModifyIndex: row.modifyIndex,
  };
}

export function wireCheck(row: CheckRow): HealthCheck {
  return {
    Node: row.node.name,
    CheckID: row.id,
    Name: row.name,
    Status: row.status,
    Notes: row.notes,
    Output: row.output,
    ServiceID: row.serviceId,
    ServiceName: row.serviceName,
    ServiceTags: row.serviceTags,
    Type: row.type,
    Interval: row.interval,
    Timeout: row.timeout,
    ExposedPort: 0,
    Definition: row.definition ?? nothing,
    CreateIndex: row.createIndex,
    ModifyIndex: row.modifyIndex,
  };
}

export function wireEntry(row: Instance, datacenter: string): ServiceEntry {
  return {
    Node: wireNode(row.node, datacenter),
    Service: wireNodeService(row.service),
    Checks: row.checks.map(wireCheck),
  };
}

export function wireAgentService(service: Service, datacenter: string): AgentService {
  const tagged = service.taggedAddresses;
  return {
    ID: service.id,
    Service: service.name,
    Tags: service.tags,
    Meta: sorted(service.meta ?? nothing),
    Port: service.port,
    Address: service.address,
    ...(service.socketPath === '' ? {} : { SocketPath: service.socketPath }),
    ...(hasEntries(tagged) ? { TaggedAddresses: addresses(tagged as Tagged) } : {}),
    Weights: { Passing: service.weights.passing, Warning: service.weights.warning },
    EnableTagOverride: service.enableTagOverride,
    Datacenter: datacenter,
  };
}

/** A check of this agent; it has no indexes. */
export function wireLocalCheck(check: LocalCheck, node: string): HealthCheck {
  return {
    Node: node,
    CheckID: check.id,
    Name: check.name,
    Status: check.status,
    Notes: check.notes,
    Output: check.output,
    ServiceID: check.serviceId,
    ServiceName: check.serviceName,
    ServiceTags: check.serviceTags,
    Type: check.type,
    Interval: check.interval,
    Timeout: check.timeout,
    ExposedPort: 0,
    Definition: nothing,
    CreateIndex: 0,
    ModifyIndex: 0,
  };
}
