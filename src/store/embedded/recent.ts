import type { Key, StoreEvent } from '../store.ts';
import { absent, type Revisions } from '../transaction.ts';

/**
 * The revisions of the keys written or asked for last. Nearly every commit needs those of its keys, and asking LevelDB
 * costs more than all else that it does.
 */
export class Recent {
  readonly #half: number;
  // Two generations: a Map that loses its oldest key at each step gets slow, since it keeps the holes.
  #young = new Map<Key, Revisions>();
  #old = new Map<Key, Revisions>();

  /** About `most` keys are kept; default 32,768 (5 MB). */
  constructor(most = 32_768) {
    this.#half = Math.ceil(most / 2);
  }

  /** Undefined: not known. */
  get(key: Key): Revisions | undefined {
    return this.#young.get(key) ?? this.#old.get(key);
  }

  note(event: StoreEvent): void {
    if (event.type === 'delete') return this.set(event.key, absent);
    const { key, createRevision, modRevision } = event.entry;
    this.set(key, { createRevision, modRevision });
  }

  set(key: Key, revisions: Revisions): void {
    if (this.#young.size >= this.#half) {
      this.#old = this.#young;
      this.#young = new Map();
    }
    this.#young.set(key, revisions);
  }

  clear(): void {
    this.#young.clear();
    this.#old.clear();
  }
}
