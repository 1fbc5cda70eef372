import type { Clock } from '../lib/clock.ts';
import { Deadlines, type Due } from '../lib/deadlines.ts';

interface Deferral extends Due {
  readonly id: string;
}

/**
 * Checks whose output changed while their status did not. Such chatter is written half an update interval later, and a
 * random part of one more, so that a check that says something new each second does not write each second.
 */
export class Deferrals {
  readonly #updateIntervalMs: number;
  readonly #random: () => number;
  readonly #waiting = new Map<string, Deferral>();
  readonly #deadlines: Deadlines<Deferral>;

  constructor(
    options: {
      /** 0: nothing waits. */
      readonly updateIntervalMs: number;
    },
    deps: { readonly clock: Clock; readonly random: () => number; readonly onDue: (id: string) => void },
  ) {
    this.#updateIntervalMs = options.updateIntervalMs;
    this.#random = deps.random;
    this.#deadlines = new Deadlines({
      clock: deps.clock,
      onDue: ({ id }) => {
        this.#waiting.delete(id);
        deps.onDue(id);
      },
    });
  }

  /** Lets the check's output wait; false when it has to be written now. A wait that has begun is not made longer. */
  defer(id: string): boolean {
    if (this.#updateIntervalMs <= 0) return false;
    if (this.#waiting.has(id)) return true;
    const deferral: Deferral = { id, dueAtMs: 0, dueSlot: -1 };
    this.#waiting.set(id, deferral);
    this.#deadlines.set(deferral, this.#updateIntervalMs * (0.5 + this.#random()));
    return true;
  }

  has(id: string): boolean {
    return this.#waiting.has(id);
  }

  cancel(id: string): void {
    const deferral = this.#waiting.get(id);
    if (deferral === undefined) return;
    this.#waiting.delete(id);
    this.#deadlines.delete(deferral);
  }

  close(): void {
    this.#waiting.clear();
    this.#deadlines.clear();
  }
}
