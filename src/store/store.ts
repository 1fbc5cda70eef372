/**
 * The store seam: revisioned bytes. Shaped like etcd, which is the engine at scale; the embedded engine keeps
 * the same promises on one machine and the memory engine keeps them in tests and under -dev.
 *
 * Promises (each is a case of conformance.testkit.ts):
 * - Every commit gets one revision; revisions only grow and none is ever given twice, also across kill -9.
 * - An acknowledged commit survives kill -9 and power loss, unless it was marked `rederivable`.
 * - Batches are published after their commit, in commit order: a reader woken at n never reads older than n.
 * - `follow` has no gap and no repeat, and shows complete revisions only.
 */

/** Keys are ordered by their UTF-8 bytes. */
export type Key = string;
export type Revision = number;
export type LeaseId = string;

export interface Entry {
  readonly key: Key;
  readonly value: Uint8Array;
  readonly createRevision: Revision;
  readonly modRevision: Revision;
  readonly lease?: LeaseId;
}

/** One key, or all keys that begin with `prefix` ('' is every key). */
export type Selection = { readonly key: Key } | { readonly prefix: string };

export interface Page {
  /** The revision at which the entries were read; the same for all pages of one read. */
  readonly revision: Revision;
  readonly entries: readonly Entry[];
}

/** What must hold for `then` to be applied; `else` is applied otherwise. A range compare holds if every entry meets it. */
export type Compare =
  | { readonly key: Key; readonly modRevision: Revision }
  | { readonly key: Key; readonly createRevision: Revision }
  | { readonly key: Key; readonly value: Uint8Array }
  | { readonly key: Key; readonly exists: boolean }
  | { readonly prefix: string; readonly modRevisionBelow: Revision }
  | { readonly prefix: string; readonly empty: true };

export type Operation =
  | { readonly put: Key; readonly value: Uint8Array; readonly lease?: LeaseId }
  | { readonly delete: Key }
  | { readonly deletePrefix: string };

export interface Commit {
  readonly when?: readonly Compare[];
  /** At most one final operation a key; `deletePrefix` must not cover a key that another operation names. */
  readonly then: readonly Operation[];
  readonly else?: readonly Operation[];
  /** May be visible before it is on disk: the writer can derive it again (anti-entropy does). Default false. */
  readonly rederivable?: boolean;
  /** The caller will not touch the values again, so that they need not be copied. Default false. */
  readonly handsOver?: boolean;
}

/**
 * committed: applied at `revision`. refused: a compare did not hold (`else`, if any, was applied), `revision` is the
 * store's at that moment. unknown: it may or may not have been applied; never send it again without a compare.
 */
export type CommitResult =
  | { readonly outcome: 'committed'; readonly revision: Revision }
  | { readonly outcome: 'refused'; readonly revision: Revision }
  | { readonly outcome: 'unknown'; readonly cause: Error };

export type StoreEvent =
  | { readonly type: 'put'; readonly entry: Entry }
  | { readonly type: 'delete'; readonly key: Key };

/** All that one commit changed. */
export interface Batch {
  readonly revision: Revision;
  readonly events: readonly StoreEvent[];
}

/** What can be done to a lease that is known by its id, perhaps taken by another process. */
export interface LeaseHandle {
  readonly id: LeaseId;
  /** Extends by the full TTL; false when the lease is gone (take a new one). */
  keepAlive(): Promise<boolean>;
  /** Ends the lease; its keys vanish in one commit. */
  revoke(): Promise<void>;
}

export interface Lease extends LeaseHandle {
  /** Granted time to live in seconds: at least what was asked for, on the engine's grain. */
  readonly ttlSeconds: number;
}

export interface StoreLimits {
  /** Most operations in one commit. */
  readonly ops: number;
  /** Most bytes (keys and values) in one commit. */
  readonly bytes: number;
}

export interface Store {
  readonly limits: StoreLimits;

  /** Pages of a consistent read in key order; every page is of the same revision. */
  read(selection: Selection, options?: { readonly pageSize?: number }): AsyncIterable<Page>;

  /** Throws StoreError `too-large`, `invalid` (a key named twice), `unavailable` (nothing was applied) or `closed`. */
  commit(commit: Commit): Promise<CommitResult>;

  /**
   * Batches with revision > `from`, in order, until `signal` aborts. Subscribed when the call returns, not when it is
   * first iterated. Throws StoreError `compacted` (read everything again) or `closed`.
   */
  follow(from: Revision, signal: AbortSignal): AsyncIterable<Batch>;

  /** `ttlSeconds` is raised to the engine's floor. */
  lease(ttlSeconds: number): Promise<Lease>;

  /** A lease by its id, whoever took it; nothing is asked, so it may be gone. */
  leaseById(id: LeaseId): LeaseHandle;

  /** A revision at least as new as every commit acknowledged before the call. */
  barrier(): Promise<Revision>;

  /** Milliseconds since the store last gave an answer that it could not have given alone; 0: it is always in reach. */
  lastAnswerAgoMs(): number;

  /** `host:port` of the servers that keep the store; empty when this process keeps it. Throws as `barrier` does. */
  peers(): Promise<readonly string[]>;

  /** `host:port` of the server that leads the others; '' when this process keeps the store, or none leads. */
  leader(): Promise<string>;

  close(): Promise<void>;
}

export type StoreErrorCode =
  /** The revision asked for is no longer kept: throw the state away and read again. */
  | 'compacted'
  /** The store was closed. */
  | 'closed'
  /** The engine can't write at the moment (disk full, no leader): nothing was applied; try again later. */
  | 'unavailable'
  /** Over `limits`: split it. */
  | 'too-large'
  /** The commit contradicts itself: a fault of the caller. */
  | 'invalid'
  /** The data directory is in use, of a newer format, or not ours: the message says which and what to do. */
  | 'data-dir'
  /** A copy to this store was broken off: run it again before anything else. */
  | 'unfinished';

export class StoreError extends Error {
  readonly code: StoreErrorCode;

  constructor(code: StoreErrorCode, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.name = 'StoreError';
    this.code = code;
  }
}
