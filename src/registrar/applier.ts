import { Backoff } from '../lib/backoff.ts';
import type { Clock } from '../lib/clock.ts';
import type { Logger } from '../lib/log.ts';
import { dockerCheckId, type DesiredService } from './desired.ts';
import { diffServices } from './diff.ts';
import { parseMark, type Mark } from './mark.ts';
import type { RegistrarStats } from './stats.ts';
import type { Action, OwnedService, Target } from './target.ts';

/**
 * Makes the target hold what is desired. In: ids of services to look at again. Out: target.apply.
 *
 * Invariants: nothing is applied before the target was read; one apply at a time for one service id, any number for
 * different ids; what failed is tried again with backoff, and until it succeeded it counts as unknown, so that a
 * registration of unknown outcome is removed when it is no longer desired.
 */
export interface ApplierDeps {
  readonly target: Target;
  readonly clock: Clock;
  readonly log: Logger;
  readonly stats: RegistrarStats;
  readonly desired: (serviceId: string) => DesiredService | undefined;
  readonly desiredIds: () => Iterable<string>;
  /** May a service that nothing desires go? Not while its container hasn't been looked at. */
  readonly mayRemove: (mark: Mark) => boolean;
}

const retry = { minMs: 200, maxMs: 15_000 };

export class Applier {
  readonly #registrarId: string;
  readonly #deps: ApplierDeps;
  readonly #signal: AbortSignal;
  readonly #held = new Map<string, OwnedService>();
  readonly #dirty = new Set<string>();
  readonly #busy = new Set<string>();
  readonly #failed = new Map<string, Backoff>();
  readonly #conflicts = new Set<string>();
  /** Ids whose state moved while the target was being read: the answer may be older than they are. */
  #movedWhileLoading: Set<string> | undefined;
  #isLoaded = false;
  #isHeld = false;
  #isScheduled = false;
  #waiters: (() => void)[] = [];
  /** Why Docker's word does not hold at present, '' if it does. */
  #away = '';

  constructor(options: { readonly registrarId: string; readonly signal: AbortSignal }, deps: ApplierDeps) {
    this.#registrarId = options.registrarId;
    this.#signal = options.signal;
    this.#deps = deps;
  }

  /** Looks at these services once the current turn of the event loop is over: what comes together goes together. */
  touch(ids: Iterable<string>): void {
    for (const id of ids) this.#dirty.add(id);
    if (this.#isScheduled || this.#dirty.size === 0) return;
    this.#isScheduled = true;
    queueMicrotask(() => {
      this.#isScheduled = false;
      this.#flush();
    });
  }

  touchAll(): void {
    this.touch([...this.#deps.desiredIds(), ...this.#ownIds()]);
  }

  /** Reads what the target holds and looks at everything. Throws what the target throws. */
  async load(): Promise<void> {
    const moved = new Set(this.#busy);
    this.#movedWhileLoading = moved;
    const services = await this.#deps.target.services(this.#signal);
    if (this.#movedWhileLoading === moved) this.#movedWhileLoading = undefined;
    for (const id of this.#held.keys()) if (!moved.has(id)) this.#held.delete(id);
    for (const owned of services) if (!moved.has(owned.service.id)) this.#held.set(owned.service.id, owned);
    this.#isLoaded = true;
    this.touchAll();
  }

  /** Collects while `isHeld`, so that a list of containers becomes one apply. */
  hold(isHeld: boolean): void {
    this.#isHeld = isHeld;
    if (!isHeld) this.#flush();
  }

  /** While Docker is away (`reason` not '') the Docker check of every own service is critical. */
  setAway(reason: string): void {
    if (this.#away === reason) return;
    this.#away = reason;
    this.touchAll();
  }

  /** Says the Docker status of every own service again, for targets that let it run out. */
  refresh(): void {
    const statuses = [...this.#ownIds()].flatMap((id) => {
      const desired = this.#desired(id);
      return desired === undefined || this.#busy.has(id)
        ? []
        : [{ type: 'status' as const, ...desired.docker }];
    });
    // In the background: what fails here is made good by the next reading of the target.
    void this.#deps.target.apply(statuses, this.#signal).catch(() => {});
  }

  /** Resolves when nothing is under way and nothing waits but what failed. */
  settled(): Promise<void> {
    if (this.#isSettled()) return Promise.resolve();
    return new Promise((resolve) => this.#waiters.push(resolve));
  }

  #flush(): void {
    if (!this.#isLoaded || this.#isHeld || this.#signal.aborted) return;
    const ids = [...this.#dirty].filter((id) => !this.#busy.has(id));
    for (const id of ids) this.#dirty.delete(id);
    const desired = (id: string): DesiredService | undefined => this.#desired(id);
    const held = (id: string): OwnedService | undefined => this.#held.get(id);
    const diff = diffServices(ids, desired, held, this.#registrarId, this.#deps.mayRemove);
    this.#noteConflicts(ids, diff.conflicts);
    const actions = [...diff.actions, ...this.#awayActions(ids)];
    if (actions.length > 0) void this.#apply(actions);
    else this.#wakeSettled();
  }

  #desired(id: string): DesiredService | undefined {
    const service = this.#deps.desired(id);
    return service === undefined || this.#away === '' ? service : awayService(service, this.#away);
  }

  /** Services of a former life whose containers have not been seen yet: Docker was away from the start. */
  #awayActions(ids: readonly string[]): Action[] {
    if (this.#away === '') return [];
    return ids.flatMap((id) => {
      const held = this.#held.get(id);
      if (held?.docker === undefined || this.#deps.desired(id) !== undefined || !this.#isOwn(held)) return [];
      if (this.#deps.mayRemove(parseMark(held.service)!)) return [];
      const docker = { checkId: dockerCheckId(id), status: 'critical' as const, output: this.#away };
      const isEqual = held.docker.status === 'critical' && held.docker.output === this.#away;
      return isEqual ? [] : [{ type: 'status' as const, ...docker }];
    });
  }

  async #apply(actions: readonly Action[]): Promise<void> {
    const ids = new Set(actions.map(serviceIdOf));
    for (const id of ids) {
      this.#busy.add(id);
      this.#movedWhileLoading?.add(id);
    }
    const outcomes = await this.#outcomes(actions);
    const failed = new Set<string>();
    for (const [i, action] of actions.entries()) {
      const error = outcomes[i];
      if (error === undefined && !failed.has(serviceIdOf(action))) this.#done(action);
      else if (error !== undefined) this.#fail(action, error, failed);
    }
    for (const id of ids) {
      this.#busy.delete(id);
      if (!failed.has(id)) this.#failed.delete(id);
    }
    // Those that were touched meanwhile were left for now.
    if (this.#dirty.size > 0) this.#flush();
    this.#wakeSettled();
  }

  async #outcomes(actions: readonly Action[]): Promise<readonly (Error | undefined)[]> {
    try {
      return await this.#deps.target.apply(actions, this.#signal);
    } catch (error) {
      const failure = error instanceof Error ? error : new Error(String(error));
      return actions.map(() => failure);
    }
  }

  #done(action: Action): void {
    const { stats, log } = this.#deps;
    const id = serviceIdOf(action);
    if (action.type === 'register') {
      const { service } = action.registration;
      this.#held.set(id, { service, docker: { status: this.#registeredStatus(action), output: '' } });
      stats.registered++;
      log.info(
        { service: id, name: service.name, address: service.address, port: service.port },
        'registered',
      );
    } else if (action.type === 'deregister') {
      this.#held.delete(id);
      stats.deregistered++;
      log.info({ service: id }, 'deregistered');
    } else {
      const held = this.#held.get(id);
      if (held !== undefined)
        this.#held.set(id, { ...held, docker: { status: action.status, output: action.output } });
      stats.statusChanges++;
      log.info({ service: id, status: action.status }, 'status changed');
    }
  }

  #registeredStatus(action: Action & { type: 'register' }): string {
    return action.registration.checks.find(({ kind }) => kind.type === 'docker')?.status ?? '';
  }

  #fail(action: Action, error: Error, failed: Set<string>): void {
    if (this.#signal.aborted) return;
    const { stats, log, clock } = this.#deps;
    const id = serviceIdOf(action);
    stats.applyErrors++;
    if (action.type === 'register') this.#held.set(id, unknownOutcome(action.registration.service));
    if (action.type === 'status') this.#forgetStatus(id);
    if (failed.has(id)) return;
    failed.add(id);
    const backoff = this.#failed.get(id) ?? new Backoff(retry);
    if (!this.#failed.has(id))
      log.warn({ service: id, action: action.type, err: error }, 'target refused; trying again');
    this.#failed.set(id, backoff);
    clock.after(backoff.nextMs(), () => this.touch([id]));
  }

  #forgetStatus(id: string): void {
    const held = this.#held.get(id);
    // Perhaps the check is not there any more: registering the service brings it back.
    if (held !== undefined) this.#held.set(id, { ...held, docker: undefined });
  }

  #noteConflicts(ids: readonly string[], conflicts: readonly string[]): void {
    const { stats, log } = this.#deps;
    const found = new Set(conflicts);
    for (const id of ids) if (!found.has(id)) this.#conflicts.delete(id);
    for (const id of found) {
      if (this.#conflicts.has(id)) continue;
      this.#conflicts.add(id);
      log.warn({ service: id }, 'not registered: the target has this id from somebody else');
    }
    stats.conflicts = this.#conflicts.size;
  }

  #ownIds(): string[] {
    return [...this.#held].filter(([, owned]) => this.#isOwn(owned)).map(([id]) => id);
  }

  #isOwn({ service }: OwnedService): boolean {
    return parseMark(service)?.registrar === this.#registrarId;
  }

  #isSettled(): boolean {
    return this.#isLoaded && this.#busy.size === 0 && this.#dirty.size === 0 && !this.#isHeld;
  }

  #wakeSettled(): void {
    if (!this.#isSettled()) return;
    const waiters = this.#waiters;
    this.#waiters = [];
    for (const wake of waiters) wake();
  }
}

/** Own, and equal to nothing that could be desired: both registering and removing will act on it. */
function unknownOutcome(service: OwnedService['service']): OwnedService {
  const mark = parseMark(service)!;
  const meta = { ...service.meta };
  for (const [key, value] of Object.entries(meta)) if (value === mark.hash) meta[key] = '';
  return { service: { ...service, meta }, docker: undefined };
}

function awayService(service: DesiredService, reason: string): DesiredService {
  const { registration, docker } = service;
  const checks = registration.checks.map((check) =>
    check.id === docker.checkId ? { ...check, status: 'critical' } : check,
  );
  return {
    ...service,
    registration: { ...registration, checks },
    docker: { checkId: docker.checkId, status: 'critical', output: reason },
  };
}

function serviceIdOf(action: Action): string {
  if (action.type === 'register') return action.registration.service.id;
  if (action.type === 'deregister') return action.serviceId;
  return action.checkId.slice('service:'.length, -':docker'.length);
}
