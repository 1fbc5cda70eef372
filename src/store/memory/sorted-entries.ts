import { compareUtf8 } from '../../lib/bytes.ts';
import type { Entry, Key } from '../store.ts';

/** Entries by key, walked in the order of the keys' UTF-8 bytes. */
export class SortedEntries {
  readonly #entries = new Map<Key, Entry>();
  readonly #keys: Key[] = [];

  get(key: Key): Entry | undefined {
    return this.#entries.get(key);
  }

  set(entry: Entry): void {
    if (!this.#entries.has(entry.key)) this.#keys.splice(this.#place(entry.key), 0, entry.key);
    this.#entries.set(entry.key, entry);
  }

  delete(key: Key): void {
    if (this.#entries.delete(key)) this.#keys.splice(this.#place(key), 1);
  }

  /** Entries whose keys begin with `prefix`, as they are now. */
  withPrefix(prefix: string): Entry[] {
    const found: Entry[] = [];
    for (let i = this.#place(prefix); i < this.#keys.length; i++) {
      const key = this.#keys[i]!;
      if (!key.startsWith(prefix)) break;
      found.push(this.#entries.get(key)!);
    }
    return found;
  }

  // The first place whose key is not below `key`.
  #place(key: Key): number {
    let low = 0;
    let high = this.#keys.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (compareUtf8(this.#keys[middle]!, key) < 0) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
