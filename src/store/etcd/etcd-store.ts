/**
 * The etcd engine: the store's promises over etcd v3 (3.4 and later), through gRPC.
 *
 * Consensus, durability, leases and history are etcd's. Ours are: which server is asked and for how long (caller.ts),
 * whether a request may go twice (commits.ts), which revision is named (revisions.ts), one watch a follower
 * (follower.ts), and to notice another history (history.ts).
 */
import { readFile } from 'node:fs/promises';

import { type ChannelCredentials, credentials } from '@grpc/grpc-js';

import type { Clock, Timer } from '../../lib/clock.ts';
import type { Logger } from '../../lib/log.ts';
import { checkCommit } from '../check-commit.ts';
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
import { Caller, type CallOptions } from './caller.ts';
import { Commits } from './commits.ts';
import { Endpoint } from './endpoint.ts';
import { CallFailure } from './failure.ts';
import { Follower } from './follower.ts';
import { History } from './history.ts';
import { Keys } from './keys.ts';
import { EtcdLeases } from './leases.ts';
import { findLimits, forgetLimits } from './limits.ts';
import { encodeRange, methods } from './messages.ts';
import { readPages } from './pages.ts';
import { findPeers, type Peers } from './peers.ts';
import { Revisions } from './revisions.ts';
import { Token } from './token.ts';
import { type EtcdAddress, type EtcdSettings, type EtcdTls, parseEtcdUrl } from './url.ts';

export interface EtcdStoreOptions extends EtcdSettings {
  /** Milliseconds for one try at one server; default 700. */
  readonly tryMs?: number;
  /** Milliseconds for all tries of one call; default 3000: an election takes up to 2 s. */
  readonly budgetMs?: number;
  /** Milliseconds that etcd is waited for at the start; default 10,000. */
  readonly openMs?: number;
}

export interface EtcdStoreDeps {
  readonly clock: Clock;
  readonly log: Logger;
}

/** How often etcd is asked when nobody else asks it, so that a cut-off is noticed. */
const probeMs = 1000;

/**
 * Throws StoreError `invalid` for an address that can't be right, `unavailable` when no etcd answers there or it takes
 * neither user nor certificate.
 */
export async function openEtcdStore(options: EtcdStoreOptions, deps: EtcdStoreDeps): Promise<Store> {
  const address = parseEtcdUrl(options);
  const channel = await openCredentials(address.tls);
  const store = new EtcdStore({ ...options, address }, { ...deps, channel });
  try {
    await store.start(options.openMs ?? 10_000);
    return store;
  } catch (error) {
    await store.close();
    if (!(error instanceof CallFailure)) throw error;
    const where = address.endpoints.join(', ');
    throw new StoreError('unavailable', `No etcd can be used at ${where}: ${error.message}`, {
      cause: error,
    });
  }
}

async function openCredentials(tls: EtcdTls | undefined): Promise<ChannelCredentials> {
  if (tls === undefined) return credentials.createInsecure();
  const read = async (path: string): Promise<Buffer | null> => {
    if (path === '') return null;
    return readFile(path).catch((error: Error) => {
      throw new StoreError('invalid', `The TLS file of the store can't be read: ${error.message}`, {
        cause: error,
      });
    });
  };
  const [ca, key, cert] = [await read(tls.caFile), await read(tls.keyFile), await read(tls.certFile)];
  try {
    return credentials.createSsl(ca, key, cert, { rejectUnauthorized: !tls.insecure });
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new StoreError('invalid', `The TLS files of the store can't be used: ${reason}`, { cause: error });
  }
}

class EtcdStore implements Store {
  readonly #calls: CallOptions;
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #keys: Keys;
  readonly #token: Token;
  readonly #history: History;
  readonly #caller: Caller;
  readonly #revisions: Revisions;
  readonly #commits: Commits;
  readonly #leases: EtcdLeases;
  readonly #peers: Peers;
  readonly #followers = new Set<Follower>();
  #limits: StoreLimits = { ops: 127, bytes: 1_500_000 };
  #answeredMs: number;
  #probe: Timer | undefined;
  #closed = false;

  constructor(
    options: EtcdStoreOptions & { readonly address: EtcdAddress },
    deps: EtcdStoreDeps & { readonly channel: ChannelCredentials },
  ) {
    const { address } = options;
    const calls = { repeatable: true, tryMs: options.tryMs ?? 700, budgetMs: options.budgetMs ?? 3000 };
    this.#calls = calls;
    this.#clock = deps.clock;
    this.#log = deps.log;
    this.#answeredMs = deps.clock.monotonicMs();
    this.#keys = new Keys(address.namespace);
    this.#token = new Token(address);
    this.#history = new History({ log: deps.log, onChange: () => this.#beginAnew() });
    const serverName = address.tls?.serverName ?? '';
    const endpoints = address.endpoints.map(
      (at) => new Endpoint({ address: at, credentials: deps.channel, serverName }),
    );
    const onAgreed = (): void => void (this.#answeredMs = deps.clock.monotonicMs());
    const caller = new Caller({ endpoints, token: this.#token, history: this.#history, onAgreed });
    this.#caller = caller;
    const onHead = (revision: Revision): void => {
      for (const follower of this.#followers) follower.expect(revision);
    };
    this.#revisions = new Revisions({ caller, calls, keys: this.#keys, onHead });
    const onTooLarge = (): void => void forgetLimits({ caller, calls, keys: this.#keys });
    this.#commits = new Commits({
      caller,
      calls,
      keys: this.#keys,
      revisions: this.#revisions,
      onHead,
      onTooLarge,
    });
    const assertOpen = (): void => this.#assertOpen();
    this.#leases = new EtcdLeases({ caller, token: this.#token, calls, assertOpen, onAnswer: onAgreed });
    this.#peers = findPeers({ caller, calls });
  }

  get limits(): StoreLimits {
    return this.#limits;
  }

  /** Rejects with CallFailure when no etcd answers within `openMs`. */
  async start(openMs: number): Promise<void> {
    for (const endpoint of this.#caller.endpoints) endpoint.warm();
    const calls = { ...this.#calls, budgetMs: openMs };
    await this.#caller.call(methods.range, encodeRange({ key: this.#keys.head }), calls);
    this.#limits = await findLimits({ caller: this.#caller, calls: this.#calls, keys: this.#keys });
    this.#log.debug({ ...this.#limits }, 'etcd answers');
    this.#probeLater();
  }

  async *read(selection: Selection, options: { readonly pageSize?: number } = {}): AsyncGenerator<Page> {
    this.#assertOpen();
    const pageSize = Math.max(1, options.pageSize ?? 1000);
    try {
      yield* readPages(
        { selection, pageSize },
        { caller: this.#caller, keys: this.#keys, calls: this.#calls },
      );
    } catch (error) {
      throw this.#storeError(error);
    }
  }

  async commit(commit: Commit): Promise<CommitResult> {
    this.#assertOpen();
    checkCommit(commit, this.limits);
    return this.#commits.commit(commit).catch((error: unknown) => {
      throw this.#storeError(error);
    });
  }

  follow(from: Revision, signal: AbortSignal): AsyncIterable<Batch> {
    const follower: Follower = new Follower(
      { from, signal },
      {
        caller: this.#caller,
        token: this.#token,
        keys: this.#keys,
        log: this.#log,
        onRevision: (revision) => {
          this.#history.saw(revision);
          this.#revisions.show(revision);
        },
        onHeader: (header, address) => this.#history.checkCluster(header, address),
        currentRevision: () => this.#revisions.current(),
        onEnd: () => this.#followers.delete(follower),
      },
    );
    if (this.#closed) follower.fail('closed', 'The store was closed.');
    else if (!signal.aborted) this.#followers.add(follower);
    return follower;
  }

  async lease(ttlSeconds: number): Promise<Lease> {
    this.#assertOpen();
    return this.#leases.grant(ttlSeconds);
  }

  leaseById(id: LeaseId): LeaseHandle {
    return this.#leases.byId(id);
  }

  async barrier(): Promise<Revision> {
    this.#assertOpen();
    return this.#revisions.barrier().catch((error: unknown) => {
      throw this.#storeError(error);
    });
  }

  lastAnswerAgoMs(): number {
    return Math.max(0, this.#clock.monotonicMs() - this.#answeredMs);
  }

  async peers(): Promise<readonly string[]> {
    this.#assertOpen();
    return this.#peers.all().catch((error: unknown) => {
      throw this.#storeError(error);
    });
  }

  async leader(): Promise<string> {
    this.#assertOpen();
    return this.#peers.leader().catch((error: unknown) => {
      throw this.#storeError(error);
    });
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#probe?.cancel();
    for (const follower of this.#followers) follower.fail('closed', 'The store was closed.');
    this.#caller.close();
  }

  // Answers to others' questions are proof enough: an etcd in use is not asked for nothing.
  #probeLater(): void {
    const waitMs = Math.max(50, probeMs - this.lastAnswerAgoMs());
    this.#probe = this.#clock.after(waitMs, () => {
      const done = this.lastAnswerAgoMs() < probeMs ? Promise.resolve() : this.#revisions.current();
      const next = (): void => {
        if (!this.#closed) this.#probeLater();
      };
      done.then(next, next);
    });
  }

  #beginAnew(): void {
    this.#revisions.forget();
    for (const follower of this.#followers) {
      follower.fail('compacted', 'etcd has another history than before: read everything again.');
    }
  }

  #storeError(error: unknown): unknown {
    if (this.#closed) return new StoreError('closed', 'The store was closed.', { cause: error });
    return error instanceof CallFailure ? error.toStoreError() : error;
  }

  #assertOpen(): void {
    if (this.#closed) throw new StoreError('closed', 'The store was closed.');
  }
}
