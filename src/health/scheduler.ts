import type { Clock } from '../lib/clock.ts';
import { Deadlines, type Due } from '../lib/deadlines.ts';
import type { CheckStatus } from '../model/check.ts';
import type { CheckDefinition } from '../model/registration.ts';
import { probeOf } from './kinds.ts';
import { outputLimit } from './output.ts';
import { countResult, startStreak, type Streak } from './thresholds.ts';

/**
 * When checks run, and when reports are overdue.
 *
 * In: definitions of the checks of this agent. Out: results that reached a threshold, and expired TTLs.
 * Invariants: no two runs of one check overlap; a check that was dropped says nothing more; an idle check is one
 * small object, and all share one timer.
 * Not here: what statuses mean, alias checks (they follow the registry), who stores what.
 */
export interface SchedulerOptions {
  /** Most bytes of output of any check. */
  readonly outputMaxBytes: number;
}

export interface SchedulerDeps {
  readonly clock: Clock;
  /** Uniform in [0, 1); default Math.random. */
  readonly random?: () => number;
  readonly onResult: (id: string, status: CheckStatus, output: string) => void;
  /** A TTL check was not reported in time. */
  readonly onExpired: (id: string) => void;
}

const minIntervalMs = 1000;
const defaultTimeoutMs = 10_000;

export class Scheduler {
  readonly #options: SchedulerOptions;
  readonly #deps: SchedulerDeps;
  readonly #random: () => number;
  readonly #watched = new Map<string, Watched>();
  readonly #deadlines: Deadlines<Watched>;

  constructor(options: SchedulerOptions, deps: SchedulerDeps) {
    this.#options = options;
    this.#deps = deps;
    this.#random = deps.random ?? Math.random;
    this.#deadlines = new Deadlines({ clock: deps.clock, onDue: (watched) => this.#onDue(watched) });
  }

  /**
   * Runs a check from now on, in place of what its id did before. The first run comes after a random part of the
   * interval. The TTL of a reported check starts anew; `ttlLeftMs` is what is left of it after a restart. Many checks
   * may share one definition: its own id does not count.
   */
  watch(id: string, definition: CheckDefinition, ttlLeftMs?: number): void {
    const { kind } = definition;
    this.drop(id);
    if (kind.type === 'ttl') {
      const watched = new Watched(id, definition);
      this.#watched.set(id, watched);
      this.#deadlines.set(watched, ttlLeftMs ?? kind.ttlMs);
    } else if (probeOf(kind) !== undefined) {
      const watched = new Watched(id, definition);
      this.#watched.set(id, watched);
      this.#deadlines.set(watched, this.#random() * intervalOf(definition));
    }
  }

  /** Stops a check; a run in flight is cut off and its result is lost. Unknown ids are fine. */
  drop(id: string): void {
    const watched = this.#watched.get(id);
    if (watched === undefined) return;
    this.#watched.delete(id);
    this.#deadlines.delete(watched);
    watched.run?.abort();
  }

  /** A reported check was heard of: its TTL starts anew. */
  renew(id: string): void {
    const watched = this.#watched.get(id);
    if (watched === undefined || watched.definition.kind.type !== 'ttl') return;
    this.#deadlines.set(watched, watched.definition.kind.ttlMs);
  }

  close(): void {
    for (const id of this.#watched.keys()) this.drop(id);
    this.#deadlines.clear();
  }

  #onDue(watched: Watched): void {
    if (watched.definition.kind.type === 'ttl') this.#deps.onExpired(watched.id);
    else void this.#run(watched);
  }

  async #run(watched: Watched): Promise<void> {
    const { id, definition } = watched;
    const probe = probeOf(definition.kind);
    if (probe === undefined) return;
    const run = new AbortController();
    watched.run = run;
    const timeoutMs = definition.timeoutMs > 0 ? definition.timeoutMs : defaultTimeoutMs;
    const timer = this.#deps.clock.after(timeoutMs, () => run.abort());
    const outputMaxBytes = outputLimit(definition.outputMaxBytes, this.#options.outputMaxBytes);
    const result = await probe({ outputMaxBytes }, run.signal);
    timer.cancel();
    watched.run = undefined;
    if (this.#watched.get(id) !== watched) return;
    this.#deadlines.set(watched, intervalOf(definition));
    const status = countResult(watched, definition, result.status);
    if (status !== undefined) this.#deps.onResult(id, status, result.output);
  }
}

/** All that an idle check costs. */
class Watched implements Due, Streak {
  readonly id: string;
  readonly definition: CheckDefinition;
  dueAtMs = 0;
  dueSlot = -1;
  successes: number;
  failures: number;
  run: AbortController | undefined = undefined;

  constructor(id: string, definition: CheckDefinition) {
    this.id = id;
    this.definition = definition;
    const { successes, failures } = startStreak(definition);
    this.successes = successes;
    this.failures = failures;
  }
}

function intervalOf(definition: CheckDefinition): number {
  return Math.max(minIntervalMs, definition.intervalMs);
}
