import type { Check } from '../model/check.ts';
import type { Node } from '../model/node.ts';
import type { Service, ServiceAddress, Weights } from '../model/service.ts';
import { type PackedAddresses, unpackAddresses } from '../model/tagged-addresses.ts';

/**
 * Rows as the replica holds them. There may be hundreds of thousands, so they are classes of a fixed shape; what rows
 * of one service mostly agree on is in a part that they share, and values that repeat are shared too. A row never
 * changes: a new version is a new row. Read fields by name: what is shared is behind getters, which `{...row}` and
 * JSON.stringify pass over.
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
    this.createIndex = compact(createIndex);
    this.modifyIndex = compact(modifyIndex);
  }
}

/** What the instances of a service mostly agree on. */
export interface ServiceShape {
  readonly name: string;
  readonly tags: readonly string[];
  readonly weights: Weights;
  readonly enableTagOverride: boolean;
  readonly socketPath: string;
}

/** What is an instance's own. */
export interface ServiceOwn extends Pick<Service, 'id' | 'address' | 'port' | 'meta'> {
  readonly addresses: PackedAddresses;
}

export class ServiceRow implements Service {
  readonly host: Host;
  readonly shape: ServiceShape;
  readonly id: string;
  readonly address: string;
  readonly port: number;
  readonly addresses: PackedAddresses;
  readonly meta: Readonly<Record<string, string>> | null;
  readonly createIndex: number;
  readonly modifyIndex: number;
  /**
   * The instance's own checks as they are now: one, or several by id. The state moves it from version to version; the
   * one thing in a row that changes.
   */
  checks: CheckRow | readonly CheckRow[] | undefined;

  constructor(host: Host, shape: ServiceShape, own: ServiceOwn, createIndex: number, modifyIndex: number) {
    this.host = host;
    this.shape = shape;
    this.id = own.id;
    this.address = own.address;
    this.port = own.port;
    this.addresses = own.addresses;
    this.meta = own.meta;
    this.createIndex = compact(createIndex);
    this.modifyIndex = compact(modifyIndex);
    this.checks = undefined;
  }

  /** The newest row of its node, which may be newer than this row. */
  get node(): NodeRow {
    return this.host.row;
  }

  get name(): string {
    return this.shape.name;
  }

  get tags(): readonly string[] {
    return this.shape.tags;
  }

  get taggedAddresses(): Readonly<Record<string, ServiceAddress>> | null {
    return unpackAddresses(this.addresses, this);
  }

  get weights(): Weights {
    return this.shape.weights;
  }

  get enableTagOverride(): boolean {
    return this.shape.enableTagOverride;
  }

  get socketPath(): string {
    return this.shape.socketPath;
  }
}

/** What the checks of a service's instances mostly agree on. */
export interface CheckShape {
  readonly serviceName: string;
  readonly serviceTags: readonly string[];
  readonly notes: string;
  readonly type: string;
  readonly interval: string;
  readonly timeout: string;
  readonly definition: Readonly<Record<string, unknown>> | null;
  readonly deregisterAfterMs: number;
}

/** What is a check's own. */
export type CheckOwn = Pick<Check, 'id' | 'name' | 'status' | 'output' | 'serviceId'>;

export class CheckRow implements Check {
  readonly host: Host;
  readonly shape: CheckShape;
  readonly id: string;
  readonly name: string;
  readonly status: string;
  readonly output: string;
  readonly serviceId: string;
  readonly createIndex: number;
  readonly modifyIndex: number;

  constructor(host: Host, shape: CheckShape, own: CheckOwn, createIndex: number, modifyIndex: number) {
    this.host = host;
    this.shape = shape;
    this.id = own.id;
    this.name = own.name;
    this.status = own.status;
    this.output = own.output;
    this.serviceId = own.serviceId;
    this.createIndex = compact(createIndex);
    this.modifyIndex = compact(modifyIndex);
  }

  /** The newest row of its node, which may be newer than this row. */
  get node(): NodeRow {
    return this.host.row;
  }

  get serviceName(): string {
    return this.shape.serviceName;
  }

  /** Tags of its service when the check was written; [] for a check of the node. */
  get serviceTags(): readonly string[] {
    return this.shape.serviceTags;
  }

  get notes(): string {
    return this.shape.notes;
  }

  /** `http tcp ttl ...` or ''. */
  get type(): string {
    return this.shape.type;
  }

  get interval(): string {
    return this.shape.interval;
  }

  get timeout(): string {
    return this.shape.timeout;
  }

  get definition(): Readonly<Record<string, unknown>> | null {
    return this.shape.definition;
  }

  get deregisterAfterMs(): number {
    return this.shape.deregisterAfterMs;
  }
}

/** A service instance with what decides about its health: its node's own checks first, then its own, each by id. */
export interface Instance {
  readonly service: ServiceRow;
  readonly node: NodeRow;
  readonly checks: readonly CheckRow[];
}

/** The same number as a small integer where it is one: V8 keeps others in an object of their own. */
function compact(revision: number): number {
  const small = revision | 0;
  return small === revision ? small : revision;
}
