import type { ContainerSource } from '../docker/docker.ts';
import { Backoff } from '../lib/backoff.ts';
import type { Clock } from '../lib/clock.ts';
import type { Logger } from '../lib/log.ts';
import { pause } from '../lib/pause.ts';
import { Applier } from './applier.ts';
import { Containers } from './containers.ts';
import { Follower } from './follower.ts';
import { defaultRegistrarId, type RegistrarOptions } from './options.ts';
import { emptyStats, type RegistrarStats } from './stats.ts';
import { RegistrarError, type Claim, type ClaimEvents, type Target } from './target.ts';

/**
 * The loop from containers to registered services: follow Docker, compare with what the target holds, apply; and all
 * of it again every resyncMs.
 *
 * In: a ContainerSource. Out: Target.apply. Invariants: nothing is removed because Docker is away; only what bears
 * this registrar's mark is removed, and only after a complete list.
 * Not here: the rules (desired), the comparison (diff), Docker's events (follower), failures of the target (applier).
 */
export interface RegistrarDeps {
  readonly source: ContainerSource;
  readonly target: Target;
  readonly log: Logger;
  readonly clock: Clock;
}

/** Of a target that is away: nothing is registered until it is back, and to ask costs it one read. */
const retry = { minMs: 100, maxMs: 500 };
/** Doubts that come together are one resync. */
const minResyncMs = 1000;

export class Registrar {
  readonly id: string;
  /** Resolves when the first complete list is applied, or when Docker is known to be absent for absentMs. */
  readonly firstSync: Promise<void>;
  /** Resolves only when the first complete list is applied: before that nobody knows which services are stale. */
  readonly firstList: Promise<void>;
  readonly #options: RegistrarOptions;
  readonly #deps: RegistrarDeps;
  readonly #stats: RegistrarStats = emptyStats();
  readonly #containers: Containers;
  #openGate: () => void = () => {};
  #tellList: () => void = () => {};
  #isInDoubt = false;
  #wake: () => void = () => {};

  constructor(options: RegistrarOptions, deps: RegistrarDeps) {
    this.#options = options;
    this.#deps = deps;
    this.id = options.id || defaultRegistrarId(options.nodeName, deps.source.endpoint);
    this.#containers = new Containers(options, this.id);
    this.firstSync = new Promise((resolve) => (this.#openGate = resolve));
    this.firstList = new Promise((resolve) => (this.#tellList = resolve));
  }

  get stats(): Readonly<RegistrarStats> {
    return { ...this.#stats, containers: this.#containers.size };
  }

  /**
   * Runs until `signal` aborts; services stay registered. Throws RegistrarError 'claimed' when another live registrar
   * has the id, at the start or later.
   */
  async run(signal: AbortSignal): Promise<void> {
    const stop = new AbortController();
    const inner = AbortSignal.any([signal, stop.signal]);
    const { applier, follower } = this.#build(inner);
    const parts = [this.#followTarget(applier, follower, inner), follower.run(inner)];
    try {
      await Promise.all(parts);
    } finally {
      stop.abort();
      await Promise.allSettled(parts);
    }
  }

  #build(signal: AbortSignal): { applier: Applier; follower: Follower } {
    const { source, target, clock, log } = this.#deps;
    const containers = this.#containers;
    const stats = this.#stats;
    const applier: Applier = new Applier(
      { registrarId: this.id, signal },
      {
        target,
        clock,
        log,
        stats,
        desired: (id) => containers.desired(id),
        desiredIds: () => containers.serviceIds(),
        mayRemove: ({ container }) => follower.mayRemove(container),
      },
    );
    const onReady = (): void => void this.#openGateAfter(applier);
    const follower = new Follower(this.#options, { source, containers, applier, log, clock, stats, onReady });
    return { applier, follower };
  }

  async #openGateAfter(applier: Applier): Promise<void> {
    // Without Docker nothing will be applied: the gate opens though the target may not be read yet.
    if (this.#stats.connected) {
      await applier.settled();
      this.#tellList();
    }
    this.#openGate();
  }

  async #followTarget(applier: Applier, follower: Follower, signal: AbortSignal): Promise<void> {
    let lost: Error | undefined;
    const stop = new AbortController();
    const inner = AbortSignal.any([signal, stop.signal]);
    const onLost = (error: Error): void => {
      lost = error;
      stop.abort();
    };
    const claim = await this.#claim({ onLost, onDoubt: () => this.#doubt() }, inner);
    try {
      await this.#insist('target not read; trying again', () => applier.load(), inner);
      await this.#resync(applier, follower, inner);
    } finally {
      await claim?.release();
    }
    if (lost !== undefined) throw lost;
  }

  async #claim(events: ClaimEvents, signal: AbortSignal): Promise<Claim | undefined> {
    const text = 'target does not answer; trying again';
    return this.#insist(text, () => this.#deps.target.claim(this.id, events, signal), signal);
  }

  /** Every resyncMs, and when the target may have forgotten something: list Docker, read the target, make good. */
  async #resync(applier: Applier, follower: Follower, signal: AbortSignal): Promise<void> {
    const { clock, target } = this.#deps;
    let refreshedMs = clock.monotonicMs();
    while (!signal.aborted) {
      await this.#untilResync(this.#options.resyncMs * (1 + Math.random() / 2), signal);
      if (signal.aborted) return;
      await follower.relist();
      await this.#insist('target not read; trying again', () => applier.load(), signal);
      if (target.refreshMs > 0 && clock.monotonicMs() - refreshedMs >= target.refreshMs) {
        refreshedMs = clock.monotonicMs();
        applier.refresh();
      }
      await pause(clock, minResyncMs, signal);
    }
  }

  async #untilResync(ms: number, signal: AbortSignal): Promise<void> {
    const wake = new AbortController();
    this.#wake = () => wake.abort();
    if (!this.#isInDoubt) await pause(this.#deps.clock, ms, AbortSignal.any([signal, wake.signal]));
    this.#isInDoubt = false;
  }

  #doubt(): void {
    this.#isInDoubt = true;
    this.#wake();
  }

  /** Tries until it works or `signal` aborts (undefined); only 'claimed' is final. */
  async #insist<T>(
    complaint: string,
    attempt: () => Promise<T>,
    signal: AbortSignal,
  ): Promise<T | undefined> {
    const { target, clock, log } = this.#deps;
    const backoff = new Backoff(retry);
    for (let tries = 0; !signal.aborted; tries++) {
      try {
        return await attempt();
      } catch (error) {
        if (signal.aborted) break;
        if (error instanceof RegistrarError && error.code === 'claimed') throw error;
        if (tries === 0) log.warn({ target: target.name, err: error }, complaint);
        await pause(clock, backoff.nextMs(), signal);
      }
    }
    return undefined;
  }
}
