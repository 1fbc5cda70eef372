import { sleep } from '../lib/abort.ts';
import { Backoff } from '../lib/backoff.ts';
import type { Logger } from '../lib/log.ts';
import { type Batch, type Revision, type Store, StoreError } from '../store/store.ts';
import type { Watches } from '../watch/watches.ts';
import type { Table } from './table.ts';

/**
 * Follows the store and feeds the tables.
 *
 * In: pages of all rows, then batches. Out: tables that show whole revisions, topics for who watches them.
 * Invariants: `revision` never falls except when the store itself was restored; a topic is published after its batch
 * is visible in every table. On a gap the tables go on showing the old state until the new one is whole, then all who
 * wait look again.
 * Not here: what rows mean (tables), how stale is too stale.
 */
export class Replica {
  readonly #options: { readonly pageSize?: number };
  readonly #store: Store;
  readonly #tables: readonly Table[];
  readonly #watches: Watches;
  readonly #log: Logger;
  readonly #tableOf: (key: string) => Table | undefined;
  #revision = 0;
  #highest = 0;
  #restores = 0;
  #loads = 0;
  #ended = false;
  #waiters: Waiter[] = [];
  readonly #loaded: Promise<void>;
  #setLoaded: () => void = () => undefined;

  constructor(
    options: { readonly pageSize?: number },
    deps: {
      readonly store: Store;
      readonly tables: readonly Table[];
      readonly watches: Watches;
      readonly log: Logger;
    },
  ) {
    this.#options = options;
    this.#store = deps.store;
    this.#tables = deps.tables;
    this.#watches = deps.watches;
    this.#log = deps.log;
    this.#tableOf = dispatcher(deps.tables);
    this.#loaded = new Promise((resolve) => {
      this.#setLoaded = resolve;
    });
  }

  /** The newest revision that the tables show; 0 before the first load. */
  get revision(): Revision {
    return this.#revision;
  }

  /** The newest revision that the tables ever showed; above `revision` after the store was restored to an older state. */
  get highest(): Revision {
    return Math.max(this.#highest, this.#revision);
  }

  /** How often the store was found restored: from then on an index may mean something else than before. */
  get restores(): number {
    return this.#restores;
  }

  /** How often everything was read; after each but the first, subscribers of all topics are told to look again. */
  get loads(): number {
    return this.#loads;
  }

  /** Resolves when the tables are whole for the first time. */
  get loaded(): Promise<void> {
    return this.#loaded;
  }

  /** Loads and follows until `signal` aborts or the store is closed; resolves then. Starts over on every gap. */
  async run(signal: AbortSignal): Promise<void> {
    const backoff = new Backoff({ minMs: 50, maxMs: 5000 });
    try {
      await this.#loadAndFollow(signal, backoff);
    } finally {
      this.#ended = true;
      this.#settle(Infinity);
    }
  }

  async #loadAndFollow(signal: AbortSignal, backoff: Backoff): Promise<void> {
    while (!signal.aborted) {
      try {
        await this.#loadAll(signal);
        backoff.reset();
        await this.#follow(signal);
      } catch (error) {
        if (signal.aborted) return;
        if (error instanceof StoreError && error.code === 'closed') return;
        const compacted = error instanceof StoreError && error.code === 'compacted';
        if (compacted) this.#log.info({}, 'the store no longer keeps our revision; reading everything again');
        else this.#log.warn({ err: error }, 'reading the store failed; trying again');
        if (!compacted) await sleep(backoff.nextMs(), signal);
      }
    }
  }

  /**
   * Resolves when `revision` is shown, or when `signal` aborts, the replica has ended or the store was restored to an
   * older state (look at `revision`).
   */
  waitFor(revision: Revision, signal?: AbortSignal): Promise<void> {
    if (this.#revision >= revision || this.#ended || signal?.aborted) return Promise.resolve();
    return new Promise((resolve) => {
      const waiter: Waiter = { revision, resolve };
      // Kept in order of revision; writers wait for ever newer ones, so nearly always at the end.
      let at = this.#waiters.length;
      while (at > 0 && this.#waiters[at - 1]!.revision > revision) at -= 1;
      if (at === this.#waiters.length) this.#waiters.push(waiter);
      else this.#waiters.splice(at, 0, waiter);
      if (signal !== undefined) this.#forgetOnAbort(waiter, signal);
    });
  }

  async #loadAll(signal: AbortSignal): Promise<void> {
    for (const table of this.#tables) table.begin();
    let revision = 0;
    for await (const page of ahead(this.#store.read({ prefix: '' }, this.#options))) {
      if (signal.aborted) return;
      revision = page.revision;
      for (const entry of page.entries) this.#tableOf(entry.key)?.load(entry);
    }
    for (const table of this.#tables) table.finish(revision);
    const before = this.#revision;
    const restored = revision < before;
    if (restored) {
      this.#highest = this.highest;
      this.#restores += 1;
      this.#log.warn({ revision, before }, 'the store was restored to an older state; following it');
    }
    this.#revision = revision;
    this.#loads += 1;
    this.#setLoaded();
    if (before > 0) this.#watches.wakeAll();
    // What was waited for in a history that is gone may never come.
    this.#settle(restored ? Infinity : revision);
  }

  async #follow(signal: AbortSignal): Promise<void> {
    for await (const batch of this.#store.follow(this.#revision, signal)) this.#apply(batch);
  }

  #apply(batch: Batch): void {
    const topics: string[] = [];
    for (const event of batch.events) {
      const key = event.type === 'put' ? event.entry.key : event.key;
      this.#tableOf(key)?.apply(event, topics, batch.revision);
    }
    this.#revision = batch.revision;
    this.#watches.publish(topics);
    this.#settle(batch.revision);
  }

  #settle(revision: Revision): void {
    let count = 0;
    while (count < this.#waiters.length && this.#waiters[count]!.revision <= revision) count += 1;
    if (count === 0) return;
    for (const waiter of this.#waiters.splice(0, count)) waiter.resolve();
  }

  #forgetOnAbort(waiter: Waiter, signal: AbortSignal): void {
    const { resolve } = waiter;
    const onAbort = (): void => {
      const at = this.#waiters.indexOf(waiter);
      if (at >= 0) this.#waiters.splice(at, 1);
      waiter.resolve();
    };
    signal.addEventListener('abort', onAbort);
    waiter.resolve = () => {
      signal.removeEventListener('abort', onAbort);
      resolve();
    };
  }
}

interface Waiter {
  readonly revision: Revision;
  resolve: () => void;
}

/** Asks for the next item before the current one is dealt with, so that reading and decoding overlap. */
async function* ahead<T>(items: AsyncIterable<T>): AsyncGenerator<T> {
  const iterator = items[Symbol.asyncIterator]();
  const take = (): Promise<IteratorResult<T>> => {
    const taken = iterator.next();
    // It is awaited later, or never when the reader stops: its failure is not nobody's.
    taken.catch(() => undefined);
    return taken;
  };
  try {
    for (let next = take(); ; ) {
      const { value, done } = await next;
      if (done === true) return;
      next = take();
      yield value;
    }
  } finally {
    await iterator.return?.();
  }
}

/** The table of a key, by its first path segment. */
function dispatcher(tables: readonly Table[]): (key: string) => Table | undefined {
  const byPrefix = new Map(
    tables.flatMap((table) => table.prefixes.map((prefix) => [prefix, table] as const)),
  );
  return (key) => {
    const slash = key.indexOf('/');
    return slash < 0 ? undefined : byPrefix.get(key.slice(0, slash + 1));
  };
}
