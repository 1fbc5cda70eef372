/**
 * Plain reads of queries that are due, a few at a time, in turn.
 *
 * In: queries, urgent ones before others, each at most once in the queue. Out: their answers, taken by them. A server in
 * trouble is left alone for a growing while; a query that fails alone comes back later by itself.
 */
import { sleep } from '../lib/abort.ts';
import { Backoff } from '../lib/backoff.ts';
import type { ConsulQueries } from './consul-queries.ts';
import { askFresh, describeQuery, explain, isCutOff, isServerTrouble } from './source-http-ask.ts';
import type { AskOptions } from './source-http-ask.ts';
import type { Entry } from './source-http-entry.ts';
import type { Retry, Wake } from './source-http-poll.ts';
import { serverError } from './source-http-transport.ts';
import type { Query } from './source.ts';

export interface DueDeps {
  readonly queries: ConsulQueries;
  readonly wake: Wake;
}

/** Reads at the same time: with the signals' sockets, below what the source may open. */
const width = 4;

export class DueQueue {
  readonly #options: AskOptions & { readonly retry: Retry };
  readonly #deps: DueDeps;
  readonly #signal: AbortSignal;
  /** By query, the index that the answer must have reached. */
  readonly #urgent = new Map<Entry, number>();
  readonly #others = new Set<Entry>();
  readonly #alone = new Map<Entry, { readonly backoff: Backoff; timer: NodeJS.Timeout | undefined }>();
  readonly #backoff: Backoff;
  readonly #running = new Set<Promise<void>>();
  #pause: Promise<void> | undefined;

  constructor(options: AskOptions & { readonly retry: Retry }, deps: DueDeps, signal: AbortSignal) {
    this.#options = options;
    this.#deps = deps;
    this.#signal = signal;
    this.#backoff = new Backoff(options.retry);
  }

  /** A change is known: read it now. An answer below `index` comes from a server that has not heard of it yet. */
  urge(entry: Entry, index = 0): void {
    this.#others.delete(entry);
    this.#urgent.set(entry, Math.max(index, this.#urgent.get(entry) ?? 0));
    this.#fill();
  }

  /** It is this one's turn. */
  add(entry: Entry): void {
    if (!this.#urgent.has(entry)) this.#others.add(entry);
    this.#fill();
  }

  forget(entry: Entry): void {
    this.#urgent.delete(entry);
    this.#others.delete(entry);
    clearTimeout(this.#alone.get(entry)?.timer);
    this.#alone.delete(entry);
  }

  /** Ends with the signal. */
  async drained(): Promise<void> {
    for (const { timer } of this.#alone.values()) clearTimeout(timer);
    await Promise.all(this.#running);
  }

  #fill(): void {
    while (!this.#signal.aborted && this.#pause === undefined && this.#running.size < width) {
      const next = this.#take();
      if (next === undefined) return;
      const run = this.#read(next.entry, next.index).finally(() => {
        this.#running.delete(run);
        this.#fill();
      });
      this.#running.add(run);
    }
  }

  #take(): { readonly entry: Entry; readonly index: number } | undefined {
    for (const [entry, index] of this.#urgent) {
      this.#urgent.delete(entry);
      return { entry, index };
    }
    for (const entry of this.#others) {
      this.#others.delete(entry);
      return { entry, index: 0 };
    }
    return undefined;
  }

  async #read(entry: Entry, index: number): Promise<void> {
    try {
      const answer = await this.#ask(entry, index);
      if (this.#signal.aborted || entry.listeners.size === 0) return;
      if (answer === undefined) entry.confirm();
      else entry.accept(answer);
      this.#backoff.reset();
      clearTimeout(this.#alone.get(entry)?.timer);
      this.#alone.delete(entry);
    } catch (error) {
      if (this.#signal.aborted || entry.listeners.size === 0) return;
      entry.fail(explain(error, describeQuery(entry.query)));
      if (isServerTrouble(error)) {
        this.urge(entry, index);
        this.#rest(error);
      } else this.#again(entry);
    }
  }

  /** Undefined: nothing has changed. */
  async #ask(entry: Entry, index: number): Promise<Awaited<ReturnType<ConsulQueries['ask']>> | undefined> {
    const { queries } = this.#deps;
    const { query } = entry;
    const known = entry.current === undefined ? 0 : entry.index;
    const options = this.#options;
    const short = query.type === 'service' && (await queries.askIfMoved(query, known, options.maxStaleMs));
    if (short === 'same') return known >= index ? undefined : this.#askLeader(query);
    if (short === 'unusual') return this.#askLeader(query);
    const answer = short || (await askFresh((read) => queries.ask(query, read), 0, options, this.#signal));
    return answer.index === 0 || answer.index >= index ? answer : this.#askLeader(query);
  }

  #askLeader(query: Query): ReturnType<ConsulQueries['ask']> {
    const leader = { ...this.#options, maxStaleMs: 0 };
    return askFresh((read) => this.#deps.queries.ask(query, read), 0, leader, this.#signal);
  }

  #rest(error: unknown): void {
    if (this.#pause !== undefined) return;
    const server = serverError(error);
    const delayMs = this.#backoff.nextMs() + (server?.retryAfterMs ?? 0);
    const wakes = server === undefined && isCutOff(error);
    this.#pause = (wakes ? this.#deps.wake.sleep(delayMs, this.#signal) : sleep(delayMs, this.#signal)).then(
      () => {
        this.#pause = undefined;
        this.#fill();
      },
    );
  }

  // Forbidden, or no JSON: this query's own trouble.
  #again(entry: Entry): void {
    const state = this.#alone.get(entry) ?? { backoff: new Backoff(this.#options.retry), timer: undefined };
    clearTimeout(state.timer);
    state.timer = setTimeout(() => this.add(entry), state.backoff.nextMs());
    this.#alone.set(entry, state);
  }
}
