import { randomUUID } from 'node:crypto';
import type { Replica } from '../catalog/replica.ts';
import { durationProblem, formatDurationNs, parseDurationNs } from '../lib/duration.ts';
import { fold } from '../catalog/keys.ts';
import type { Commit, LeaseHandle, Store } from '../store/store.ts';
import type { View } from '../watch/view.ts';
import { KvError } from './errors.ts';
import { known, translated } from './outcome.ts';
import { sessionId } from './session-id.ts';
import { alivePrefix, sessionPrefix, sessionTopics } from './session-keys.ts';
import type { SessionReaper } from './session-reaper.ts';
import { encodeSession, type SessionFields, type SessionRow } from './session-row.ts';
import type { SessionRules } from './session-rules.ts';
import type { SessionTable } from './session-table.ts';

export type { ServiceCheckRef, SessionRow } from './session-row.ts';

/** What a session is made of; `behavior` '' is `release`. */
export interface SessionRequest extends Omit<SessionFields, 'behavior' | 'lease'> {
  readonly behavior: string;
}

export interface SessionsOptions {
  /** Shortest TTL; default 10 s. */
  readonly ttlMinMs?: number;
}

/**
 * Sessions. Reads are from the replica; writes resolve when they are durable and the replica shows them. Nothing is
 * refused before the replica has caught up with a barrier. Throws KvError.
 */
export class Sessions {
  readonly #ttlMinNs: number;
  readonly #store: Store;
  readonly #replica: Replica;
  readonly #table: SessionTable;
  readonly #rules: SessionRules;
  readonly #reaper: SessionReaper;

  constructor(
    options: SessionsOptions,
    deps: {
      readonly store: Store;
      readonly replica: Replica;
      readonly table: SessionTable;
      readonly rules: SessionRules;
      readonly reaper: SessionReaper;
    },
  ) {
    this.#ttlMinNs = (options.ttlMinMs ?? 10_000) * 1e6;
    this.#store = deps.store;
    this.#replica = deps.replica;
    this.#table = deps.table;
    this.#rules = deps.rules;
    this.#reaper = deps.reaper;
  }

  /** All sessions by id. The views of sessions share one index, as in Consul, but are only woken by their own. */
  list(): View<readonly SessionRow[]> {
    return this.#view(sessionTopics.any, () => sorted(this.#table.state.rows()));
  }

  /** The sessions of a node in any case, by id. */
  ofNode(node: string): View<readonly SessionRow[]> {
    return this.#view(sessionTopics.node(fold(node)), () => sorted(this.#table.state.rowsOf(node)));
  }

  /** One session; throws KvError `session` when the id is none. */
  info(id: string): View<SessionRow | undefined> {
    const key = sessionId(id);
    return this.#view(sessionTopics.one(key), () => this.#table.state.row(key));
  }

  /** The new session's id. Throws KvError `invalid` and `refused`. */
  async create(request: SessionRequest): Promise<string> {
    const ttlNs = this.#checkedTtlNs(request);
    const session = { ...request, behavior: checkedBehavior(request.behavior) };
    try {
      const lease = ttlNs === 0 ? undefined : await this.#store.lease((ttlMultiplier * ttlNs) / 1e9);
      try {
        return await this.#create(session, lease);
      } catch (error) {
        // Without its keys the lease is of no use to anybody; should this fail, it ends by itself.
        lease?.revoke().catch(() => undefined);
        throw error;
      }
    } catch (error) {
      throw translated(error);
    }
  }

  /**
   * Gives a session with a TTL its full time again. Undefined when there is none, or when it has ended.
   */
  async renew(id: string): Promise<SessionRow | undefined> {
    const key = sessionId(id);
    try {
      let session = this.#alive(key);
      if (session === undefined) {
        await this.#catchUp();
        session = this.#alive(key);
      }
      if (session === undefined || session.lease === '') return session;
      return (await this.#store.leaseById(session.lease).keepAlive()) ? session : undefined;
    } catch (error) {
      throw translated(error);
    }
  }

  /** Ends a session and gives back what it held. What is absent is a success. */
  async destroy(id: string): Promise<void> {
    const key = sessionId(id);
    if (this.#table.state.row(key) === undefined) {
      await this.#catchUp();
      if (this.#table.state.row(key) === undefined) return;
    }
    await this.#reaper.end([key]);
  }

  /**
   * Ends what a write to the catalog has cost its right to live, so that the writer's next read shows it. Never rejects:
   * what is not done now is done by whoever reaps.
   */
  async settle(): Promise<void> {
    if (this.#table.state.size === 0) return;
    try {
      await this.#reaper.reap();
    } catch {
      // The write itself is done, and the reaper says what is wrong when it tries again.
    }
  }

  async #create(fields: Omit<SessionFields, 'lease'>, lease: LeaseHandle | undefined): Promise<string> {
    const id = randomUUID();
    const session: SessionFields = { ...fields, lease: lease?.id ?? '' };
    const alive = { put: alivePrefix + id, value: new Uint8Array() };
    const then = [
      { put: sessionPrefix + id, value: encodeSession(session) },
      lease === undefined ? alive : { ...alive, lease: lease.id },
    ];
    for (let fresh = false; ; ) {
      const problem = this.#rules.problem(session);
      if (problem !== undefined) {
        if (fresh) throw new KvError('refused', problem);
        await this.#catchUp();
        fresh = true;
        continue;
      }
      const commit: Commit = { when: this.#rules.birth(session), then };
      const result = known(await this.#store.commit(commit));
      await this.#replica.waitFor(result.revision);
      if (result.outcome === 'committed') return id;
      fresh = false;
    }
  }

  #alive(id: string): SessionRow | undefined {
    const { state } = this.#table;
    return state.isAlive(id) ? state.row(id) : undefined;
  }

  /** 0 without a TTL. */
  #checkedTtlNs({ ttl, node }: SessionRequest): number {
    if (node === '') throw new KvError('invalid', 'Must provide Node');
    if (ttl === '') return 0;
    const ns = parseDurationNs(ttl);
    if (ns === undefined)
      throw new KvError('invalid', `Session TTL '${ttl}' invalid: ${durationProblem(ttl)}`);
    if (ns !== 0 && (ns < this.#ttlMinNs || ns > ttlMaxNs)) {
      const range = `[${formatDurationNs(this.#ttlMinNs)}=${formatDurationNs(ttlMaxNs)}]`;
      throw new KvError('invalid', `Invalid Session TTL '${ns}', must be between ${range}`);
    }
    return ns;
  }

  #view<T>(topic: string, read: () => T): View<T> {
    return { topics: [topic], index: () => this.#table.state.index, read };
  }

  async #catchUp(): Promise<void> {
    await this.#replica.waitFor(await this.#store.barrier());
  }
}

/** A TTL is the least that a session lives without being renewed: it ends after so many of them, as in Consul. */
const ttlMultiplier = 2;
const ttlMaxNs = 24 * 3600e9;

function checkedBehavior(behavior: string): SessionFields['behavior'] {
  if (behavior === '') return 'release';
  if (behavior === 'release' || behavior === 'delete') return behavior;
  throw new KvError('invalid', `Invalid Behavior setting '${behavior}'`);
}

function sorted(rows: Iterable<SessionRow>): readonly SessionRow[] {
  // Ids are plain hexadecimal digits: any order of strings is that of their bytes.
  return [...rows].sort((a, b) => (a.id < b.id ? -1 : 1));
}
