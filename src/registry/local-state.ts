import { sameValue } from '../catalog/same.ts';
import type { CheckDefinition } from '../model/registration.ts';
import { defaultWeights, type Service } from '../model/service.ts';
import { LocalCheck, LocalService, templateOf, type CheckTemplate, type Origin } from './local.ts';

/**
 * The local truth: services and checks of this agent, in memory, and nothing else. Every method is synchronous and
 * keeps both maps consistent: a check's service is the one registered now, a service lists its checks.
 *
 * Services of one name nearly always agree on tags and meta, and their checks on what they do: each shares what is
 * equal with one of its name.
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
    const row = new LocalService(shared(service, own, old, sibling), origin);
    this.#services.set(row.id, row);
    // One that is not like the others is the first of a new kind.
    if (sibling?.tags !== row.tags || sibling.meta !== row.meta) this.#siblings.set(row.name, row);
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
    const { id, serviceId } = definition;
    const old = this.#checks.get(id);
    if (old !== undefined && old.serviceId !== serviceId) this.#unlink(old);
    const service = serviceId === '' ? undefined : this.#services.get(serviceId);
    const template = this.#sharedTemplate(templateOf(definition, service), old, service);
    const check = new LocalCheck(id, template, service, origin, status, output);
    this.#checks.set(id, check);
    if (service === undefined) this.#nodeCheckIds.add(id);
    else if (!service.checkIds.includes(id)) service.checkIds = [...service.checkIds, id];
    return check;
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

type OwnFields = Partial<Pick<Service, 'id' | 'tags' | 'taggedAddresses'>>;

/** The service, with the values of an older version or a sibling where they are equal. */
function shared(
  service: Service,
  own: OwnFields,
  old: LocalService | undefined,
  sibling: LocalService | undefined,
): Service {
  const pick = <K extends keyof Service>(key: K, value: Service[K]): Service[K] => {
    if (old !== undefined && sameValue(old[key], value)) return old[key];
    return sibling !== undefined && sameValue(sibling[key], value) ? sibling[key] : value;
  };
  const tagged = own.taggedAddresses === undefined ? service.taggedAddresses : own.taggedAddresses;
  return {
    id: old?.id ?? own.id ?? service.id,
    name: pick('name', service.name),
    tags: pick('tags', own.tags ?? service.tags),
    address: pick('address', service.address),
    port: service.port,
    taggedAddresses: pick('taggedAddresses', tagged),
    meta: pick('meta', service.meta),
    weights: sameValue(service.weights, defaultWeights) ? defaultWeights : pick('weights', service.weights),
    enableTagOverride: service.enableTagOverride,
    socketPath: pick('socketPath', service.socketPath),
  };
}
