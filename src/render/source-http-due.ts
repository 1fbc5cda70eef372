/**
 * Plain reads of queries that are due, a few at a time, in turn.
 *
 * In: queries, urgent ones before others, each at most once in the queue. Out: their answers, taken by them, never older than
 * what they have. A place whose servers are in trouble is left alone for a growing while, and others go on; a query that
 * fails alone comes back later by itself.
 */
import { sleep } from '../lib/abort.ts';
import { Backoff } from '../lib/backoff.ts';
import type { ConsulQueries } from './consul-queries.ts';
import { askFresh, describeQuery, explain, isCutOff, isServerTrouble } from './source-http-ask.ts';
import type { AskOptions, Fresh } from './source-http-ask.ts';
import type { Entry } from './source-http-entry.ts';
import { Lane } from './source-http-lane.ts';
import type { Due } from './source-http-lane.ts';
import type { Retry, Wake } from './source-http-poll.ts';
import { serverError } from './source-http-transport.ts';
import type { Query } from './source.ts';

export interface DueDeps {
  readonly queries: ConsulQueries;
  readonly wake: Wake;
}

type Answer = Awaited<ReturnType<ConsulQueries['ask']>>;

/** Reads at the same time: with the signals' sockets, below what the source may open. */
const width = 4;

export class DueQueue {
  readonly #options: AskOptions & { readonly retry: Retry };
  readonly #deps: DueDeps;
  readonly #signal: AbortSignal;
  /** By place. */
  readonly #lanes = new Map<string, Lane>();
  readonly #alone = new Map<Entry, { readonly backoff: Backoff; timer: NodeJS.Timeout | undefined }>();
  readonly #running = new Set<Promise<void>>();
  /** Read while a server may not have heard of the change yet; when, the oldest first. */
  readonly #doubtful = new Map<Entry, number>();
  #again: NodeJS.Timeout | undefined;

  constructor(options: AskOptions & { readonly retry: Retry }, deps: DueDeps, signal: AbortSignal) {
    this.#options = options;
    this.#deps = deps;
    this.#signal = signal;
  }

  /** A change is known: read it now. An answer below `index` comes from a server that has not heard of it yet. */
  urge(entry: Entry, index = 0): void {
    this.#laneOf(entry).urge(entry, index);
    this.#fill();
  }

  /** It is this one's turn. */
  add(entry: Entry): void {
    this.#laneOf(entry).add(entry);
    this.#fill();
  }

  forget(entry: Entry): void {
    this.#laneOf(entry).forget(entry);
    this.#doubtful.delete(entry);
    this.#forgetAlone(entry);
  }

  /** Ends with the signal. */
  async drained(): Promise<void> {
    clearTimeout(this.#again);
    for (const { timer } of this.#alone.values()) clearTimeout(timer);
    await Promise.all(this.#running);
  }

  #laneOf({ query }: Entry): Lane {
    const key = query.scope === undefined ? query.dc : JSON.stringify([query.dc, query.scope]);
    const known = this.#lanes.get(key);
    if (known !== undefined) return known;
    const lane = new Lane(this.#options.retry);
    this.#lanes.set(key, lane);
    return lane;
  }

  #fill(): void {
    while (!this.#signal.aborted && this.#running.size < width) {
      const next = this.#take();
      if (next === undefined) return;
      const run = this.#read(next.lane, next.due).finally(() => {
        next.lane.done(next.due.entry);
        this.#running.delete(run);
        this.#fill();
      });
      this.#running.add(run);
    }
  }

  // A place that does not answer must not hold all: one read finds out whether it is back.
  #take(): { readonly lane: Lane; readonly due: Due } | undefined {
    const most = this.#lanes.size > 1 ? width - 1 : width;
    for (const [key, lane] of this.#lanes) {
      if (lane.isResting || lane.running >= (lane.isTroubled ? 1 : most)) continue;
      const due = lane.take();
      if (due === undefined) continue;
      // In turn.
      this.#lanes.delete(key);
      this.#lanes.set(key, lane);
      return { lane, due };
    }
    return undefined;
  }

  async #read(lane: Lane, due: Due): Promise<void> {
    const { entry, index } = due;
    try {
      const answer = await this.#ask(lane, due);
      lane.isTroubled = false;
      lane.backoff.reset();
      if (this.#signal.aborted || entry.listeners.size === 0) return;
      if (answer === undefined) entry.confirm();
      else entry.accept(answer);
      if (due.isUrgent && index === 0 && lane.hasFollowers) this.#readAgain(entry);
      this.#forgetAlone(entry);
    } catch (error) {
      if (this.#signal.aborted || entry.listeners.size === 0) return;
      entry.fail(explain(error, describeQuery(entry.query)));
      if (isServerTrouble(error)) {
        lane.urge(entry, index);
        this.#rest(lane, error);
      } else this.#retryAlone(entry, index);
    }
  }

  /** Undefined: nothing has changed. */
  async #ask(lane: Lane, { entry, index }: Due): Promise<Answer | undefined> {
    const known = entry.index;
    const answer = await this.#askAnyone(lane, entry);
    if (answer === 'same') return known >= index ? undefined : this.#askLeader(entry.query);
    // One below what is known is of a server behind the others, or all were restored.
    const isBehind =
      answer === 'unusual' || (answer.index > 0 && answer.index < Math.max(index, entry.index));
    if (!isBehind) return answer;
    const now = entry.index;
    const newest = await this.#askLeader(entry.query);
    // A list has told more in the meantime.
    return newest.index < entry.index && entry.index !== now ? undefined : newest;
  }

  async #askAnyone(lane: Lane, entry: Entry): Promise<Answer | 'same' | 'unusual'> {
    const { queries } = this.#deps;
    const { query } = entry;
    const { maxStaleMs } = this.#options;
    const note = ({ lastContactMs }: Pick<Fresh, 'lastContactMs'>): void => {
      if (lastContactMs > 0) lane.hasFollowers = true;
    };
    if (query.type === 'service') {
      const known = entry.current === undefined ? 0 : entry.index;
      const short = await queries.askIfMoved(query, known, { maxStaleMs, signal: this.#signal });
      if (short === 'unusual') return short;
      note(short);
      return 'same' in short ? 'same' : short;
    }
    const answer = await askFresh((read) => queries.ask(query, read), 0, this.#options, this.#signal);
    note(answer);
    return answer;
  }

  #askLeader(query: Query): Promise<Answer> {
    const leader = { ...this.#options, maxStaleMs: 0 };
    return askFresh((read) => this.#deps.queries.ask(query, read), 0, leader, this.#signal);
  }

  // Nothing said how new the answer must be, and a follower may answer with less: when that can't be, it is read once more.
  #readAgain(entry: Entry): void {
    this.#doubtful.delete(entry);
    this.#doubtful.set(entry, performance.now());
    this.#again ??= setTimeout(() => this.#readDoubtful(), this.#options.maxStaleMs);
  }

  #readDoubtful(): void {
    this.#again = undefined;
    for (const [entry, readMs] of this.#doubtful) {
      const leftMs = readMs + this.#options.maxStaleMs - performance.now();
      if (leftMs > 1) {
        this.#again = setTimeout(() => this.#readDoubtful(), leftMs);
        return;
      }
      this.#doubtful.delete(entry);
      this.add(entry);
    }
  }

  #rest(lane: Lane, error: unknown): void {
    lane.isTroubled = true;
    if (lane.isResting) return;
    lane.isResting = true;
    const server = serverError(error);
    const delayMs = lane.backoff.nextMs() + (server?.retryAfterMs ?? 0);
    const wakes = server === undefined && isCutOff(error);
    const rest = wakes ? this.#deps.wake.sleep(delayMs, this.#signal) : sleep(delayMs, this.#signal);
    void rest.then(() => {
      lane.isResting = false;
      this.#fill();
    });
  }

  // Forbidden, or no JSON: this query's own trouble.
  #retryAlone(entry: Entry, index: number): void {
    const state = this.#alone.get(entry) ?? { backoff: new Backoff(this.#options.retry), timer: undefined };
    clearTimeout(state.timer);
    state.timer = setTimeout(() => this.urge(entry, index), state.backoff.nextMs());
    this.#alone.set(entry, state);
  }

  #forgetAlone(entry: Entry): void {
    clearTimeout(this.#alone.get(entry)?.timer);
    this.#alone.delete(entry);
  }
}
