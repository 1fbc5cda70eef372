/**
 * etcd's leases. A keepAlive asks a second server when the first is slow, so that neither a lost packet nor a stalled
 * server costs a lease.
 */
import { randomBytes } from 'node:crypto';

import type { Lease, LeaseHandle, LeaseId } from '../store.ts';
import type { Caller, CallOptions } from './caller.ts';
import type { Endpoint } from './endpoint.ts';
import { CallFailure, failureOf } from './failure.ts';
import { encodeGrant, encodeLeaseId, keepAliveMethod, type LeaseAnswer, methods } from './messages.ts';
import type { Token } from './token.ts';
import { parseLeaseId } from './translate.ts';
import type { Id } from './wire.ts';

/** When the second server is asked, and when a keepAlive has failed. */
const hedgeMs = 150;
const keepAliveMs = 1500;
/** One question to one server: a lost packet is sent again by then. */
const questionMs = 900;

export interface LeasesDeps {
  readonly caller: Caller;
  readonly token: Token;
  readonly calls: CallOptions;
  readonly assertOpen: () => void;
  /** A server spoke for the whole cluster. */
  readonly onAnswer: () => void;
}

export class EtcdLeases {
  readonly #deps: LeasesDeps;

  constructor(deps: LeasesDeps) {
    this.#deps = deps;
  }

  /** etcd counts whole seconds, and has a floor of its own. */
  async grant(ttlSeconds: number): Promise<Lease> {
    const { caller, calls, onAnswer } = this.#deps;
    const asked = Math.max(1, Math.ceil(ttlSeconds));
    const id = BigInt.asUintN(63, randomBytes(8).readBigUInt64BE()) | 1n;
    let ttl: number;
    try {
      // With an id of our own a second grant of a lost first one is refused, not another lease.
      ({ ttl } = (await caller.call(methods.grant, encodeGrant(id, asked), calls)).answer);
    } catch (error) {
      if (!(error instanceof CallFailure) || !error.message.includes('already exists'))
        throw toStoreError(error);
      ({ ttl } = await this.#keepAlive(id));
    }
    onAnswer();
    return { ...this.byId(String(id)), ttlSeconds: ttl };
  }

  byId(id: LeaseId): LeaseHandle {
    const number = parseLeaseId(id);
    const { assertOpen, onAnswer } = this.#deps;
    return {
      id,
      keepAlive: async () => {
        assertOpen();
        if (number === undefined) return false;
        let { ttl } = await this.#keepAlive(number);
        // A lease is given up for good when it is gone: one server's word is not enough.
        if (ttl <= 0) ({ ttl } = await this.#keepAlive(number));
        onAnswer();
        return ttl > 0;
      },
      revoke: async () => {
        assertOpen();
        if (number !== undefined) await this.#revoke(number);
      },
    };
  }

  async #revoke(id: Id): Promise<void> {
    const { caller, calls } = this.#deps;
    try {
      await caller.call(methods.revoke, encodeLeaseId(id), calls);
    } catch (error) {
      if (!(error instanceof CallFailure) || !error.message.includes('lease not found'))
        throw toStoreError(error);
    }
  }

  /** Rejects with StoreError `unavailable` when no server answers in time. */
  async #keepAlive(id: Id): Promise<LeaseAnswer> {
    const [first, second] = this.#twoServers();
    const over = new AbortController();
    const timer = setTimeout(() => over.abort(), keepAliveMs);
    let later: NodeJS.Timeout | undefined;
    try {
      const asked = [this.#ask(first, id, over.signal)];
      if (second !== undefined) {
        asked.push(
          new Promise((resolve, reject) => {
            const ask = (): void => void this.#ask(second, id, over.signal).then(resolve, reject);
            later = setTimeout(ask, hedgeMs);
            // The first has failed already: no reason to wait.
            asked[0]!.catch(() => {
              clearTimeout(later);
              ask();
            });
          }),
        );
      }
      return await Promise.any(asked);
    } catch (error) {
      const causes = error instanceof AggregateError ? (error.errors as unknown[]) : [error];
      throw toStoreError(
        causes.find((cause) => cause instanceof CallFailure && cause.kind === 'verdict') ?? causes[0],
      );
    } finally {
      over.abort();
      clearTimeout(timer);
      clearTimeout(later);
    }
  }

  #twoServers(): readonly [Endpoint, Endpoint | undefined] {
    const { preferred, endpoints } = this.#deps.caller;
    const others = endpoints.filter((endpoint) => endpoint !== preferred);
    return [preferred, others.sort((a, b) => a.failures - b.failures)[0]];
  }

  /** Asks one server until it answers; a question that is lost is asked again. */
  async #ask(endpoint: Endpoint, id: Id, over: AbortSignal): Promise<LeaseAnswer> {
    for (;;) {
      try {
        const answer = await this.#askOnce(endpoint, id, over);
        endpoint.failures = 0;
        return answer;
      } catch (error) {
        const failure = failureOf(error, true);
        if (over.aborted || failure.kind === 'verdict') throw failure;
        this.#deps.caller.failed(endpoint);
        await new Promise((resolve) => setTimeout(resolve, 50));
        if (over.aborted) throw failure;
      }
    }
  }

  async #askOnce(endpoint: Endpoint, id: Id, over: AbortSignal): Promise<LeaseAnswer> {
    const { token } = this.#deps;
    const limits = { connectMs: questionMs, limitMs: questionMs };
    const metadata = await token.metadata(endpoint, limits);
    const stream = await endpoint.stream(keepAliveMethod, metadata, limits);
    const onOver = (): void => stream.cancel();
    over.addEventListener('abort', onOver);
    try {
      return await new Promise<LeaseAnswer>((resolve, reject) => {
        stream.on('data', resolve);
        stream.on('error', reject);
        stream.on('end', () => reject(new Error('the server ended it')));
        stream.write(encodeLeaseId(id));
      });
    } catch (error) {
      const failure = failureOf(error, true);
      if (failure.kind === 'auth' && !token.expire(metadata)) {
        throw new CallFailure('verdict', `etcd demands a user and a password (${failure.message})`);
      }
      throw failure;
    } finally {
      over.removeEventListener('abort', onOver);
      stream.removeAllListeners();
      stream.on('error', () => undefined);
      stream.cancel();
    }
  }
}

function toStoreError(error: unknown): unknown {
  return error instanceof CallFailure ? error.toStoreError() : error;
}
