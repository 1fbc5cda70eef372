/**
 * A loop of blocking queries: asks, hands the answer over, asks again, forever.
 *
 * Invariants: a server that does not hold its answers is asked once a second at most; failures are retried with a growing
 * delay and jitter, or when the server said; a held request that a proxy cuts off is no failure, and the next ones are
 * shorter. After a failure the first answer is not waited for, so that it is soon known to be over. While a server is behind
 * the others, the leader is waited for. It ends with its signal, or when `failed` says so.
 */
import { sleep } from '../lib/abort.ts';
import { Backoff } from '../lib/backoff.ts';
import type { ReadOptions } from '@portolan/sdk';
import { askFreshest, isCutOff, isServerTrouble } from './source-http-ask.ts';
import type { AskOptions, Asked, Fresh } from './source-http-ask.ts';
import { serverError } from './source-http-transport.ts';

export interface Retry {
  readonly minMs: number;
  readonly maxMs: number;
}

export interface Poll<A extends Fresh> {
  readonly read: (options: ReadOptions) => Promise<A>;
  /** What the next request waits beyond. */
  readonly index: () => number;
  /** Takes an answer; true when its index has moved. `wasAway`: it may be another server's, whose indexes say nothing here. */
  readonly accept: (answer: A, wasAway: boolean) => boolean;
  /** A failure; `stop` ends the loop. */
  readonly failed: (error: unknown) => 'retry' | 'stop';
  /** What a server that does not hold its answers is asked at most: once in this time. */
  readonly restMs: (answer: A) => number;
  /** Pause after an answer of so many milliseconds of work, so that a stream of changes does not take all time. */
  readonly pauseMs: (busyMs: number, heldMs: number) => number;
}

/** Below this a request was not held: what ends it ends every request. */
const heldMs = 100;
const leastWaitMs = 1000;

/** Resolves when the signal aborts or `failed` says stop; never rejects. */
export async function runPoll<A extends Fresh>(
  poll: Poll<A>,
  options: AskOptions & { readonly retry: Retry },
  wake: Wake,
  signal: AbortSignal,
): Promise<void> {
  const backoff = new Backoff(options.retry);
  let { waitMs } = options;
  let cuts = 0;
  let isFailing = false;
  let wasAway = false;
  /** `unsure`: it was behind when it was asked last, and is asked without waiting whether it still is. */
  let server: 'fresh' | 'behind' | 'unsure' = 'fresh';
  while (!signal.aborted) {
    const started = performance.now();
    const before = performance.eventLoopUtilization();
    const index = isFailing || server === 'unsure' ? 0 : poll.index();
    const least = wasAway ? 0 : poll.index();
    try {
      const ask: AskOptions = { waitMs, maxStaleMs: server === 'behind' ? 0 : options.maxStaleMs };
      const asked: Asked<A> = await askFreshest(poll.read, index, ask, signal, least);
      if (signal.aborted) return;
      const { answer } = asked;
      const tookMs = performance.now() - started;
      const moved = poll.accept(answer, wasAway);
      if (asked.isBehind) server = 'behind';
      else server = server === 'behind' ? 'unsure' : 'fresh';
      wasAway = false;
      // A proxy may have become more patient.
      if (tookMs > waitMs * 0.9) waitMs = Math.min(options.waitMs, waitMs * 1.5);
      backoff.reset();
      cuts = 0;
      if (isFailing) wake.all();
      isFailing = false;
      const { active, idle } = performance.eventLoopUtilization(before);
      const isNews = (moved || index === 0) && answer.index > 0;
      const restMs = isNews ? poll.pauseMs(active, idle) : poll.restMs(answer) - tookMs;
      if (restMs > 0) await sleep(restMs, signal);
    } catch (error) {
      if (signal.aborted) return;
      const tookMs = performance.now() - started;
      if (index > 0 && tookMs >= heldMs && cuts++ === 0 && isCutOff(error)) {
        // Whoever ended this one will end the next ones after as long.
        if (tookMs < waitMs) waitMs = Math.max(Math.min(waitMs, leastWaitMs), tookMs * 0.8);
        await sleep(50 * Math.random(), signal);
        continue;
      }
      if (poll.failed(error) === 'stop') return;
      isFailing = true;
      const refusal = serverError(error);
      const delayMs = backoff.nextMs() + (refusal?.retryAfterMs ?? 0);
      // Only an unreachable server comes back for all at once; one that answers is left alone for as long as it should.
      wasAway ||= refusal === undefined && isServerTrouble(error);
      await (refusal === undefined && isCutOff(error) ? wake.sleep(delayMs, signal) : sleep(delayMs, signal));
    }
  }
}

/** Those who wait for a server to come back: whoever finds it there tells the others. */
export class Wake {
  readonly #sleepers = new Set<() => void>();

  all(): void {
    for (const sleeper of Array.from(this.#sleepers)) sleeper();
  }

  /** At most `ms`. */
  async sleep(ms: number, signal: AbortSignal): Promise<void> {
    const own = new AbortController();
    const end = (): void => own.abort();
    this.#sleepers.add(end);
    signal.addEventListener('abort', end, { once: true });
    await sleep(signal.aborted ? 0 : ms, own.signal);
    signal.removeEventListener('abort', end);
    this.#sleepers.delete(end);
  }
}
