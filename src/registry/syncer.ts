import { sameCheck, sameNode, sameService, sameValue } from '../catalog/same.ts';
import type { NodeChanges } from '../catalog/writer.ts';
import type { Clock } from '../lib/clock.ts';
import type { Logger } from '../lib/log.ts';
import type { Check } from '../model/check.ts';
import type { Service } from '../model/service.ts';
import type { Gates } from './gates.ts';
import { rowOf } from './local.ts';
import type { CatalogRows, OwnRows } from './own-rows.ts';

/**
 * Brings this node's catalog rows to the local truth.
 *
 * In: ids that changed (or, in a full sync, every row compared). Out: commits, one at a time, each with everything that
 * is known to differ by then.
 * Invariants: what differs stays marked until it is written; rows that are equal are not written; nothing is written
 * before `open`; rows behind a closed gate are not removed.
 * Not here: when a full sync is due (anti-entropy.ts), what the truth is.
 */
export interface SyncerDeps {
  readonly rows: OwnRows;
  /** This node's rows in the replica. */
  readonly catalogRows: () => CatalogRows;
  readonly syncNode: (changes: NodeChanges, options: { readonly rederivable: boolean }) => Promise<number>;
  readonly gates: Gates;
  /** Somebody overrode the tags of a service that allows it. */
  readonly onTagsOverridden: (id: string, tags: readonly string[]) => void;
  readonly onFailure: () => void;
  readonly clock: Clock;
  readonly log: Logger;
}

const sliceMs = 5;

export class Syncer {
  readonly #deps: SyncerDeps;
  #services = new Set<string>();
  #checks = new Set<string>();
  #isNodeMarked = false;
  #isOpen = false;
  #running: Promise<boolean> | undefined;
  #next: Promise<boolean> | undefined;

  constructor(deps: SyncerDeps) {
    this.#deps = deps;
  }

  markService(id: string): void {
    this.#services.add(id);
  }

  markCheck(id: string): void {
    this.#checks.add(id);
  }

  /** The replica is loaded. Marks from before are forgotten: the first full sync, which is next, compares every row. */
  open(): void {
    this.#isOpen = true;
    this.#services.clear();
    this.#checks.clear();
  }

  /**
   * Writes what is marked, in the same tick when nothing is being written. True when all that was marked at the call is
   * in the replica, false when the try failed (it stays marked). Never rejects.
   */
  flush(): Promise<boolean> {
    if (!this.#isOpen) return Promise.resolve(false);
    if (this.#running === undefined) return this.#write();
    this.#next ??= this.#running.then(() => {
      this.#next = undefined;
      return this.#write();
    });
    return this.#next;
  }

  /** Compares every row of this node, in slices, and writes the differences. */
  async full(): Promise<boolean> {
    await this.#compare(this.#deps.catalogRows());
    return this.flush();
  }

  #write(): Promise<boolean> {
    if (this.#services.size === 0 && this.#checks.size === 0 && !this.#isNodeMarked)
      return Promise.resolve(true);
    const [services, checks] = [this.#services, this.#checks];
    this.#services = new Set();
    this.#checks = new Set();
    this.#isNodeMarked = false;
    const running = this.#commit(services, checks).then((ok) => {
      this.#running = undefined;
      return ok;
    });
    this.#running = running;
    return running;
  }

  async #commit(services: ReadonlySet<string>, checks: ReadonlySet<string>): Promise<boolean> {
    const changes = this.#deps.rows.changes(services, checks);
    try {
      await this.#deps.syncNode(changes, { rederivable: true });
      return true;
    } catch (error) {
      if (codeOf(error) === 'invalid' && services.size + checks.size > 1)
        return this.#commitEach(services, checks);
      if (codeOf(error) === 'invalid') {
        this.#deps.log.error(
          { err: error, services: [...services], checks: [...checks] },
          'row refused by the catalog',
        );
        return true;
      }
      this.#deps.log.warn(
        { err: error, rows: services.size + checks.size },
        'could not write this node to the catalog',
      );
      this.#isNodeMarked = true;
      for (const id of services) this.#services.add(id);
      for (const id of checks) this.#checks.add(id);
      this.#deps.onFailure();
      return false;
    }
  }

  /** One bad row must not keep the others out: each is tried by itself, services before their checks. */
  async #commitEach(services: ReadonlySet<string>, checks: ReadonlySet<string>): Promise<boolean> {
    let ok = true;
    for (const id of services) ok = (await this.#commit(new Set([id]), none)) && ok;
    for (const id of checks) ok = (await this.#commit(none, new Set([id]))) && ok;
    return ok;
  }

  async #compare(there: CatalogRows): Promise<void> {
    const { rows } = this.#deps;
    if (there.node === undefined || !sameNode(there.node, rows.node)) this.#isNodeMarked = true;
    await this.#inSlices(rows.serviceIds(), (id) => this.#compareService(id, there.services.get(id)));
    await this.#inSlices(rows.checkIds(), (id) => this.#compareCheck(id, there.checks.get(id)));
    await this.#inSlices(there.services.values(), (service) => this.#findLeftService(service));
    await this.#inSlices(there.checks.values(), (check) => this.#findLeftCheck(check, there));
  }

  #compareService(id: string, there: Service | undefined): void {
    const here = this.#deps.rows.service(id);
    if (here === undefined || (there !== undefined && sameService(here, there))) return;
    if (there !== undefined && here.enableTagOverride && !sameValue(here.tags, there.tags)) {
      this.#deps.onTagsOverridden(id, there.tags);
      if (sameService({ ...here, tags: there.tags }, there)) return;
    }
    this.markService(id);
  }

  #compareCheck(id: string, there: Check | undefined): void {
    const here = this.#deps.rows.check(id);
    if (here === undefined) return;
    const output = there !== undefined && this.#deps.rows.isOutputDeferred(id) ? there.output : here.output;
    if (there === undefined || !sameCheck(rowOf(here, output), there)) this.markCheck(id);
  }

  #findLeftService(there: Service): void {
    if (this.#deps.rows.service(there.id) === undefined && !this.#deps.gates.holds(there))
      this.markService(there.id);
  }

  #findLeftCheck(there: Check, rows: CatalogRows): void {
    if (this.#deps.rows.check(there.id) !== undefined) return;
    const service = rows.services.get(there.serviceId);
    if (!this.#deps.gates.holds(service)) this.markCheck(there.id);
  }

  async #inSlices<T>(items: Iterable<T>, look: (item: T) => void): Promise<void> {
    const { clock } = this.#deps;
    let sliceEndsMs = clock.monotonicMs() + sliceMs;
    let seen = 0;
    for (const item of items) {
      look(item);
      if (++seen % 64 !== 0 || clock.monotonicMs() < sliceEndsMs) continue;
      await new Promise((resolve) => setImmediate(resolve));
      sliceEndsMs = clock.monotonicMs() + sliceMs;
    }
  }
}

const none: ReadonlySet<string> = new Set();

function codeOf(error: unknown): unknown {
  return (error as { code?: unknown } | null)?.code;
}
