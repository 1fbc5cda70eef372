import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ManualClock } from '../lib/clock.testkit.ts';
import { Quiescence } from './quiescence.ts';

test('each tick puts the end off by the minimum, but never past the maximum after the first', async () => {
  const clock = new ManualClock();
  const fired: number[] = [];
  const quiet = new Quiescence({ minMs: 100, maxMs: 250 }, clock);
  const onQuiet = (): number => fired.push(clock.monotonicMs());
  quiet.tick(onQuiet);
  await clock.advance(150);
  assert.deepEqual(fired, [100]);
  for (let i = 0; i < 6; i++) {
    quiet.tick(onQuiet);
    await clock.advance(60);
  }
  await clock.advance(500);
  // First tick at 150, the deadline at 400; the tick at 450 starts anew.
  assert.deepEqual(fired, [100, 400, 550]);
  quiet.tick(onQuiet);
  quiet.cancel(onQuiet);
  await clock.advance(1000);
  assert.equal(fired.length, 3);
});

test('all that ticked in one quiet period are told together, but who took it back', async () => {
  const clock = new ManualClock();
  const told: string[] = [];
  const quiet = new Quiescence({ minMs: 100, maxMs: 400 }, clock);
  const [a, b, c] = ['a', 'b', 'c'].map((name) => () => void told.push(`${name} ${clock.monotonicMs()}`));
  quiet.tick(a!);
  quiet.tick(b!);
  await clock.advance(60);
  quiet.tick(c!);
  quiet.tick(a!);
  quiet.cancel(b!);
  await clock.advance(99);
  assert.deepEqual(told, []);
  await clock.advance(1);
  assert.deepEqual(told, ['a 160', 'c 160']);
  assert.equal(clock.pendingTimers, 0);
});
