/** Waits for calm: fires `minMs` after the last tick, but at most `maxMs` after the first. */
import type { Clock, Timer } from '../lib/clock.ts';

export interface Wait {
  readonly minMs: number;
  readonly maxMs: number;
}

export class Quiescence {
  readonly #wait: Wait;
  readonly #clock: Clock;
  readonly #onQuiet: () => void;
  #deadlineMs = 0;
  #timer: Timer | undefined;

  constructor(wait: Wait, deps: { readonly clock: Clock; readonly onQuiet: () => void }) {
    this.#wait = wait;
    this.#clock = deps.clock;
    this.#onQuiet = deps.onQuiet;
  }

  get pending(): boolean {
    return this.#timer !== undefined;
  }

  tick(): void {
    const now = this.#clock.monotonicMs();
    if (this.#timer === undefined) this.#deadlineMs = now + this.#wait.maxMs;
    this.#timer?.cancel();
    const delay = Math.max(0, Math.min(this.#wait.minMs, this.#deadlineMs - now));
    this.#timer = this.#clock.after(delay, () => {
      this.#timer = undefined;
      this.#onQuiet();
    });
  }

  cancel(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
  }
}
