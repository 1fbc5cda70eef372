import type { Replica } from '../catalog/replica.ts';
import type { Clock } from '../lib/clock.ts';
import { HttpError } from './errors.ts';

/** The store, as far as it decides whether answers of this agent may be trusted. */
export interface StoreTie {
  /** Milliseconds since the store last answered this agent; 0 for an engine in this process. */
  lastAnswerAgoMs(): number;
  /** A revision at least as new as every commit acknowledged before the call. */
  barrier(): Promise<number>;
}

export interface FreshnessDeps {
  readonly store: StoreTie;
  readonly replica: Pick<Replica, 'revision' | 'highest' | 'restores' | 'waitFor'>;
  readonly clock: Clock;
}

/** No answer of the store for this long means that this agent is cut off from it. */
export const cutOffMs = 3000;

/** Longest wait for the store and for the replica to catch up with it: as long as Consul holds a request without a leader. */
const holdMs = 7000;

/** 500 `No cluster leader`, as clients of Consul know it. */
export class NoLeaderError extends HttpError {
  constructor(why = '') {
    super(500, `No cluster leader${why}`);
    this.name = 'NoLeaderError';
  }
}

export type Reached =
  /** The replica shows it. */
  | 'shown'
  /** The store has it, or can't be asked; the replica does not show it yet. */
  | 'unknown'
  /** The store has never given it. */
  | 'future'
  /** The store gave it once and was restored to an older state since. */
  | 'gone';

/**
 * How far this agent's replica may be trusted: whether the store is heard of, and what it takes to be as new as it is.
 * Everything that refuses throws NoLeaderError.
 */
export class Freshness {
  readonly #store: StoreTie;
  readonly #replica: FreshnessDeps['replica'];
  readonly #clock: Clock;

  constructor(deps: FreshnessDeps) {
    this.#store = deps.store;
    this.#replica = deps.replica;
    this.#clock = deps.clock;
  }

  inTouch(): boolean {
    return this.#store.lastAnswerAgoMs() < cutOffMs;
  }

  /** Milliseconds since the store last answered; 0 while this agent is in touch with it. */
  lostMs(): number {
    const agoMs = this.#store.lastAnswerAgoMs();
    return agoMs < cutOffMs ? 0 : agoMs;
  }

  requireContact(): void {
    if (!this.inTouch()) throw new NoLeaderError();
  }

  /** For reads that may be as old as `maxAgeMs`. */
  requireYounger(maxAgeMs: number): void {
    if (this.lostMs() > maxAgeMs) throw new NoLeaderError();
  }

  /** For writes that only the store can decide. */
  requireWritable(): void {
    const lostMs = this.lostMs();
    if (lostMs === 0) return;
    const seconds = Math.floor(lostMs / 1000);
    throw new NoLeaderError(`: the store has not answered for ${seconds} s; nothing was written`);
  }

  /** Waits until the replica shows every commit acknowledged before the call. */
  async catchUp(signal: AbortSignal): Promise<void> {
    const revision = await this.#barrier(holdMs);
    if (revision === undefined) throw new NoLeaderError();
    await this.#shows(revision, holdMs, signal);
    if (this.#replica.revision < revision && !signal.aborted) throw new NoLeaderError();
  }

  /** Waits, at most `waitMs`, until the replica shows `revision`, if there is such a one. Never throws. */
  async reach(revision: number, waitMs: number, signal: AbortSignal): Promise<Reached> {
    if (revision <= this.#replica.revision) return 'shown';
    if (!this.inTouch()) return 'unknown';
    const newest = await this.#barrier(Math.min(waitMs, holdMs));
    if (newest === undefined) return 'unknown';
    if (newest < revision) return revision <= this.#replica.highest ? 'gone' : 'future';
    await this.#shows(revision, waitMs, signal);
    return this.#replica.revision >= revision ? 'shown' : 'unknown';
  }

  /** undefined when the store does not say. */
  #barrier(limitMs: number): Promise<number | undefined> {
    return new Promise((resolve) => {
      const timer = this.#clock.after(limitMs, () => resolve(undefined));
      const end = (revision: number | undefined): void => {
        timer.cancel();
        resolve(revision);
      };
      this.#store.barrier().then(end, () => end(undefined));
    });
  }

  async #shows(revision: number, limitMs: number, signal: AbortSignal): Promise<void> {
    if (this.#replica.revision >= revision) return;
    const late = new AbortController();
    const timer = this.#clock.after(limitMs, () => late.abort());
    const onAbort = (): void => late.abort();
    signal.addEventListener('abort', onAbort);
    await this.#replica.waitFor(revision, late.signal);
    signal.removeEventListener('abort', onAbort);
    timer.cancel();
  }
}
