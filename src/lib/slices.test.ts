import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Clock } from './clock.ts';
import { eachInSlices } from './slices.ts';

/** Every item takes a millisecond. */
function slowClock(): Clock & { now: number } {
  return {
    now: 0,
    monotonicMs() {
      return this.now;
    },
    wallMs: () => 0,
    after: () => ({ cancel: () => {} }),
  };
}

test('every item is visited in order, with turns of the event loop in between', async () => {
  const clock = slowClock();
  const seen: number[] = [];
  let turns = 0;
  let done = false;
  const count = (): void => {
    turns += 1;
    if (!done) setImmediate(count);
  };
  setImmediate(count);
  await eachInSlices(Array.from({ length: 160 }, (_, i) => i).values(), clock, (item) => {
    seen.push(item);
    clock.now += 1;
  });
  done = true;
  assert.deepEqual(
    seen,
    Array.from({ length: 160 }, (_, i) => i),
  );
  assert.ok(turns >= 9, `${turns} turns`);
});

test('a live map may change in between', async () => {
  const clock = slowClock();
  const map = new Map(Array.from({ length: 40 }, (_, i) => [i, i]));
  const seen: number[] = [];
  await eachInSlices(map.keys(), clock, (item) => {
    seen.push(item);
    clock.now += 1;
    if (item === 15) setImmediate(() => void (map.delete(39) && map.set(100, 100)));
  });
  assert.equal(seen.at(-1), 100);
  assert.ok(!seen.includes(39));
});
