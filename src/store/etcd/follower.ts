/**
 * One follower of the store: a watch at one etcd server, begun anew at another whenever it breaks.
 *
 * In: a revision to go on from. Out: batches, one async iteration.
 * Invariants: no gap and no repeat across servers; a revision that etcd has compacted, or that it never gave, ends it
 * with `compacted`; what waits to be read is bounded, then the watch is paused.
 */
import type { ClientDuplexStream } from '@grpc/grpc-js';

import { sleep } from '../../lib/abort.ts';
import { Backoff } from '../../lib/backoff.ts';
import type { Logger } from '../../lib/log.ts';
import { StoreError } from '../store.ts';
import type { Batch, Revision, StoreErrorCode } from '../store.ts';
import { Batches } from './batches.ts';
import type { Caller } from './caller.ts';
import { failureOf } from './failure.ts';
import type { Keys } from './keys.ts';
import { encodeWatch, type Header, type WatchAnswer, watchMethod } from './messages.ts';
import type { Token } from './token.ts';

export interface FollowerDeps {
  readonly caller: Caller;
  readonly token: Token;
  readonly keys: Keys;
  readonly log: Logger;
  /** Is told the newest revision of each answer's batches before anybody reads them. */
  readonly onRevision: (revision: Revision) => void;
  /** Judges the cluster that answers; throws for one that is not ours. */
  readonly onHeader: (header: Header, address: string) => void;
  /** The store's revision at this moment, as a majority of the servers sees it. */
  readonly currentRevision: () => Promise<Revision>;
  readonly onEnd: () => void;
}

/** Most that waits to be read before the watch is paused. */
const queueBatches = 10_000;
const queueBytes = 8 * 1024 * 1024;
/** A server that does not show a revision for so long after another told of it is given up. */
const stallMs = 1000;
const connectMs = 700;

export class Follower implements AsyncIterableIterator<Batch> {
  readonly #deps: FollowerDeps;
  readonly #signal: AbortSignal;
  readonly #batches: Batches;
  readonly #onAbort = (): void => this.#end();
  #queue: Batch[] = [];
  #at = 0;
  /** Of all that was queued since the queue was last empty. */
  #bytes = 0;
  #waiting: (() => void)[] = [];
  #stream: ClientDuplexStream<Buffer, WatchAnswer> | undefined;
  #paused = false;
  #stallTimer: NodeJS.Timeout | undefined;
  #failure: StoreError | undefined;
  #ended = false;

  constructor(options: { readonly from: Revision; readonly signal: AbortSignal }, deps: FollowerDeps) {
    this.#deps = deps;
    this.#signal = options.signal;
    this.#batches = new Batches(deps.keys, options.from + 1);
    if (options.signal.aborted) this.#ended = true;
    else {
      options.signal.addEventListener('abort', this.#onAbort, { once: true });
      void this.#run();
    }
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  async next(): Promise<IteratorResult<Batch>> {
    for (;;) {
      if (this.#signal.aborted) return { done: true, value: undefined };
      const batch = this.#take();
      if (batch !== undefined) return { done: false, value: batch };
      if (this.#failure !== undefined) throw this.#failure;
      if (this.#ended) return { done: true, value: undefined };
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
  }

  async return(): Promise<IteratorResult<Batch>> {
    this.#end();
    this.#clear();
    return { done: true, value: undefined };
  }

  /** Ends it with an error, after what is there has been read; at once when `code` is `closed`. */
  fail(code: StoreErrorCode, message: string): void {
    if (this.#ended) return;
    this.#failure = new StoreError(code, message);
    // Of another history nothing more may be shown.
    this.#clear();
    this.#end();
  }

  /** Says that `revision` exists: a server that does not show it soon is given up. */
  expect(revision: Revision): void {
    if (this.#ended || this.#paused || this.#stallTimer !== undefined || revision < this.#batches.next)
      return;
    const { next } = this.#batches;
    this.#stallTimer = setTimeout(() => {
      this.#stallTimer = undefined;
      if (!this.#paused && this.#batches.next === next)
        this.#stream?.destroy(new Error('it shows nothing new'));
    }, stallMs);
    this.#stallTimer.unref();
  }

  #take(): Batch | undefined {
    const batch = this.#queue[this.#at];
    if (batch === undefined) return undefined;
    this.#at++;
    if (this.#at === this.#queue.length) {
      this.#clear();
      if (this.#paused) {
        this.#paused = false;
        this.#stream?.resume();
      }
    }
    return batch;
  }

  async #run(): Promise<void> {
    const backoff = new Backoff({ minMs: 20, maxMs: 1000 });
    while (!this.#ended) {
      const endpoint = this.#deps.caller.preferred;
      const { next } = this.#batches;
      try {
        await this.#watch();
      } catch (error) {
        if (this.#ended) return;
        const { message } = failureOf(error, true);
        this.#deps.log.debug(
          { endpoint: endpoint.address, reason: message },
          'the watch broke off; going on elsewhere',
        );
        this.#deps.caller.failed(endpoint);
      }
      if (this.#ended) return;
      if (this.#batches.next > next) backoff.reset();
      await sleep(backoff.nextMs(), this.#signal);
    }
  }

  // Rejects when the stream ends, for whatever reason.
  async #watch(): Promise<void> {
    const { caller, token, keys } = this.#deps;
    const endpoint = caller.preferred;
    const metadata = await token.metadata(endpoint, { connectMs, limitMs: 2 * connectMs });
    const stream = await endpoint.stream(watchMethod, metadata, { connectMs });
    stream.on('error', () => undefined);
    if (this.#ended) {
      stream.cancel();
      return;
    }
    this.#stream = stream;
    this.#batches.restart();
    const silent = setTimeout(() => stream.destroy(new Error('it does not begin')), 2 * connectMs);
    try {
      await new Promise<void>((_, reject) => {
        stream.on('error', reject);
        stream.on('end', () => reject(new Error('the server ended it')));
        stream.on('data', (answer: WatchAnswer) => {
          clearTimeout(silent);
          try {
            this.#answer(answer, endpoint.address);
          } catch (error) {
            reject(error instanceof Error ? error : new Error(String(error)));
          }
        });
        stream.on('close', () => reject(new Error('it was closed')));
        stream.write(encodeWatch(keys.all, this.#batches.next));
      });
    } catch (error) {
      if (failureOf(error, true).kind === 'auth') token.expire(metadata);
      throw error;
    } finally {
      clearTimeout(silent);
      this.#stream = undefined;
      this.#paused = false;
      // Whatever it still says: nobody listens.
      stream.removeAllListeners();
      stream.on('error', () => undefined);
      stream.cancel();
    }
  }

  #answer(answer: WatchAnswer, address: string): void {
    this.#deps.onHeader(answer.header, address);
    if (answer.compactRevision > 0) {
      return this.fail(
        'compacted',
        `etcd has compacted revision ${this.#batches.next}: read everything again.`,
      );
    }
    if (answer.canceled) throw new Error(answer.cancelReason || 'the server cancelled it');
    if (answer.created && answer.header.revision < this.#batches.next - 1) void this.#verify();
    const found = this.#batches.add(answer);
    if (found.length === 0) return;
    if (this.#stallTimer !== undefined) {
      clearTimeout(this.#stallTimer);
      this.#stallTimer = undefined;
    }
    this.#deps.onRevision(this.#batches.next - 1);
    for (const batch of found) this.#queue.push(batch);
    for (const { kv } of answer.events) this.#bytes += kv.key.byteLength + kv.value.byteLength;
    const full = this.#queue.length - this.#at > queueBatches || this.#bytes > queueBytes;
    if (full && !this.#paused) {
      this.#paused = true;
      this.#stream?.pause();
    }
    this.#wake();
  }

  // The server may only lag behind the others; or the store has never been at our revision.
  async #verify(): Promise<void> {
    const { next } = this.#batches;
    const current = await this.#deps.currentRevision().catch(() => undefined);
    if (current !== undefined && current < next - 1) {
      this.fail(
        'compacted',
        `etcd is at revision ${current} and never gave ${next - 1}: read everything again.`,
      );
    }
  }

  #end(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#signal.removeEventListener('abort', this.#onAbort);
    clearTimeout(this.#stallTimer);
    this.#stream?.destroy(new Error('nobody follows any more'));
    this.#deps.onEnd();
    this.#wake();
  }

  #clear(): void {
    this.#queue = [];
    this.#at = 0;
    this.#bytes = 0;
  }

  #wake(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const run of waiting) run();
  }
}
