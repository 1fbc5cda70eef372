/**
 * A Source over any Consul HTTP API: one blocking query a subscription, asked again forever.
 *
 * - An answer with another index is a change; a lower index starts over from 0; equal data are no change.
 * - Answers may be stale up to `maxStaleMs` behind the leader; older ones are asked for again, from the leader.
 * - A failure is reported once, then retried with a growing delay until an answer comes; the last answer stands meanwhile.
 */
import { setMaxListeners } from 'node:events';
import { isDeepStrictEqual } from 'node:util';
import { ClientError } from '@portolan/sdk';
import { aborted, sleep } from '../lib/abort.ts';
import { Backoff } from '../lib/backoff.ts';
import { ConsulQueries } from './consul-queries.ts';
import type { Answer } from './consul-queries.ts';
import type { Answers, Query, Source, Subscription } from './source.ts';

export interface HttpSourceOptions {
  /** `http://127.0.0.1:8500`, `host:8500`, `unix:///path`. */
  readonly address: string;
  readonly token?: string;
  /** Asked when a query names none. */
  readonly datacenter?: string;
  /** How long the server may hold a query; default 60 s. */
  readonly waitMs?: number;
  /** 0: every answer comes from the leader. Default 2 s. */
  readonly maxStaleMs?: number;
  /** Delays after failures; default 250 ms doubling to 60 s. */
  readonly retry?: { readonly minMs: number; readonly maxMs: number };
}

const defaultWaitMs = 60_000;
const defaultMaxStaleMs = 2000;
const defaultRetry = { minMs: 250, maxMs: 60_000 };
/** What a server that does not hold its answers is asked at most: once in this time. */
const idleMs = 1000;
/** The same where the server has no index to wait by. */
const pollMs = 15_000;

export class HttpSource implements Source {
  readonly name: string;
  readonly #options: HttpSourceOptions;
  readonly #queries: ConsulQueries;
  readonly #stop = new AbortController();
  readonly #loops = new Set<Promise<void>>();

  constructor(options: HttpSourceOptions) {
    this.name = options.address;
    this.#options = options;
    this.#queries = new ConsulQueries(options);
    // One listener a subscription.
    setMaxListeners(0, this.#stop.signal);
  }

  subscribe<Q extends Query>(
    query: Q,
    onChange: () => void,
    onError: (error: Error) => void,
  ): Subscription<Q> {
    const own = new AbortController();
    const stop = (): void => own.abort();
    this.#stop.signal.addEventListener('abort', stop, { once: true });
    if (this.#stop.signal.aborted) own.abort();
    const watch = new Watch<Q>(query, this.#queries, this.#options, onChange, onError);
    const loop = watch.run(own.signal).finally(() => {
      this.#stop.signal.removeEventListener('abort', stop);
      this.#loops.delete(loop);
    });
    this.#loops.add(loop);
    return { current: () => watch.current, close: stop };
  }

  async close(): Promise<void> {
    this.#stop.abort();
    await Promise.all(this.#loops);
    await this.#queries.close();
  }
}

/** Some endpoints have no index to wait by. */
function isPolled(query: Query, index: number): boolean {
  return index === 0 && (query.type === 'datacenters' || query.type === 'document');
}

/** One query and its latest answer. */
class Watch<Q extends Query> {
  current: { readonly data: Answers[Q['type']] } | undefined;
  readonly #query: Q;
  readonly #queries: ConsulQueries;
  readonly #waitMs: number;
  readonly #maxStaleMs: number;
  readonly #backoff: Backoff;
  readonly #onChange: () => void;
  readonly #onError: (error: Error) => void;
  #index = 0;
  #failing = false;

  constructor(
    query: Q,
    queries: ConsulQueries,
    options: HttpSourceOptions,
    onChange: () => void,
    onError: (error: Error) => void,
  ) {
    this.#query = query;
    this.#queries = queries;
    this.#waitMs = options.waitMs ?? defaultWaitMs;
    this.#maxStaleMs = options.maxStaleMs ?? defaultMaxStaleMs;
    this.#backoff = new Backoff(options.retry ?? defaultRetry);
    this.#onChange = onChange;
    this.#onError = onError;
  }

  /** Resolves when the signal aborts; never rejects. */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const started = performance.now();
      try {
        const answer = await this.#ask(signal);
        if (signal.aborted) return;
        const moved = this.#accept(answer);
        const rest = (isPolled(this.#query, answer.index) ? pollMs : idleMs) - (performance.now() - started);
        if (!moved && rest > 0) await sleep(rest, signal);
      } catch (error) {
        if (signal.aborted) return;
        if (!this.#failing) this.#onError(error as Error);
        this.#failing = true;
        await sleep(this.#backoff.nextMs(), signal);
      }
    }
  }

  /** True when asking again at once makes sense. */
  #accept(answer: Answer<Q>): boolean {
    this.#failing = false;
    this.#backoff.reset();
    const moved = answer.index !== this.#index;
    // An index that goes back means a restored or restarted server: what it blocks on is unknown.
    this.#index = answer.index < this.#index ? 0 : answer.index;
    if (this.current === undefined || !isDeepStrictEqual(this.current.data, answer.data)) {
      this.current = { data: answer.data };
      this.#onChange();
    }
    return moved && answer.index > 0;
  }

  async #ask(signal: AbortSignal): Promise<Answer<Q>> {
    if (this.#maxStaleMs <= 0) return this.#bounded('default', this.#index, signal);
    const answer = await this.#bounded('stale', this.#index, signal);
    if (answer.lastContactMs <= this.#maxStaleMs && answer.knownLeader) return answer;
    return this.#bounded('default', 0, signal);
  }

  // The server adds up to a sixteenth to the wait; whatever takes much longer has died without a word.
  async #bounded(consistency: 'default' | 'stale', index: number, signal: AbortSignal): Promise<Answer<Q>> {
    const own = new AbortController();
    const limitMs = this.#waitMs * (17 / 16) + 10_000;
    const timer = setTimeout(
      () => own.abort(new ClientError('network', `no answer within ${limitMs} ms`)),
      limitMs,
    );
    const stop = (): void => own.abort(signal.reason);
    signal.addEventListener('abort', stop, { once: true });
    try {
      const options = { index, waitMs: this.#waitMs, consistency, signal: own.signal };
      return await Promise.race([this.#queries.ask(this.#query, options), rejectOn(own.signal)]);
    } finally {
      clearTimeout(timer);
      signal.removeEventListener('abort', stop);
    }
  }
}

async function rejectOn(signal: AbortSignal): Promise<never> {
  await aborted(signal);
  throw signal.reason;
}
