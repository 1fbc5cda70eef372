import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ManualClock } from '../lib/clock.testkit.ts';
import { Quiescence } from './quiescence.ts';

test('each tick puts the end off by the minimum, but never past the maximum after the first', async () => {
  const clock = new ManualClock();
  const fired: number[] = [];
  const quiet = new Quiescence(
    { minMs: 100, maxMs: 250 },
    { clock, onQuiet: () => fired.push(clock.monotonicMs()) },
  );
  quiet.tick();
  await clock.advance(150);
  assert.deepEqual(fired, [100]);
  for (let i = 0; i < 6; i++) {
    quiet.tick();
    await clock.advance(60);
  }
  await clock.advance(500);
  // First tick at 150, the deadline at 400; the tick at 450 starts anew.
  assert.deepEqual(fired, [100, 400, 550]);
  quiet.tick();
  quiet.cancel();
  await clock.advance(1000);
  assert.equal(fired.length, 3);
});
