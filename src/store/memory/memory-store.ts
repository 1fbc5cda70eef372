/**
 * The memory engine: the store's promises without a disk. For tests and for `-dev`; nothing outlives `close`.
 */
import { randomUUID } from 'node:crypto';

import type { Clock } from '../../lib/clock.ts';
import { Bindings } from '../bindings.ts';
import { checkCommit } from '../check-commit.ts';
import { Feed } from '../feed.ts';
import { grantedTtlSeconds, Leases } from '../leases.ts';
import { Pacer } from '../pacer.ts';
import { StoreError } from '../store.ts';
import type {
  Batch,
  Commit,
  CommitResult,
  Entry,
  Key,
  Lease,
  LeaseHandle,
  LeaseId,
  Operation,
  Page,
  Revision,
  Selection,
  Store,
  StoreLimits,
} from '../store.ts';
import { absent, eventsOf, holds } from '../transaction.ts';
import type { Lookup } from '../transaction.ts';
import { SortedEntries } from './sorted-entries.ts';

export interface MemoryStoreOptions {
  readonly limits?: StoreLimits;
  /** Batches kept for `follow`; default 10,000. */
  readonly feedBatches?: number;
}

export class MemoryStore implements Store {
  readonly limits: StoreLimits;
  readonly #entries = new SortedEntries();
  readonly #feed: Feed;
  readonly #leases: Leases;
  readonly #bindings = new Bindings();
  readonly #pacer = new Pacer();
  readonly #lookup: Lookup;
  #closed = false;

  constructor(options: MemoryStoreOptions, deps: { readonly clock: Clock }) {
    this.limits = options.limits ?? { ops: 1024, bytes: 8 * 1024 * 1024 };
    this.#feed = new Feed(0, options.feedBatches === undefined ? {} : { batches: options.feedBatches });
    this.#leases = new Leases({ clock: deps.clock, onExpired: (id) => this.#dropKeysOf(id) });
    this.#lookup = {
      get: (key) => this.#entries.get(key),
      revisions: (key) => this.#entries.get(key) ?? absent,
      heads: (prefix) => this.#entries.withPrefix(prefix),
      leaseExists: (id) => this.#leases.has(id),
    };
  }

  async *read(selection: Selection, options: { readonly pageSize?: number } = {}): AsyncGenerator<Page> {
    this.#assertOpen();
    const revision = this.#feed.revision;
    // Entries are never changed in place, so this list is the state at `revision`.
    const entries = this.#select(selection);
    const pageSize = Math.max(1, options.pageSize ?? 1000);
    let at = 0;
    do {
      yield { revision, entries: entries.slice(at, at + pageSize).map(withOwnValue) };
      at += pageSize;
    } while (at < entries.length);
  }

  async commit(commit: Commit): Promise<CommitResult> {
    this.#assertOpen();
    checkCommit(commit, this.limits);
    const met = holds(commit.when, this.#lookup);
    const revision = this.#apply((met ? commit.then : (commit.else ?? [])).map(withOwnBytes));
    await new Promise<void>((resolve) => this.#pacer.answer(resolve));
    return { outcome: met ? 'committed' : 'refused', revision };
  }

  follow(from: Revision, signal: AbortSignal): AsyncIterable<Batch> {
    return this.#feed.follow(from, signal);
  }

  async lease(ttlSeconds: number): Promise<Lease> {
    this.#assertOpen();
    const id = randomUUID();
    const granted = grantedTtlSeconds(ttlSeconds);
    this.#leases.start(id, granted);
    return { ...this.leaseById(id), ttlSeconds: granted };
  }

  leaseById(id: LeaseId): LeaseHandle {
    return this.#leases.handle(id, {
      assertOpen: () => this.#assertOpen(),
      onRevoked: (ended) => this.#dropKeysOf(ended),
    });
  }

  async barrier(): Promise<Revision> {
    this.#assertOpen();
    return this.#feed.revision;
  }

  lastAnswerAgoMs(): number {
    return 0;
  }

  async peers(): Promise<readonly string[]> {
    return [];
  }

  async leader(): Promise<string> {
    return '';
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#leases.stop();
    this.#feed.close();
  }

  #select(selection: Selection): Entry[] {
    if ('prefix' in selection) return this.#entries.withPrefix(selection.prefix);
    const entry = this.#entries.get(selection.key);
    return entry === undefined ? [] : [entry];
  }

  // What changes nothing takes no revision: nobody would be shown it.
  #apply(operations: readonly Operation[]): Revision {
    const revision = this.#feed.revision + 1;
    const events = eventsOf(operations, this.#lookup, revision);
    if (events.length === 0) return this.#feed.revision;
    for (const event of events) {
      if (event.type === 'put') this.#set(event.entry);
      else this.#delete(event.key);
    }
    this.#feed.add({ revision, events });
    this.#feed.wake();
    return revision;
  }

  #set(entry: Entry): void {
    this.#bindings.bind(entry.key, entry.lease);
    this.#entries.set(entry);
  }

  #delete(key: Key): void {
    this.#bindings.bind(key, undefined);
    this.#entries.delete(key);
  }

  #dropKeysOf(id: LeaseId): void {
    this.#apply(this.#bindings.keysOf(id).map((key) => ({ delete: key })));
  }

  #assertOpen(): void {
    if (this.#closed) throw new StoreError('closed', 'The store was closed.');
  }
}

// The caller may use its buffer again, and may write into what it read.
function withOwnBytes(operation: Operation): Operation {
  return 'put' in operation ? { ...operation, value: new Uint8Array(operation.value) } : operation;
}

function withOwnValue(entry: Entry): Entry {
  return { ...entry, value: new Uint8Array(entry.value) };
}
