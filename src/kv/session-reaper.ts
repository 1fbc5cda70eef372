import { encodeTombstone } from '../catalog/codec.ts';
import { firstCommit, type Step, unchanged } from '../catalog/plan.ts';
import type { Replica } from '../catalog/replica.ts';
import { topics as catalogTopics } from '../catalog/topics.ts';
import type { Clock } from '../lib/clock.ts';
import { KeyedTurns } from '../lib/keyed-turns.ts';
import type { Commit, Lease, Operation, Store } from '../store/store.ts';
import { encodeKv } from './codec.ts';
import { KvError } from './errors.ts';
import { rowPrefix, tombstonePrefix } from './keys.ts';
import type { KvTable } from './kv-table.ts';
import { known, translated } from './outcome.ts';
import type { KvRow } from './row.ts';
import { alivePrefix, delayPrefix, endedKey, sessionPrefix, sessionTopics } from './session-keys.ts';
import type { SessionRow } from './session-row.ts';
import type { SessionRules } from './session-rules.ts';
import type { SessionTable } from './session-table.ts';

/**
 * Ends sessions and gives back what they held.
 *
 * In: the replica. Out: commits, each on condition that what it was decided on still holds.
 * Invariants: a session's alive key goes first, so that from then on it takes no lock; its row goes last, so that
 * whoever comes after a kill finds what is left to do. Any number of agents may do this at once.
 * Not here: when to look (whoever runs `reap` after the topics), the time of leases (the store).
 */
export class SessionReaper {
  readonly #store: Store;
  readonly #replica: Replica;
  readonly #sessions: SessionTable;
  readonly #kv: KvTable;
  readonly #rules: SessionRules;
  readonly #clock: Clock;
  readonly #turns = new KeyedTurns();

  constructor(
    _options: Readonly<Record<string, never>>,
    deps: {
      readonly store: Store;
      readonly replica: Replica;
      readonly sessions: SessionTable;
      readonly kv: KvTable;
      readonly rules: SessionRules;
      readonly clock: Clock;
    },
  ) {
    this.#store = deps.store;
    this.#replica = deps.replica;
    this.#sessions = deps.sessions;
    this.#kv = deps.kv;
    this.#rules = deps.rules;
    this.#clock = deps.clock;
  }

  /** After one of these there may be something to reap. */
  readonly topics: readonly string[] = [
    sessionTopics.any,
    sessionTopics.dead,
    catalogTopics.checks,
    catalogTopics.nodes,
  ];

  /** Ends every session that has no right to live and clears up after all that have ended. Throws KvError. */
  async reap(): Promise<void> {
    // Two of them at once would only be in each other's way.
    const turn = this.#turns.take('');
    if (turn !== undefined) await turn;
    try {
      await this.#reap();
    } finally {
      this.#turns.pass('');
    }
  }

  async #reap(): Promise<void> {
    const doomed = this.#rules.doomed();
    if (doomed.length > 0) await this.end(doomed);
  }

  /** Ends these sessions, whatever they are, and clears up after them. Throws KvError. */
  async end(ids: readonly string[]): Promise<void> {
    const { state } = this.#sessions;
    const alive = ids.filter((id) => state.isAlive(id));
    try {
      for (let from = 0; from < alive.length; from += this.#most) {
        const some = alive.slice(from, from + this.#most);
        await this.#commit({ then: some.map((id) => ({ delete: alivePrefix + id })) });
      }
      await this.#clear(new Set(ids));
    } catch (error) {
      throw translated(error);
    }
  }

  get #most(): number {
    return Math.min(this.#store.limits.ops, opsPerCommit);
  }

  /** Gives back what these dead sessions hold, then removes them. */
  async #clear(ids: ReadonlySet<string>): Promise<void> {
    for (;;) {
      const dead = this.#sessions.state.dead().filter(({ id }) => ids.has(id));
      if (dead.length === 0) return;
      const round = new Round(this.#store, this.#clock.wallMs());
      for (const session of dead) {
        if (round.steps.length >= this.#most) break;
        for (const key of this.#kv.state.heldBy(session.id)) {
          const row = this.#kv.state.row(key);
          if (row !== undefined) await round.giveBack(row, session);
          if (round.steps.length >= this.#most) break;
        }
        if (round.steps.length < this.#most) round.remove(session);
      }
      const { when, then } = firstCommit(round.steps, { ...this.#store.limits, ops: this.#most });
      if (!(await this.#commit({ when, then }))) round.dropDelays();
    }
  }

  async #commit(commit: Commit): Promise<boolean> {
    const result = known(await this.#store.commit(commit));
    await this.#replica.waitFor(result.revision);
    // A replica that has stopped would have this tried for ever.
    if (this.#replica.revision < result.revision) throw new KvError('unavailable', 'the replica has stopped');
    return result.outcome === 'committed';
  }
}

/** So that one commit holds the event loop for some milliseconds only. */
const opsPerCommit = 500;
/** A longer lock delay is cut, as in Consul. */
const lockDelayMaxNs = 60e9;

/** What one commit is to do. */
class Round {
  readonly steps: Step[] = [];
  readonly #store: Store;
  readonly #wallMs: number;
  /** By their time: sessions of one lock delay share a lease. */
  readonly #delays = new Map<number, Lease>();

  constructor(store: Store, wallMs: number) {
    this.#store = store;
    this.#wallMs = wallMs;
  }

  async giveBack(row: KvRow, session: SessionRow): Promise<void> {
    const id = rowPrefix + row.key;
    const operations: Operation[] =
      session.behavior === 'delete'
        ? [{ delete: id }, { put: tombstonePrefix + row.key, value: encodeTombstone(this.#wallMs) }]
        : [{ put: id, value: released(row) }];
    const delay = await this.#delay(session);
    if (delay !== undefined)
      operations.push({ put: delayPrefix + row.key, value: new Uint8Array(), lease: delay.id });
    this.steps.push({ operations, compares: [unchanged(id, row)] });
  }

  remove(session: SessionRow): void {
    const id = sessionPrefix + session.id;
    this.steps.push({
      operations: [{ delete: id }, { put: endedKey, value: encodeTombstone(this.#wallMs) }],
      compares: [unchanged(id, session)],
    });
  }

  /** The commit was refused: the delays begin with the one that is not. */
  dropDelays(): void {
    for (const lease of this.#delays.values()) lease.revoke().catch(() => undefined);
  }

  async #delay({ lockDelayNs }: SessionRow): Promise<Lease | undefined> {
    const ns = Math.min(lockDelayNs, lockDelayMaxNs);
    if (ns <= 0) return undefined;
    let lease = this.#delays.get(ns);
    if (lease === undefined) this.#delays.set(ns, (lease = await this.#store.lease(ns / 1e9)));
    return lease;
  }
}

function released(row: KvRow): Uint8Array {
  return encodeKv({ value: row.value, flags: row.flags, lockIndex: row.lockIndex, session: '' });
}
