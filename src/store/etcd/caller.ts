/**
 * Sends a request to one etcd server after another until one answers.
 *
 * In: a request and whether it may be carried out twice. Out: an answer, or a CallFailure after `budgetMs`.
 * Invariant: what may be carried out only once is sent again only when it surely was not carried out.
 */
import { sleep } from '../../lib/abort.ts';
import type { CallLimits, Endpoint } from './endpoint.ts';
import { CallFailure, failureOf } from './failure.ts';
import type { History } from './history.ts';
import type { Header, Method } from './messages.ts';
import type { Token } from './token.ts';

export interface CallOptions {
  /** Sent again when the answer was lost. */
  readonly repeatable: boolean;
  /** Milliseconds for one try; a request that can't be repeated is given the whole budget. */
  readonly tryMs: number;
  readonly budgetMs: number;
}

export interface Called<Answer> {
  readonly answer: Answer;
  /** An earlier try may have been carried out as well. */
  readonly repeated: boolean;
}

export class Caller {
  readonly endpoints: readonly Endpoint[];
  readonly #token: Token;
  readonly #history: History;
  readonly #onAgreed: () => void;
  #preferred: number;
  #closed = false;

  constructor(deps: {
    readonly endpoints: readonly Endpoint[];
    readonly token: Token;
    readonly history: History;
    /** A majority of the servers has answered. */
    readonly onAgreed: () => void;
  }) {
    this.endpoints = deps.endpoints;
    this.#token = deps.token;
    this.#history = deps.history;
    this.#onAgreed = deps.onAgreed;
    // Agents spread over the servers.
    this.#preferred = Math.floor(Math.random() * deps.endpoints.length);
  }

  /** The server that answered last. */
  get preferred(): Endpoint {
    return this.endpoints[this.#preferred]!;
  }

  async call<Answer extends { readonly header: Header }>(
    method: Method<Answer>,
    request: Buffer,
    options: CallOptions,
  ): Promise<Called<Answer>> {
    const endMs = performance.now() + options.budgetMs;
    let repeated = false;
    // Made when it is needed: an error is dear.
    let failure: CallFailure | undefined;
    for (let tries = 0; ; tries++) {
      const leftMs = endMs - performance.now();
      if (leftMs <= 0 || this.#closed) {
        const reason = failure === undefined ? 'no time was left' : failure.message;
        const message = `etcd gave no answer within ${options.budgetMs} ms: ${reason}`;
        throw new CallFailure(repeated ? 'lost' : (failure?.kind ?? 'unsent'), message);
      }
      const endpoint = this.preferred;
      try {
        const connectMs = Math.min(leftMs, options.tryMs);
        const limits = { connectMs, limitMs: options.repeatable ? connectMs : leftMs };
        return { answer: await this.#try(endpoint, method, request, limits), repeated };
      } catch (error) {
        failure = failureOf(error, true);
        if (failure.kind === 'verdict') throw failure;
        if (failure.kind === 'lost' && !options.repeatable) {
          this.failed(endpoint);
          throw failure;
        }
        repeated ||= failure.kind === 'lost';
        if (failure.kind !== 'auth') this.failed(endpoint);
        // Each server in turn at once; then a pause, so that a cluster without a leader is not stormed.
        if ((tries + 1) % this.endpoints.length === 0) await sleep(Math.min(100, endMs - performance.now()));
      }
    }
  }

  /** Puts the server behind the others. */
  failed(endpoint: Endpoint): void {
    endpoint.failures++;
    if (this.preferred === endpoint) this.#preferred = (this.#preferred + 1) % this.endpoints.length;
  }

  close(): void {
    this.#closed = true;
    for (const endpoint of this.endpoints) endpoint.close();
  }

  async #try<Answer extends { readonly header: Header }>(
    endpoint: Endpoint,
    method: Method<Answer>,
    request: Buffer,
    limits: CallLimits,
  ): Promise<Answer> {
    const metadata = await this.#token.metadata(endpoint, limits);
    const seenBefore = this.#history.seen;
    try {
      const answer = await endpoint.call(method, request, metadata, limits);
      this.#history.checkCluster(answer.header, endpoint.address);
      if (method.agreed) {
        this.#history.checkRevision(answer.header, seenBefore);
        this.#onAgreed();
      }
      endpoint.failures = 0;
      return answer;
    } catch (error) {
      const failure = failureOf(error, true);
      if (failure.kind === 'auth' && !this.#token.expire(metadata)) {
        throw new CallFailure('verdict', `etcd demands a user and a password (${failure.message})`);
      }
      throw failure;
    }
  }
}
