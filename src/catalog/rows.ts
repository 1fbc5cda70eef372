import type { Check } from '../model/check.ts';
import type { Node } from '../model/node.ts';
import type { Service, ServiceAddress, Weights } from '../model/service.ts';

/**
 * Rows as the replica holds them: classes of a fixed shape, since there may be hundreds of thousands; names, tags,
 * meta and definitions that repeat are shared between rows. A row never changes: a new version is a new row.
 */

/** A place that always knows the newest row of one node; what a service or check row holds instead of the row. */
export interface Host {
  readonly row: NodeRow;
}

export class NodeRow implements Node {
  readonly id: string;
  readonly name: string;
  readonly address: string;
  readonly taggedAddresses: Readonly<Record<string, string>> | null;
  readonly meta: Readonly<Record<string, string>> | null;
  readonly createIndex: number;
  readonly modifyIndex: number;

  constructor(node: Node, createIndex: number, modifyIndex: number) {
    this.id = node.id;
    this.name = node.name;
    this.address = node.address;
    this.taggedAddresses = node.taggedAddresses;
    this.meta = node.meta;
    this.createIndex = createIndex;
    this.modifyIndex = modifyIndex;
  }
}

export class ServiceRow implements Service {
  readonly host: Host;
  readonly id: string;
  readonly name: string;
  readonly tags: readonly string[];
  readonly address: string;
  readonly port: number;
  readonly taggedAddresses: Readonly<Record<string, ServiceAddress>> | null;
  readonly meta: Readonly<Record<string, string>> | null;
  readonly weights: Weights;
  readonly enableTagOverride: boolean;
  readonly socketPath: string;
  readonly createIndex: number;
  readonly modifyIndex: number;

  constructor(host: Host, service: Service, createIndex: number, modifyIndex: number) {
    this.host = host;
    this.id = service.id;
    this.name = service.name;
    this.tags = service.tags;
    this.address = service.address;
    this.port = service.port;
    this.taggedAddresses = service.taggedAddresses;
    this.meta = service.meta;
    this.weights = service.weights;
    this.enableTagOverride = service.enableTagOverride;
    this.socketPath = service.socketPath;
    this.createIndex = createIndex;
    this.modifyIndex = modifyIndex;
  }

  /** The newest row of its node, which may be newer than this row. */
  get node(): NodeRow {
    return this.host.row;
  }
}

export class CheckRow implements Check {
  readonly host: Host;
  readonly id: string;
  readonly name: string;
  readonly status: string;
  readonly notes: string;
  readonly output: string;
  readonly serviceId: string;
  readonly serviceName: string;
  /** Tags of its service when the check was written; [] for a check of the node. */
  readonly serviceTags: readonly string[];
  readonly type: string;
  readonly interval: string;
  readonly timeout: string;
  readonly definition: Readonly<Record<string, unknown>> | null;
  readonly createIndex: number;
  readonly modifyIndex: number;

  constructor(
    host: Host,
    check: Check,
    serviceTags: readonly string[],
    createIndex: number,
    modifyIndex: number,
  ) {
    this.host = host;
    this.id = check.id;
    this.name = check.name;
    this.status = check.status;
    this.notes = check.notes;
    this.output = check.output;
    this.serviceId = check.serviceId;
    this.serviceName = check.serviceName;
    this.serviceTags = serviceTags;
    this.type = check.type;
    this.interval = check.interval;
    this.timeout = check.timeout;
    this.definition = check.definition;
    this.createIndex = createIndex;
    this.modifyIndex = modifyIndex;
  }

  /** The newest row of its node, which may be newer than this row. */
  get node(): NodeRow {
    return this.host.row;
  }
}

/** A service instance with what decides about its health: its node's own checks first, then its own, each by id. */
export interface Instance {
  readonly service: ServiceRow;
  readonly node: NodeRow;
  readonly checks: readonly CheckRow[];
}
