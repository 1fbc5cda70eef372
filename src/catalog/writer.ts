import type { Clock } from '../lib/clock.ts';
import type { Check } from '../model/check.ts';
import type { Node } from '../model/node.ts';
import type { Service } from '../model/service.ts';
import { type Commit, type CommitResult, type Compare, type Store, StoreError } from '../store/store.ts';
import type { CatalogTable } from './catalog-table.ts';
import { CatalogError } from './errors.ts';
import { fold, livePrefix } from './keys.ts';
import { firstCommit } from './plan.ts';
import { Planner } from './planner.ts';
import type { Replica } from './replica.ts';
import { invalid, requireNode, requireServiceAddress, requireText, requireUuid } from './validate.ts';

/** A check of a registration. `id` defaults to `name`; `serviceName` and an empty `status` are filled in. */
export interface CheckRegistration extends Check {
  /** The node that the request says it is of; default the registration's. */
  readonly nodeName?: string;
}

export interface CatalogRegistration {
  readonly node: Node;
  /** Leaves an existing node's row as it is; a missing node is made, also without an address. */
  readonly skipNodeUpdate: boolean;
  /** `id` defaults to `name`. */
  readonly service?: Service;
  readonly checks: readonly CheckRegistration[];
}

/** What an agent changes of its own node's rows. */
export interface NodeChanges {
  readonly node: Node;
  readonly putServices: readonly Service[];
  /** Ids; their checks go with them. */
  readonly deleteServices: readonly string[];
  readonly putChecks: readonly Check[];
  readonly deleteChecks: readonly string[];
}

export interface SyncOptions {
  /** The rows may be visible before they are on disk. */
  readonly rederivable: boolean;
  /** What must hold for anything to be written; undefined when it is known not to. Asked before each commit. */
  readonly fence?: () => Fence | undefined;
}

/** The row of `live/` as it must still be; revision 0: absent. */
export type Fence = Extract<Compare, { readonly modRevision: number }>;

/**
 * Writes to the catalog. Each is decided on the replica and committed on condition that what was decided on still
 * holds; refused, it is decided anew. Nothing is refused, and nothing is left unwritten as already there, before the
 * replica has caught up with a barrier. Each resolves with a revision that the replica already shows.
 * Throws CatalogError.
 */
export class CatalogWriter {
  readonly #store: Store;
  readonly #replica: Replica;
  readonly #table: CatalogTable;
  readonly #clock: Clock;

  constructor(
    _options: Readonly<Record<string, never>>,
    deps: {
      readonly store: Store;
      readonly replica: Replica;
      readonly table: CatalogTable;
      readonly clock: Clock;
    },
  ) {
    this.#store = deps.store;
    this.#replica = deps.replica;
    this.#table = deps.table;
    this.#clock = deps.clock;
  }

  /** A node with, perhaps, one service and checks: all or nothing, as far as the store's limits allow. */
  async register(request: CatalogRegistration): Promise<number> {
    const { node, service, checks } = checked(request);
    return this.#write(durably, (planner) => {
      planner.putNode(node, request.skipNodeUpdate);
      if (service !== undefined) planner.putService(node.name, service);
      for (const check of checks) {
        if (check.nodeName !== undefined && fold(check.nodeName) !== fold(node.name)) {
          throw invalid(`check node "${check.nodeName}" does not match node "${node.name}"`);
        }
        planner.putCheck(node.name, check);
      }
    });
  }

  /** The service wins over the check; neither means the node with all that is on it. What is absent is a success. */
  async deregister(
    request: { readonly node: string; readonly serviceId?: string; readonly checkId?: string },
    options: Pick<SyncOptions, 'fence'> = {},
  ): Promise<number> {
    const { node, serviceId = '', checkId = '' } = request;
    if (node === '') throw invalid('Must provide node');
    return this.#write({ ...durably, ...options }, (planner) => {
      if (serviceId !== '') planner.deleteService(node, serviceId, true);
      else if (checkId !== '') planner.deleteCheck(node, checkId);
      else planner.deleteNode(node);
    });
  }

  /**
   * Anti-entropy of one node, in as few commits as the store's limits allow. Rows that are already so take no write.
   * Throws CatalogError `fenced` when the fence does not hold.
   */
  async syncNode(changes: NodeChanges, options: SyncOptions): Promise<number> {
    const { node } = changes;
    requireNode(node.name);
    const named = new Set([...changes.deleteChecks, ...changes.putChecks.map((check) => check.id)]);
    return this.#write(options, (planner) => {
      planner.putNode(node, false);
      const each = <T>(items: readonly T[], take: (item: T) => void): void => {
        for (const item of items) {
          if (planner.full) return;
          take(item);
        }
      };
      each(changes.putServices, (service) => planner.putService(node.name, service));
      each(changes.putServices, (service) => planner.refreshChecks(node.name, service.id, named));
      each(changes.putChecks, (check) => planner.putCheck(node.name, check));
      each(changes.deleteChecks, (id) => planner.deleteCheck(node.name, id));
      each(changes.deleteServices, (id) => planner.deleteService(node.name, id, false));
    });
  }

  async #write(options: SyncOptions, plan: (planner: Planner) => void): Promise<number> {
    let fresh = false;
    for (let tries = 0; tries < maxTries; tries++) {
      const fence = this.#fence(options);
      const planner = new Planner(this.#table.state, {
        revision: this.#replica.revision,
        wallMs: this.#clock.wallMs(),
        fill: Math.min(this.#store.limits.ops, stepsPerCommit),
      });
      let refusal: unknown;
      try {
        plan(planner);
      } catch (error) {
        refusal = error;
      }
      if (refusal !== undefined || planner.steps.length === 0) {
        if (fresh && refusal !== undefined) throw refusal;
        if (fresh) return this.#replica.revision;
        await this.#catchUp();
        fresh = true;
        continue;
      }
      const { ops, bytes } = this.#store.limits;
      const commit = firstCommit(planner.steps, { ops: fence === undefined ? ops : ops - 1, bytes });
      const result = await this.#commit({
        when: fence === undefined ? commit.when : [...commit.when, fence],
        then: commit.then,
        rederivable: options.rederivable,
        handsOver: true,
      });
      await this.#replica.waitFor(result.revision);
      if (result.outcome === 'refused') this.#requireFence(fence);
      fresh = result.outcome === 'committed';
      if (fresh && commit.whole && !planner.full) return result.revision;
    }
    throw new CatalogError('unavailable', 'the catalog rows kept changing; nothing more was written');
  }

  #fence({ fence }: SyncOptions): Fence | undefined {
    const compare = fence?.();
    if (fence !== undefined && compare === undefined) throw fenced();
    return compare;
  }

  /** A commit may have been refused for the fence alone: then planning anew would not help. */
  #requireFence(fence: Fence | undefined): void {
    if (fence === undefined) return;
    const host = this.#table.state.hosts.get(fence.key.slice(livePrefix.length));
    if ((host?.membership?.live?.revision ?? 0) !== fence.modRevision) throw fenced();
  }

  async #commit(commit: Commit): Promise<Exclude<CommitResult, { outcome: 'unknown' }>> {
    let result: CommitResult;
    try {
      result = await this.#store.commit(commit);
    } catch (error) {
      throw translated(error);
    }
    if (result.outcome !== 'unknown') return result;
    const message = `the store did not confirm the write, it may have been applied: ${result.cause.message}`;
    throw new CatalogError('unknown', message, { cause: result.cause });
  }

  async #catchUp(): Promise<void> {
    try {
      await this.#replica.waitFor(await this.#store.barrier());
    } catch (error) {
      throw translated(error);
    }
  }
}

/** So that planning and applying one commit hold the event loop for some milliseconds only. */
const stepsPerCommit = 512;
/** Conflicts before a write gives up; each means that somebody else's write succeeded. */
const maxTries = 1000;

const durably: SyncOptions = { rederivable: false };

function fenced(): CatalogError {
  return new CatalogError(
    'fenced',
    'this agent does not hold its node’s name in the store: nothing is written',
  );
}

function translated(error: unknown): unknown {
  if (!(error instanceof StoreError)) return error;
  if (error.code === 'too-large') return new CatalogError('invalid', error.message, { cause: error });
  if (error.code === 'invalid') return error;
  return new CatalogError('unavailable', error.message, { cause: error });
}

/** The request with its defaults filled in; throws what can be refused without a look at the catalog. */
function checked(request: CatalogRegistration): {
  node: Node;
  service: Service | undefined;
  checks: readonly CheckRegistration[];
} {
  requireNode(request.node.name);
  requireUuid(request.node.id);
  if (request.node.address === '' && !request.skipNodeUpdate) {
    throw invalid('Must provide address if SkipNodeUpdate is not set');
  }
  const node = { ...request.node, id: request.node.id.toLowerCase() };
  const service = request.service && checkedService(request.service);
  const checks = new Map<string, CheckRegistration>();
  for (const check of request.checks) {
    const id = check.id === '' ? check.name : check.id;
    requireText('check ID', id);
    checks.set(id, { ...check, id });
  }
  return { node, service, checks: [...checks.values()] };
}

function checkedService(service: Service): Service {
  if (service.name === '') {
    throw invalid('Must provide service name (Service.Service) when service ID is provided');
  }
  requireServiceAddress(service.address);
  requireText('service name', service.name);
  requireText('service ID', service.id);
  return service.id === '' ? { ...service, id: service.name } : service;
}
