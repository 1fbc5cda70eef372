/**
 * Many queries on few connections: by place (datacenter and scope), a few blocking queries say that something changed, and
 * plain reads fetch what.
 *
 * Invariants: 14 blocking queries and 4 reads at most, on 16 connections. The first two places have the catalog's lists and up to 4
 * folders of keys followed; the queries of others, and of a place whose lists can't be followed, are read again within 2 s.
 */
import { setMaxListeners } from 'node:events';
import type { ConsulQueries, Place } from './consul-queries.ts';
import { pollMs } from './source-http-alone.ts';
import type { AskOptions } from './source-http-ask.ts';
import { CatalogSignals } from './source-http-catalog.ts';
import { DueQueue } from './source-http-due.ts';
import { isPolled } from './source-http-entry.ts';
import type { Entry } from './source-http-entry.ts';
import { KeySignals } from './source-http-keys.ts';
import type { Retry, Wake } from './source-http-poll.ts';
import { Round } from './source-http-round.ts';

export interface SharedOptions extends AskOptions {
  readonly retry: Retry;
  /** Bytes of the list of checks above which it is not followed. */
  readonly mostCheckBytes: number;
}

export interface SharedDeps {
  readonly queries: ConsulQueries;
  readonly wake: Wake;
}

/** What signals of one place are given. */
export interface SignalDeps extends SharedDeps {
  readonly due: DueQueue;
  readonly options: SharedOptions;
  readonly signal: AbortSignal;
}

/** Follows the queries of one place in its own way. */
export interface Signals {
  update(entries: ReadonlySet<Entry>): void;
  ended(): Promise<unknown>;
}

interface Realm {
  readonly stop: AbortController;
  readonly all: readonly { readonly takes: (entry: Entry) => boolean; readonly signals: Signals }[];
}

const followedPlaces = 2;

export class SharedPolls {
  readonly #deps: SignalDeps;
  readonly #realms = new Map<string, Realm>();
  readonly #timed: Round;
  #entries: ReadonlySet<Entry> = new Set();

  constructor(options: SharedOptions, deps: SharedDeps, signal: AbortSignal) {
    this.#deps = { ...deps, options, signal, due: new DueQueue(options, deps, signal) };
    // They can't be waited for.
    this.#timed = new Round(this.#deps, () => pollMs);
  }

  /** The queries that are wanted from now on. */
  update(entries: readonly Entry[]): void {
    const wanted = new Set(entries);
    for (const entry of this.#entries) if (!wanted.has(entry)) this.#deps.due.forget(entry);
    this.#entries = wanted;
    const places = new Map<string, Entry[]>();
    for (const entry of entries) {
      if (isPolled(entry.query)) continue;
      const key = JSON.stringify(placeOf(entry));
      const known = places.get(key);
      if (known === undefined) places.set(key, [entry]);
      else known.push(entry);
    }
    for (const [key, { stop }] of this.#realms) {
      if (places.has(key)) continue;
      this.#realms.delete(key);
      stop.abort();
    }
    for (const [key, own] of places) {
      const realm = this.#realms.get(key) ?? this.#open(placeOf(own[0]!));
      this.#realms.set(key, realm);
      for (const { takes, signals } of realm.all) signals.update(new Set(own.filter(takes)));
    }
    this.#timed.update(new Set(entries.filter(({ query }) => isPolled(query))));
  }

  /** Resolves, after the signal has aborted, when nothing runs any more. */
  async ended(): Promise<void> {
    await this.#timed.ended();
    for (const { all } of this.#realms.values()) for (const { signals } of all) await signals.ended();
    await this.#deps.due.drained();
  }

  #open(place: Place): Realm {
    const stop = new AbortController();
    setMaxListeners(0, stop.signal);
    const end = (): void => stop.abort();
    this.#deps.signal.addEventListener('abort', end, { once: true });
    const deps = { ...this.#deps, signal: stop.signal };
    const all =
      this.#realms.size >= followedPlaces
        ? [{ takes: () => true, signals: new Round(deps) }]
        : [
            { takes: (entry: Entry) => !isKeys(entry), signals: new CatalogSignals(place, deps) },
            { takes: isKeys, signals: new KeySignals(place, deps) },
          ];
    stop.signal.addEventListener('abort', () => this.#deps.signal.removeEventListener('abort', end));
    return { stop, all };
  }
}

function isKeys({ query }: Entry): boolean {
  return query.type === 'key' || query.type === 'prefix';
}

function placeOf({ query }: Entry): Place {
  return query.scope === undefined ? { dc: query.dc } : { dc: query.dc, scope: query.scope };
}
