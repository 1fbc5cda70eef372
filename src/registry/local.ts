import { formatDurationNs } from '../lib/duration.ts';
import type { Check } from '../model/check.ts';
import type { CheckDefinition } from '../model/registration.ts';
import type { Service, ServiceAddress, Weights } from '../model/service.ts';

/**
 * Rows of the local truth: classes of a fixed shape, since there may be 100,000. What is inside them (tags, meta,
 * definitions) is shared with whoever brought it.
 */

/**
 * Who a registration came from, and so how it survives a restart: `api` is written to disk, `file` is read from the
 * configuration again, `source` is found out again (containers).
 */
export type Origin = 'api' | 'file' | 'source';

export class LocalService implements Service {
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
  readonly origin: Origin;
  /** Ids of its checks; replaced, never changed. */
  checkIds: readonly string[] = noIds;

  /** `own` replaces some of the service's fields. */
  constructor(
    service: Service,
    origin: Origin,
    own: Partial<Pick<Service, 'id' | 'tags' | 'taggedAddresses'>> = {},
  ) {
    this.id = own.id ?? service.id;
    this.name = service.name;
    this.tags = own.tags ?? service.tags;
    this.address = service.address;
    this.port = service.port;
    this.taggedAddresses = own.taggedAddresses === undefined ? service.taggedAddresses : own.taggedAddresses;
    this.meta = service.meta;
    this.weights = service.weights;
    this.enableTagOverride = service.enableTagOverride;
    this.socketPath = service.socketPath;
    this.origin = origin;
  }
}

const noIds: readonly string[] = Object.freeze([]);

/** A check as it stands. It never changes: a new status is a new object. */
export class LocalCheck implements Check {
  /** What was asked for. */
  readonly registered: CheckDefinition;
  /** undefined for a check of the node. */
  readonly service: LocalService | undefined;
  readonly status: string;
  readonly output: string;
  readonly origin: Origin;

  constructor(
    registered: CheckDefinition,
    service: LocalService | undefined,
    origin: Origin,
    status: string,
    output: string,
  ) {
    this.registered = registered;
    this.service = service;
    this.origin = origin;
    this.status = status;
    this.output = output;
  }

  get id(): string {
    return this.registered.id;
  }

  get name(): string {
    return this.registered.name;
  }

  get notes(): string {
    return this.registered.notes;
  }

  get serviceId(): string {
    return this.registered.serviceId;
  }

  get serviceName(): string {
    return this.service?.name ?? '';
  }

  get serviceTags(): readonly string[] {
    return this.service?.tags ?? noIds;
  }

  get type(): string {
    return this.registered.kind.type;
  }

  get interval(): string {
    return this.#duration(this.registered.intervalMs);
  }

  get timeout(): string {
    return this.#duration(this.registered.timeoutMs);
  }

  get definition(): null {
    return null;
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
  };
}
