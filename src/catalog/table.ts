import type { Entry, Revision, StoreEvent } from '../store/store.ts';

/**
 * Typed rows of some key prefixes, fed by a replica. Rows may come in any order, also a check before its service.
 * While a replica starts over, the table goes on serving its old state until `finish`.
 */
export interface Table {
  /** Every key that begins with one of these is this table's; prefixes of two tables never overlap. */
  readonly prefixes: readonly string[];
  /** Starts a fresh, empty state beside the one that is served. */
  begin(): void;
  /** Adds one stored row to the fresh state. */
  load(entry: Entry): void;
  /** Everything at `revision` was loaded: the fresh state replaces the one that is served. */
  finish(revision: Revision): void;
  /**
   * Applies one event of the batch at `revision` to the state that is served and adds the topics that it concerns,
   * perhaps more than once. A delete has no revision of its own: a key on a lease vanishes without a tombstone.
   */
  apply(event: StoreEvent, topics: string[], revision: Revision): void;
}
