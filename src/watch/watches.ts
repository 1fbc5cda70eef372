import type { Clock, Timer } from '../lib/clock.ts';
import type { View } from './view.ts';

/**
 * Parked queries: who waits for a view's index to move, and who is told at once.
 *
 * In: topics, published after a batch is visible in the replica. Out: resolved waits, in slices; subscribers, at once.
 * Invariants: a wait ends only when its view's index moved past its own or fell, at its time, on abort or by wakeAll;
 * an ended wait leaves nothing behind.
 * Not here: jitter, what an index means, what is sent.
 */
export class Watches {
  readonly #clock: Clock;
  readonly #parked = new Map<string, Set<Parked>>();
  readonly #subscribers = new Map<string, Set<() => void>>();
  readonly #due: Parked[] = [];
  #next = 0;
  #draining = false;
  #slice = firstSlice;
  #waiting = 0;

  constructor(deps: { readonly clock: Clock }) {
    this.#clock = deps.clock;
  }

  /** Waits parked at the moment. */
  get parked(): number {
    return this.#waiting;
  }

  /**
   * Tells subscribers now and looks again at every wait on one of these topics. The first slice of waits is resolved
   * before this returns, the others from the event loop, so that a mass wake-up holds it no longer than a slice.
   */
  publish(topics: Iterable<string>): void {
    let told: Set<() => void> | undefined;
    for (const topic of topics) {
      const parked = this.#parked.get(topic);
      if (parked !== undefined) for (const one of parked) this.#enqueue(one);
      const subscribers = this.#subscribers.get(topic);
      if (subscribers === undefined) continue;
      told ??= new Set();
      for (const onChange of subscribers) told.add(onChange);
    }
    this.#drain();
    if (told !== undefined) for (const onChange of told) onChange();
  }

  /** Ends every wait as if its index had moved and tells every subscriber: whoever knew something must look again. */
  wakeAll(): void {
    const told = new Set<() => void>();
    for (const set of this.#parked.values()) {
      for (const parked of set) {
        parked.index = -1;
        this.#enqueue(parked);
      }
    }
    for (const set of this.#subscribers.values()) for (const onChange of set) told.add(onChange);
    this.#drain();
    for (const onChange of told) onChange();
  }

  /**
   * True when `view.index()` is above `index`, at once if it already is, or when it falls (a node that is gone has index
   * 1); false after `waitMs` (nothing is added to it) or when `signal` aborts. Never rejects.
   */
  park(view: View<unknown>, index: number, waitMs: number, signal: AbortSignal): Promise<boolean> {
    if (signal.aborted) return Promise.resolve(false);
    const seen = view.index();
    if (seen > index) return Promise.resolve(true);
    return new Promise((resolve) => {
      const parked = new Parked(view, index, seen, resolve, signal);
      parked.timer = this.#clock.after(waitMs, () => this.#end(parked, false));
      parked.onAbort = () => this.#end(parked, false);
      signal.addEventListener('abort', parked.onAbort);
      for (const topic of view.topics) addTo(this.#parked, topic, parked);
      this.#waiting += 1;
    });
  }

  /** Calls `onChange` inside `publish`, once a publication, while subscribed. It must be short and must not throw. */
  subscribe(topics: readonly string[], onChange: () => void): () => void {
    // A fresh function: the same listener may be subscribed twice and each subscription ends by itself.
    const listener = (): void => onChange();
    for (const topic of topics) addTo(this.#subscribers, topic, listener);
    return () => {
      for (const topic of topics) removeFrom(this.#subscribers, topic, listener);
    };
  }

  #enqueue(parked: Parked): void {
    if (parked.queued) return;
    parked.queued = true;
    this.#due.push(parked);
  }

  #drain(): void {
    if (!this.#draining && this.#due.length > 0) this.#drainSlice();
  }

  /**
   * One slice. What a resolved wait does runs after this returns, in microtasks, so its cost is only seen in the time
   * until the next slice starts: that measure sizes the slices.
   */
  #drainSlice(): void {
    const end = Math.min(this.#due.length, this.#next + this.#slice);
    for (; this.#next < end; this.#next++) this.#look(this.#due[this.#next]!);
    this.#draining = this.#next < this.#due.length;
    if (!this.#draining) {
      this.#due.length = 0;
      this.#next = 0;
      return;
    }
    const startedAt = this.#clock.monotonicMs();
    setImmediate(() => {
      const tookMs = this.#clock.monotonicMs() - startedAt;
      if (tookMs > longSliceMs) this.#slice = Math.max(1, this.#slice >> 1);
      else if (tookMs < shortSliceMs) this.#slice = Math.min(maxSlice, this.#slice << 1);
      this.#drainSlice();
    });
  }

  #look(parked: Parked): void {
    parked.queued = false;
    if (parked.ended) return;
    const now = parked.view.index();
    if (now > parked.index || now < parked.seen) this.#end(parked, true);
  }

  #end(parked: Parked, moved: boolean): void {
    if (parked.ended) return;
    parked.ended = true;
    parked.timer?.cancel();
    if (parked.onAbort !== undefined) parked.signal.removeEventListener('abort', parked.onAbort);
    for (const topic of parked.view.topics) removeFrom(this.#parked, topic, parked);
    this.#waiting -= 1;
    parked.resolve(moved);
  }
}

const firstSlice = 32;
const maxSlice = 256;
const shortSliceMs = 4;
const longSliceMs = 8;

class Parked {
  readonly view: View<unknown>;
  /** Ends when the view's index is above this. */
  index: number;
  /** The view's index when it was parked; a lower one ends the wait too. */
  readonly seen: number;
  readonly resolve: (moved: boolean) => void;
  readonly signal: AbortSignal;
  timer: Timer | undefined = undefined;
  onAbort: (() => void) | undefined = undefined;
  queued = false;
  ended = false;

  constructor(
    view: View<unknown>,
    index: number,
    seen: number,
    resolve: (moved: boolean) => void,
    signal: AbortSignal,
  ) {
    this.view = view;
    this.index = index;
    this.seen = seen;
    this.resolve = resolve;
    this.signal = signal;
  }
}

function addTo<T>(sets: Map<string, Set<T>>, topic: string, item: T): void {
  const set = sets.get(topic);
  if (set === undefined) sets.set(topic, new Set([item]));
  else set.add(item);
}

function removeFrom<T>(sets: Map<string, Set<T>>, topic: string, item: T): void {
  const set = sets.get(topic);
  if (set === undefined) return;
  set.delete(item);
  if (set.size === 0) sets.delete(topic);
}
