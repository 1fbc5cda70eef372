import { liveKey } from '../catalog/keys.ts';
import type { LiveInfo, MemberInfo } from '../catalog/member.ts';
import type { Fence } from '../catalog/writer.ts';
import { Alarm } from '../lib/alarm.ts';
import { Backoff } from '../lib/backoff.ts';
import type { Clock } from '../lib/clock.ts';
import type { Logger } from '../lib/log.ts';
import { pause } from '../lib/pause.ts';
import { type Lease, type LeaseId, type Store, StoreError } from '../store/store.ts';
import { type Claimant, claimStep, type NameRows, readName, takeCommit } from './claim.ts';
import { ClusterError } from './errors.ts';

/**
 * This agent's life in the cluster: one leased row, `live/<node>`.
 *
 * In: a store, the node's name and ID. Out: the fence that every write of this node's rows compares, told when it is
 * lost and held again.
 * Invariants: nothing else of the catalog hangs on a lease; a failed renewal loses nothing, only a lease that is known
 * to be gone or whose time has passed for sure; who lost the name to another incarnation ends.
 * Not here: what is derived from the row (catalog/), who cleans up after the dead (steward.ts).
 */
export interface LivenessOptions {
  readonly member: MemberInfo;
  /** Fresh at every start. */
  readonly incarnation: string;
  readonly ttlSeconds: number;
  /** The store belongs to this process alone: whoever holds the name is a former life. */
  readonly sole: boolean;
}

export interface LivenessDeps {
  readonly store: Pick<Store, 'read' | 'commit' | 'lease'>;
  readonly clock: Clock;
  readonly log: Logger;
  /** What the replica shows of this node's row; undefined before it is loaded, too. */
  readonly shown?: () => (LiveInfo & { readonly revision: number }) | undefined;
  /** Calls when what is shown may have changed, until the returned function is called. */
  readonly onShown?: (listener: () => void) => () => void;
}

/** renewed: the store has just answered. lost: nothing may be written. regained: compare everything again. */
export type LivenessEvent = 'renewed' | 'lost' | 'regained';

interface Held {
  readonly lease: Lease;
  /** Of the row. */
  readonly revision: number;
  /** Until then, on the monotonic clock, the lease lives for sure as far as this agent knows. */
  validUntilMs: number;
}

export class Liveness {
  readonly #options: LivenessOptions;
  readonly #deps: LivenessDeps;
  readonly #alarm: Alarm;
  readonly #listeners = new Set<(event: LivenessEvent) => void>();
  #held: Held | undefined;
  /** Of the row when it was last taken; 0: never. */
  #hadAt = 0;
  #isLost = true;
  #isLeaving = false;
  #renewals = 0;
  #failing = 0;
  #mustLook = false;

  constructor(options: LivenessOptions, deps: LivenessDeps) {
    this.#options = options;
    this.#deps = deps;
    this.#alarm = new Alarm(deps);
  }

  get incarnation(): string {
    return this.#options.incarnation;
  }

  /** What keys of this agent's life are bound to; undefined while it has none. */
  get leaseId(): LeaseId | undefined {
    return this.fence() === undefined ? undefined : this.#held?.lease.id;
  }

  /** What must hold for this node's rows to be written; undefined when it is known not to. */
  fence(): Fence | undefined {
    return this.#isLeaving ? undefined : this.#ownRow();
  }

  /** The fence for the leave itself: from now on nothing else of this node is written. */
  leave(): Fence | undefined {
    this.#isLeaving = true;
    return this.#ownRow();
  }

  /** The leave did not come about. */
  stay(): void {
    this.#isLeaving = false;
  }

  /** Ends the lease, and with it all that hangs on it; what fails ends by itself. */
  async end(): Promise<void> {
    await this.#held?.lease.revoke().catch(() => {});
  }

  /** Calls `listener` in the tick in which something happened, until the returned function is called. */
  on(listener: (event: LivenessEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  /**
   * Takes the node's name; tries until `signal` aborts while the store does not answer. Throws ClusterError
   * `name-taken` when another agent that is alive has it.
   */
  async start(signal: AbortSignal): Promise<void> {
    await this.#take(signal);
    if (this.#options.sole && !signal.aborted) await this.#buryOthers();
  }

  /** Keeps the name until `signal` aborts. Throws ClusterError `superseded` when another incarnation has it. */
  async run(signal: AbortSignal): Promise<void> {
    const stopLooking = this.#deps.onShown?.(() => this.#onShown());
    try {
      while (!signal.aborted) {
        if (this.#held === undefined || this.#mustLook) await this.#take(signal);
        else void this.#renew(this.#held);
        this.#noteTime();
        await this.#alarm.sleep(this.#intervalMs(), signal);
      }
    } finally {
      stopLooking?.();
    }
  }

  #ownRow(): Fence | undefined {
    const held = this.#held;
    if (held === undefined || this.#deps.clock.monotonicMs() >= held.validUntilMs) return undefined;
    return { key: liveKey(this.#options.member.name), modRevision: held.revision };
  }

  #intervalMs(): number {
    if (this.#held === undefined || this.#mustLook) return 0;
    if (this.#options.sole) return (this.#options.ttlSeconds * 1000) / 3;
    return this.#failing > 0 ? retryMs : renewMs;
  }

  /** A second call may overtake one that hangs; more would help nobody. */
  async #renew(held: Held): Promise<void> {
    if (this.#renewals >= 2) return;
    this.#renewals += 1;
    const fromMs = this.#deps.clock.monotonicMs();
    try {
      const lives = await held.lease.keepAlive();
      this.#failing = 0;
      if (held !== this.#held) return;
      if (lives) this.#renewed(held, fromMs);
      else this.#drop();
    } catch (error) {
      this.#failing += 1;
      if (this.#failing === 1) this.#deps.log.debug({ err: error }, 'the lease could not be renewed');
    } finally {
      this.#renewals -= 1;
    }
  }

  #renewed(held: Held, fromMs: number): void {
    held.validUntilMs = Math.max(held.validUntilMs, fromMs + held.lease.ttlSeconds * 1000);
    this.#tell('renewed');
    this.#regain();
  }

  /** The lease is gone, and the row with it. */
  #drop(): void {
    this.#held = undefined;
    this.#lose();
    this.#alarm.wake();
  }

  #noteTime(): void {
    const held = this.#held;
    if (held !== undefined && this.#deps.clock.monotonicMs() >= held.validUntilMs) this.#lose();
  }

  #lose(): void {
    if (this.#isLost) return;
    this.#isLost = true;
    this.#deps.log.warn(
      {},
      'no proof of life in the store: nothing of this node is written until it is back',
    );
    this.#tell('lost');
  }

  #regain(): void {
    if (!this.#isLost) return;
    this.#isLost = false;
    this.#tell('regained');
  }

  #tell(event: LivenessEvent): void {
    for (const listener of this.#listeners) listener(event);
  }

  /** The replica is as new as our row, and shows another or none. */
  #onShown(): void {
    const shown = this.#deps.shown?.();
    const held = this.#held;
    if (held === undefined || this.#isLeaving || shown?.revision === held.revision) return;
    if (shown !== undefined && shown.revision < held.revision) return;
    this.#mustLook = true;
    this.#alarm.wake();
  }

  async #take(signal: AbortSignal): Promise<void> {
    const { clock, log } = this.#deps;
    const backoff = new Backoff({ minMs: 100, maxMs: 1000 });
    const startMs = clock.monotonicMs();
    let failed = false;
    while (!signal.aborted && !this.#isLeaving) {
      try {
        const own = { ...this.#claimant(), waitedMs: clock.monotonicMs() - startMs };
        if (await this.#tryToTake(own)) return this.#taken(failed);
      } catch (error) {
        if (!(error instanceof StoreError) || error.code === 'closed') throw error;
        if (!failed) log.warn({ err: error }, 'could not take this node’s name in the store; trying again');
        failed = true;
      }
      this.#noteTime();
      await pause(clock, backoff.nextMs(), signal);
    }
  }

  #taken(failed: boolean): void {
    if (failed) this.#deps.log.info({}, 'this node’s name is taken in the store');
    this.#mustLook = false;
    this.#hadAt = this.#held?.revision ?? this.#hadAt;
    this.#tell('renewed');
    this.#regain();
  }

  #claimant(): Omit<Claimant, 'waitedMs'> {
    const { member, incarnation, ttlSeconds, sole } = this.#options;
    return { id: member.id, incarnation, hadAt: this.#hadAt, patienceMs: sole ? 0 : (ttlSeconds + 2) * 1000 };
  }

  /** False when somebody wrote meanwhile or the holder may be dead: look again. */
  async #tryToTake(own: Claimant): Promise<boolean> {
    const { store, clock } = this.#deps;
    const { member } = this.#options;
    const rows = await readName(store, member.name);
    const step = claimStep(rows.live, own);
    if (step === 'wait') return false;
    if (step !== 'take') throw refusal(step, member, rows);
    const { live } = rows;
    const known = this.#held;
    if (known !== undefined && live?.incarnation === own.incarnation && live.lease === known.lease.id) {
      this.#held = { ...known, revision: live.revision };
      return true;
    }
    const fromMs = clock.monotonicMs();
    const lease = await this.#lease(known);
    const result = await store.commit(takeCommit(rows, own, member, lease.id));
    if (result.outcome === 'committed') {
      const validUntilMs = known?.lease === lease ? known.validUntilMs : fromMs + lease.ttlSeconds * 1000;
      this.#held = { lease, revision: result.revision, validUntilMs };
      return true;
    }
    // An unknown outcome shows at the next look: the row bears our incarnation, on a lease that is left to end.
    return false;
  }

  /** The lease that is held, when it still lives. */
  async #lease(known: Held | undefined): Promise<Lease> {
    if (known !== undefined && (await known.lease.keepAlive())) return known.lease;
    return this.#deps.store.lease(this.#options.ttlSeconds);
  }

  /** In a store of one process nobody else is alive, such as this node under a former name. */
  async #buryOthers(): Promise<void> {
    const own = liveKey(this.#options.member.name);
    const others: string[] = [];
    for await (const { entries } of this.#deps.store.read({ prefix: 'live/' }))
      others.push(...entries.map(({ key }) => key).filter((key) => key !== own));
    if (others.length > 0) await this.#deps.store.commit({ then: others.map((key) => ({ delete: key })) });
  }
}

const renewMs = 1000;
const retryMs = 300;

function refusal(
  step: 'taken' | 'superseded',
  member: MemberInfo,
  { live, member: row }: NameRows,
): ClusterError {
  const at = row === undefined ? 'unknown' : row.info.address;
  if (step === 'taken') {
    const who = `the agent with the node ID ${live?.id ?? ''} at ${at}`;
    const text = `the node name "${member.name}" is held by ${who}, which is alive`;
    return new ClusterError('name-taken', `${text}: choose another name with -node, or stop that agent`);
  }
  const text = `another agent has taken over the node name "${member.name}"`;
  const fix =
    'this one ends; if its data directory was copied, give the copy a -node and a -node-id of its own';
  return new ClusterError('superseded', `${text} (node ID ${live?.id ?? ''}, at ${at}): ${fix}`);
}
