import { formatDurationNs } from '../lib/duration.ts';
import type { Check } from '../model/check.ts';
import { derivedCheckName } from '../model/check-rules.ts';
import type { CheckDefinition, CheckKind } from '../model/registration.ts';
import type { Service, ServiceAddress, Weights } from '../model/service.ts';

/**
 * Rows of the local truth: classes of a fixed shape, since there may be 100,000. What many of them have in common (tags,
 * meta, what a check does) is kept once; see local-state.ts.
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
  // Most services have one check: an array for each would cost as much as the row.
  #checkIds: string | readonly string[] = none;

  constructor(service: Service, origin: Origin) {
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
    this.origin = origin;
  }

  /** Ids of its checks. */
  get checkIds(): readonly string[] {
    return typeof this.#checkIds === 'string' ? [this.#checkIds] : this.#checkIds;
  }

  /** For LocalState only, which keeps it in line with the checks that are there. */
  set checkIds(ids: readonly string[]) {
    this.#checkIds = ids.length === 1 ? ids[0]! : ids;
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
  readonly output: string;

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
    this.output = output;
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
