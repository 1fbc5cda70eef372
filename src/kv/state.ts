import { Graveyard } from '../catalog/graveyard.ts';
import { SortedKeys } from '../lib/sorted-keys.ts';
import { floorKey, nextFolder } from './keys.ts';
import type { KvRow } from './row.ts';

/**
 * Rows and tombstones by key, and the newest revision under each folder.
 *
 * A deletion is newer than all that was there before, so the maximum of what came is the maximum of the rows and
 * tombstones that are there, the floor included: a replica that loads and one that followed agree.
 */
export class KvState {
  readonly graves = new Graveyard(floorKey);
  readonly #rows = new Map<string, KvRow>();
  /** Revisions of deleted keys' tombstones. */
  readonly #buried = new Map<string, number>();
  /** Deleted subtrees by prefix. */
  readonly #trees = new Map<string, number>();
  /** Keys of rows and of tombstones. */
  readonly #keys = new SortedKeys();
  readonly #folders = new Map<string, Folder>();
  /** Keys by the session that holds them. */
  readonly #held = new Map<string, Set<string>>();
  #newest = 0;

  get size(): number {
    return this.#rows.size;
  }

  /** Index of what is not there: the newest of all rows and tombstones. */
  get newest(): number {
    return Math.max(1, this.#newest, this.graves.floor);
  }

  row(key: string): KvRow | undefined {
    return this.#rows.get(key);
  }

  /** Keys that the session holds. */
  heldBy(session: string): Iterable<string> {
    return this.#held.get(session) ?? [];
  }

  /** By the keys' bytes. */
  *rowsUnder(prefix: string): Generator<KvRow> {
    for (const key of this.#keys.withPrefix(prefix)) {
      const row = this.#rows.get(key);
      if (row !== undefined) yield row;
    }
  }

  /** Newest revision of the rows and tombstones under `prefix`, or of all when there is nothing under it. */
  indexUnder(prefix: string): number {
    const under = this.#newestUnder(prefix);
    if (under === 0) return this.newest;
    return Math.max(under, this.#newestTree(prefix), this.graves.floor);
  }

  /** Whether any row or tombstone is under `prefix`. */
  holdsUnder(prefix: string): boolean {
    return this.#newestUnder(prefix) > 0;
  }

  put(row: KvRow): void {
    const old = this.#rows.get(row.key);
    const isNew = old === undefined && !this.#buried.has(row.key);
    this.#rows.set(row.key, row);
    if (row.session !== (old?.session ?? '')) this.#move(row.key, old?.session ?? '', row.session);
    this.#touch(row.key, row.modifyIndex, isNew);
  }

  delete(key: string): void {
    const old = this.#rows.get(key);
    if (old === undefined) return;
    this.#rows.delete(key);
    if (old.session !== '') this.#move(key, old.session, '');
    if (!this.#buried.has(key)) this.#drop(key);
  }

  bury(storeKey: string, key: string, revision: number, wallMs: number): void {
    const isNew = !this.#rows.has(key) && !this.#buried.has(key);
    this.graves.bury(storeKey, revision, wallMs);
    this.#buried.set(key, revision);
    this.#touch(key, revision, isNew);
  }

  unbury(storeKey: string, key: string): void {
    this.graves.remove(storeKey);
    if (this.#buried.delete(key) && !this.#rows.has(key)) this.#drop(key);
  }

  buryTree(storeKey: string, prefix: string, revision: number, wallMs: number): void {
    this.graves.bury(storeKey, revision, wallMs);
    this.#trees.set(prefix, revision);
    this.#newest = Math.max(this.#newest, revision);
  }

  unburyTree(storeKey: string, prefix: string): void {
    this.graves.remove(storeKey);
    this.#trees.delete(prefix);
  }

  /** The key changes hands; '' is nobody. */
  #move(key: string, from: string, to: string): void {
    if (from !== '') {
      const keys = this.#held.get(from);
      keys?.delete(key);
      if (keys?.size === 0) this.#held.delete(from);
    }
    if (to === '') return;
    const keys = this.#held.get(to);
    if (keys === undefined) this.#held.set(to, new Set([key]));
    else keys.add(key);
  }

  #newestUnder(prefix: string): number {
    if (prefix === '' || prefix.endsWith('/')) return this.#folders.get(prefix)?.newest ?? 0;
    let newest = 0;
    for (const key of this.#keys.withPrefix(prefix)) {
      newest = Math.max(newest, this.#buried.get(key) ?? 0, this.#rows.get(key)?.modifyIndex ?? 0);
    }
    return newest;
  }

  /** A deleted subtree counts for every prefix that it covered and for every prefix that covers it. */
  #newestTree(prefix: string): number {
    let newest = 0;
    for (const [tree, revision] of this.#trees) {
      if (revision > newest && (tree.startsWith(prefix) || prefix.startsWith(tree))) newest = revision;
    }
    return newest;
  }

  #touch(key: string, revision: number, isNew: boolean): void {
    if (revision > this.#newest) this.#newest = revision;
    if (isNew) this.#keys.add(key);
    for (let end = 0; end >= 0; end = nextFolder(key, end)) {
      const name = key.slice(0, end);
      let folder = this.#folders.get(name);
      if (folder === undefined) this.#folders.set(name, (folder = { keys: 0, newest: 0 }));
      if (isNew) folder.keys += 1;
      if (folder.newest < revision) folder.newest = revision;
    }
  }

  #drop(key: string): void {
    this.#keys.delete(key);
    for (let end = 0; end >= 0; end = nextFolder(key, end)) {
      const name = key.slice(0, end);
      const folder = this.#folders.get(name);
      if (folder === undefined) continue;
      folder.keys -= 1;
      if (folder.keys === 0) this.#folders.delete(name);
    }
  }
}

interface Folder {
  /** Rows and tombstones under it. */
  keys: number;
  newest: number;
}
