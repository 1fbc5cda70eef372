import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ManualClock } from './clock.testkit.ts';
import { pause } from './pause.ts';

test('a pause ends with its time or with its signal, and leaves no timer', async () => {
  const clock = new ManualClock();
  const stop = new AbortController();
  const ends: string[] = [];
  void pause(clock, 10, stop.signal).then(() => ends.push('short'));
  void pause(clock, 1000, stop.signal).then(() => ends.push('long'));
  await clock.advance(10);
  assert.deepEqual(ends, ['short']);
  stop.abort();
  await pause(clock, 5, stop.signal);
  assert.deepEqual(ends, ['short', 'long']);
  assert.equal(clock.pendingTimers, 0);
});
