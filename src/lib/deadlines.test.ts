import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { ManualClock } from './clock.testkit.ts';
import { Deadlines, type Due } from './deadlines.ts';

interface Item extends Due {
  readonly name: string;
}

const item = (name: string): Item => ({ name, dueAtMs: 0, dueSlot: -1 });

function setUp(): { clock: ManualClock; told: string[]; deadlines: Deadlines<Item> } {
  const clock = new ManualClock();
  const told: string[] = [];
  const deadlines = new Deadlines<Item>({ clock, onDue: ({ name }) => told.push(name) });
  return { clock, told, deadlines };
}

test('items are told in order of their time, once', async () => {
  const { clock, told, deadlines } = setUp();
  deadlines.set(item('late'), 30);
  deadlines.set(item('early'), 10);
  deadlines.set(item('middle'), 20);
  await clock.advance(20);
  assert.deepEqual(told, ['early', 'middle']);
  await clock.advance(1000);
  assert.deepEqual(told, ['early', 'middle', 'late']);
  assert.equal(clock.pendingTimers, 0);
});

test('a new time takes the place of the old one, earlier or later', async () => {
  const { clock, told, deadlines } = setUp();
  const [a, b] = [item('a'), item('b')];
  deadlines.set(a, 10);
  deadlines.set(b, 20);
  deadlines.set(a, 30);
  deadlines.set(b, 5);
  await clock.advance(29);
  assert.deepEqual(told, ['b']);
  await clock.advance(1);
  assert.deepEqual(told, ['b', 'a']);
});

test('a deleted item is never told and leaves no timer behind', async () => {
  const { clock, told, deadlines } = setUp();
  const a = item('a');
  deadlines.set(a, 10);
  deadlines.delete(a);
  deadlines.delete(a);
  assert.equal(clock.pendingTimers, 0);
  await clock.advance(100);
  assert.deepEqual(told, []);
});

test('any number of deadlines share one timer', () => {
  const { clock, deadlines } = setUp();
  for (let i = 0; i < 1000; i++) deadlines.set(item(String(i)), 1000 - i);
  assert.equal(clock.pendingTimers, 1);
  deadlines.clear();
  assert.equal(deadlines.size, 0);
  assert.equal(clock.pendingTimers, 0);
});

test('law: told is what a sorted list would tell', async () => {
  const operation = fc.record({ name: fc.nat(9), ms: fc.option(fc.nat(50)), step: fc.nat(20) });
  await fc.assert(
    fc.asyncProperty(fc.array(operation, { maxLength: 60 }), async (operations) => {
      const { clock, told, deadlines } = setUp();
      const items = Array.from({ length: 10 }, (_, i) => item(String(i)));
      const model = new Map<string, number>();
      const want: string[] = [];
      for (const { name, ms, step } of operations) {
        if (ms === null) deadlines.delete(items[name]!);
        else deadlines.set(items[name]!, ms);
        if (ms === null) model.delete(String(name));
        else model.set(String(name), clock.monotonicMs() + ms);
        const until = clock.monotonicMs() + step;
        await clock.advance(step);
        const due = [...model].filter(([, at]) => at <= until);
        want.push(...due.map(([key]) => key));
        for (const [key] of due) model.delete(key);
      }
      assert.deepEqual([...told].sort(), want.sort());
      assert.equal(deadlines.size, model.size);
    }),
    { numRuns: 40 },
  );
});
