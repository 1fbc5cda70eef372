/** What Consul's HTTP API answers, as templates' data. Not here: which request asks for it. */
import type { HealthCheck, KvEntry, Node, NodeService, ServiceEntry } from '@portolan/sdk';
import { compareUtf8 } from '../lib/bytes.ts';
import { fromBytes } from '../template/text.ts';
import { aggregateStatus, byServiceThenId, keyBelow } from './answers.ts';
import type * as source from './source.ts';

/** A check, as far as it tells that something changed. */
export interface CheckStamp {
  readonly node: string;
  readonly checkId: string;
  /** '' for a check of the node itself. */
  readonly service: string;
  /** Another value: the check has changed. */
  readonly stamp: number | string;
}

export interface ServiceStamp {
  readonly service: string;
  readonly index: number;
}

export type ServiceStamps = ReadonlyMap<string, ServiceStamp>;

/** null is how Go writes an empty list. */
export function listed<T>(value: readonly T[] | null | undefined): readonly T[] {
  if (value === null || value === undefined) return [];
  if (!Array.isArray(value)) throw new TypeError('a list was expected');
  return value as readonly T[];
}

export function named<T>(value: Readonly<Record<string, T>> | null | undefined): Readonly<Record<string, T>> {
  if (value === null || value === undefined) return {};
  if (typeof value !== 'object' || Array.isArray(value)) throw new TypeError('an object was expected');
  return value;
}

export function checkStamp(check: HealthCheck & { readonly ModifyIndex?: number }): CheckStamp {
  const { Node: node, CheckID: checkId, ServiceName, Status, Output } = check;
  if (typeof node !== 'string' || typeof checkId !== 'string') throw new TypeError('a check was expected');
  const stamp = check.ModifyIndex ?? `${Status} ${ServiceName ?? ''} ${Output ?? ''}`;
  return { node, checkId, service: ServiceName ?? '', stamp };
}

export function serviceStamps(
  services: Readonly<Record<string, NodeService & { readonly ModifyIndex?: number }>>,
): ServiceStamps | undefined {
  const stamps = new Map<string, ServiceStamp>();
  for (const { ID, Service: service, ModifyIndex: index } of Object.values(services)) {
    if (typeof index !== 'number') return undefined;
    stamps.set(ID, { service, index });
  }
  return stamps;
}

// Older servers and hand-written registrations leave out what the wire types promise: null and absent are taken as empty.
export function healthService({ Node: node, Service: service, Checks }: ServiceEntry): source.HealthService {
  const checks = (Checks ?? []).map(healthCheck);
  return {
    node: node.Node,
    nodeId: node.ID ?? '',
    nodeAddress: node.Address,
    nodeTaggedAddresses: node.TaggedAddresses ?? null,
    nodeMeta: node.Meta ?? null,
    nodeDatacenter: node.Datacenter ?? '',
    id: service.ID,
    name: service.Service,
    address: service.Address || node.Address,
    port: service.Port ?? 0,
    tags: sorted(service.Tags),
    serviceMeta: service.Meta ?? null,
    serviceTaggedAddresses: taggedAddresses(service),
    status: aggregateStatus(checks),
    checks,
    weights: { passing: service.Weights?.Passing ?? 1, warning: service.Weights?.Warning ?? 1 },
  };
}

function taggedAddresses(service: NodeService): source.HealthService['serviceTaggedAddresses'] {
  const entries = Object.entries(service.TaggedAddresses ?? {});
  if (service.TaggedAddresses === undefined || service.TaggedAddresses === null) return null;
  return Object.fromEntries(
    entries.map(([name, { Address, Port }]) => [name, { address: Address, port: Port }]),
  );
}

/** A check of the API, of which anything may be left out. */
export interface CheckAnswer extends Partial<HealthCheck> {
  readonly Namespace?: string;
  readonly Partition?: string;
  readonly PeerName?: string;
}

export function healthCheck(check: CheckAnswer): source.HealthCheck {
  const { Namespace: namespace = '', Partition: partition = '', PeerName: peer = '' } = check;
  return {
    node: check.Node ?? '',
    checkId: check.CheckID ?? '',
    name: check.Name ?? '',
    status: check.Status ?? '',
    notes: check.Notes ?? '',
    output: check.Output ?? '',
    serviceId: check.ServiceID ?? '',
    serviceName: check.ServiceName ?? '',
    serviceTags: check.ServiceTags ?? null,
    type: check.Type ?? '',
    exposedPort: check.ExposedPort ?? 0,
    definition: check.Definition ?? null,
    createIndex: check.CreateIndex ?? 0,
    modifyIndex: check.ModifyIndex ?? 0,
    ...(namespace === '' && partition === '' && peer === '' ? {} : { scope: { namespace, partition, peer } }),
  };
}

export function nodeRecord(node: Node): source.NodeRecord {
  return {
    id: node.ID ?? '',
    node: node.Node,
    address: node.Address,
    datacenter: node.Datacenter ?? '',
    taggedAddresses: node.TaggedAddresses ?? null,
    meta: node.Meta ?? null,
  };
}

export function nodeServices(services: Readonly<Record<string, NodeService>>): readonly source.NodeService[] {
  const list = Object.values(services ?? {}).map((service) => ({
    id: service.ID,
    service: service.Service,
    tags: sorted(service.Tags),
    meta: service.Meta ?? null,
    port: service.Port ?? 0,
    address: service.Address ?? '',
    enableTagOverride: service.EnableTagOverride ?? false,
  }));
  return list.sort(byServiceThenId);
}

export function keyPair(prefix: string, row: KvEntry): source.KeyPair {
  return {
    path: row.key,
    key: keyBelow(prefix, row.key),
    value: fromBytes(row.value),
    createIndex: row.createIndex,
    modifyIndex: row.modifyIndex,
    lockIndex: row.lockIndex,
    flags: row.flags,
    session: row.session,
  };
}

export function sorted(tags: readonly string[] | null | undefined): readonly string[] {
  return [...(tags ?? [])].sort(compareUtf8);
}
