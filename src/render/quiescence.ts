/**
 * Waits for calm: fires `minMs` after the last tick, but at most `maxMs` after the first. Templates that share a command
 * share one of these, and are told in one go, so that their command runs once (consul-template #1799, #2030).
 */
import type { Clock, Timer } from '../lib/clock.ts';

export interface Wait {
  readonly minMs: number;
  readonly maxMs: number;
}

export class Quiescence {
  readonly #wait: Wait;
  readonly #clock: Clock;
  /** Called at the end of this quiet period. */
  readonly #ticked = new Set<() => void>();
  #deadlineMs = 0;
  #timer: Timer | undefined;

  constructor(wait: Wait, clock: Clock) {
    this.#wait = wait;
    this.#clock = clock;
  }

  /** The same `onQuiet` is called once, however often it has ticked. */
  tick(onQuiet: () => void): void {
    this.#ticked.add(onQuiet);
    const now = this.#clock.monotonicMs();
    if (this.#timer === undefined) this.#deadlineMs = now + this.#wait.maxMs;
    this.#timer?.cancel();
    const delay = Math.max(0, Math.min(this.#wait.minMs, this.#deadlineMs - now));
    this.#timer = this.#clock.after(delay, () => {
      this.#timer = undefined;
      const told = [...this.#ticked];
      this.#ticked.clear();
      for (const one of told) one();
    });
  }

  /** Takes back what ticked; others are told all the same. */
  cancel(onQuiet: () => void): void {
    this.#ticked.delete(onQuiet);
    if (this.#ticked.size > 0) return;
    this.#timer?.cancel();
    this.#timer = undefined;
  }
}
