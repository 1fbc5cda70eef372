import assert from 'node:assert/strict';

import type {
  Batch,
  Commit,
  Entry,
  Operation,
  Page,
  Revision,
  Selection,
  Store,
  StoreErrorCode,
} from '../store.ts';
import { StoreError } from '../store.ts';

/** A fresh store for one case, and what can be done to it from outside. */
export interface Opened {
  readonly store: Store;
  /** Lets the engine's time go on, by turning a manual clock or by waiting. */
  advance(ms: number): Promise<void>;
  /** Batches that `follow` keeps at least. */
  readonly ring: number;
  /** Closes the store and opens it again on the same data. */
  reopen?(): Promise<Store>;
  /** Lets the store go without closing it (as kill -9 does) and opens it again on the same data. */
  crash?(): Promise<Store>;
  /** Closes everything and removes the data. */
  dispose(): Promise<void>;
}

export interface ConformanceCase {
  readonly name: string;
  readonly run: (opened: Opened) => Promise<void>;
}

export const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
export const text = (value: Uint8Array): string => new TextDecoder().decode(value);
export const put = (key: string, value: string): Operation => ({ put: key, value: bytes(value) });

/** Commits and demands that it was applied; returns its revision. */
export async function commit(store: Store, what: Commit | readonly Operation[]): Promise<Revision> {
  const result = await store.commit('then' in what ? what : { then: what });
  assert.equal(result.outcome, 'committed');
  assert.ok(result.outcome === 'committed');
  return result.revision;
}

export async function pages(store: Store, selection: Selection, pageSize?: number): Promise<Page[]> {
  const found: Page[] = [];
  for await (const page of store.read(selection, pageSize === undefined ? {} : { pageSize }))
    found.push(page);
  return found;
}

export async function entries(store: Store, prefix = ''): Promise<Entry[]> {
  return (await pages(store, { prefix })).flatMap((page) => page.entries);
}

/** The state as `key=value` words. */
export async function state(store: Store, prefix = ''): Promise<string[]> {
  return (await entries(store, prefix)).map((entry) => `${entry.key}=${text(entry.value)}`);
}

export async function entry(store: Store, key: string): Promise<Entry | undefined> {
  return (await pages(store, { key })).flatMap((page) => page.entries)[0];
}

/** Rejects with a StoreError of this code. */
export async function rejects(promise: Promise<unknown>, code: StoreErrorCode): Promise<void> {
  await assert.rejects(promise, (error: unknown) => {
    assert.ok(error instanceof StoreError, `not a StoreError: ${String(error)}`);
    assert.equal(error.code, code);
    return true;
  });
}

/** Follows by hand: `next(n)` reads n batches. */
export function follower(
  store: Store,
  from: Revision,
): {
  next(count: number): Promise<Batch[]>;
  stop(): void;
  rest(): Promise<Batch[]>;
} {
  const controller = new AbortController();
  const batches = store.follow(from, controller.signal)[Symbol.asyncIterator]();
  const next = async (count: number): Promise<Batch[]> => {
    const found: Batch[] = [];
    while (found.length < count) {
      const result = await batches.next();
      if (result.done === true) break;
      found.push(result.value);
    }
    return found;
  };
  return { next, stop: () => controller.abort(), rest: () => next(Infinity) };
}

/** A batch as words: `+key=value` for a put, `-key` for a delete. */
export function words(batch: Batch): string[] {
  return batch.events.map((event) =>
    event.type === 'put' ? `+${event.entry.key}=${text(event.entry.value)}` : `-${event.key}`,
  );
}
