import { Alarm } from '../lib/alarm.ts';
import type { Clock } from '../lib/clock.ts';
import type { Logger } from '../lib/log.ts';
import type { CommitResult, Store } from '../store/store.ts';
import type { Liveness } from './liveness.ts';
import { encodeLead, leadKey, leadTopic, type StewardTable } from './steward-table.ts';

/**
 * The steward: the one agent, elected on its lease, that cleans up what no live agent owns.
 *
 * In: topics and a slow tick, which only say "look again". Out: what its jobs commit.
 * Invariants: every job compares what it saw and may be broken off anywhere or run by two agents at once; a job that
 * fails does not keep the others from their turn.
 */
export interface Job {
  readonly name: string;
  /** Looks at everything once and does what is due. */
  run(signal: AbortSignal): Promise<void>;
}

export interface StewardOptions {
  readonly node: string;
  /** `host:port`, shown as the leader's. */
  readonly address: string;
  /** What the jobs look at changed. */
  readonly topics: readonly string[];
}

export interface StewardDeps {
  readonly store: Pick<Store, 'commit'>;
  readonly liveness: Pick<Liveness, 'fence' | 'leaseId' | 'incarnation' | 'on'>;
  readonly table: StewardTable;
  readonly watches: { subscribe(topics: readonly string[], onChange: () => void): () => void };
  readonly jobs: readonly Job[];
  readonly clock: Clock;
  readonly log: Logger;
}

export class Steward {
  readonly #options: StewardOptions;
  readonly #deps: StewardDeps;
  readonly #alarm: Alarm;
  #isAsked = false;
  readonly #failed = new Set<string>();

  constructor(options: StewardOptions, deps: StewardDeps) {
    this.#options = options;
    this.#deps = deps;
    this.#alarm = new Alarm(deps);
  }

  /** Whether this agent is the steward, as far as it knows. */
  get isLead(): boolean {
    const { table, liveness } = this.#deps;
    return liveness.fence() !== undefined && table.lead?.incarnation === liveness.incarnation;
  }

  async run(signal: AbortSignal): Promise<void> {
    const look = (): void => {
      this.#isAsked = true;
      this.#alarm.wake();
    };
    const { watches, liveness } = this.#deps;
    const ends = [
      watches.subscribe([leadTopic, ...this.#options.topics], look),
      liveness.on((event) => event === 'regained' && look()),
    ];
    try {
      while (!signal.aborted) {
        this.#isAsked = false;
        if (!this.isLead) await this.#stand();
        if (this.isLead) await this.#work(signal);
        if (!this.#isAsked) await this.#alarm.sleep(tickMs, signal);
      }
    } finally {
      for (const end of ends) end();
    }
  }

  /** Becomes the steward when there is none, or when the row is of a former life of this node. */
  async #stand(): Promise<void> {
    const { table, liveness, store, log } = this.#deps;
    const { node, address } = this.#options;
    const { lead } = table;
    const [fence, lease] = [liveness.fence(), liveness.leaseId];
    if (fence === undefined || lease === undefined) return;
    if (lead !== undefined && (lead.node !== node || lead.incarnation === liveness.incarnation)) return;
    const value = encodeLead({ node, incarnation: liveness.incarnation, address });
    try {
      const result: CommitResult = await store.commit({
        when: [{ key: leadKey, modRevision: lead?.revision ?? 0 }, fence],
        then: [{ put: leadKey, value, lease }],
      });
      if (result.outcome === 'committed') log.info({ node }, 'this agent is the steward');
    } catch (error) {
      log.debug({ err: error }, 'could not stand for steward; trying again');
    }
  }

  async #work(signal: AbortSignal): Promise<void> {
    for (const job of this.#deps.jobs) {
      if (signal.aborted || !this.isLead) return;
      try {
        await job.run(signal);
        this.#failed.delete(job.name);
      } catch (error) {
        const isNew = !this.#failed.has(job.name);
        this.#failed.add(job.name);
        if (isNew)
          this.#deps.log.warn({ err: error, job: job.name }, 'a job of the steward failed; trying again');
      }
    }
  }
}

const tickMs = 5000;
