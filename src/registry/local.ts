import { formatDurationNs } from '../lib/duration.ts';
import type { Check } from '../model/check.ts';
import { derivedCheckName } from '../model/check-rules.ts';
import type { CheckDefinition, CheckKind } from '../model/registration.ts';
import type { Service, ServiceAddress, Weights } from '../model/service.ts';
import { packAddresses, type PackedAddresses, unpackAddresses } from '../model/tagged-addresses.ts';

/**
 * Rows of the local truth: classes of a fixed shape, since there may be 100,000. What many of them have in common (tags,
 * meta, what a check does) is kept once; see local-state.ts.
 */

/**
 * Who a registration came from, and so how it survives a restart: `api` is written to disk, `file` is read from the
 * configuration again, `source` is found out again (containers).
 */
export type Origin = 'api' | 'file' | 'source';

/** What the services of one name mostly agree on. */
export type ServiceShape = Pick<
  Service,
  'name' | 'tags' | 'meta' | 'weights' | 'enableTagOverride' | 'socketPath'
> & { readonly origin: Origin };

export class LocalService implements Service {
  readonly shape: ServiceShape;
  readonly id: string;
  readonly port: number;
  readonly #addresses: PackedAddresses;
  #address: string;
  // Most services have one check: an array for each would cost as much as the row.
  #checkIds: string | readonly string[] = none;

  constructor(shape: ServiceShape, own: Pick<Service, 'id' | 'address' | 'port' | 'taggedAddresses'>) {
    this.shape = shape;
    this.id = own.id;
    this.port = own.port;
    this.#addresses = packAddresses(own);
    this.#address = own.address;
  }

  get name(): string {
    return this.shape.name;
  }

  get tags(): readonly string[] {
    return this.shape.tags;
  }

  get address(): string {
    return this.#address;
  }

  get taggedAddresses(): Readonly<Record<string, ServiceAddress>> | null {
    return unpackAddresses(this.#addresses, this);
  }

  get meta(): Readonly<Record<string, string>> | null {
    return this.shape.meta;
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

  get origin(): Origin {
    return this.shape.origin;
  }

  /** Ids of its checks. */
  get checkIds(): readonly string[] {
    return typeof this.#checkIds === 'string' ? [this.#checkIds] : this.#checkIds;
  }

  /** For LocalState only, which keeps it in line with the checks that are there. */
  set checkIds(ids: readonly string[]) {
    this.#checkIds = ids.length === 1 ? ids[0]! : ids;
  }

  /** Takes the row's text in place of its own where they are equal, so that memory holds it once. */
  shareWith(row: Service): void {
    if (row.address === this.#address) this.#address = row.address;
  }
}

const none: readonly string[] = Object.freeze([]);

/** A copy field by field: rows may read theirs through getters, which spreading would lose. */
export function withTags(service: Service, tags: readonly string[]): Service {
  const { id, name, address, port, taggedAddresses, meta, weights, enableTagOverride, socketPath } = service;
  return { id, name, tags, address, port, taggedAddresses, meta, weights, enableTagOverride, socketPath };
}

/** What a check does, apart from which check it is: id and service id are '', and so is a name that follows the service's. */
export type CheckTemplate = CheckDefinition;

export function templateOf(definition: CheckDefinition, service: Service | undefined): CheckTemplate {
  const isDerived = service !== undefined && definition.name === derivedCheckName(service);
  return { ...definition, id: '', serviceId: '', name: isDerived ? '' : definition.name };
}

/** A check as it stands. It never changes: a new status is a new object. */
export class LocalCheck implements Check {
  readonly id: string;
  readonly template: CheckTemplate;
  /** undefined for a check of the node. */
  readonly service: LocalService | undefined;
  readonly origin: Origin;
  readonly status: string;
  #output: string;

  constructor(
    id: string,
    template: CheckTemplate,
    service: LocalService | undefined,
    origin: Origin,
    status: string,
    output: string,
  ) {
    this.id = id;
    this.template = template;
    this.service = service;
    this.origin = origin;
    this.status = status;
    this.#output = output;
  }

  get output(): string {
    return this.#output;
  }

  /** Takes the row's text in place of its own where they are equal, so that memory holds it once. */
  shareWith(row: Check): void {
    if (row.output === this.#output) this.#output = row.output;
  }

  /** What was asked for, with everything filled in. */
  get registered(): CheckDefinition {
    return { ...this.template, id: this.id, name: this.name, serviceId: this.serviceId };
  }

  get name(): string {
    const { template, service } = this;
    return template.name === '' && service !== undefined ? derivedCheckName(service) : template.name;
  }

  get notes(): string {
    return this.template.notes;
  }

  get serviceId(): string {
    return this.service?.id ?? '';
  }

  get serviceName(): string {
    return this.service?.name ?? '';
  }

  get serviceTags(): readonly string[] {
    return this.service?.tags ?? none;
  }

  get type(): CheckKind['type'] {
    return this.template.kind.type;
  }

  get interval(): string {
    return this.#duration(this.template.intervalMs);
  }

  get timeout(): string {
    return this.#duration(this.template.timeoutMs);
  }

  get definition(): null {
    return null;
  }

  /** Of a service's check: the steward acts on it when this agent is dead. */
  get deregisterAfterMs(): number {
    return this.service === undefined ? 0 : this.template.deregisterCriticalAfterMs;
  }

  #duration(ms: number): string {
    return this.type === 'maintenance' ? '' : formatDurationNs(ms * 1e6);
  }
}

/** What the catalog is given: a copy, since a row that waits to be written must not change its output. */
export function rowOf(check: Check, output: string): Check {
  return {
    id: check.id,
    name: check.name,
    status: check.status,
    notes: check.notes,
    output,
    serviceId: check.serviceId,
    serviceName: check.serviceName,
    type: check.type,
    interval: check.interval,
    timeout: check.timeout,
    definition: null,
    deregisterAfterMs: check.deregisterAfterMs,
  };
}
