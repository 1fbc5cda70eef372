/**
 * A store whose revisions begin above those of the store that its content came from.
 *
 * In: an engine and the base kept in its key `index_base`. Out: the same store, every revision higher by the base.
 * Invariants: 0 stays "absent"; a revision at or below the base belongs to no row. A store that was never copied to has no base and
 * is used as it is.
 */
import { requireWhole } from './copy-mark.ts';
import { StoreError } from './store.ts';
import type {
  Batch,
  Commit,
  CommitResult,
  Compare,
  Entry,
  Key,
  Lease,
  LeaseHandle,
  LeaseId,
  Page,
  Revision,
  Selection,
  Store,
  StoreEvent,
  StoreLimits,
} from './store.ts';

/** Holds what is added to each revision, as decimal text; written by a copy and never changed afterwards. */
export const indexBaseKey: Key = 'index_base';

/** The store as agents must use it. Throws StoreError `unfinished` for half a copy, `invalid` when the base can't be read. */
export async function openOffset(inner: Store): Promise<Store> {
  await requireWhole(inner);
  const base = await readBase(inner);
  return base === 0 ? inner : new OffsetStore(inner, base);
}

/** What is added to the revisions of this store; 0 if nothing was copied to it. */
export async function readBase(inner: Store): Promise<number> {
  for await (const { entries } of inner.read({ key: indexBaseKey })) {
    const found = entries[0];
    if (found !== undefined) return parseBase(found.value);
  }
  return 0;
}

export function encodeBase(base: number): Uint8Array {
  return Buffer.from(String(base));
}

function parseBase(value: Uint8Array): number {
  const text = Buffer.from(value).toString();
  const base = Number(text);
  if (/^\d+$/.test(text) && Number.isSafeInteger(base)) return base;
  throw new StoreError(
    'invalid',
    `The key ${indexBaseKey} of the store holds ${JSON.stringify(text)}: no number.`,
  );
}

class OffsetStore implements Store {
  readonly #inner: Store;
  #base: number;

  constructor(inner: Store, base: number) {
    this.#inner = inner;
    this.#base = base;
  }

  get limits(): StoreLimits {
    return this.#inner.limits;
  }

  async *read(selection: Selection, options?: { readonly pageSize?: number }): AsyncGenerator<Page> {
    // Whoever reads everything starts over, perhaps since the store was restored: then the base may be another.
    if ('prefix' in selection && selection.prefix === '') this.#base = await readBase(this.#inner);
    const base = this.#base;
    for await (const { revision, entries } of this.#inner.read(selection, options)) {
      yield { revision: revision + base, entries: entries.map((entry) => raised(entry, base)) };
    }
  }

  async commit(commit: Commit): Promise<CommitResult> {
    const base = this.#base;
    const { when } = commit;
    const inner =
      when === undefined ? commit : { ...commit, when: when.map((compare) => lowered(compare, base)) };
    const result = await this.#inner.commit(inner);
    return result.outcome === 'unknown' ? result : { ...result, revision: result.revision + base };
  }

  follow(from: Revision, signal: AbortSignal): AsyncIterable<Batch> {
    const base = this.#base;
    // Subscribed now, not when it is first read.
    const batches = this.#inner.follow(Math.max(0, from - base), signal)[Symbol.asyncIterator]();
    return {
      [Symbol.asyncIterator]: () => ({
        next: async () => {
          const { done, value } = await batches.next();
          return done === true
            ? { done, value: undefined }
            : { done: false, value: raisedBatch(value, base) };
        },
        return: async () => {
          await batches.return?.();
          return { done: true, value: undefined };
        },
      }),
    };
  }

  lease(ttlSeconds: number): Promise<Lease> {
    return this.#inner.lease(ttlSeconds);
  }

  leaseById(id: LeaseId): LeaseHandle {
    return this.#inner.leaseById(id);
  }

  async barrier(): Promise<Revision> {
    return (await this.#inner.barrier()) + this.#base;
  }

  lastAnswerAgoMs(): number {
    return this.#inner.lastAnswerAgoMs();
  }

  peers(): ReturnType<Store['peers']> {
    return this.#inner.peers();
  }

  leader(): ReturnType<Store['leader']> {
    return this.#inner.leader();
  }

  close(): Promise<void> {
    return this.#inner.close();
  }
}

function raised(entry: Entry, base: number): Entry {
  return {
    ...entry,
    createRevision: entry.createRevision + base,
    modRevision: entry.modRevision + base,
  };
}

function raisedBatch({ revision, events }: Batch, base: number): Batch {
  return {
    revision: revision + base,
    events: events.map(
      (event): StoreEvent =>
        event.type === 'put' ? { type: 'put', entry: raised(event.entry, base) } : event,
    ),
  };
}

function lowered(compare: Compare, base: number): Compare {
  if ('modRevisionBelow' in compare) {
    return { prefix: compare.prefix, modRevisionBelow: Math.max(1, compare.modRevisionBelow - base) };
  }
  if ('modRevision' in compare) return { key: compare.key, modRevision: row(compare.modRevision, base) };
  if ('createRevision' in compare) {
    return { key: compare.key, createRevision: row(compare.createRevision, base) };
  }
  return compare;
}

/** 0 is absence; below the base is no row at all, and must not become absence. */
function row(revision: Revision, base: number): Revision {
  if (revision === 0) return 0;
  return revision > base ? revision - base : never;
}

/** A revision that no row ever has: JavaScript's largest integer. */
const never: Revision = Number.MAX_SAFE_INTEGER;
