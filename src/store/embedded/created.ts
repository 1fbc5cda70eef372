import type { Key, Revision, StoreEvent } from '../store.ts';

/**
 * The create revisions of the keys written last. Every put needs the one of its key, and asking LevelDB costs more
 * than all else that a put does.
 */
export class Created {
  readonly #most: number;
  readonly #revisions = new Map<Key, Revision>();

  /** `most` keys are kept; default 16,384 (about 2 MB). */
  constructor(most = 16_384) {
    this.#most = most;
  }

  /** 0: known to be absent; undefined: not known. */
  get(key: Key): Revision | undefined {
    return this.#revisions.get(key);
  }

  note(event: StoreEvent): void {
    if (event.type === 'put') this.#revisions.set(event.entry.key, event.entry.createRevision);
    else this.#revisions.set(event.key, 0);
    if (this.#revisions.size <= this.#most) return;
    // The key that came in first.
    for (const key of this.#revisions.keys()) {
      this.#revisions.delete(key);
      break;
    }
  }

  clear(): void {
    this.#revisions.clear();
  }
}
