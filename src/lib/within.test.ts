import assert from 'node:assert/strict';
import { test } from 'node:test';
import { within } from './within.ts';

const untilAborted = (signal: AbortSignal): Promise<never> =>
  new Promise((_, reject) => {
    const fail = (): void => reject(signal.reason as Error);
    if (signal.aborted) fail();
    else signal.addEventListener('abort', fail);
  });

test('a call is ended by its time or by the signal that it is given, with the reason', async () => {
  const stop = new AbortController();
  assert.equal(await within(stop.signal, 1000, () => Promise.resolve(1)), 1);
  await assert.rejects(within(stop.signal, 5, untilAborted), { name: 'TimeoutError' });
  const pending = within(stop.signal, 10_000, untilAborted);
  stop.abort(new Error('stopped'));
  await assert.rejects(pending, /stopped/);
  await assert.rejects(within(stop.signal, 10_000, untilAborted), /stopped/);
});
