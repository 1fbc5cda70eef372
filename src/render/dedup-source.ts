/** One template's answers, shared between hosts: as a leader it asks and publishes, as a follower it reads. */
import { isDeepStrictEqual } from 'node:util';
import type { Client, KvEntry } from '@portolan/sdk';
import { sleep } from '../lib/abort.ts';
import { Backoff } from '../lib/backoff.ts';
import type { Logger } from '../lib/log.ts';
import { packShared, readHeader, unpackShared } from './dedup-payload.ts';
import type { Shared } from './dedup-payload.ts';
import { askFresh } from './source-http-ask.ts';
import type { Answers, Query, Source, Subscription } from './source.ts';

export interface SharedSourceOptions {
  /** Whose lock is the leadership, and whose value the data. */
  readonly key: string;
  readonly waitMs: number;
  readonly maxStaleMs: number;
  /** After so long without an answer a follower asks for itself; default 10 s. */
  readonly ownAfterMs?: number;
}

export interface SharedSourceDeps {
  readonly client: Client;
  readonly source: Source;
  readonly log: Logger;
  /** '' = there is none now. */
  readonly session: () => string;
}

interface Entry {
  readonly query: Query;
  readonly listeners: Set<() => void>;
  readonly onError: Set<(error: Error) => void>;
  /** What a leader published. */
  published: { readonly data: unknown } | undefined;
  own: Subscription | undefined;
  timer: NodeJS.Timeout | undefined;
}

const defaultOwnAfterMs = 10_000;
/** Changes that come together are published together. */
const gatherMs = 50;
const requestMs = 10_000;
const closeMs = 2000;

export class SharedSource implements Source {
  readonly name: string;
  readonly #options: SharedSourceOptions;
  readonly #deps: SharedSourceDeps;
  readonly #entries = new Map<string, Entry>();
  readonly #backoff = new Backoff({ minMs: 250, maxMs: 30_000 });
  /** Between looks at a key that nobody leads while there is no session to lead with. */
  readonly #idle = new Backoff({ minMs: 100, maxMs: 30_000 });
  #isLeader = false;
  #generation = 0;
  /** Keys that this instance has written and not deleted. */
  #oldParts: readonly string[] = [];
  /** Runs while nobody publishes, or it can't be read. */
  #alone: NodeJS.Timeout | undefined;
  #change: (() => void) | undefined;
  #isChanged = false;
  readonly #stop = new AbortController();
  /** Ends what was under way at the stop, and is needed to know what is held. */
  readonly #end = new AbortController();
  #loop: Promise<void> | undefined;

  constructor(options: SharedSourceOptions, deps: SharedSourceDeps) {
    this.name = deps.source.name;
    this.#options = options;
    this.#deps = deps;
  }

  get isLeader(): boolean {
    return this.#isLeader;
  }

  subscribe<Q extends Query>(
    query: Q,
    onChange: () => void,
    onError: (error: Error) => void,
  ): Subscription<Q> {
    if (!isShared(query)) return this.#deps.source.subscribe(query, onChange, onError);
    const key = JSON.stringify(query);
    const entry = this.#entries.get(key) ?? this.#open(key, query);
    entry.listeners.add(onChange);
    entry.onError.add(onError);
    return {
      current: () =>
        (entry.own?.current() ?? entry.published) as { readonly data: Answers[Q['type']] } | undefined,
      close: () => {
        entry.listeners.delete(onChange);
        entry.onError.delete(onError);
        if (entry.listeners.size === 0) this.#drop(key, entry);
      },
    };
  }

  /** Gives the lock back, with what is published under it. */
  async close(): Promise<void> {
    this.#stop.abort();
    const end = setTimeout(() => this.#end.abort(), closeMs);
    this.#heard();
    for (const [key, entry] of this.#entries) this.#drop(key, entry);
    await this.#loop;
    clearTimeout(end);
    if (!this.#isLeader || this.#deps.session() === '') return;
    this.#isLeader = false;
    for (const key of [this.#options.key, ...this.#oldParts]) {
      const signal = AbortSignal.timeout(closeMs);
      await this.#deps.client.kv.delete(key, { signal }).catch(() => {});
    }
  }

  /** Takes part in the election until it is closed; never rejects. */
  run(): Promise<void> {
    this.#loop ??= this.#run(this.#stop.signal);
    return this.#loop;
  }

  async #run(signal: AbortSignal): Promise<void> {
    let index = 0;
    let isFailing = false;
    while (!signal.aborted) {
      try {
        index = this.#isLeader ? await this.#lead(signal) : await this.#follow(index, signal);
        isFailing = false;
        this.#backoff.reset();
      } catch (error) {
        if (signal.aborted) return;
        if (!isFailing) this.#deps.log.warn({ key: this.#options.key, err: error }, 'shared data failed');
        isFailing = true;
        this.#lost();
        await sleep(this.#backoff.nextMs(), signal);
      }
    }
  }

  #open(key: string, query: Query): Entry {
    const entry: Entry = {
      query,
      listeners: new Set(),
      onError: new Set(),
      published: undefined,
      own: undefined,
      timer: undefined,
    };
    this.#entries.set(key, entry);
    if (this.#isLeader) this.#ask(entry);
    else this.#askLater(entry);
    return entry;
  }

  #drop(key: string, entry: Entry): void {
    this.#entries.delete(key);
    this.#waitNoMore(entry);
    entry.own?.close();
    if (this.#isLeader) this.#markChanged();
  }

  #askLater(entry: Entry): void {
    entry.timer ??= setTimeout(() => this.#ask(entry), this.#ownAfterMs).unref();
  }

  get #ownAfterMs(): number {
    return this.#options.ownAfterMs ?? defaultOwnAfterMs;
  }

  /** Nobody tells what has changed: when that lasts, everything is asked for here. */
  #lost(): void {
    if (this.#isLeader || this.#stop.signal.aborted) return;
    this.#alone ??= setTimeout(() => {
      for (const entry of this.#entries.values()) this.#ask(entry);
    }, this.#ownAfterMs).unref();
  }

  #heard(): void {
    clearTimeout(this.#alone);
    this.#alone = undefined;
  }

  #ask(entry: Entry): void {
    this.#waitNoMore(entry);
    if (entry.own !== undefined) return;
    let known = entry.published;
    const tell = (): void => {
      if (this.#isLeader) this.#markChanged();
      const isKnown = known !== undefined && isDeepStrictEqual(known.data, entry.own?.current()?.data);
      known = undefined;
      if (isKnown) return;
      for (const listener of Array.from(entry.listeners)) listener();
    };
    entry.own = this.#deps.source.subscribe(entry.query, tell, (error) => {
      for (const listener of Array.from(entry.onError)) listener(error);
    });
    // Another template follows the same, and nobody will be told of what it knows already.
    if (entry.own.current() !== undefined) tell();
  }

  #waitNoMore(entry: Entry): void {
    clearTimeout(entry.timer);
    entry.timer = undefined;
  }

  // ---- follower ----

  async #follow(index: number, signal: AbortSignal): Promise<number> {
    const { client, session } = this.#deps;
    const { key } = this.#options;
    const answer = await askFresh((read) => client.kv.get(key, read), index, this.#options, signal);
    if (signal.aborted) return index;
    if (answer.data === undefined || answer.data.session === '') {
      if (await this.#tryToLead()) return 0;
      this.#lost();
      if (session() !== '') this.#idle.reset();
      await sleep(session() === '' ? this.#idle.nextMs() : gatherMs * (1 + Math.random() * 4), signal);
      return answer.data === undefined ? 0 : answer.index;
    }
    if (await this.#read(answer.data, signal)) this.#heard();
    else this.#lost();
    return answer.index < index ? 0 : answer.index;
  }

  /** False: it can't be read. */
  async #read(row: KvEntry, signal: AbortSignal): Promise<boolean> {
    const header = readHeader(row.value);
    if (header === undefined) return false;
    const bytes = header.parts === 0 ? header.rest : await this.#parts(header, signal);
    // Parts that are gone belong to a newer header, which is on its way.
    const shared = bytes === undefined ? undefined : await unpackShared(bytes);
    if (shared === undefined) return false;
    this.#take(shared);
    return true;
  }

  #take(shared: Shared): void {
    for (const [key, entry] of this.#entries) {
      if (!shared.has(key)) {
        // Not yet, or not any more.
        if (entry.own === undefined) this.#askLater(entry);
        continue;
      }
      const data = shared.get(key);
      const before = entry.own?.current() ?? entry.published;
      entry.published = { data };
      this.#waitNoMore(entry);
      entry.own?.close();
      entry.own = undefined;
      if (before !== undefined && isDeepStrictEqual(before.data, data)) continue;
      for (const listener of Array.from(entry.listeners)) listener();
    }
  }

  async #parts(
    header: { generation: string; parts: number },
    signal: AbortSignal,
  ): Promise<Uint8Array | undefined> {
    const parts: Uint8Array[] = [];
    for (let i = 0; i < header.parts; i++) {
      const bounded = AbortSignal.any([signal, AbortSignal.timeout(requestMs)]);
      const answer = await this.#deps.client.kv.get(partKey(this.#options.key, header.generation, i), {
        consistency: 'default',
        signal: bounded,
      });
      if (answer.data === undefined) return undefined;
      parts.push(answer.data.value);
    }
    return Buffer.concat(parts);
  }

  // ---- leader ----

  async #tryToLead(): Promise<boolean> {
    const session = this.#deps.session();
    if (session === '') return false;
    const { value } = await packShared(this.#known(), this.#nextGeneration());
    if (!(await this.#acquire(this.#options.key, value, session))) return false;
    this.#isLeader = true;
    this.#heard();
    this.#deps.log.info({ key: this.#options.key }, 'leads the shared data of a template');
    for (const entry of this.#entries.values()) this.#ask(entry);
    this.#markChanged();
    return true;
  }

  /** Publishes what changes until the lock is lost. */
  async #lead(signal: AbortSignal): Promise<number> {
    const session = this.#deps.session();
    await this.#changed(signal);
    await sleep(gatherMs, signal);
    if (signal.aborted) return 0;
    this.#isChanged = false;
    try {
      if (session !== '' && session === this.#deps.session() && (await this.#publish(session))) return 0;
    } catch (error) {
      this.#isChanged = true;
      throw error;
    }
    this.#stepDown();
    return 0;
  }

  async #publish(session: string): Promise<boolean> {
    const { key } = this.#options;
    const generation = this.#nextGeneration();
    const { value, parts } = await packShared(this.#known(), generation);
    const names = parts.map((_, i) => partKey(key, generation, i));
    const old = this.#oldParts;
    // Known before they are there: what fails half-way is deleted with the next success.
    this.#oldParts = [...old, ...names];
    for (const [i, part] of parts.entries()) {
      if (!(await this.#acquire(names[i]!, part, session))) return false;
    }
    if (!(await this.#acquire(key, value, session))) return false;
    for (const name of old) {
      await this.#deps.client.kv.delete(name, { signal: AbortSignal.timeout(requestMs) });
      this.#oldParts = this.#oldParts.filter((one) => one !== name);
    }
    return true;
  }

  // Not ended by the stop: a lock that nobody here knows of would be held as long as the session is.
  #acquire(key: string, value: Uint8Array, session: string): Promise<boolean> {
    const bounded = AbortSignal.any([this.#end.signal, AbortSignal.timeout(requestMs)]);
    return this.#deps.client.kv.acquire(key, value, session, { signal: bounded });
  }

  #stepDown(): void {
    this.#isLeader = false;
    this.#deps.log.info({ key: this.#options.key }, 'follows the shared data of a template');
    for (const entry of this.#entries.values()) {
      entry.published = entry.own?.current() ?? entry.published;
      entry.own?.close();
      entry.own = undefined;
      if (entry.published === undefined) this.#askLater(entry);
    }
  }

  #known(): Map<string, unknown> {
    const known = new Map<string, unknown>();
    for (const [key, entry] of this.#entries) {
      const answer = entry.own?.current() ?? entry.published;
      if (answer !== undefined) known.set(key, answer.data);
    }
    return known;
  }

  #nextGeneration(): string {
    return `${Date.now().toString(36)}-${(this.#generation++).toString(36)}`;
  }

  #markChanged(): void {
    this.#isChanged = true;
    this.#change?.();
  }

  /** Resolves at a change, when the session is another, and when the signal aborts. */
  async #changed(signal: AbortSignal): Promise<void> {
    const session = this.#deps.session();
    while (!this.#isChanged && !signal.aborted && this.#deps.session() === session) {
      const pause = new AbortController();
      const stop = (): void => pause.abort();
      this.#change = stop;
      signal.addEventListener('abort', stop, { once: true });
      await sleep(2000, pause.signal);
      signal.removeEventListener('abort', stop);
    }
    this.#change = undefined;
  }
}

function isShared(query: Query): boolean {
  if (query.type === 'node' || query.type === 'document') return false;
  if (query.type === 'service' && query.connect === true) return false;
  return !('near' in query) || query.near !== '_agent';
}

function partKey(key: string, generation: string, i: number): string {
  return `${key}/${generation}/${i}`;
}
