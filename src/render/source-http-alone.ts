/** One query followed by a blocking query of its own. */
import type { ReadOptions } from '@portolan/sdk';
import type { ConsulQueries } from './consul-queries.ts';
import { describeQuery, explain } from './source-http-ask.ts';
import type { AskOptions } from './source-http-ask.ts';
import { isPolled } from './source-http-entry.ts';
import type { Entry } from './source-http-entry.ts';
import { runPoll } from './source-http-poll.ts';
import type { Retry, Wake } from './source-http-poll.ts';

/** What a server that does not hold its answers is asked at most: once in this time. */
export const idleMs = 1000;
/** The same where the server has no index to wait by. */
export const pollMs = 15_000;
/** Answers in a row that never had to be waited for. */
const hurriedAnswers = 4;

export async function followAlone(
  entry: Entry,
  options: AskOptions & { readonly retry: Retry },
  { queries, wake }: { readonly queries: ConsulQueries; readonly wake: Wake },
  signal: AbortSignal,
): Promise<void> {
  let hurried = 0;
  const poll = {
    read: (read: ReadOptions) => queries.ask(entry.query, read),
    index: () => entry.index,
    accept: (answer: Parameters<Entry['accept']>[0]) => entry.accept(answer),
    failed: (error: unknown) => {
      entry.fail(explain(error, describeQuery(entry.query)));
      return 'retry' as const;
    },
    restMs: ({ index }: { readonly index: number }) =>
      index === 0 && isPolled(entry.query) ? pollMs : idleMs,
    // They come faster than they can be read: a part of the time is left to others.
    pauseMs: (busyMs: number, heldMs: number) => {
      hurried = heldMs < 2 ? hurried + 1 : 0;
      return hurried < hurriedAnswers ? 0 : Math.min(10 * busyMs, 250);
    },
  };
  await runPoll(poll, options, wake, signal);
}
