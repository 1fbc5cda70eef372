import { sameCheck, sameNode, sameService, sameValue } from '../catalog/same.ts';
import type { NodeChanges } from '../catalog/writer.ts';
import type { Clock } from '../lib/clock.ts';
import type { Logger } from '../lib/log.ts';
import { eachInSlices } from '../lib/slices.ts';
import { type Check, serfHealth } from '../model/check.ts';
import type { Service } from '../model/service.ts';
import type { Gates } from './gates.ts';
import { rowOf, withTags } from './local.ts';
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
    const pieces = this.#pieces(services, checks);
    for (const [i, piece] of pieces.entries()) {
      if (await this.#commitPiece(piece)) continue;
      for (const left of pieces.slice(i)) this.#markAgain(left);
      this.#deps.onFailure();
      return false;
    }
    return true;
  }

  async #commitPiece(piece: Piece): Promise<boolean> {
    const changes = this.#deps.rows.changes(piece.services, piece.checks, this.#deps.catalogRows());
    const size = piece.services.length + piece.checks.length;
    try {
      await this.#deps.syncNode(changes, { rederivable: true });
      this.#deps.rows.share(this.#deps.catalogRows(), piece.services, piece.checks);
      return true;
    } catch (error) {
      if (codeOf(error) === 'invalid' && size > 1) return this.#commitEach(piece);
      if (codeOf(error) === 'invalid') {
        // It is compared again by the next full sync, and tried again when it changed.
        this.#deps.log.error({ err: error, ...piece }, 'row refused by the catalog');
        return true;
      }
      this.#deps.log.warn({ err: error, rows: size }, 'could not write this node to the catalog');
      return false;
    }
  }

  /** One bad row must not keep the others out: each is tried by itself, services before their checks. */
  async #commitEach({ services, checks }: Piece): Promise<boolean> {
    let ok = true;
    for (const id of services) ok = (await this.#commitPiece({ services: [id], checks: [] })) && ok;
    for (const id of checks) ok = (await this.#commitPiece({ services: [], checks: [id] })) && ok;
    return ok;
  }

  /**
   * Nearly always one piece. A mass of changes is cut, so that planning one commit does not hold the event loop: a
   * service comes with its checks, and checks that go do so before services that go.
   */
  #pieces(services: ReadonlySet<string>, checks: ReadonlySet<string>): readonly Piece[] {
    if (services.size + checks.size <= pieceRows) return [{ services: [...services], checks: [...checks] }];
    const { rows } = this.#deps;
    const ofService = new Map<string, string[]>();
    const others: Piece[] = [];
    for (const id of checks) {
      const serviceId = rows.check(id)?.serviceId ?? '';
      if (!services.has(serviceId)) others.push({ services: [], checks: [id] });
      else if (ofService.has(serviceId)) ofService.get(serviceId)!.push(id);
      else ofService.set(serviceId, [id]);
    }
    const whole = Array.from(services, (id) => ({ services: [id], checks: ofService.get(id) ?? [] }));
    const coming = whole.filter(({ services: [id] }) => rows.service(id!) !== undefined);
    const going = whole.filter(({ services: [id] }) => rows.service(id!) === undefined);
    return merge([...coming, ...others, ...going]);
  }

  #markAgain({ services, checks }: Piece): void {
    this.#isNodeMarked = true;
    for (const id of services) this.#services.add(id);
    for (const id of checks) this.#checks.add(id);
  }

  async #compare(there: CatalogRows): Promise<void> {
    const { rows, clock } = this.#deps;
    if (there.node === undefined || !sameNode(there.node, rows.node)) this.#isNodeMarked = true;
    await eachInSlices(rows.serviceIds(), clock, (id) => {
      this.#compareService(id, there.services.get(id));
      rows.share(there, [id], []);
    });
    await eachInSlices(rows.checkIds(), clock, (id) => {
      this.#compareCheck(id, there.checks.get(id));
      rows.share(there, [], [id]);
    });
    await eachInSlices(there.services.values(), clock, (service) => this.#findLeftService(service));
    await eachInSlices(there.checks.values(), clock, (check) => this.#findLeftCheck(check, there));
  }

  #compareService(id: string, there: Service | undefined): void {
    const here = this.#deps.rows.service(id);
    if (here === undefined || (there !== undefined && sameService(here, there))) return;
    if (there !== undefined && here.enableTagOverride && !sameValue(here.tags, there.tags)) {
      this.#deps.onTagsOverridden(id, there.tags);
      if (sameService(withTags(here, there.tags), there)) return;
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
    if (there.id === serfHealth || this.#deps.rows.check(there.id) !== undefined) return;
    const service = rows.services.get(there.serviceId);
    if (!this.#deps.gates.holds(service)) this.markCheck(there.id);
  }
}

/** Ids that are written in one commit. */
interface Piece {
  readonly services: readonly string[];
  readonly checks: readonly string[];
}

const pieceRows = 1000;

/** Neighbours together, as long as a piece does not grow too large. */
function merge(small: readonly Piece[]): readonly Piece[] {
  const pieces: { services: string[]; checks: string[] }[] = [];
  let last: { services: string[]; checks: string[] } | undefined;
  for (const { services, checks } of small) {
    if (last === undefined || last.services.length + last.checks.length >= pieceRows) {
      last = { services: [], checks: [] };
      pieces.push(last);
    }
    last.services.push(...services);
    last.checks.push(...checks);
  }
  return pieces;
}

function codeOf(error: unknown): unknown {
  return (error as { code?: unknown } | null)?.code;
}
