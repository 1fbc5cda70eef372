/**
 * Answers of a watch -> batches of whole revisions.
 *
 * In: answers in order, after a resumption from `next`. Out: batches in order, each revision once.
 * Invariants: pure; a revision is given only when all of it has come: an answer may be cut into fragments, and a
 * revision across them.
 */
import type { Batch, Revision, StoreEvent } from '../store.ts';
import type { Keys } from './keys.ts';
import type { WatchAnswer } from './messages.ts';
import { eventOf } from './translate.ts';

export class Batches {
  readonly #keys: Keys;
  /** The lowest revision that was not given yet. */
  #next: Revision;
  #revision = 0;
  #events: StoreEvent[] = [];

  constructor(keys: Keys, next: Revision) {
    this.#keys = keys;
    this.#next = next;
  }

  get next(): Revision {
    return this.#next;
  }

  /** Forgets what is half there: the watch begins anew at `next`. */
  restart(): void {
    this.#revision = 0;
    this.#events = [];
  }

  /** The revisions that this answer completes. */
  add(answer: WatchAnswer): Batch[] {
    const found: Batch[] = [];
    for (const event of answer.events) {
      const revision = event.kv.modRevision;
      if (revision < this.#next) continue;
      if (revision !== this.#revision) this.#complete(found);
      this.#revision = revision;
      // The head belongs to the revision, but is no key of the store.
      if (!this.#keys.isHead(event.kv.key)) this.#events.push(eventOf(event, this.#keys));
    }
    if (!answer.fragment) this.#complete(found);
    return found;
  }

  #complete(found: Batch[]): void {
    if (this.#revision === 0) return;
    found.push({ revision: this.#revision, events: this.#events });
    this.#next = this.#revision + 1;
    this.restart();
  }
}
