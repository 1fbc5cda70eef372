/**
 * What of one place is due, and whether its servers are left alone.
 *
 * Invariants: each query at most once in it, urgent ones before others; none is handed out while it is being read, so that
 * no answer is overtaken by the one after it.
 */
import { Backoff } from '../lib/backoff.ts';
import type { Entry } from './source-http-entry.ts';
import type { Retry } from './source-http-poll.ts';

export interface Due {
  readonly entry: Entry;
  /** What the answer must have reached; 0: not known, or nothing has changed. */
  readonly index: number;
  readonly isUrgent: boolean;
}

export class Lane {
  readonly backoff: Backoff;
  /** Its last read failed by the servers' fault. */
  isTroubled = false;
  isResting = false;
  /** Some answers come from servers that follow the leader. */
  hasFollowers = false;
  readonly #urgent = new Map<Entry, number>();
  readonly #others = new Set<Entry>();
  readonly #reading = new Set<Entry>();

  constructor(retry: Retry) {
    this.backoff = new Backoff(retry);
  }

  get running(): number {
    return this.#reading.size;
  }

  urge(entry: Entry, index: number): void {
    this.#others.delete(entry);
    this.#urgent.set(entry, Math.max(index, this.#urgent.get(entry) ?? 0));
  }

  add(entry: Entry): void {
    if (!this.#urgent.has(entry)) this.#others.add(entry);
  }

  forget(entry: Entry): void {
    this.#urgent.delete(entry);
    this.#others.delete(entry);
  }

  take(): Due | undefined {
    for (const [entry, index] of this.#urgent) {
      if (this.#reading.has(entry)) continue;
      this.#urgent.delete(entry);
      this.#reading.add(entry);
      return { entry, index, isUrgent: true };
    }
    for (const entry of this.#others) {
      if (this.#reading.has(entry)) continue;
      this.#others.delete(entry);
      this.#reading.add(entry);
      return { entry, index: 0, isUrgent: false };
    }
    return undefined;
  }

  done(entry: Entry): void {
    this.#reading.delete(entry);
  }
}
