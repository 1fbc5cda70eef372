import assert from 'node:assert/strict';
import { test } from 'node:test';

import { ManualClock } from '../lib/clock.testkit.ts';
import type { View } from './view.ts';
import { Watches } from './watches.ts';

class Counter implements View<number> {
  readonly topics: readonly string[];
  value: number;

  constructor(value: number, ...topics: string[]) {
    this.value = value;
    this.topics = topics;
  }

  index(): number {
    return this.value;
  }

  read(): number {
    return this.value;
  }
}

/** A signal that never aborts. */
function never(): AbortSignal {
  return new AbortController().signal;
}

async function settled(promise: Promise<boolean>): Promise<boolean | 'pending'> {
  const pending = new Promise<'pending'>((resolve) => setImmediate(() => resolve('pending')));
  return Promise.race([promise, pending]);
}

test('a view that is already past the index is not parked', async () => {
  const watches = new Watches({ clock: new ManualClock() });
  assert.equal(await watches.park(new Counter(5, 'a'), 4, 1000, never()), true);
  assert.equal(watches.parked, 0);
});

test('a publication wakes only those whose index moved', async () => {
  const watches = new Watches({ clock: new ManualClock() });
  const moved = new Counter(5, 'a');
  const still = new Counter(5, 'a', 'b');
  const other = new Counter(5, 'c');
  const waits = [moved, still, other].map((view) => watches.park(view, 5, 1000, never()));
  moved.value = 6;
  other.value = 6;
  watches.publish(['a', 'b']);
  assert.deepEqual(await Promise.all(waits.map(settled)), [true, 'pending', 'pending']);
  assert.equal(watches.parked, 2);
});

test('an index that falls ends a wait, one from the future does not', async () => {
  const watches = new Watches({ clock: new ManualClock() });
  const view = new Counter(50, 'a');
  const gone = watches.park(view, 50, 1000, never());
  const future = watches.park(new Counter(50, 'a'), 9999, 1000, never());
  view.value = 1;
  watches.publish(['a']);
  assert.equal(await gone, true);
  assert.equal(await settled(future), 'pending');
});

test('time and abort end a wait with false and leave nothing behind', async () => {
  const clock = new ManualClock();
  const watches = new Watches({ clock });
  const view = new Counter(5, 'a');
  const timed = watches.park(view, 5, 1000, never());
  const controller = new AbortController();
  const aborted = watches.park(view, 5, 5000, controller.signal);
  await clock.advance(1000);
  assert.equal(await timed, false);
  controller.abort();
  assert.equal(await aborted, false);
  assert.equal(watches.parked, 0);
  assert.equal(clock.pendingTimers, 0);
  assert.equal(await watches.park(view, 5, 5000, controller.signal), false);
});

test('wakeAll ends every wait although no index moved', async () => {
  const watches = new Watches({ clock: new ManualClock() });
  let told = 0;
  watches.subscribe(['x', 'y'], () => (told += 1));
  const waits = [new Counter(5, 'a'), new Counter(9, 'b')].map((view) =>
    watches.park(view, 9, 1000, never()),
  );
  watches.wakeAll();
  assert.deepEqual(await Promise.all(waits), [true, true]);
  assert.equal(told, 1);
});

test('a subscriber is told once a publication, at once, until it unsubscribes', () => {
  const watches = new Watches({ clock: new ManualClock() });
  let told = 0;
  const stop = watches.subscribe(['a', 'b'], () => (told += 1));
  watches.publish(['a', 'b', 'c']);
  assert.equal(told, 1);
  watches.publish(['c']);
  assert.equal(told, 1);
  stop();
  watches.publish(['a']);
  assert.equal(told, 1);
});

test('a mass wake-up is cut into slices that do not hold the event loop', async () => {
  let now = 0;
  const watches = new Watches({
    clock: { monotonicMs: () => now, wallMs: () => now, after: () => ({ cancel }) },
  });
  const view = new Counter(1, 'a');
  // Each woken query works for a while, as encoding and sending an answer does.
  let woken = 0;
  const waits = Array.from({ length: 5000 }, async () => {
    await watches.park(view, 1, 60_000, never());
    woken += 1;
    now += 0.05;
  });
  view.value = 2;
  watches.publish(['a']);
  let longest = 0;
  for (let last = 0; woken < waits.length; last = now) {
    await new Promise((resolve) => setImmediate(resolve));
    longest = Math.max(longest, now - last);
  }
  await Promise.all(waits);
  assert.equal(watches.parked, 0);
  assert.ok(longest <= 20, `${longest} ms in one turn of the event loop`);
});

function cancel(): void {}
