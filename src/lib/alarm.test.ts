import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Alarm } from './alarm.ts';
import { ManualClock } from './clock.testkit.ts';

test('a sleep ends at its time, when woken, or on abort, and leaves no timer', async () => {
  const clock = new ManualClock();
  const alarm = new Alarm({ clock });
  const stop = new AbortController();
  let woken = 0;
  const sleep = async (): Promise<void> => {
    await alarm.sleep(1000, stop.signal);
    woken += 1;
  };
  void sleep();
  await clock.advance(999);
  assert.equal(woken, 0);
  await clock.advance(1);
  assert.equal(woken, 1);
  void sleep();
  alarm.wake();
  alarm.wake();
  await clock.advance(0);
  assert.equal(woken, 2);
  void sleep();
  stop.abort();
  await clock.advance(0);
  assert.equal(woken, 3);
  await sleep();
  assert.equal(woken, 4);
  assert.equal(clock.pendingTimers, 0);
});
