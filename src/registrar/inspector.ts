import type { ContainerSnapshot } from '../docker/docker.ts';
import { Backoff } from '../lib/backoff.ts';
import type { Clock } from '../lib/clock.ts';

/**
 * Reads containers that may have changed: at once, a few at a time, each id once however often it is asked for while
 * it waits. An id asked for while it is being read is read again afterwards.
 *
 * In: look(id). Out: onSnapshot in the order of the reads' beginnings, never an older one after a newer. A read that
 * fails is tried again with backoff, for as long as nobody says forget(id).
 */
export interface InspectorDeps {
  readonly inspect: (id: string) => Promise<ContainerSnapshot | undefined>;
  readonly onSnapshot: (id: string, snapshot: ContainerSnapshot | undefined) => void;
  readonly onError: (id: string, error: unknown, isFirst: boolean) => void;
  readonly clock: Clock;
}

interface Job {
  /** Reads begun, and the newest of them that has been told. */
  begun: number;
  told: number;
  inFlight: number;
  isDirty: boolean;
  backoff: Backoff | undefined;
}

const retry = { minMs: 500, maxMs: 15_000 };

export class Inspector {
  readonly #limit: number;
  readonly #deps: InspectorDeps;
  readonly #jobs = new Map<string, Job>();
  /** Insertion order is the order of service. */
  readonly #queue = new Set<string>();
  #inFlight = 0;
  #waiters: (() => void)[] = [];
  #isClosed = false;

  constructor(options: { readonly parallel: number }, deps: InspectorDeps) {
    this.#limit = options.parallel;
    this.#deps = deps;
  }

  /** Reads `id` soon. `isUrgent`: now, past the queue and beside a read that is under way (it may hang). */
  look(id: string, isUrgent = false): void {
    if (this.#isClosed) return;
    const job = this.#jobs.get(id) ?? this.#add(id);
    if (job.inFlight > 0 && !isUrgent) {
      job.isDirty = true;
    } else if (isUrgent || this.#inFlight < this.#limit) {
      this.#queue.delete(id);
      void this.#read(id, job);
    } else {
      this.#queue.add(id);
    }
  }

  /** Whatever is still read of `id` is not told: it is known to be gone. */
  forget(id: string): void {
    const job = this.#jobs.get(id);
    if (job === undefined) return;
    job.told = job.begun;
    job.isDirty = false;
    job.backoff = undefined;
    this.#queue.delete(id);
    this.#drop(id, job);
  }

  /** Ids asked for of which nothing was told yet. */
  isPending(id: string): boolean {
    return this.#jobs.has(id);
  }

  /** Resolves when every read that is asked for has ended or failed once. */
  idle(): Promise<void> {
    if (this.#isIdle()) return Promise.resolve();
    return new Promise((resolve) => this.#waiters.push(resolve));
  }

  /** Tells nothing more. */
  close(): void {
    this.#isClosed = true;
    this.#queue.clear();
    this.#jobs.clear();
    this.#wakeIdle();
  }

  #add(id: string): Job {
    const job: Job = { begun: 0, told: 0, inFlight: 0, isDirty: false, backoff: undefined };
    this.#jobs.set(id, job);
    return job;
  }

  async #read(id: string, job: Job): Promise<void> {
    const turn = ++job.begun;
    job.isDirty = false;
    job.inFlight++;
    this.#inFlight++;
    const tell = await this.#attempt(id, job);
    job.inFlight--;
    this.#inFlight--;
    if (this.#isClosed) return;
    if (turn > job.told) {
      job.told = turn;
      tell();
    }
    if (job.isDirty) this.look(id);
    else this.#drop(id, job);
    this.#next();
  }

  async #attempt(id: string, job: Job): Promise<() => void> {
    try {
      const snapshot = await this.#deps.inspect(id);
      return () => {
        job.backoff = undefined;
        this.#deps.onSnapshot(id, snapshot);
      };
    } catch (error) {
      return () => this.#retry(id, job, error);
    }
  }

  #retry(id: string, job: Job, error: unknown): void {
    const isFirst = job.backoff === undefined;
    job.backoff ??= new Backoff(retry);
    const { backoff } = job;
    this.#deps.clock.after(backoff.nextMs(), () => {
      if (job.backoff === backoff && this.#jobs.get(id) === job) this.look(id);
    });
    this.#deps.onError(id, error, isFirst);
  }

  /** Forgets a job that has nothing left to do. */
  #drop(id: string, job: Job): void {
    const isDone = job.inFlight === 0 && !job.isDirty && job.backoff === undefined && !this.#queue.has(id);
    if (isDone && this.#jobs.get(id) === job) this.#jobs.delete(id);
    this.#wakeIdle();
  }

  #next(): void {
    for (const id of this.#queue) {
      if (this.#inFlight >= this.#limit) break;
      this.#queue.delete(id);
      void this.#read(id, this.#jobs.get(id) ?? this.#add(id));
    }
    this.#wakeIdle();
  }

  #isIdle(): boolean {
    return this.#isClosed || (this.#inFlight === 0 && this.#queue.size === 0);
  }

  #wakeIdle(): void {
    if (!this.#isIdle()) return;
    const waiters = this.#waiters;
    this.#waiters = [];
    for (const wake of waiters) wake();
  }
}
