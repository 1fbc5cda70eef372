import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ManualClock } from '../lib/clock.testkit.ts';
import { Hold, type HoldRules, objection } from './hold.ts';

const sizes = (...counts: readonly number[]): ReadonlyMap<string, number> =>
  new Map(counts.map((count, i) => [`list ${i}`, count]));

const rules = (parts: Partial<HoldRules>): HoldRules => ({ minItems: 0, maxDrop: 1, timeoutMs: 0, ...parts });

const judgements: readonly {
  readonly name: string;
  readonly rules: Partial<HoldRules>;
  readonly before?: ReadonlyMap<string, number>;
  readonly now: ReadonlyMap<string, number>;
  readonly want: string | undefined;
}[] = [
  { name: 'nothing is wrong with no list', rules: { minItems: 1 }, now: sizes(), want: undefined },
  { name: 'enough is enough', rules: { minItems: 1 }, now: sizes(1, 5), want: undefined },
  {
    name: 'each list needs the least number',
    rules: { minItems: 1 },
    now: sizes(3, 0),
    want: 'list 1 has 0 items, 1 are wanted',
  },
  { name: 'the half may go', rules: { maxDrop: 0.5 }, before: sizes(4), now: sizes(2), want: undefined },
  {
    name: 'more than the half may not',
    rules: { maxDrop: 0.5 },
    before: sizes(10, 4),
    now: sizes(10, 1),
    want: 'list 1 has lost 3 of 4 items, more than 50%',
  },
  {
    name: 'with 0% nothing may go',
    rules: { maxDrop: 0 },
    before: sizes(4),
    now: sizes(3),
    want: 'list 0 has lost 1 of 4 items, more than 0%',
  },
  { name: 'growing is no loss', rules: { maxDrop: 0 }, before: sizes(4), now: sizes(9), want: undefined },
  {
    name: 'a list that was not there has lost nothing',
    rules: { maxDrop: 0 },
    now: sizes(0),
    want: undefined,
  },
  {
    name: 'a list that is asked for no more is no loss',
    rules: { maxDrop: 0 },
    before: sizes(4),
    now: sizes(),
    want: undefined,
  },
];

for (const { name, rules: parts, before = sizes(), now, want } of judgements) {
  test(name, () => assert.equal(objection(rules(parts), before, now), want));
}

function open(parts: Partial<HoldRules>): { clock: ManualClock; hold: Hold; timeouts: () => number } {
  const clock = new ManualClock();
  let timeouts = 0;
  const hold = new Hold(rules(parts), { clock, onTimeout: () => timeouts++ });
  return { clock, hold, timeouts: () => timeouts };
}

test('losses are counted from the most that there was within a minute', async () => {
  const { clock, hold } = open({ maxDrop: 0.5 });
  assert.equal(hold.judge(sizes(8)), undefined);
  await clock.advance(30_000);
  assert.equal(hold.judge(sizes(5)), undefined);
  assert.match(hold.judge(sizes(3))!, /5 of 8/);
  assert.equal(hold.judge(sizes(4)), undefined);
  await clock.advance(31_000);
  assert.equal(hold.judge(sizes(3)), undefined);
  assert.match(hold.judge(sizes(1))!, /3 of 4/);
  await clock.advance(61_000);
  assert.equal(hold.judge(sizes(2)), undefined);
  assert.equal(hold.judge(sizes(9)), undefined);
  assert.match(hold.judge(sizes(4))!, /5 of 9/);
});

test('after its time the file follows, and the rule counts again once all was well', async () => {
  const { clock, hold, timeouts } = open({ minItems: 2, timeoutMs: 1000 });
  assert.match(hold.judge(sizes(0))!, /0 items/);
  await clock.advance(600);
  assert.match(hold.judge(sizes(1))!, /1 items/);
  assert.equal(timeouts(), 0);
  await clock.advance(400);
  assert.equal(timeouts(), 1);
  assert.equal(hold.judge(sizes(1)), undefined);
  assert.equal(hold.judge(sizes(0)), undefined);
  assert.equal(hold.judge(sizes(2)), undefined);
  assert.match(hold.judge(sizes(1))!, /1 items/);
});

test('data that come back in time leave no timer behind', () => {
  const { clock, hold } = open({ minItems: 1, timeoutMs: 1000 });
  assert.match(hold.judge(sizes(0))!, /0 items/);
  assert.equal(clock.pendingTimers, 1);
  assert.equal(hold.judge(sizes(1)), undefined);
  assert.equal(clock.pendingTimers, 0);
});
