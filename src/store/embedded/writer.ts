/**
 * The one writer of the embedded engine: group commit with one LevelDB batch in flight.
 *
 * In: requests. Out: published batches, in commit order, and the requests' results.
 * Invariants:
 * - A durable request is published after its batch was synced; a rederivable one as soon as nothing before it that
 *   is still on its way to disk touches the same keys. It takes a lower revision than those, so order holds.
 * - No revision above the durable ceiling is shown to anyone.
 * - After a failed batch nothing is written until LevelDB was opened again: its log may end in a torn record.
 * Not here: reading (state.ts), the time of leases (leases.ts).
 */
import { Backoff } from '../../lib/backoff.ts';
import type { Clock, Timer } from '../../lib/clock.ts';
import type { Logger } from '../../lib/log.ts';
import { StoreError } from '../store.ts';
import { Pacer } from '../pacer.ts';
import type { CommitResult, LeaseId, Revision } from '../store.ts';
import type { Head } from '../transaction.ts';
import { Ahead } from './ahead.ts';
import { Changes } from './changes.ts';
import { evaluate, Group, groupMark } from './group.ts';
import { Layers } from './layers.ts';
import type { Ranges } from './layers.ts';
import { cutLogTail } from './log-tail.ts';
import { bindingKey, encodeNumber, metaKey } from './records.ts';
import { prefixesOf, touches } from './request.ts';
import type { Request, RequestBody } from './request.ts';
import { probeRoom } from './room.ts';
import type { State } from './state.ts';

/** Revisions reserved at a time; a crash skips at most as many. */
const reserveBlock = 100_000;
/** Revisions left free below a group, for rederivable commits that overtake it. */
const overtakers = 64;
/** Most requests, and about the most milliseconds, that one group takes; the rest goes with the next. */
const groupRequests = 1024;
const groupMs = 8;

const noRanges: Ranges = new Map();

export interface WriterDeps {
  readonly state: State;
  readonly leases: { has(id: LeaseId): boolean };
  readonly clock: Clock;
  readonly log: Logger;
}

export class Writer {
  readonly #deps: WriterDeps;
  readonly #state: State;
  readonly #ahead = new Ahead();
  readonly #pacer = new Pacer();
  readonly #backoff = new Backoff({ minMs: 200, maxMs: 5000 });
  #queue: Request[] = [];
  /** Published changes that no batch has taken yet. */
  #dirty = new Changes();
  #group: Group | undefined;
  #groupNumber = 0;
  /** No revision above it may be published; it is on disk. */
  #ceiling: Revision = 0;
  #gap = 0;
  #running: Promise<void> | undefined;
  #failure: StoreError | undefined;
  #recovering: Promise<void> | undefined;
  #recoveryTimer: { timer: Timer; resolve: () => void } | undefined;
  /** Leases whose end could not be written. */
  readonly #endings = new Set<LeaseId>();
  #closed = false;

  constructor(deps: WriterDeps) {
    this.#deps = deps;
    this.#state = deps.state;
  }

  /** Takes up writing on a freshly opened disk, above every revision that was ever shown. */
  async start(): Promise<void> {
    const { disk, feed } = this.#state;
    const shown = Math.max(this.#ceiling, disk.meta('ceiling'));
    const stale = await this.#state.loadBindings();
    const batch = disk.batch();
    const dirty = this.#dirty;
    dirty.bindAll();
    dirty.writeTo(batch);
    for (const { lease, key } of stale) batch.del(bindingKey(lease, key));
    batch.put(metaKey('ceiling'), encodeNumber(shown + reserveBlock));
    await batch.write({ sync: true });
    this.#dirty = new Changes();
    this.#state.settle(dirty.slots);
    this.#groupNumber = Math.max(this.#groupNumber, disk.meta('group'));
    this.#ceiling = shown + reserveBlock;
    feed.reset(shown);
  }

  /** Rejects with StoreError `unavailable`, `invalid` or `closed`. */
  submit(body: RequestBody): Promise<CommitResult> {
    return new Promise((resolve, reject) => {
      const request: Request = { body, resolve, reject };
      if (this.#failure !== undefined || this.#closed) return this.#refuse(request);
      if (this.#isRederivable(body) && this.#overtake(request)) return;
      this.#queue.push(request);
      this.#ahead.push(request);
      this.#schedule();
    });
  }

  /** Writes what was submitted, then the exact revision, so that a clean stop skips none. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#recoveryTimer?.timer.cancel();
    this.#recoveryTimer?.resolve();
    await this.#recovering;
    await this.#running;
    if (this.#failure !== undefined) return;
    const batch = this.#state.disk.batch();
    this.#dirty.writeTo(batch);
    batch.put(metaKey('ceiling'), encodeNumber(this.#state.feed.revision));
    await batch.write({ sync: true });
  }

  #isRederivable(body: RequestBody): boolean {
    if (body.kind !== 'commit' || body.commit.rederivable !== true) return false;
    this.#gap = overtakers;
    return true;
  }

  #refuse(request: Request): void {
    if (request.body.kind === 'end') this.#endings.add(request.body.lease);
    request.reject(this.#failure ?? new StoreError('closed', 'The store was closed.'));
  }

  #overtake(request: Request): boolean {
    // Ranges are read ahead, which takes time: see #form.
    if (request.body.hasPrefixes || this.#conflicts(request)) return false;
    return this.#publishNow(request, this.#layers(new Changes(), noRanges));
  }

  #conflicts(request: Request): boolean {
    const boundKeys = (lease: LeaseId): readonly string[] => this.#state.bindings.keysOf(lease);
    return this.#ahead.conflicts(touches(request.body, boundKeys), boundKeys);
  }

  #layers(staged: Changes, ranges: Ranges): Layers {
    const { visible, disk, recent } = this.#state;
    return new Layers({ visible, staged: staged.slots, ranges }, { disk, recent, leases: this.#deps.leases });
  }

  /** False when no revision is free for it; then it goes with a group. */
  #publishNow(request: Request, layers: Layers): boolean {
    const { feed, bindings } = this.#state;
    const revision = feed.revision + 1;
    if (revision > Math.min(this.#ceiling, this.#group?.floor ?? Infinity)) return false;
    try {
      const { met, events } = evaluate(request.body, revision, layers, bindings);
      if (events.length > 0) {
        this.#state.publishVisible(revision, events, this.#dirty);
        this.#schedule();
      }
      const result: CommitResult = { outcome: met ? 'committed' : 'refused', revision: feed.revision };
      this.#pacer.answer(() => request.resolve(result));
      feed.wake();
    } catch (error) {
      request.reject(error);
    }
    return true;
  }

  // In the next phase of the event loop: everything that this one still brings goes into the same group.
  #schedule(): void {
    this.#running ??= this.#run();
  }

  async #run(): Promise<void> {
    await nextPhase();
    while ((this.#queue.length > 0 || !this.#dirty.isEmpty) && this.#failure === undefined) {
      const taken = this.#queue.splice(0, groupRequests);
      try {
        const ranges = await this.#readRanges(taken);
        await this.#write(this.#form(taken, ranges));
      } catch (error) {
        const reason = error instanceof Error ? error.message : String(error);
        const unavailable = new StoreError('unavailable', `The store can't read: ${reason}`, {
          cause: error,
        });
        for (const { reject } of taken) reject(unavailable);
      }
      this.#group = undefined;
      this.#ahead.reset(this.#queue);
      await nextPhase();
    }
    // In the same breath as the last look at the queue: whoever submits from now on starts another run.
    this.#running = undefined;
  }

  /** Nothing is in flight now, so the disk stands still until the group is written. */
  async #readRanges(taken: readonly Request[]): Promise<Ranges> {
    let ranges: Map<string, readonly Head[]> | undefined;
    for (const { body } of taken) {
      if (!body.hasPrefixes) continue;
      for (const prefix of prefixesOf(body)) {
        ranges ??= new Map();
        if (!ranges.has(prefix)) ranges.set(prefix, await this.#state.disk.heads(prefix));
      }
    }
    return ranges ?? noRanges;
  }

  #form(taken: readonly Request[], ranges: Ranges): Group {
    const group = new Group({ gap: this.#gap }, { state: this.#state });
    const layers = this.#layers(group.changes, ranges);
    const startMs = this.#deps.clock.monotonicMs();
    this.#group = group;
    this.#ahead.reset([]);
    for (const [at, request] of taken.entries()) {
      if (at > 0 && this.#deps.clock.monotonicMs() - startMs > groupMs) {
        this.#queue = taken.slice(at).concat(this.#queue);
        break;
      }
      const rederivable = this.#isRederivable(request.body);
      if (rederivable && !this.#conflicts(request) && this.#publishNow(request, layers)) continue;
      this.#ahead.push(request);
      group.add(request, layers);
    }
    for (const request of this.#queue) this.#ahead.push(request);
    return group;
  }

  async #write(group: Group): Promise<void> {
    const dirty = this.#dirty;
    const reserved = group.lastRevision > this.#ceiling - reserveBlock / 2;
    if (!group.writes && dirty.isEmpty && !reserved) return group.publish();
    this.#dirty = new Changes();
    const ceiling = reserved ? group.lastRevision + reserveBlock : this.#ceiling;
    this.#groupNumber++;
    try {
      const batch = this.#state.disk.batch();
      dirty.writeTo(batch, group.changes.slots);
      group.writeTo(batch);
      batch.put(metaKey('group'), encodeNumber(this.#groupNumber));
      if (reserved) batch.put(metaKey('ceiling'), encodeNumber(ceiling));
      if (group.writes) this.#state.freeze();
      await batch.write({ sync: group.writes || reserved });
    } catch (error) {
      this.#dirty.addOlder(dirty.slots);
      return this.#fail(group, error);
    }
    this.#ceiling = ceiling;
    this.#state.thaw();
    this.#state.settle(dirty.slots);
    group.publish();
  }

  async #fail(group: Group, cause: unknown): Promise<void> {
    const reason = cause instanceof Error ? cause.message : String(cause);
    const failure = new StoreError('unavailable', `The store can't write: ${reason}`, { cause });
    this.#failure = failure;
    this.#state.thaw();
    this.#deps.log.error({ err: cause }, 'store cannot write, refusing writes until it can');
    const applied = await this.#takeBack();
    for (const { request } of group.members) {
      if (applied === undefined || request.body.kind !== 'commit') this.#refuse(request);
      else request.resolve({ outcome: 'unknown', cause: applied });
    }
    for (const request of this.#queue.splice(0)) this.#refuse(request);
    if (!this.#closed) this.#recovering = this.#recover();
  }

  /** Makes sure that the failed batch never comes back; returns why that could not be done. */
  async #takeBack(): Promise<Error | undefined> {
    try {
      await cutLogTail(this.#state.disk.path, groupMark(this.#groupNumber));
      return undefined;
    } catch (error) {
      return error instanceof Error ? error : new Error(String(error));
    }
  }

  async #recover(): Promise<void> {
    while (!this.#closed) {
      await this.#pause(this.#backoff.nextMs());
      if (this.#closed) break;
      try {
        await probeRoom(this.#state.path);
        await this.#state.reopen();
        await this.start();
        this.#backoff.reset();
        this.#failure = undefined;
        this.#deps.log.info({}, 'store can write again');
        break;
      } catch (error) {
        this.#deps.log.debug({ err: error }, 'store still cannot write');
      }
    }
    this.#endAgain();
  }

  #endAgain(): void {
    const endings = [...this.#endings];
    this.#endings.clear();
    for (const lease of endings) {
      // Refused again, it is back in #endings.
      this.submit({ kind: 'end', hasPrefixes: false, lease }).catch(() => {});
    }
  }

  #pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      this.#recoveryTimer = { timer: this.#deps.clock.after(ms, resolve), resolve };
    });
  }
}

function nextPhase(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
