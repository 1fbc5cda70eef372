import type { Key, Revision, StoreEvent } from '../store.ts';

/**
 * The create revisions of the keys written last. Every put needs the one of its key, and asking LevelDB costs more
 * than all else that a put does.
 */
export class Created {
  readonly #half: number;
  // Two generations: a Map that loses its oldest key at each step gets slow, since it keeps the holes.
  #young = new Map<Key, Revision>();
  #old = new Map<Key, Revision>();

  /** About `most` keys are kept; default 32,768 (4 MB). */
  constructor(most = 32_768) {
    this.#half = Math.ceil(most / 2);
  }

  /** 0: known to be absent; undefined: not known. */
  get(key: Key): Revision | undefined {
    return this.#young.get(key) ?? this.#old.get(key);
  }

  note(event: StoreEvent): void {
    if (this.#young.size >= this.#half) {
      this.#old = this.#young;
      this.#young = new Map();
    }
    if (event.type === 'put') this.#young.set(event.entry.key, event.entry.createRevision);
    else this.#young.set(event.key, 0);
  }

  clear(): void {
    this.#young.clear();
    this.#old.clear();
  }
}
