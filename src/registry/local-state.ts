import { sameValue } from '../catalog/same.ts';
import type { Check } from '../model/check.ts';
import type { CheckDefinition } from '../model/registration.ts';
import { defaultWeights, type Service } from '../model/service.ts';
import {
  LocalCheck,
  LocalService,
  templateOf,
  type CheckTemplate,
  type Origin,
  type ServiceShape,
} from './local.ts';

/**
 * The local truth: services and checks of this agent, in memory, and nothing else. Every method is synchronous and
 * keeps both maps consistent: a check's service is the one registered now, a service lists its checks.
 *
 * Services of one name nearly always agree on tags and meta, and their checks on what they do: each shares what is
 * equal with one of its name. Texts that are a row's own it shares with the catalog's row, once that is written.
 */
export class LocalState {
  readonly #services = new Map<string, LocalService>();
  readonly #checks = new Map<string, LocalCheck>();
  readonly #nodeCheckIds = new Set<string>();
  /** One service of each name: the newest that was not like the one before. */
  readonly #siblings = new Map<string, LocalService>();

  get services(): ReadonlyMap<string, LocalService> {
    return this.#services;
  }

  get checks(): ReadonlyMap<string, LocalCheck> {
    return this.#checks;
  }

  checksOf(serviceId: string): readonly LocalCheck[] {
    const service = this.#services.get(serviceId);
    if (service === undefined) return [];
    return service.checkIds.map((id) => this.#checks.get(id)!);
  }

  /** Checks of the node itself. */
  nodeChecks(): readonly LocalCheck[] {
    return Array.from(this.#nodeCheckIds, (id) => this.#checks.get(id)!);
  }

  /** Puts a service, with some fields of `own`, in place of what its id had; its checks stay. */
  putService(service: Service, origin: Origin, own: OwnFields = {}): LocalService {
    const old = this.#services.get(own.id ?? service.id);
    const sibling = this.#siblings.get(service.name);
    const row = new LocalService(sharedShape(service, own.tags ?? service.tags, origin, old, sibling), {
      id: old?.id ?? own.id ?? service.id,
      address: service.address,
      port: service.port,
      taggedAddresses: own.taggedAddresses === undefined ? service.taggedAddresses : own.taggedAddresses,
    });
    this.#services.set(row.id, row);
    // One that is not like the others is the first of a new kind.
    if (sibling?.shape !== row.shape) this.#siblings.set(row.name, row);
    if (old === undefined) return row;
    if (old.name !== row.name) this.#forgetSibling(old);
    row.checkIds = old.checkIds;
    for (const id of row.checkIds) {
      const check = this.#checks.get(id)!;
      this.#checks.set(id, new LocalCheck(id, check.template, row, check.origin, check.status, check.output));
    }
    return row;
  }

  /** Removes a service; its checks must be gone. */
  removeService(service: LocalService): void {
    this.#services.delete(service.id);
    this.#forgetSibling(service);
  }

  /** Puts a check in place of what its id had. Its service, if it names one, must be there. */
  putCheck(definition: CheckDefinition, origin: Origin, status: string, output: string): LocalCheck {
    const { serviceId } = definition;
    const old = this.#checks.get(definition.id);
    // The map keeps the first string that it was given.
    const id = old?.id ?? definition.id;
    if (old !== undefined && old.serviceId !== serviceId) this.#unlink(old);
    const service = serviceId === '' ? undefined : this.#services.get(serviceId);
    const template = this.#sharedTemplate(templateOf(definition, service), old, service);
    const check = new LocalCheck(id, template, service, origin, status, output);
    this.#checks.set(id, check);
    if (service === undefined) this.#nodeCheckIds.add(id);
    else if (!service.checkIds.includes(id)) service.checkIds = [...service.checkIds, id];
    return check;
  }

  /** What is written: where texts of the catalog's rows are equal, they take the place of those here. */
  shareWith(rows: CatalogTexts, serviceIds: Iterable<string>, checkIds: Iterable<string>): void {
    for (const id of serviceIds) {
      const row = rows.services.get(id);
      if (row !== undefined) this.#services.get(id)?.shareWith(row);
    }
    for (const id of checkIds) {
      const row = rows.checks.get(id);
      if (row !== undefined) this.#checks.get(id)?.shareWith(row);
    }
  }

  setStatus(check: LocalCheck, status: string, output: string): LocalCheck {
    const row = new LocalCheck(check.id, check.template, check.service, check.origin, status, output);
    this.#checks.set(check.id, row);
    return row;
  }

  removeCheck(id: string): LocalCheck | undefined {
    const check = this.#checks.get(id);
    if (check === undefined) return undefined;
    this.#checks.delete(id);
    this.#unlink(check);
    return check;
  }

  #unlink(check: LocalCheck): void {
    const { service } = check;
    if (service === undefined) this.#nodeCheckIds.delete(check.id);
    else service.checkIds = service.checkIds.filter((id) => id !== check.id);
  }

  #forgetSibling(service: LocalService): void {
    if (this.#siblings.get(service.name) === service) this.#siblings.delete(service.name);
  }

  #sharedTemplate(
    template: CheckTemplate,
    old: LocalCheck | undefined,
    service: LocalService | undefined,
  ): CheckTemplate {
    if (old !== undefined && sameValue(old.template, template)) return old.template;
    const sibling = service && this.#siblings.get(service.name);
    for (const id of sibling?.checkIds ?? []) {
      const known = this.#checks.get(id)?.template;
      if (known !== undefined && sameValue(known, template)) return known;
    }
    return template;
  }
}

interface CatalogTexts {
  readonly services: ReadonlyMap<string, Service>;
  readonly checks: ReadonlyMap<string, Check>;
}

type OwnFields = Partial<Pick<Service, 'id' | 'tags' | 'taggedAddresses'>>;

/** The shape of an older version or of a sibling where it is equal, else one that shares values with them. */
function sharedShape(
  service: Service,
  tags: readonly string[],
  origin: Origin,
  old: LocalService | undefined,
  sibling: LocalService | undefined,
): ServiceShape {
  const known = [old?.shape, sibling?.shape].filter((shape) => shape !== undefined);
  const pick = <K extends keyof ServiceShape>(key: K, value: ServiceShape[K]): ServiceShape[K] =>
    known.find((shape) => sameValue(shape[key], value))?.[key] ?? value;
  const shape: ServiceShape = {
    name: pick('name', service.name),
    tags: pick('tags', tags),
    meta: pick('meta', service.meta),
    weights: sameValue(service.weights, defaultWeights) ? defaultWeights : pick('weights', service.weights),
    enableTagOverride: service.enableTagOverride,
    socketPath: service.socketPath,
    origin,
  };
  return known.find((other) => sameValue(other, shape)) ?? shape;
}
