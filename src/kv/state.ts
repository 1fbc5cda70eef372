import { Graveyard } from '../catalog/graveyard.ts';
import { SortedKeys } from '../lib/sorted-keys.ts';
import { floorKey, foldersOf } from './keys.ts';
import type { KvRow } from './row.ts';

/**
 * Rows and tombstones by key, and the newest revision under each folder.
 *
 * A deletion is newer than all that was there before, so the maximum of what came is the maximum of the rows and
 * tombstones that are there, the floor included: a replica that loads and one that followed agree.
 */
export class KvState {
  readonly graves = new Graveyard(floorKey);
  readonly #slots = new Map<string, Slot>();
  readonly #keys = new SortedKeys();
  readonly #folders = new Map<string, Folder>();
  /** Deleted subtrees by prefix. */
  readonly #trees = new Map<string, number>();
  #newest = 0;
  #rows = 0;

  get size(): number {
    return this.#rows;
  }

  /** Index of what is not there: the newest of all rows and tombstones. */
  get newest(): number {
    return Math.max(1, this.#newest, this.graves.floor);
  }

  row(key: string): KvRow | undefined {
    return this.#slots.get(key)?.row;
  }

  /** By the keys' bytes. */
  *rowsUnder(prefix: string): Generator<KvRow> {
    for (const key of this.#keys.withPrefix(prefix)) {
      const row = this.#slots.get(key)?.row;
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
    const slot = this.#slot(row.key);
    if (slot.row === undefined) this.#rows += 1;
    slot.row = row;
    this.#touch(row.key, row.modifyIndex);
  }

  delete(key: string): void {
    const slot = this.#slots.get(key);
    if (slot?.row === undefined) return;
    slot.row = undefined;
    this.#rows -= 1;
    this.#drop(key, slot);
  }

  bury(storeKey: string, key: string, revision: number, wallMs: number): void {
    this.graves.bury(storeKey, revision, wallMs);
    this.#slot(key).buried = revision;
    this.#touch(key, revision);
  }

  unbury(storeKey: string, key: string): void {
    this.graves.remove(storeKey);
    const slot = this.#slots.get(key);
    if (slot === undefined) return;
    slot.buried = 0;
    this.#drop(key, slot);
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

  #newestUnder(prefix: string): number {
    if (prefix === '' || prefix.endsWith('/')) return this.#folders.get(prefix)?.newest ?? 0;
    let newest = 0;
    for (const key of this.#keys.withPrefix(prefix)) {
      const slot = this.#slots.get(key)!;
      newest = Math.max(newest, slot.buried, slot.row?.modifyIndex ?? 0);
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

  #slot(key: string): Slot {
    let slot = this.#slots.get(key);
    if (slot !== undefined) return slot;
    slot = new Slot();
    this.#slots.set(key, slot);
    this.#keys.add(key);
    for (const folder of foldersOf(key)) {
      const found = this.#folders.get(folder);
      if (found === undefined) this.#folders.set(folder, { slots: 1, newest: 0 });
      else found.slots += 1;
    }
    return slot;
  }

  #touch(key: string, revision: number): void {
    this.#newest = Math.max(this.#newest, revision);
    for (const name of foldersOf(key)) {
      const folder = this.#folders.get(name);
      if (folder !== undefined && folder.newest < revision) folder.newest = revision;
    }
  }

  #drop(key: string, slot: Slot): void {
    if (slot.row !== undefined || slot.buried !== 0) return;
    this.#slots.delete(key);
    this.#keys.delete(key);
    for (const name of foldersOf(key)) {
      const folder = this.#folders.get(name);
      if (folder === undefined) continue;
      folder.slots -= 1;
      if (folder.slots === 0) this.#folders.delete(name);
    }
  }
}

/** A key that is there, was there, or both. */
class Slot {
  row: KvRow | undefined = undefined;
  /** Revision of its tombstone, 0 if none. */
  buried = 0;
}

interface Folder {
  slots: number;
  newest: number;
}
