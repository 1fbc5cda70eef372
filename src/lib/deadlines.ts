import type { Clock, Timer } from './clock.ts';

/** What can be due: two numbers inside the owner's object, so that 100,000 deadlines cost no objects of their own. */
export interface Due {
  /** Monotonic milliseconds; read and written by Deadlines only. */
  dueAtMs: number;
  /** Place in the heap, -1 when not waiting; start with -1. */
  dueSlot: number;
}

const sliceMs = 5;

/**
 * Many deadlines on one timer. Items are told in order of their time, each once, and in slices: many that are due at
 * once do not hold the event loop. An item that is told is no longer waiting; `onDue` may set it again.
 */
export class Deadlines<T extends Due> {
  readonly #clock: Clock;
  readonly #onDue: (item: T) => void;
  readonly #heap: T[] = [];
  #timer: Timer | undefined;
  #timerAtMs = Number.POSITIVE_INFINITY;

  constructor(deps: { readonly clock: Clock; readonly onDue: (item: T) => void }) {
    this.#clock = deps.clock;
    this.#onDue = deps.onDue;
  }

  get size(): number {
    return this.#heap.length;
  }

  /** Due in `ms` from now, instead of whenever it was due before. */
  set(item: T, ms: number): void {
    // A whole number fits into the item itself; V8 keeps any other in an object of its own.
    const atMs = Math.ceil(this.#clock.monotonicMs() + ms);
    if (item.dueSlot < 0) {
      item.dueAtMs = atMs;
      this.#heap.push(item);
      this.#up(this.#heap.length - 1, item);
    } else {
      const isEarlier = atMs < item.dueAtMs;
      item.dueAtMs = atMs;
      if (isEarlier) this.#up(item.dueSlot, item);
      else this.#down(item.dueSlot, item);
    }
    this.#arm();
  }

  /** Forgets the item; fine when it is not waiting. */
  delete(item: T): void {
    const slot = item.dueSlot;
    if (slot < 0) return;
    item.dueSlot = -1;
    const last = this.#heap.pop()!;
    if (last !== item) {
      this.#up(slot, last);
      this.#down(last.dueSlot, last);
    }
    if (this.#heap.length === 0) this.#disarm();
  }

  clear(): void {
    for (const item of this.#heap) item.dueSlot = -1;
    this.#heap.length = 0;
    this.#disarm();
  }

  #arm(): void {
    const first = this.#heap[0];
    if (first === undefined || this.#timerAtMs <= first.dueAtMs) return;
    this.#disarm();
    this.#timerAtMs = first.dueAtMs;
    const waitMs = Math.max(0, first.dueAtMs - this.#clock.monotonicMs());
    this.#timer = this.#clock.after(waitMs, () => this.#fire());
  }

  #disarm(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#timerAtMs = Number.POSITIVE_INFINITY;
  }

  #fire(): void {
    this.#disarm();
    const startedAtMs = this.#clock.monotonicMs();
    for (let told = 1; ; told++) {
      const first = this.#heap[0];
      const nowMs = this.#clock.monotonicMs();
      if (first === undefined || first.dueAtMs > nowMs) break;
      if (told % 32 === 0 && nowMs - startedAtMs > sliceMs) break;
      this.delete(first);
      this.#onDue(first);
    }
    this.#arm();
  }

  #up(start: number, item: T): void {
    let slot = start;
    while (slot > 0) {
      const above = (slot - 1) >> 1;
      const parent = this.#heap[above]!;
      if (parent.dueAtMs <= item.dueAtMs) break;
      this.#place(slot, parent);
      slot = above;
    }
    this.#place(slot, item);
  }

  #down(start: number, item: T): void {
    let slot = start;
    for (;;) {
      let below = 2 * slot + 1;
      if (below >= this.#heap.length) break;
      if (below + 1 < this.#heap.length && this.#heap[below + 1]!.dueAtMs < this.#heap[below]!.dueAtMs)
        below += 1;
      const child = this.#heap[below]!;
      if (child.dueAtMs >= item.dueAtMs) break;
      this.#place(slot, child);
      slot = below;
    }
    this.#place(slot, item);
  }

  #place(slot: number, item: T): void {
    this.#heap[slot] = item;
    item.dueSlot = slot;
  }
}
