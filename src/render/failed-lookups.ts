/** Keys that are asked for, answered as absent, and stay absent: for those who want to end for that. */
import type { Clock, Timer } from '../lib/clock.ts';
import type { Task } from './task.ts';

export interface FailedLookupsDeps {
  readonly clock: Clock;
  /** Called once for each key whose time is over. */
  readonly onFailed: (id: string) => void;
}

export class FailedLookups {
  readonly #limitMs: number;
  readonly #deps: FailedLookupsDeps;
  readonly #timers = new Map<string, Timer>();

  constructor(limitMs: number, deps: FailedLookupsDeps) {
    this.#limitMs = limitMs;
    this.#deps = deps;
  }

  /** Looks at what the tasks wait for now; call it after every evaluation. */
  look(tasks: readonly Task[]): void {
    const absent = new Set(tasks.flatMap((task) => task.absentKeys()));
    for (const [id, timer] of this.#timers) {
      if (absent.has(id)) continue;
      timer.cancel();
      this.#timers.delete(id);
    }
    for (const id of absent) {
      if (this.#timers.has(id)) continue;
      this.#timers.set(
        id,
        this.#deps.clock.after(this.#limitMs, () => this.#deps.onFailed(id)),
      );
    }
  }

  close(): void {
    for (const timer of this.#timers.values()) timer.cancel();
    this.#timers.clear();
  }
}
