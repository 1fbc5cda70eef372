import type { Clock, Timer } from '../lib/clock.ts';
import type { LeaseHandle, LeaseId } from './store.ts';

/** Seconds that a lease of one process gets for `ttlSeconds`: at least 1, on a grain of a millisecond. */
export function grantedTtlSeconds(ttlSeconds: number): number {
  return Math.max(1, Math.ceil(ttlSeconds * 1000) / 1000);
}

interface Deadline {
  readonly ttlMs: number;
  atMs: number;
  timer: Timer;
}

/** The running leases of an engine that keeps time by itself, on monotonic time. */
export class Leases {
  readonly #clock: Clock;
  readonly #onExpired: (id: LeaseId) => void;
  readonly #deadlines = new Map<LeaseId, Deadline>();

  /** `onExpired` is called once for each lease whose time ran out; it is already gone then. */
  constructor(deps: { readonly clock: Clock; readonly onExpired: (id: LeaseId) => void }) {
    this.#clock = deps.clock;
    this.#onExpired = deps.onExpired;
  }

  has(id: LeaseId): boolean {
    return this.#deadlines.has(id);
  }

  /** Starts a lease with its full time. */
  start(id: LeaseId, ttlSeconds: number): void {
    const ttlMs = ttlSeconds * 1000;
    const atMs = this.#clock.monotonicMs() + ttlMs;
    this.#deadlines.set(id, { ttlMs, atMs, timer: this.#clock.after(ttlMs, () => this.#due(id)) });
  }

  /** Gives the full time again; false when the lease is gone. */
  extend(id: LeaseId): boolean {
    const deadline = this.#deadlines.get(id);
    if (deadline === undefined) return false;
    // The timer is left alone: when it fires early, it is set anew for what remains.
    deadline.atMs = this.#clock.monotonicMs() + deadline.ttlMs;
    return true;
  }

  /** Ends a lease without calling `onExpired`; false when it was gone. */
  end(id: LeaseId): boolean {
    this.#deadlines.get(id)?.timer.cancel();
    return this.#deadlines.delete(id);
  }

  /**
   * A lease by its id, whoever started it. `assertOpen` throws when the store is closed; `onRevoked` removes the lease's
   * keys.
   */
  handle(
    id: LeaseId,
    deps: { readonly assertOpen: () => void; readonly onRevoked: (id: LeaseId) => Promise<void> | void },
  ): LeaseHandle {
    return {
      id,
      keepAlive: async () => {
        deps.assertOpen();
        return this.extend(id);
      },
      revoke: async () => {
        deps.assertOpen();
        if (this.end(id)) await deps.onRevoked(id);
      },
    };
  }

  /** Stops all timers; the leases stay as they are stored. */
  stop(): void {
    for (const { timer } of this.#deadlines.values()) timer.cancel();
  }

  #due(id: LeaseId): void {
    const deadline = this.#deadlines.get(id);
    if (deadline === undefined) return;
    const leftMs = deadline.atMs - this.#clock.monotonicMs();
    if (leftMs > 0) {
      deadline.timer = this.#clock.after(leftMs, () => this.#due(id));
      return;
    }
    this.#deadlines.delete(id);
    this.#onExpired(id);
  }
}
