/**
 * The rows that a copy has to end up with, in key order, and how they differ from those that are there.
 *
 * In: a source's pages and what is done with each kind of row. Out: rows, their digest and count; puts and deletes.
 */
import { createHash, type Hash } from 'node:crypto';
import { compareUtf8 } from '../lib/bytes.ts';
import type { Entry, Key, Operation, Page, Revision, Store } from './store.ts';

/** What is done with the rows of a store that moves; told by who knows them. */
export interface CopyRules {
  /** undefined: a kind of row that this release does not know. */
  readonly of: (key: Key) => 'copy' | 'leave' | undefined;
  /** The value that the target gets. */
  readonly value: (entry: Entry) => Uint8Array;
  /** Rows that the target needs although the source's own are left out, in any order; no index may be below `index`. */
  readonly added: (index: Revision) => readonly Row[];
  /** Keys that begin with this are there as long as an agent lives. */
  readonly livePrefix: string;
}

export interface Row {
  readonly key: Key;
  readonly value: Uint8Array;
}

/** Counts and digests rows in the order in which they come. */
export class Tally {
  readonly #hash: Hash = createHash('sha256');
  readonly #kinds = new Map<string, number>();
  #rows = 0;
  #bytes = 0;

  add({ key, value }: Row): void {
    const name = Buffer.from(key);
    const lengths = Buffer.allocUnsafe(8);
    lengths.writeUInt32LE(name.length, 0);
    lengths.writeUInt32LE(value.byteLength, 4);
    this.#hash.update(lengths).update(name).update(value);
    const kind = kindOf(key);
    this.#kinds.set(kind, (this.#kinds.get(kind) ?? 0) + 1);
    this.#rows++;
    this.#bytes += name.length + value.byteLength;
  }

  get rows(): number {
    return this.#rows;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** Rows by kind: the key up to and with its first slash. */
  get kinds(): ReadonlyMap<string, number> {
    return this.#kinds;
  }

  /** Ends the tally. */
  digest(): string {
    return this.#hash.digest('base64url');
  }
}

/** A key up to and with its first slash, or the whole of it. */
export function kindOf(key: Key): string {
  const slash = key.indexOf('/');
  return slash < 0 ? key : key.slice(0, slash + 1);
}

/** Rows of the source as the target gets them. */
export async function* copied(store: Store, rules: CopyRules): AsyncGenerator<Row> {
  for await (const entry of entriesOf(store.read({ prefix: '' }))) {
    if (rules.of(entry.key) === 'copy') yield { key: entry.key, value: rules.value(entry) };
  }
}

/** Rows of both, in key order; none of `added` is in `rows`. */
export async function* merged(rows: AsyncIterable<Row>, added: readonly Row[]): AsyncGenerator<Row> {
  const waiting = [...added].sort((a, b) => compareUtf8(a.key, b.key));
  for await (const row of rows) {
    while (waiting.length > 0 && compareUtf8(waiting[0]!.key, row.key) < 0) yield waiting.shift()!;
    yield row;
  }
  yield* waiting;
}

/** What makes `present` equal to `wanted`; both come in key order. undefined for each row that is already right. */
export async function* differences(
  wanted: AsyncIterable<Row>,
  present: AsyncIterable<Row>,
): AsyncGenerator<Operation | undefined> {
  const there = present[Symbol.asyncIterator]();
  let next = await there.next();
  for await (const row of wanted) {
    while (next.done !== true && compareUtf8(next.value.key, row.key) < 0) {
      yield { delete: next.value.key };
      next = await there.next();
    }
    if (next.done === true || next.value.key !== row.key) {
      yield { put: row.key, value: row.value };
      continue;
    }
    const same = Buffer.compare(next.value.value, row.value) === 0;
    yield same ? undefined : { put: row.key, value: row.value };
    next = await there.next();
  }
  for (; next.done !== true; next = await there.next()) yield { delete: next.value.key };
}

export async function* entriesOf(pages: AsyncIterable<Page>): AsyncGenerator<Entry> {
  for await (const { entries } of pages) yield* entries;
}
