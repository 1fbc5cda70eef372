import type { CheckDefinition } from '../model/registration.ts';
import { LocalCheck, type LocalService, type Origin } from './local.ts';

/**
 * The local truth: services and checks of this agent, in memory, and nothing else. Every method is synchronous and
 * keeps both maps consistent: a check's service is the one registered now, a service lists its checks.
 */
export class LocalState {
  readonly #services = new Map<string, LocalService>();
  readonly #checks = new Map<string, LocalCheck>();
  readonly #nodeCheckIds = new Set<string>();

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

  /** Puts a service in place of what its id had; its checks stay. */
  putService(row: LocalService): void {
    const old = this.#services.get(row.id);
    this.#services.set(row.id, row);
    if (old === undefined) return;
    row.checkIds = old.checkIds;
    for (const id of row.checkIds) {
      const { registered, origin, status, output } = this.#checks.get(id)!;
      this.#checks.set(id, new LocalCheck(registered, row, origin, status, output));
    }
  }

  /** Removes a service; its checks must be gone. */
  removeService(id: string): void {
    this.#services.delete(id);
  }

  /** Puts a check in place of what its id had. Its service, if it names one, must be there. */
  putCheck(definition: CheckDefinition, origin: Origin, status: string, output: string): LocalCheck {
    const { id, serviceId } = definition;
    const old = this.#checks.get(id);
    if (old !== undefined && old.serviceId !== serviceId) this.#unlink(old);
    const service = serviceId === '' ? undefined : this.#services.get(serviceId);
    const check = new LocalCheck(definition, service, origin, status, output);
    this.#checks.set(id, check);
    if (service === undefined) this.#nodeCheckIds.add(id);
    else if (!service.checkIds.includes(id)) service.checkIds = [...service.checkIds, id];
    return check;
  }

  setStatus(check: LocalCheck, status: string, output: string): LocalCheck {
    const row = new LocalCheck(check.registered, check.service, check.origin, status, output);
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
}
