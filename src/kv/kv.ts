import { encodeTombstone } from '../catalog/codec.ts';
import type { Replica } from '../catalog/replica.ts';
import type { Clock } from '../lib/clock.ts';
import { KeyedTurns } from '../lib/keyed-turns.ts';
import type { Commit, Compare, Operation, Store } from '../store/store.ts';
import type { View } from '../watch/view.ts';
import { encodeKv } from './codec.ts';
import { KvError } from './errors.ts';
import { rowPrefix, tombstonePrefix, topics, treeTombstonePrefix } from './keys.ts';
import type { KvTable } from './kv-table.ts';
import { known, translated } from './outcome.ts';
import type { KvRow } from './row.ts';
import { sessionId } from './session-id.ts';
import type { SessionRules } from './session-rules.ts';

export { KvError, type KvErrorCode } from './errors.ts';
export type { KvRow } from './row.ts';

/** `cas`: only if the row's modifyIndex is this; 0 = only if there is none. */
export interface KvWriteOptions {
  readonly cas?: number | bigint | undefined;
}

/**
 * Keys and values. Reads are from the replica; writes resolve when they are durable and the replica shows them.
 * Writes to one key by this process are applied in the order of the calls. Throws KvError.
 */
export class Kv {
  readonly #store: Store;
  readonly #replica: Replica;
  readonly #table: KvTable;
  readonly #clock: Clock;
  readonly #sessions: Pick<SessionRules, 'isDelayed' | 'life' | 'notDelayed'> | undefined;
  readonly #turns = new KeyedTurns();

  constructor(
    _options: Readonly<Record<string, never>>,
    deps: {
      readonly store: Store;
      readonly replica: Replica;
      readonly table: KvTable;
      readonly clock: Clock;
      /** Without them there is no session that could acquire. */
      readonly sessions?: Pick<SessionRules, 'isDelayed' | 'life' | 'notDelayed'>;
    },
  ) {
    this.#store = deps.store;
    this.#replica = deps.replica;
    this.#table = deps.table;
    this.#clock = deps.clock;
    this.#sessions = deps.sessions;
  }

  /** One row. A missing key has the index of all keys but is woken only by its own writes. */
  get(key: string): View<KvRow | undefined> {
    return {
      topics: [topics.key(key)],
      index: () => this.#table.state.row(key)?.modifyIndex ?? this.#table.state.newest,
      read: () => this.#table.state.row(key),
    };
  }

  /** All rows whose key begins with `prefix`, by the keys' bytes. */
  list(prefix: string): View<readonly KvRow[]> {
    return this.#under(prefix, () => [...this.#table.state.rowsUnder(prefix)]);
  }

  /** Keys that begin with `prefix`, each cut after the first `separator` that follows it ('' cuts none). */
  keys(prefix: string, separator: string): View<readonly string[]> {
    return this.#under(prefix, () => {
      const keys: string[] = [];
      for (const { key } of this.#table.state.rowsUnder(prefix)) {
        const cut = separator === '' ? -1 : key.indexOf(separator, prefix.length);
        const shown = cut < 0 ? key : key.slice(0, cut + separator.length);
        if (shown !== keys.at(-1)) keys.push(shown);
      }
      return keys;
    });
  }

  /**
   * Sets value and flags. The session that holds the key keeps it, but its lock index falls back to 0, as in Consul.
   * False when `cas` does not hold. What is already so is not written.
   */
  put(key: string, value: Uint8Array, flags: bigint, options: KvWriteOptions = {}): Promise<boolean> {
    const id = rowPrefix + key;
    return this.#write(key, (row) => {
      if (!casHolds(row, options.cas)) return false;
      if (row !== undefined && isSame(row, value, flags)) return true;
      const fields = { value, flags, lockIndex: 0, session: row?.session ?? '' };
      return { then: [{ put: id, value: encodeKv(fields) }], when: [unchanged(id, row)], handsOver: true };
    });
  }

  /**
   * Sets value and flags and takes the lock for the session. The holder may do it again, to another value; its lock
   * index stays. False when another session holds the key or a lock delay is on. Throws KvError `session`.
   */
  async acquire(key: string, value: Uint8Array, flags: bigint, session: string): Promise<boolean> {
    const id = rowPrefix + key;
    if (session === '') throw new KvError('session', 'missing session');
    const holder = sessionId(session);
    return this.#write(key, (row) => {
      if (this.#sessions?.isDelayed(key)) return false;
      const alive = this.#sessions?.life(holder);
      if (alive === undefined) return new KvError('session', `invalid session ${JSON.stringify(session)}`);
      if (row !== undefined && row.session !== '' && row.session !== holder) return false;
      const isHeld = row?.session === holder;
      const lockIndex = (row?.lockIndex ?? 0) + (isHeld ? 0 : 1);
      if (isHeld && row.flags === flags && row.holds(value)) return true;
      const free = this.#sessions!.notDelayed(key);
      return {
        then: [{ put: id, value: encodeKv({ value, flags, lockIndex, session: holder }) }],
        when: [unchanged(id, row), ...alive, free],
        handsOver: true,
      };
    });
  }

  /**
   * Sets value and flags and gives the lock back. False when the session does not hold the key, also because it has
   * ended. Throws KvError `session` when none is named.
   */
  async release(key: string, value: Uint8Array, flags: bigint, session: string): Promise<boolean> {
    const id = rowPrefix + key;
    if (session === '') throw new KvError('session', 'missing session');
    const holder = session.toLowerCase();
    return this.#write(key, (row) => {
      const alive = row?.session === holder ? this.#sessions?.life(holder) : undefined;
      if (row === undefined || alive === undefined) return false;
      const fields = { value, flags, lockIndex: row.lockIndex, session: '' };
      return {
        then: [{ put: id, value: encodeKv(fields) }],
        when: [unchanged(id, row), ...alive],
        handsOver: true,
      };
    });
  }

  /** A missing key is a success, also with `cas`. */
  delete(key: string, options: KvWriteOptions = {}): Promise<boolean> {
    const id = rowPrefix + key;
    return this.#write(key, (row) => {
      if (row === undefined) return true;
      if (options.cas !== undefined && (Number(options.cas) === 0 || !casHolds(row, options.cas)))
        return false;
      const tombstone = { put: tombstonePrefix + key, value: encodeTombstone(this.#clock.wallMs()) };
      return { then: [{ delete: id }, tombstone], when: [unchanged(id, row)] };
    });
  }

  /**
   * Deletes every key that begins with `prefix`; '' deletes all. Up to 500 keys go in one commit. More go in several, in
   * the keys' order, since a commit of 100,000 would hold the event loop for a third of a second.
   */
  async deleteTree(prefix: string): Promise<void> {
    if (this.#table.state.rowsUnder(prefix).next().done) {
      await this.#catchUp();
      if (this.#table.state.rowsUnder(prefix).next().done) return;
    }
    const piece = Math.min(treePiece, this.#store.limits.ops - 1);
    for (let keys = this.#firstUnder(prefix, piece + 1); keys.length > piece; ) {
      await this.#commitTree(
        prefix,
        keys.slice(0, piece).map((key) => ({ delete: rowPrefix + key })),
      );
      keys = this.#firstUnder(prefix, piece + 1);
    }
    await this.#commitTree(prefix, [{ deletePrefix: rowPrefix + prefix }]);
  }

  #firstUnder(prefix: string, most: number): string[] {
    const keys: string[] = [];
    for (const { key } of this.#table.state.rowsUnder(prefix)) if (keys.push(key) === most) break;
    return keys;
  }

  /** Every piece moves the tree's tombstone, so that no index falls in between. */
  async #commitTree(prefix: string, deletes: readonly Operation[]): Promise<void> {
    const tombstone = { put: treeTombstonePrefix + prefix, value: encodeTombstone(this.#clock.wallMs()) };
    try {
      const result = known(await this.#store.commit({ then: [...deletes, tombstone], handsOver: true }));
      await this.#replica.waitFor(result.revision);
    } catch (error) {
      throw translated(error);
    }
  }

  #under<T>(prefix: string, read: () => T): View<T> {
    // Where nothing is, any write may come first: such a view is woken by all.
    const topic = this.#table.state.holdsUnder(prefix) ? topics.folder(prefix) : topics.any;
    return { topics: [topic], index: () => this.#table.state.indexUnder(prefix), read };
  }

  /** `decide` is asked again when the commit was refused, and once more after a barrier when it wants none. */
  async #write(
    key: string,
    decide: (row: KvRow | undefined) => boolean | KvError | Commit,
  ): Promise<boolean> {
    const turn = this.#turns.take(key);
    if (turn !== undefined) await turn;
    try {
      for (let fresh = false; ; ) {
        const wanted = decide(this.#table.state.row(key));
        if (typeof wanted === 'boolean' || wanted instanceof KvError) {
          if (fresh && typeof wanted === 'boolean') return wanted;
          if (fresh) throw wanted;
          await this.#catchUp();
          fresh = true;
          continue;
        }
        const result = known(await this.#store.commit(wanted));
        if (this.#replica.revision < result.revision) await this.#replica.waitFor(result.revision);
        if (result.outcome === 'committed') return true;
        fresh = false;
      }
    } catch (error) {
      throw translated(error);
    } finally {
      this.#turns.pass(key);
    }
  }

  async #catchUp(): Promise<void> {
    try {
      await this.#replica.waitFor(await this.#store.barrier());
    } catch (error) {
      throw translated(error);
    }
  }
}

const treePiece = 500;

function casHolds(row: KvRow | undefined, cas: number | bigint | undefined): boolean {
  return cas === undefined || BigInt(cas) === BigInt(row?.modifyIndex ?? 0);
}

function unchanged(id: string, row: KvRow | undefined): Compare {
  return row === undefined ? { key: id, exists: false } : { key: id, modRevision: row.modifyIndex };
}

function isSame(row: KvRow, value: Uint8Array, flags: bigint): boolean {
  return row.flags === flags && row.lockIndex === 0 && row.holds(value);
}
