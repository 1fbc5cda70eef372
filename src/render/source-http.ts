/**
 * A Source over any Consul HTTP API, under a budget of connections.
 *
 * - Up to 12 queries: a blocking query each, asked again forever (source-http-poll.ts).
 * - More: one blocking query each on the lists of services, nodes and checks tells that something changed, and plain reads
 *   fetch what (source-http-shared.ts). Never more than 16 sockets.
 * - An answer with another index is a change; a lower index starts over from 0; equal data are no change.
 * - Answers may be stale up to `maxStaleMs` behind the leader; older ones are asked for again, from the leader.
 * - A failure is reported once, then retried with a growing delay until an answer comes; the last answer stands meanwhile.
 */
import { setMaxListeners } from 'node:events';
import type { Dispatcher } from 'undici';
import { ConsulQueries } from './consul-queries.ts';
import { Entry } from './source-http-entry.ts';
import type { Listener } from './source-http-entry.ts';
import { followAlone } from './source-http-alone.ts';
import { Wake } from './source-http-poll.ts';
import { SharedPolls } from './source-http-shared.ts';
import type { Query, Source, Subscription } from './source.ts';

export interface HttpSourceOptions {
  /** `http://127.0.0.1:8500`, `host:8500`, `unix:///path`. */
  readonly address: string;
  /** For messages, and what saved answers are kept by; default: the address. */
  readonly name?: string;
  readonly token?: string;
  /** Asked when a query names none. */
  readonly datacenter?: string;
  /** How long the server may hold a query; default 60 s. */
  readonly waitMs?: number;
  /** 0: every answer comes from the leader. Default 2 s. */
  readonly maxStaleMs?: number;
  /** Delays after failures; default 250 ms doubling to 60 s. */
  readonly retry?: { readonly minMs: number; readonly maxMs: number };
  /** Queries that have a blocking query each; default 12. */
  readonly ownPolls?: number;
  /** How long few queries must stay few before each has a blocking query again; default 1 s. */
  readonly settleMs?: number;
  /** Bytes of the list of checks above which it is not followed; default 4 MiB. */
  readonly mostCheckBytes?: number;
  /** How requests are sent (connection.ts), closed with this; default: plain sockets to the address. */
  readonly dispatcher?: Dispatcher;
}

type Settings = Required<Omit<HttpSourceOptions, 'name' | 'token' | 'datacenter' | 'dispatcher'>>;

const defaults = {
  waitMs: 60_000,
  maxStaleMs: 2000,
  retry: { minMs: 250, maxMs: 60_000 },
  ownPolls: 12,
  settleMs: 1000,
  mostCheckBytes: 4 * 1024 * 1024,
} as const;

export class HttpSource implements Source {
  readonly name: string;
  readonly #settings: Settings;
  readonly #deps: { readonly queries: ConsulQueries; readonly wake: Wake };
  readonly #stop = new AbortController();
  readonly #entries = new Map<string, Entry>();
  readonly #polls = new Map<Entry, AbortController>();
  readonly #loops = new Set<Promise<void>>();
  #shared: { readonly polls: SharedPolls; readonly stop: AbortController } | undefined;
  #isBalancing = false;
  #settling: NodeJS.Timeout | undefined;

  constructor(options: HttpSourceOptions) {
    this.name = options.name ?? options.address;
    this.#settings = { ...defaults, ...options };
    this.#deps = { queries: new ConsulQueries(options), wake: new Wake() };
    // One listener a loop.
    setMaxListeners(0, this.#stop.signal);
  }

  /** How queries are followed now: each by its own blocking query, or all by shared ones. */
  get mode(): 'own' | 'shared' {
    return this.#shared === undefined ? 'own' : 'shared';
  }

  subscribe<Q extends Query>(
    query: Q,
    onChange: () => void,
    onError: (error: Error) => void,
  ): Subscription<Q> {
    const key = JSON.stringify(query);
    const entry = (this.#entries.get(key) ?? this.#open(key, query)) as unknown as Entry<Q>;
    const listener: Listener = { onChange, onError };
    entry.listeners.add(listener);
    const close = (): void => {
      entry.listeners.delete(listener);
      if (entry.listeners.size === 0) this.#close(key, entry as unknown as Entry);
    };
    return { current: () => entry.current, close };
  }

  async close(): Promise<void> {
    clearTimeout(this.#settling);
    this.#stop.abort();
    await Promise.all(this.#loops);
    await this.#deps.queries.close();
  }

  #open(key: string, query: Query): Entry {
    const entry = new Entry(query);
    this.#entries.set(key, entry);
    this.#balanceSoon();
    return entry;
  }

  #close(key: string, entry: Entry): void {
    if (this.#entries.get(key) !== entry) return;
    this.#entries.delete(key);
    this.#polls.get(entry)?.abort();
    this.#polls.delete(entry);
    this.#balanceSoon();
  }

  // What one turn subscribes and drops is looked at together: 500 new queries do not start 12 polls first.
  #balanceSoon(): void {
    if (this.#isBalancing) return;
    this.#isBalancing = true;
    queueMicrotask(() => {
      this.#isBalancing = false;
      if (!this.#stop.signal.aborted) this.#balance();
    });
  }

  #balance(): void {
    const isFew = this.#entries.size <= this.#settings.ownPolls;
    if (this.#shared === undefined) {
      if (isFew) this.#startPolls();
      else this.#share();
      return;
    }
    this.#shared.polls.update([...this.#entries.values()]);
    if (!isFew) {
      clearTimeout(this.#settling);
      this.#settling = undefined;
      return;
    }
    this.#settling ??= setTimeout(() => this.#unshare(), this.#settings.settleMs);
    this.#settling.unref();
  }

  #share(): void {
    for (const own of this.#polls.values()) own.abort();
    this.#polls.clear();
    const stop = this.#childSignal();
    const polls = new SharedPolls(this.#settings, this.#deps, stop.signal);
    this.#shared = { polls, stop };
    polls.update([...this.#entries.values()]);
    this.#keep(polls.ended());
  }

  #unshare(): void {
    this.#settling = undefined;
    this.#shared?.stop.abort();
    this.#shared = undefined;
    this.#balance();
  }

  #startPolls(): void {
    for (const entry of this.#entries.values()) {
      if (this.#polls.has(entry)) continue;
      const own = this.#childSignal();
      this.#polls.set(entry, own);
      this.#keep(followAlone(entry, this.#settings, this.#deps, own.signal));
    }
  }

  #childSignal(): AbortController {
    const child = new AbortController();
    setMaxListeners(0, child.signal);
    const stop = (): void => child.abort();
    this.#stop.signal.addEventListener('abort', stop, { once: true });
    child.signal.addEventListener('abort', () => this.#stop.signal.removeEventListener('abort', stop));
    if (this.#stop.signal.aborted) child.abort();
    return child;
  }

  #keep(loop: Promise<void>): void {
    const kept = loop.finally(() => this.#loops.delete(kept));
    this.#loops.add(kept);
  }
}
