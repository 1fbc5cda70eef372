import { limitCaptured, limitReported, outputLimit } from '../health/output.ts';
import { Scheduler } from '../health/scheduler.ts';
import { expiredOutput, isExpiredOutput } from '../health/ttl.ts';
import type { Clock } from '../lib/clock.ts';
import { serviceChecks } from '../model/check-rules.ts';
import type { CheckDefinition, ServiceRegistration } from '../model/registration.ts';
import type { Service } from '../model/service.ts';
import { defaultTaggedAddresses } from '../model/service-rules.ts';
import type { Aliases } from './aliases.ts';
import type { CriticalSince } from './critical.ts';
import type { Deferrals } from './deferrals.ts';
import type { LocalCheck, LocalService, Origin } from './local.ts';
import type { LocalState } from './local-state.ts';
import type { PersistedChange, TtlState } from './persistence.ts';

/**
 * What happens to the local truth, and everything that follows from it in memory: checks start and stop, aliases are
 * touched, rows are marked for the catalog, records for the disk.
 *
 * In: registrations, reports, results. Out: marks and records, through deps. All of it synchronous.
 * Not here: when marks and records are written (syncer.ts, persist-queue.ts), rules on input (registry.ts).
 */
export interface TruthDeps {
  readonly state: LocalState;
  readonly aliases: Aliases;
  readonly deferrals: Deferrals;
  readonly critical: CriticalSince;
  readonly clock: Clock;
  readonly random: () => number;
  readonly markService: (id: string) => void;
  readonly markCheck: (id: string) => void;
  readonly record: (change: PersistedChange) => void;
  /** Status changes by check runs and expiries need to be written by somebody. */
  readonly onChange: () => void;
  readonly onServiceChange: (id: string) => void;
  /** What was known of a check before it was registered, such as its row from before a restart. */
  readonly lastKnown: (definition: CheckDefinition) => LastKnown | undefined;
  readonly lastTags: (service: Service) => readonly string[] | undefined;
}

export interface LastKnown {
  readonly status: string;
  readonly output: string;
  /** For a TTL check: what is left until it expires. */
  readonly ttlLeftMs?: number;
  /** The catalog has another output: it can wait. */
  readonly deferOutput?: boolean;
}

export interface TruthOptions {
  readonly outputMaxBytes: number;
  readonly discardOutput: boolean;
}

export class Truth {
  readonly #options: TruthOptions;
  readonly #deps: TruthDeps;
  readonly #scheduler: Scheduler;

  constructor(options: TruthOptions, deps: TruthDeps) {
    this.#options = options;
    this.#deps = deps;
    this.#scheduler = new Scheduler(
      { outputMaxBytes: options.outputMaxBytes },
      {
        clock: deps.clock,
        random: deps.random,
        onResult: (id, status, output) => this.#onResult(id, status, output),
        onExpired: (id) => this.#onExpired(id),
      },
    );
  }

  close(): void {
    this.#scheduler.close();
  }

  /** A service with its checks. Checks that it had and does not list stay unless `replaceChecks`; maintenance stays. */
  register(registration: ServiceRegistration, origin: Origin, replaceChecks: boolean): void {
    const service = this.putService(registration.service, origin);
    const definitions = serviceChecks(service, registration.checks);
    if (replaceChecks) {
      const listed = new Set(definitions.map(({ id }) => id));
      for (const check of this.#deps.state.checksOf(service.id)) {
        if (!listed.has(check.id) && check.type !== 'maintenance') this.removeCheck(check.id);
      }
    }
    for (const definition of definitions) this.putCheck(definition, origin);
  }

  putService(given: Service, origin: Origin): LocalService {
    const { state } = this.#deps;
    const id = given.id === '' ? given.name : given.id;
    const tags = this.#deps.lastTags(given) ?? given.tags;
    const wasStored = state.services.get(id)?.origin === 'api';
    const taggedAddresses = defaultTaggedAddresses(given);
    const service = state.putService(given, origin, { id, tags, taggedAddresses });
    this.#deps.markService(id);
    // Their rows carry the service's name.
    for (const checkId of service.checkIds) this.#deps.markCheck(checkId);
    if (origin === 'api') this.#keepChecks(service);
    if (origin === 'api') this.#deps.record({ type: 'service', id, value: service });
    else if (wasStored) this.#deps.record({ type: 'service', id, value: null });
    this.#deps.aliases.touch(id);
    this.#deps.onServiceChange(id);
    return service;
  }

  /** What a container had put on a service that the API now takes over is the API's, or a restart would lose it. */
  #keepChecks(service: LocalService): void {
    for (const check of this.#deps.state.checksOf(service.id)) {
      if (check.origin !== 'source') continue;
      const { id, registered, status, output } = check;
      this.#deps.state.putCheck(registered, 'api', status, output);
      this.#deps.record({ type: 'check', id, value: registered });
    }
  }

  removeService(id: string): boolean {
    const service = this.#deps.state.services.get(id);
    if (service === undefined) return false;
    for (const checkId of service.checkIds) this.removeCheck(checkId);
    this.#deps.state.removeService(service);
    this.#deps.markService(id);
    if (service.origin === 'api') this.#deps.record({ type: 'service', id, value: null });
    this.#deps.aliases.touch(id);
    this.#deps.onServiceChange(id);
    return true;
  }

  /** Somebody put other tags into the catalog, and the service allows it. */
  overrideTags(id: string, tags: readonly string[]): void {
    const { state } = this.#deps;
    const service = state.services.get(id);
    if (service === undefined) return;
    state.putService(service, service.origin, { tags });
    this.#deps.onServiceChange(id);
  }

  /** A check in place of what its id had. A status that was known stays until the check says something new. */
  putCheck(definition: CheckDefinition, origin: Origin): void {
    const { state, aliases, critical } = this.#deps;
    const { id, kind } = definition;
    const old = state.checks.get(id);
    const known = old ?? this.#deps.lastKnown(definition);
    const { status, output } = firstStatus(definition, origin, known);
    const check = state.putCheck(definition, origin, status, output);
    if (old?.type === 'alias') aliases.remove(id);
    if (old !== undefined && old.serviceId !== definition.serviceId) aliases.touch(old.serviceId);
    if (kind.type === 'alias') aliases.add(id, kind);
    this.#run(old, check, known !== old ? (known as LastKnown).ttlLeftMs : undefined);
    critical.note(check);
    if (old === undefined && known !== undefined && 'deferOutput' in known && known.deferOutput) {
      this.#deps.deferrals.defer(id);
    } else this.#deps.markCheck(id);
    if (origin === 'api') this.#deps.record({ type: 'check', id, value: definition });
    else if (old?.origin === 'api') this.#deps.record({ type: 'check', id, value: null });
    aliases.touch(definition.serviceId);
  }

  removeCheck(id: string): boolean {
    const check = this.#deps.state.removeCheck(id);
    if (check === undefined) return false;
    this.#scheduler.drop(id);
    if (check.type === 'alias') this.#deps.aliases.remove(id);
    this.#deps.critical.forget(id);
    this.#deps.deferrals.cancel(id);
    this.#deps.markCheck(id);
    if (check.origin === 'api') this.#deps.record({ type: 'check', id, value: null });
    if (check.type === 'ttl' && check.origin !== 'source')
      this.#deps.record({ type: 'ttl', id, value: null });
    this.#deps.aliases.touch(check.serviceId);
    return true;
  }

  /** A client reported on a TTL check. */
  reportTtl(check: LocalCheck, status: string, output: string): void {
    const { kind } = check.template;
    if (kind.type !== 'ttl') return;
    const limited = limitReported(output, this.#limitOf(check));
    this.#scheduler.renew(check.id);
    this.store(check, status, limited);
    if (check.origin === 'source') return;
    const value: TtlState = { status, output: limited, expiresAtMs: this.#deps.clock.wallMs() + kind.ttlMs };
    this.#deps.record({ type: 'ttl', id: check.id, value });
  }

  /** The engine's own health check said something. */
  reportContainer(check: LocalCheck, status: string, output: string): void {
    this.store(check, status, limitCaptured(output, this.#limitOf(check)));
  }

  /** Stores a result. A status that changed is written at once, an output that changed may wait. */
  store(check: LocalCheck, status: string, given: string): void {
    const output = this.#options.discardOutput ? '' : given;
    if (check.status === status && check.output === output) return;
    const row = this.#deps.state.setStatus(check, status, output);
    this.#deps.critical.note(row);
    if (check.status !== status || !this.#deps.deferrals.defer(check.id)) this.#deps.markCheck(check.id);
    this.#deps.aliases.touch(check.serviceId);
  }

  #limitOf(check: LocalCheck): number {
    return outputLimit(check.template.outputMaxBytes, this.#options.outputMaxBytes);
  }

  /** A check that is asked for again as it was keeps its rhythm; a TTL starts anew all the same. */
  #run(old: LocalCheck | undefined, check: LocalCheck, ttlLeftMs: number | undefined): void {
    const { id, template } = check;
    // Equal templates are one object.
    if (old?.template === template && template.kind.type !== 'ttl') return;
    this.#scheduler.watch(id, template, ttlLeftMs);
  }

  #onResult(id: string, status: string, output: string): void {
    const check = this.#deps.state.checks.get(id);
    if (check === undefined) return;
    this.store(check, status, output);
    this.#deps.onChange();
  }

  #onExpired(id: string): void {
    const check = this.#deps.state.checks.get(id);
    if (check === undefined) return;
    // After a restart the last known status may be that of an earlier expiry.
    const hasExpired = check.status === 'critical' && isExpiredOutput(check.output);
    if (!hasExpired) this.store(check, 'critical', expiredOutput(check.output));
    this.#deps.onChange();
  }
}

function firstStatus(
  definition: CheckDefinition,
  origin: Origin,
  known: { readonly status: string; readonly output: string } | undefined,
): { readonly status: string; readonly output: string } {
  const { kind, status } = definition;
  if (kind.type === 'maintenance') return { status: 'critical', output: '' };
  // Whoever registers a container's check has just asked the engine: that is newer than what was known.
  const isNewer = kind.type === 'docker' && origin === 'source' && status !== '' && status !== known?.status;
  if (known !== undefined && !isNewer) return { status: known.status, output: known.output };
  return { status: status === '' ? 'critical' : status, output: '' };
}
