/**
 * The requests that go to disk together.
 *
 * In: requests in order, each evaluated against the published state and what the group has staged so far.
 * Out: the changes for one LevelDB batch; for each request its result, and its batch to publish afterwards.
 * Invariants: readers see nothing of it before `publish`; revisions grow within the group.
 */
import type { Bindings } from '../bindings.ts';
import type { Batch, CommitResult, LeaseId, Operation, Revision, StoreEvent } from '../store.ts';
import { eventsOf, holds } from '../transaction.ts';
import { Changes } from './changes.ts';
import type { DiskBatch } from './disk.ts';
import type { Layers } from './layers.ts';
import { encodeNumber, leaseKey, metaKey } from './records.ts';
import type { Request, RequestBody } from './request.ts';
import type { State } from './state.ts';

interface Member {
  readonly request: Request;
  readonly result: CommitResult;
  readonly batch: Batch | undefined;
}

/** What a request changes at `revision`. Throws StoreError `invalid` when a put names a lease that is gone. */
export function evaluate(
  body: RequestBody,
  revision: Revision,
  layers: Layers,
  bindings: Bindings,
): { met: boolean; events: StoreEvent[] } {
  switch (body.kind) {
    case 'commit': {
      const met = holds(body.commit.when, layers);
      const operations: readonly Operation[] = met ? body.commit.then : (body.commit.else ?? []);
      return { met, events: eventsOf(operations, layers, revision) };
    }
    case 'grant':
      return { met: true, events: [] };
    case 'end':
      return {
        met: true,
        events: layers.boundKeys(body.lease, bindings).map((key) => ({ type: 'delete', key })),
      };
  }
}

export class Group {
  readonly members: Member[] = [];
  readonly changes = new Changes();
  readonly #state: State;
  readonly #leaseRows = new Map<LeaseId, number | undefined>();
  readonly #gap: number;
  #floor = Infinity;
  #lastRevision = 0;

  /** `gap` revisions are left free below the group's first. */
  constructor(options: { readonly gap: number }, deps: { readonly state: State }) {
    this.#gap = options.gap;
    this.#state = deps.state;
  }

  /** The highest revision that may be published before the group is; Infinity while it has no member. */
  get floor(): Revision {
    return this.#floor;
  }

  /** The newest revision that is or will be published. */
  get lastRevision(): Revision {
    return Math.max(this.#lastRevision, this.#state.feed.revision);
  }

  get writes(): boolean {
    return !this.changes.isEmpty || this.#leaseRows.size > 0;
  }

  /** Evaluates a request and makes it a member; a fault of the caller rejects it at once. */
  add(request: Request, layers: Layers): void {
    if (this.#floor === Infinity) {
      this.#floor = this.#state.feed.revision + this.#gap;
      this.#lastRevision = this.#floor;
    }
    const revision = this.#lastRevision + 1;
    let effect: ReturnType<typeof evaluate>;
    try {
      effect = evaluate(request.body, revision, layers, this.#state.bindings);
    } catch (error) {
      request.reject(error);
      return;
    }
    const { met, events } = effect;
    const outcome = met ? 'committed' : 'refused';
    const { body } = request;
    if (body.kind !== 'commit') {
      this.#leaseRows.set(body.lease, body.kind === 'grant' ? body.ttlSeconds : undefined);
    }
    if (events.length === 0) {
      const seen = this.changes.isEmpty ? this.#state.feed.revision : this.#lastRevision;
      this.members.push({ request, result: { outcome, revision: seen }, batch: undefined });
      return;
    }
    this.#lastRevision = revision;
    for (const event of events) this.#stage(event);
    this.members.push({ request, result: { outcome, revision }, batch: { revision, events } });
  }

  writeTo(batch: DiskBatch): void {
    this.changes.writeTo(batch);
    for (const [lease, ttlSeconds] of this.#leaseRows) {
      if (ttlSeconds === undefined) batch.del(leaseKey(lease));
      else batch.put(leaseKey(lease), Buffer.from(JSON.stringify({ ttlSeconds })));
    }
  }

  /** Shows all batches to followers, then answers the requests. */
  publish(): void {
    for (const { batch } of this.members) if (batch !== undefined) this.#state.publish(batch);
    for (const { request, result } of this.members) request.resolve(result);
    this.#state.feed.wake();
  }

  #stage(event: StoreEvent): void {
    const key = event.type === 'put' ? event.entry.key : event.key;
    const staged = this.changes.slots.get(key);
    const lease = staged === undefined ? this.#state.bindings.leaseOf(key) : staged.entry?.lease;
    this.changes.add(event, lease);
  }
}

/** The bytes by which a batch is known in LevelDB's log: its row `mgroup`, as a put (key and value with lengths). */
export function groupMark(number: number): Buffer {
  const key = Buffer.from(metaKey('group'));
  const value = encodeNumber(number);
  return Buffer.concat([Buffer.from([1, key.length]), key, Buffer.from([value.length]), value]);
}
