import { Alarm } from '../lib/alarm.ts';
import type { Clock } from '../lib/clock.ts';
import { Latch } from '../lib/latch.ts';

/**
 * When this node's rows are compared with the local truth.
 *
 * A change is written at once, by whoever made it. A full sync, which compares everything, runs at the start, then every
 * minute and a bit; after a failure it comes sooner. The bit is random, and grows with the cluster, so that agents do
 * not come all at once. `nextSync` decides, `AntiEntropy` only sleeps and acts.
 */

/** starting: nothing was compared yet. steady: all was well. retrying: the last try failed. */
export type SyncPhase = 'starting' | 'steady' | 'retrying';

/** full: everything was compared and written. failed: a full sync or a change could not be written. */
export type SyncEvent = 'full' | 'failed';

export interface SyncState {
  readonly phase: SyncPhase;
  /** Failures in a row. */
  readonly failures: number;
  /** When everything is compared again, on the monotonic clock. */
  readonly fullAtMs: number;
  /** When the last try failed. */
  readonly failedAtMs?: number;
}

export interface SyncTimes {
  readonly nowMs: number;
  /** Uniform in [0, 1). */
  readonly random: number;
  /** Nodes in the cluster, this one included. */
  readonly nodes: number;
}

const transitions: Readonly<Record<SyncPhase, Readonly<Record<SyncEvent, SyncPhase>>>> = {
  starting: { full: 'steady', failed: 'retrying' },
  steady: { full: 'steady', failed: 'retrying' },
  retrying: { full: 'steady', failed: 'retrying' },
};

const fullIntervalMs = 60_000;
const retryMs = 15_000;
const retryMaxMs = 60_000;

export function startSync(nowMs: number): SyncState {
  return { phase: 'starting', failures: 0, fullAtMs: nowMs };
}

export function nextSync(state: SyncState, event: SyncEvent, times: SyncTimes): SyncState {
  const { nowMs, random } = times;
  const phase = transitions[state.phase][event];
  if (event === 'full') {
    const spreadMs = fullIntervalMs * syncScale(times.nodes) * random;
    return { phase, failures: 0, fullAtMs: nowMs + fullIntervalMs + spreadMs };
  }
  const failures = state.failures + 1;
  const waitMs = Math.min(retryMaxMs, retryMs * 2 ** (failures - 1)) * (1 + random * 0.2);
  // A full sync that is due sooner stays so: changes that fail now and then must not put it off.
  const isDueSooner = state.fullAtMs > nowMs && state.fullAtMs < nowMs + waitMs;
  return { phase, failures, fullAtMs: isDueSooner ? state.fullAtMs : nowMs + waitMs, failedAtMs: nowMs };
}

/** How many times the stagger grows: 1 up to 128 nodes, one more for each doubling. Source: consul.md 2.4. */
export function syncScale(nodes: number): number {
  return nodes <= 128 ? 1 : Math.ceil(Math.log2(nodes) - 7) + 1;
}

export interface AntiEntropyDeps {
  readonly clock: Clock;
  readonly random: () => number;
  readonly nodes: () => number;
  /** Compares and writes everything; true when all of it is written. `failed` is called when it is not. */
  readonly full: () => Promise<boolean>;
}

export class AntiEntropy {
  readonly #deps: AntiEntropyDeps;
  readonly #alarm: Alarm;
  readonly #ready = new Latch();
  #state: SyncState;
  #isRequested = false;

  constructor(deps: AntiEntropyDeps) {
    this.#deps = deps;
    this.#alarm = new Alarm(deps);
    this.#state = startSync(deps.clock.monotonicMs());
  }

  /** Resolves after the first full sync that succeeded. */
  get ready(): Promise<void> {
    return this.#ready.opened;
  }

  /** Something could not be written. */
  failed(): void {
    this.#advance('failed');
    this.#alarm.wake();
  }

  /** Everything is to be compared now. */
  request(): void {
    this.#isRequested = true;
    this.#state = { ...this.#state, fullAtMs: this.#deps.clock.monotonicMs() };
    this.#alarm.wake();
  }

  /** After a failure, soon: at most one try in each second, then in two, four ... */
  retry(): void {
    const { phase, failures, failedAtMs = 0 } = this.#state;
    const pauseMs = Math.min(retryMs, 1000 * 2 ** (failures - 1));
    if (phase === 'retrying' && this.#deps.clock.monotonicMs() - failedAtMs >= pauseMs) this.request();
  }

  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const waitMs = this.#state.fullAtMs - this.#deps.clock.monotonicMs();
      if (waitMs > 0) await this.#alarm.sleep(waitMs, signal);
      else await this.#full();
    }
  }

  async #full(): Promise<void> {
    this.#isRequested = false;
    const ok = await this.#deps.full();
    if (ok) this.#ready.open();
    // Asked for again meanwhile: what was compared first may have changed since.
    if (ok && !this.#isRequested) this.#advance('full');
    if (!ok && this.#state.fullAtMs <= this.#deps.clock.monotonicMs()) this.#advance('failed');
  }

  #advance(event: SyncEvent): void {
    const { clock, random, nodes } = this.#deps;
    this.#state = nextSync(this.#state, event, {
      nowMs: clock.monotonicMs(),
      random: random(),
      nodes: nodes(),
    });
  }
}
