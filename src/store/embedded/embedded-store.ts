/**
 * The embedded engine: the store's promises on one machine, over LevelDB (classic-level).
 * It keeps no values in memory but those of the newest batches and of changes that are not on disk yet.
 */
import { randomUUID } from 'node:crypto';

import type { Clock } from '../../lib/clock.ts';
import type { Logger } from '../../lib/log.ts';
import { checkCommit } from '../check-commit.ts';
import type { FeedOptions } from '../feed.ts';
import { grantedTtlSeconds, Leases } from '../leases.ts';
import { StoreError } from '../store.ts';
import type {
  Batch,
  Commit,
  CommitResult,
  Lease,
  LeaseHandle,
  LeaseId,
  Page,
  Revision,
  Selection,
  Store,
  StoreLimits,
} from '../store.ts';
import { Disk } from './disk.ts';
import { commitRequest } from './request.ts';
import { removeProbe } from './room.ts';
import { State } from './state.ts';
import { Writer } from './writer.ts';

export interface EmbeddedStoreOptions {
  /** LevelDB's directory, made when it is missing; see data-dir.ts. */
  readonly path: string;
  /** What `follow` keeps; default 10,000 batches and 8 MiB. */
  readonly feed?: FeedOptions;
}

export interface EmbeddedStoreDeps {
  readonly clock: Clock;
  readonly log: Logger;
}

/** Throws StoreError `data-dir` when another process holds the data, `unavailable` when they can't be opened. */
export async function openEmbeddedStore(
  options: EmbeddedStoreOptions,
  deps: EmbeddedStoreDeps,
): Promise<Store> {
  await removeProbe(options.path);
  const disk = await openDisk(options.path);
  try {
    const store = new EmbeddedStore(options, { ...deps, disk });
    await store.start();
    return store;
  } catch (error) {
    await disk.close();
    throw new StoreError('unavailable', `The data in ${options.path} can't be opened: ${reasonOf(error)}`, {
      cause: error,
    });
  }
}

class EmbeddedStore implements Store {
  // Evaluating a commit holds the event loop: about 5 µs an operation.
  readonly limits: StoreLimits = { ops: 1024, bytes: 8 * 1024 * 1024 };
  readonly #state: State;
  readonly #leases: Leases;
  readonly #writer: Writer;
  #closing: Promise<void> | undefined;

  constructor(options: EmbeddedStoreOptions, deps: EmbeddedStoreDeps & { readonly disk: Disk }) {
    const { clock, log, disk } = deps;
    this.#state = new State(disk, options.feed ?? {});
    this.#leases = new Leases({ clock, onExpired: (id) => void this.#end(id).catch(() => {}) });
    this.#writer = new Writer({ state: this.#state, leases: this.#leases, clock, log });
  }

  /** Leases go on with their full time: how long the store was away is not known. */
  async start(): Promise<void> {
    for (const { id, ttlSeconds } of await this.#state.disk.leases()) this.#leases.start(id, ttlSeconds);
    await this.#writer.start();
  }

  async *read(selection: Selection, options: { readonly pageSize?: number } = {}): AsyncGenerator<Page> {
    this.#assertOpen();
    try {
      yield* this.#state.read(selection, Math.max(1, options.pageSize ?? 1000));
    } catch (error) {
      this.#assertOpen();
      if (error instanceof StoreError) throw error;
      // LevelDB was closed and opened again in the middle of the read, or could not read.
      throw new StoreError('compacted', `The read was broken off: ${reasonOf(error)}`, { cause: error });
    }
  }

  // Not async: a promise less for each commit.
  commit(commit: Commit): Promise<CommitResult> {
    try {
      this.#assertOpen();
      checkCommit(commit, this.limits);
    } catch (error) {
      return Promise.reject(error as StoreError);
    }
    return this.#writer.submit(commitRequest(commit));
  }

  follow(from: Revision, signal: AbortSignal): AsyncIterable<Batch> {
    return this.#state.feed.follow(from, signal);
  }

  async lease(ttlSeconds: number): Promise<Lease> {
    this.#assertOpen();
    const id = randomUUID();
    const granted = grantedTtlSeconds(ttlSeconds);
    await this.#writer.submit({ kind: 'grant', hasPrefixes: false, lease: id, ttlSeconds: granted });
    this.#leases.start(id, granted);
    return { ...this.leaseById(id), ttlSeconds: granted };
  }

  leaseById(id: LeaseId): LeaseHandle {
    return this.#leases.handle(id, {
      assertOpen: () => this.#assertOpen(),
      onRevoked: (ended) => this.#end(ended),
    });
  }

  async barrier(): Promise<Revision> {
    this.#assertOpen();
    return this.#state.feed.revision;
  }

  lastAnswerAgoMs(): number {
    return 0;
  }

  async peers(): Promise<readonly string[]> {
    return [];
  }

  async leader(): Promise<string> {
    return '';
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    this.#leases.stop();
    try {
      await this.#writer.close();
    } finally {
      await this.#state.close();
    }
  }

  /** What can't be written now the writer writes later. */
  async #end(id: LeaseId): Promise<void> {
    await this.#writer.submit({ kind: 'end', hasPrefixes: false, lease: id });
  }

  #assertOpen(): void {
    if (this.#closing !== undefined) throw new StoreError('closed', 'The store was closed.');
  }
}

async function openDisk(path: string): Promise<Disk> {
  try {
    return await Disk.open(path);
  } catch (error) {
    const cause = error instanceof Error ? error.cause : undefined;
    const code = cause instanceof Error && 'code' in cause ? cause.code : undefined;
    if (code === 'LEVEL_LOCKED') {
      throw new StoreError('data-dir', `The data in ${path} are in use by another process.`, {
        cause: error,
      });
    }
    throw new StoreError('unavailable', `The data in ${path} can't be opened: ${reasonOf(error)}`, {
      cause: error,
    });
  }
}

// classic-level says "Database failed to open" and keeps the reason in the cause.
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause instanceof Error ? error.cause.message : error.message;
}
