/**
 * The newest batches of an engine, and those who follow them.
 *
 * In: batches in commit order. Out: one async iterable a follower, each at its own place in one shared ring.
 * Invariants: no gap and no repeat; who falls behind the ring is told `compacted`, never made to skip.
 */
import { StoreError } from './store.ts';
import type { Batch, Revision } from './store.ts';
import { eventKey } from './transaction.ts';

export interface FeedOptions {
  /** Most batches kept; default 10,000. */
  readonly batches?: number;
  /** Most bytes kept, so that large values don't fill the memory; the newest batch is always kept. Default 8 MiB. */
  readonly bytes?: number;
}

export class Feed {
  readonly #maxBatches: number;
  readonly #maxBytes: number;
  readonly #ring: (Batch | undefined)[];
  // Batches have sequence numbers; #tail is the oldest kept, #head the next to come.
  #tail = 0;
  #head = 0;
  #bytes = 0;
  /** Followers from below this revision are too late. */
  #floor: Revision;
  #revision: Revision;
  #generation = 0;
  #closed = false;
  #waiting: (() => void)[] = [];

  constructor(revision: Revision, options: FeedOptions = {}) {
    this.#maxBatches = options.batches ?? 10_000;
    this.#maxBytes = options.bytes ?? 8 * 1024 * 1024;
    this.#ring = Array.from({ length: this.#maxBatches }, () => undefined);
    this.#floor = revision;
    this.#revision = revision;
  }

  /** The newest revision that followers have been shown. */
  get revision(): Revision {
    return this.#revision;
  }

  /** Adds one batch; followers see it at the next `wake`. */
  add(batch: Batch): void {
    const slot = this.#head % this.#maxBatches;
    if (this.#head - this.#tail === this.#maxBatches) this.#dropOldest();
    this.#ring[slot] = batch;
    this.#head++;
    this.#revision = batch.revision;
    this.#bytes += batchBytes(batch);
    while (this.#bytes > this.#maxBytes && this.#head - this.#tail > 1) this.#dropOldest();
  }

  /** Lets waiting followers read on. */
  wake(): void {
    if (this.#waiting.length === 0) return;
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const run of waiting) run();
  }

  /** Goes on at `revision` as after a restart: every follower is told `compacted`. */
  reset(revision: Revision): void {
    while (this.#tail < this.#head) this.#dropOldest();
    this.#floor = revision;
    this.#revision = revision;
    this.#generation++;
    this.wake();
  }

  close(): void {
    this.#closed = true;
    this.wake();
  }

  /** Batches with revision > `from` until `signal` aborts; the place is taken when this is called. */
  follow(from: Revision, signal: AbortSignal): AsyncIterableIterator<Batch> {
    const generation = this.#generation;
    // A revision that this store has not reached belongs to another history (a restored one).
    const late = from < this.#floor || from > this.#revision;
    let place = late ? -1 : this.#firstAbove(from);
    let ended = false;
    const onAbort = (): void => this.wake();
    signal.addEventListener('abort', onAbort, { once: true });
    const end = (): IteratorResult<Batch> => {
      ended = true;
      signal.removeEventListener('abort', onAbort);
      return { done: true, value: undefined };
    };
    const fail = (code: 'compacted' | 'closed', message: string): never => {
      end();
      throw new StoreError(code, message);
    };
    const next = async (): Promise<IteratorResult<Batch>> => {
      for (;;) {
        if (ended || signal.aborted) return end();
        if (place < this.#tail || generation !== this.#generation) {
          fail('compacted', `Batches after revision ${from} are no longer kept: read everything again.`);
        }
        const batch = place < this.#head ? this.#ring[place % this.#maxBatches] : undefined;
        if (batch !== undefined) {
          place++;
          return { done: false, value: batch };
        }
        if (this.#closed) fail('closed', 'The store was closed.');
        await new Promise<void>((resolve) => this.#waiting.push(resolve));
      }
    };
    return {
      next,
      return: async () => end(),
      [Symbol.asyncIterator]: function () {
        return this;
      },
    };
  }

  #firstAbove(from: Revision): number {
    let low = this.#tail;
    let high = this.#head;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#ring[middle % this.#maxBatches]!.revision > from) high = middle;
      else low = middle + 1;
    }
    return low;
  }

  #dropOldest(): void {
    const slot = this.#tail++ % this.#maxBatches;
    const batch = this.#ring[slot]!;
    this.#ring[slot] = undefined;
    this.#floor = batch.revision;
    this.#bytes -= batchBytes(batch);
  }
}

// Objects cost memory too: about 200 bytes an event.
function batchBytes(batch: Batch): number {
  let bytes = 100;
  for (const event of batch.events) {
    bytes += 200 + eventKey(event).length + (event.type === 'put' ? event.entry.value.byteLength : 0);
  }
  return bytes;
}
