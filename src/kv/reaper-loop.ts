import type { Clock } from '../lib/clock.ts';
import type { Logger } from '../lib/log.ts';
import { pause } from '../lib/pause.ts';
import type { Watches } from '../watch/watches.ts';
import type { SessionReaper } from './session-reaper.ts';

/** Looks after sessions until `signal` aborts: when something has changed, and now and then in any case. */
export async function runReaper(
  signal: AbortSignal,
  deps: {
    readonly reaper: SessionReaper;
    readonly watches: Watches;
    readonly clock: Clock;
    readonly log: Logger;
  },
): Promise<void> {
  let wake = new AbortController();
  const stop = deps.watches.subscribe(deps.reaper.topics, () => wake.abort());
  signal.addEventListener('abort', () => wake.abort());
  try {
    while (!signal.aborted) {
      wake = new AbortController();
      try {
        await deps.reaper.reap();
      } catch (error) {
        deps.log.warn({ err: error }, 'ending sessions failed; trying again');
        await pause(deps.clock, 1000, signal);
      }
      if (!signal.aborted) await pause(deps.clock, tickMs, wake.signal);
    }
  } finally {
    stop();
  }
}

const tickMs = 10_000;
