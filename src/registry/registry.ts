import type { NodeChanges } from '../catalog/writer.ts';
import type { AliasedCheck } from '../health/alias.ts';
import { aborted } from '../lib/abort.ts';
import type { Clock } from '../lib/clock.ts';
import { Latch } from '../lib/latch.ts';
import type { Logger } from '../lib/log.ts';
import type { CheckStatus } from '../model/check.ts';
import { isCheckStatus } from '../model/check-rules.ts';
import type { CheckDefinition, ServiceRegistration } from '../model/registration.ts';
import { dnsNameProblem, serviceProblem } from '../model/service-rules.ts';
import { Aliases, type AliasedNode } from './aliases.ts';
import { AntiEntropy } from './anti-entropy.ts';
import { CriticalSince } from './critical.ts';
import { Deferrals } from './deferrals.ts';
import { RegistryError, unknownCheck } from './errors.ts';
import { Gates, type RegistrationSource } from './gates.ts';
import type { LocalCheck, LocalService, Origin } from './local.ts';
import { LocalState } from './local-state.ts';
import { nodeMaintenanceCheck, serviceMaintenanceCheck } from './maintenance.ts';
import { OwnRows, type CatalogRows, type SelfRows } from './own-rows.ts';
import type { PersistedChange, Persistence } from './persistence.ts';
import { PersistQueue } from './persist-queue.ts';
import { configure, Restore, withIds, type Configured } from './restore.ts';
import { Syncer } from './syncer.ts';
import { Truth } from './truth.ts';

/**
 * Services and checks of this agent: the local truth about this node.
 *
 * In: registrations (API, files, containers), reports on checks, results of checks that run. Out: this node's catalog
 * rows, records on disk, and reads of the truth itself.
 * Invariants: memory first, then one commit for everything that changed; the catalog follows the truth, never the other
 * way round (except tags of services that allow it); a restart changes no row by itself.
 * Not here: fields and bodies (http/, config/), what containers mean (registrar/), rows of other nodes (catalog/).
 */
export interface RegistryOptions {
  readonly self: SelfRows;
  /** Who reports later than the start. Their rows stay until `markSourceReady`. */
  readonly sources: readonly RegistrationSource[];
  /** How long a changed output with an unchanged status may wait before it is written; 0 = not at all. */
  readonly updateIntervalMs: number;
  readonly outputMaxBytes: number;
  readonly discardOutput: boolean;
}

export interface RegistryDeps {
  readonly catalog: RegistryCatalog;
  readonly writer: {
    syncNode(changes: NodeChanges, options: { readonly rederivable: boolean }): Promise<number>;
  };
  /** Resolves when the replica is loaded. */
  readonly loaded: Promise<void>;
  readonly watches: { subscribe(topics: readonly string[], onChange: () => void): () => void };
  /** undefined: nothing survives a restart (-dev). Closed by its owner. */
  readonly persistence: Persistence | undefined;
  readonly clock: Clock;
  readonly log: Logger;
  /** Uniform in [0, 1); default Math.random. */
  readonly random?: () => number;
}

/** What the registry reads of the catalog. */
export interface RegistryCatalog {
  /** A node's rows by id; empty maps for a node that is not there. */
  rowsOf(nodeName: string): CatalogRows;
  nodes(): { read(): { readonly length: number } };
  checksOfNode(nodeName: string): { readonly topics: readonly string[]; read(): readonly AliasedCheck[] };
  node(nodeName: string): { readonly topics: readonly string[] };
}

/** What containers ask for; the same shapes as registrar/target.ts. */
export type RegistryAction =
  | { readonly type: 'register'; readonly registration: ServiceRegistration }
  | { readonly type: 'deregister'; readonly serviceId: string }
  | {
      readonly type: 'status';
      readonly checkId: string;
      readonly status: CheckStatus;
      readonly output: string;
    };

export class Registry {
  readonly #options: RegistryOptions;
  readonly #deps: RegistryDeps;
  readonly #random: () => number;
  readonly #state = new LocalState();
  readonly #critical: CriticalSince;
  readonly #listeners = new Set<(serviceId: string) => void>();
  readonly #gates: Gates;
  readonly #deferrals: Deferrals;
  readonly #aliases: Aliases;
  readonly #restore: Restore;
  readonly #truth: Truth;
  readonly #syncer: Syncer;
  readonly #queue: PersistQueue | undefined;
  readonly #antiEntropy: AntiEntropy;
  readonly #loaded = new Latch();
  #configured: Configured = { services: [], checks: [] };
  #isStarted = false;
  #records: PersistedChange[] = [];

  constructor(options: RegistryOptions, deps: RegistryDeps) {
    this.#options = options;
    this.#deps = deps;
    this.#random = deps.random ?? Math.random;
    this.#critical = new CriticalSince(deps);
    this.#gates = new Gates(options.sources);
    this.#deferrals = this.#makeDeferrals();
    this.#restore = new Restore({
      state: this.#state,
      gates: this.#gates,
      catalogRows: () => this.#catalogRows(),
      clock: deps.clock,
    });
    this.#aliases = this.#makeAliases();
    this.#truth = this.#makeTruth();
    this.#syncer = this.#makeSyncer();
    this.#queue = this.#makeQueue();
    this.#antiEntropy = new AntiEntropy({
      clock: deps.clock,
      random: this.#random,
      nodes: () => deps.catalog.nodes().read().length,
      full: () => this.#fullSync(),
    });
  }

  /** The node's own row. */
  get node(): SelfRows['node'] {
    return this.#options.self.node;
  }

  /** Resolves after the first full sync: the catalog shows what is known here. */
  get ready(): Promise<void> {
    return this.#antiEntropy.ready;
  }

  services(): ReadonlyMap<string, LocalService> {
    return this.#state.services;
  }

  service(id: string): LocalService | undefined {
    return this.#state.services.get(id);
  }

  checks(): ReadonlyMap<string, LocalCheck> {
    return this.#state.checks;
  }

  /** Checks of one service, without those of the node. */
  checksOf(serviceId: string): readonly LocalCheck[] {
    return this.#state.checksOf(serviceId);
  }

  /** Calls `listener` with the id of every service that comes, changes or goes, in the same tick. Ends when called. */
  onChange(listener: (serviceId: string) => void): () => void {
    const own = (serviceId: string): void => listener(serviceId);
    this.#listeners.add(own);
    return () => void this.#listeners.delete(own);
  }

  /**
   * Puts a service and its checks in place of what its id had. Resolves when the catalog shows it, or when the first
   * try failed (it goes on), and with `persist` when it is on disk. Waits for the start: `run` must have been called.
   * Throws RegistryError.
   */
  async registerService(
    registration: ServiceRegistration,
    options: { readonly replaceExistingChecks: boolean; readonly persist: boolean },
  ): Promise<void> {
    await this.#loaded.opened;
    this.#register(registration, options.persist ? 'api' : 'source', options.replaceExistingChecks);
    await this.#settle();
  }

  /** False when there is no such service. */
  async deregisterService(id: string): Promise<boolean> {
    await this.#loaded.opened;
    const found = this.#truth.removeService(id);
    await this.#settle();
    return found;
  }

  /** Puts a check of the node or of a registered service in place of what its id had; its status stays. */
  async registerCheck(
    given: CheckDefinition,
    options: { readonly persist: boolean } = { persist: true },
  ): Promise<void> {
    await this.#loaded.opened;
    if (given.name === '') throw new RegistryError('invalid', 'Missing check name');
    if (given.status !== '' && !isCheckStatus(given.status))
      throw new RegistryError('invalid', 'Bad check status');
    if (given.serviceId !== '' && !this.#state.services.has(given.serviceId)) {
      throw new RegistryError('no-such-service', `ServiceID "${given.serviceId}" does not exist`);
    }
    const definition = given.id === '' ? { ...given, id: given.name } : given;
    this.#truth.putCheck(definition, options.persist ? 'api' : 'source');
    await this.#settle();
  }

  /** False when there is no such check. */
  async deregisterCheck(id: string): Promise<boolean> {
    await this.#loaded.opened;
    const found = this.#truth.removeCheck(id);
    await this.#settle();
    return found;
  }

  /** A client's report on a TTL check. Resolves like `registerService`. */
  async updateTtlCheck(id: string, status: string, output: string): Promise<void> {
    await this.#loaded.opened;
    if (!isCheckStatus(status)) throw new RegistryError('invalid', `Invalid check status: '${status}'`);
    const check = this.#state.checks.get(id);
    if (check === undefined) throw unknownCheck(id);
    if (check.type !== 'ttl')
      throw new RegistryError('not-ttl', `CheckID "${id}" does not have associated TTL`);
    this.#truth.reportTtl(check, status, output);
    await this.#settle({ awaitsDisk: false });
  }

  /** Turns a service's maintenance on (again: no change) or off. `reason` '' = a default sentence. */
  async setServiceMaintenance(id: string, enable: boolean, reason: string): Promise<void> {
    await this.#loaded.opened;
    if (!this.#state.services.has(id)) {
      throw new RegistryError('unknown-service', `No service registered with ID "${id}"`);
    }
    await this.#setMaintenance(serviceMaintenanceCheck(id, reason), enable);
  }

  async setNodeMaintenance(enable: boolean, reason: string): Promise<void> {
    await this.#loaded.opened;
    await this.#setMaintenance(nodeMaintenanceCheck(reason), enable);
  }

  /**
   * Applies what containers ask for: all in memory, then one commit; the disk is not waited for. Each outcome by
   * position, undefined = done. Nothing of it is persisted: its source tells it again after a restart.
   */
  async applyActions(actions: readonly RegistryAction[]): Promise<readonly (Error | undefined)[]> {
    await this.#loaded.opened;
    const outcomes = actions.map((action) => this.#apply(action));
    await this.#settle({ awaitsDisk: false });
    return outcomes;
  }

  /** Takes what the files define in place of what they defined before; may be called before `run`. */
  async configure(given: Configured): Promise<void> {
    const configured = withIds(given);
    if (this.#isStarted) await this.#loaded.opened;
    const before = this.#configured;
    this.#configured = configured;
    if (!this.#isStarted) return;
    const services = new Set(configured.services.map(({ service }) => service.id));
    const checks = new Set(configured.checks.map(({ id }) => id));
    for (const { id } of before.services.map(({ service }) => service)) {
      if (!services.has(id) && this.#state.services.get(id)?.origin === 'file') this.#truth.removeService(id);
    }
    for (const { id } of before.checks) {
      if (!checks.has(id) && this.#state.checks.get(id)?.origin === 'file') this.#truth.removeCheck(id);
    }
    this.#logRefused(configure(configured, this.#state, this.#truth));
    await this.#settle();
  }

  /** A source has registered everything that it owns: rows of its that are not registered now go, soon. */
  markSourceReady(name: string): void {
    if (!this.#gates.open(name)) return;
    if (this.#gates.isOpen) this.#records.push(...this.#restore.dropWaiting());
    this.#aliases.touchAll();
    this.#antiEntropy.request();
  }

  /** Compares every row with the catalog now. */
  resync(): void {
    this.#antiEntropy.request();
  }

  /** The store answers: what could not be written is tried again now, if it was not just tried. */
  retry(): void {
    this.#antiEntropy.retry();
  }

  /** Restores, then keeps checks running and the catalog in line until `signal` aborts. Rejects when the disk can't be read. */
  async run(signal: AbortSignal): Promise<void> {
    await Promise.race([this.#deps.loaded, aborted(signal)]);
    if (signal.aborted) return;
    await this.#start();
    await Promise.all([this.#antiEntropy.run(signal), this.#critical.run(() => this.#reap(), signal)]);
    this.#truth.close();
    this.#aliases.close();
    this.#deferrals.close();
    await this.#queue?.close();
  }

  async #start(): Promise<void> {
    const persisted = await this.#deps.persistence?.load();
    this.#isStarted = true;
    if (persisted !== undefined && persisted.unreadable.length > 0) {
      this.#deps.log.error({ records: persisted.unreadable }, 'records of the registry could not be read');
    }
    const restored = await this.#restore.run(persisted ?? noRecords, this.#configured, this.#truth);
    this.#records.push(...restored.stale);
    this.#logRefused(restored.refused);
    this.#syncer.open();
    this.#loaded.open();
  }

  #logRefused(checks: readonly string[]): void {
    if (checks.length === 0) return;
    this.#deps.log.error({ checks }, 'checks of the configuration name a service that is not registered');
  }

  #fullSync(): Promise<boolean> {
    this.#aliases.settle();
    this.#pushRecords().catch(() => {});
    return this.#syncer.full();
  }

  #register(registration: ServiceRegistration, origin: Origin, replaceChecks: boolean): void {
    const { service, checks } = registration;
    const problem = serviceProblem(service);
    if (problem !== undefined) throw new RegistryError(problem.code, problem.text);
    if (checks.some(({ status }) => status !== '' && !isCheckStatus(status))) {
      throw new RegistryError('invalid', "Status for checks must 'passing', 'warning', 'critical'");
    }
    const id = service.id === '' ? service.name : service.id;
    const dns =
      this.#state.services.get(id)?.name === service.name ? undefined : dnsNameProblem(service.name);
    if (dns !== undefined)
      this.#deps.log.warn({ service: service.name, problem: dns }, 'service has no DNS name');
    this.#truth.register({ service, checks }, origin, replaceChecks);
    for (const check of this.#restore.takeWaiting(id)) this.#truth.putCheck(check, 'api');
  }

  #apply(action: RegistryAction): Error | undefined {
    try {
      switch (action.type) {
        case 'register':
          this.#register(action.registration, 'source', true);
          return undefined;
        case 'deregister':
          this.#truth.removeService(action.serviceId);
          return undefined;
        case 'status':
          this.#reportContainer(action.checkId, action.status, action.output);
          return undefined;
      }
    } catch (error) {
      return error instanceof Error ? error : new Error(String(error));
    }
  }

  #reportContainer(id: string, status: CheckStatus, output: string): void {
    const check = this.#state.checks.get(id);
    if (check === undefined) throw unknownCheck(id);
    if (check.type !== 'docker') throw new RegistryError('invalid', `Check "${id}" is not a container's own`);
    this.#truth.reportContainer(check, status, output);
  }

  async #setMaintenance(check: CheckDefinition, enable: boolean): Promise<void> {
    const isOn = this.#state.checks.has(check.id);
    if (enable && !isOn) this.#truth.putCheck(check, 'api');
    if (!enable && isOn) this.#truth.removeCheck(check.id);
    await this.#settle();
  }

  /** Brings aliases, catalog and disk up to what is in memory. The commit starts in this tick. */
  async #settle(options: { readonly awaitsDisk: boolean } = { awaitsDisk: true }): Promise<void> {
    this.#aliases.settle();
    const written = this.#syncer.flush();
    const stored = this.#pushRecords(options.awaitsDisk);
    if (options.awaitsDisk) await Promise.all([written, stored]);
    else {
      stored.catch(() => {});
      await written;
    }
  }

  async #pushRecords(durable = true): Promise<void> {
    const records = this.#records;
    if (records.length === 0) return;
    this.#records = [];
    try {
      await this.#queue?.push(records, { durable });
    } catch (cause) {
      throw new RegistryError('not-persisted', 'registered, but not written to disk: a restart may lose it', {
        cause,
      });
    }
  }

  /** What happened without anybody waiting for it. */
  #settleLater(): void {
    void this.#settle({ awaitsDisk: false });
  }

  #reap(): void {
    for (const id of this.#critical.overdue(this.#state.checks)) {
      this.#deps.log.info({ service: id }, 'deregistered a service that was critical for too long');
      this.#truth.removeService(id);
    }
    this.#settleLater();
  }

  #catalogRows(): CatalogRows {
    return this.#deps.catalog.rowsOf(this.node.name);
  }

  #catalogNode(name: string): AliasedNode {
    const checks = this.#deps.catalog.checksOfNode(name);
    const topics = new Set([...checks.topics, ...this.#deps.catalog.node(name).topics]);
    const serviceIds = new Set(this.#deps.catalog.rowsOf(name).services.keys());
    return { checks: checks.read(), serviceIds, topics: [...topics] };
  }

  #makeDeferrals(): Deferrals {
    const { clock } = this.#deps;
    const onDue = (id: string): void => {
      this.#syncer.markCheck(id);
      this.#settleLater();
    };
    return new Deferrals(this.#options, { clock, random: this.#random, onDue });
  }

  #makeAliases(): Aliases {
    return new Aliases({
      state: this.#state,
      nodeName: this.node.name,
      catalogNode: (name) => this.#catalogNode(name),
      subscribe: (topics, onChange) => this.#deps.watches.subscribe(topics, onChange),
      mayStillCome: (id) => this.#gates.holds(this.#catalogRows().services.get(id)),
      store: (check, { status, output }) => this.#truth.store(check, status, output),
      onRemoteChange: () => setImmediate(() => this.#settleLater()),
    });
  }

  #makeTruth(): Truth {
    return new Truth(this.#options, {
      state: this.#state,
      aliases: this.#aliases,
      deferrals: this.#deferrals,
      critical: this.#critical,
      clock: this.#deps.clock,
      random: this.#random,
      markService: (id) => this.#syncer.markService(id),
      markCheck: (id) => this.#syncer.markCheck(id),
      record: (change) => {
        // What is restored is on disk already.
        if (this.#queue !== undefined && this.#loaded.isOpen) this.#records.push(change);
      },
      onChange: () => this.#settleLater(),
      onServiceChange: (id) => {
        for (const listener of this.#listeners) listener(id);
      },
      lastKnown: (definition) => this.#restore.lastKnown(definition),
      lastTags: (service) => this.#restore.lastTags(service),
    });
  }

  #makeSyncer(): Syncer {
    return new Syncer({
      rows: new OwnRows(this.#options.self, { state: this.#state, deferrals: this.#deferrals }),
      catalogRows: () => this.#catalogRows(),
      syncNode: (changes, options) => this.#deps.writer.syncNode(changes, options),
      gates: this.#gates,
      onTagsOverridden: (id, tags) => this.#truth.overrideTags(id, tags),
      onFailure: () => this.#antiEntropy.failed(),
      clock: this.#deps.clock,
      log: this.#deps.log,
    });
  }

  #makeQueue(): PersistQueue | undefined {
    const { persistence, clock, log } = this.#deps;
    if (persistence === undefined) return undefined;
    const onError = (error: unknown): void =>
      log.error({ err: error }, 'could not write the registry to disk');
    return new PersistQueue({ persistence, clock, onError });
  }
}

const noRecords = { services: [], checks: [], ttls: new Map<string, never>(), unreadable: [] };
