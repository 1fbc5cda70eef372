import { fold } from '../catalog/keys.ts';
import type { Table } from '../catalog/table.ts';
import type { Entry, StoreEvent } from '../store/store.ts';
import {
  alivePrefix,
  delayPrefix,
  endedKey,
  endedPrefix,
  sessionPrefix,
  sessionTopics,
} from './session-keys.ts';
import { decodeSession, type SessionRow } from './session-row.ts';

/**
 * Sessions, which of them are alive, and which keys wait for a lock delay.
 *
 * The index is the newest of the sessions and of the one row that remembers the last removal. Alive keys and delays
 * have no part in it: they come and go with leases, and no view shows them.
 */
export class SessionState {
  readonly #rows = new Map<string, SessionRow>();
  readonly #byNode = new Map<string, Set<string>>();
  readonly #alive = new Set<string>();
  /** Rows without an alive key. */
  readonly #dead = new Set<string>();
  readonly #delays = new Set<string>();
  #newest = 0;

  /** The index of every view of sessions. */
  get index(): number {
    return Math.max(1, this.#newest);
  }

  get size(): number {
    return this.#rows.size;
  }

  row(id: string): SessionRow | undefined {
    return this.#rows.get(id);
  }

  rows(): Iterable<SessionRow> {
    return this.#rows.values();
  }

  /** Sessions of a node in any case. */
  rowsOf(node: string): SessionRow[] {
    return [...(this.#byNode.get(fold(node)) ?? [])].map((id) => this.#rows.get(id)!);
  }

  /** Folded names of nodes that have sessions, with the sessions' ids. */
  nodes(): Iterable<readonly [string, ReadonlySet<string>]> {
    return this.#byNode;
  }

  isAlive(id: string): boolean {
    return this.#alive.has(id);
  }

  /** Whether the key waits for a lock delay. */
  isDelayed(key: string): boolean {
    return this.#delays.has(key);
  }

  /** Sessions that are there and not alive: what they hold is to be released. */
  dead(): SessionRow[] {
    return [...this.#dead].map((id) => this.#rows.get(id)!);
  }

  put(entry: Entry, topics: string[] | undefined): void {
    const { key, modRevision } = entry;
    if (key.startsWith(sessionPrefix)) this.#add(key.slice(sessionPrefix.length), entry, topics);
    else if (key === endedKey) this.#newest = Math.max(this.#newest, modRevision);
    else if (key.startsWith(alivePrefix)) {
      const id = key.slice(alivePrefix.length);
      this.#alive.add(id);
      this.#dead.delete(id);
    } else if (key.startsWith(delayPrefix)) this.#delays.add(key.slice(delayPrefix.length));
  }

  delete(key: string, topics: string[]): void {
    if (key.startsWith(sessionPrefix)) this.#remove(key.slice(sessionPrefix.length), topics);
    else if (key.startsWith(alivePrefix)) {
      const id = key.slice(alivePrefix.length);
      this.#alive.delete(id);
      if (this.#rows.has(id)) this.#dead.add(id);
      topics.push(sessionTopics.dead);
    } else if (key.startsWith(delayPrefix)) this.#delays.delete(key.slice(delayPrefix.length));
  }

  #add(id: string, entry: Entry, topics: string[] | undefined): void {
    const row = decodeSession(id, entry.value, entry.createRevision, entry.modRevision);
    const node = fold(row.node);
    this.#rows.set(id, row);
    if (!this.#alive.has(id)) this.#dead.add(id);
    const ids = this.#byNode.get(node);
    if (ids === undefined) this.#byNode.set(node, new Set([id]));
    else ids.add(id);
    topics?.push(sessionTopics.any, sessionTopics.one(id), sessionTopics.node(node));
    this.#newest = Math.max(this.#newest, entry.modRevision);
  }

  #remove(id: string, topics: string[]): void {
    const row = this.#rows.get(id);
    if (row === undefined) return;
    this.#rows.delete(id);
    this.#dead.delete(id);
    const node = fold(row.node);
    const ids = this.#byNode.get(node);
    ids?.delete(id);
    if (ids?.size === 0) this.#byNode.delete(node);
    topics.push(sessionTopics.any, sessionTopics.one(id), sessionTopics.node(node));
  }
}

/** Stored rows -> the state of sessions. */
export class SessionTable implements Table {
  readonly prefixes = [sessionPrefix, alivePrefix, delayPrefix, endedPrefix];
  #state = new SessionState();
  #fresh = new SessionState();

  /** What is served now; replaced as a whole when the replica had to start over. */
  get state(): SessionState {
    return this.#state;
  }

  begin(): void {
    this.#fresh = new SessionState();
  }

  load(entry: Entry): void {
    this.#fresh.put(entry, undefined);
  }

  finish(): void {
    this.#state = this.#fresh;
    this.#fresh = new SessionState();
  }

  apply(event: StoreEvent, topics: string[]): void {
    if (event.type === 'put') this.#state.put(event.entry, topics);
    else this.#state.delete(event.key, topics);
  }
}
