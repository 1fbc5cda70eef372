import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Claimant, claimStep, type ClaimStep } from './claim.ts';

const own: Claimant = { id: 'me', incarnation: 'now', waitedMs: 0, patienceMs: 9000, hadAt: 0 };
const former = { id: 'me', incarnation: 'before', revision: 20 };
const other = { id: 'other', incarnation: 'x', revision: 20 };

const rows: readonly [string, Parameters<typeof claimStep>[0], Partial<Claimant>, ClaimStep][] = [
  ['a free name is taken', undefined, {}, 'take'],
  ['a free name is taken again by who had it', undefined, { hadAt: 10 }, 'take'],
  [
    'a row of this very life is taken, whatever became of the answer',
    { ...former, incarnation: 'now' },
    {},
    'take',
  ],
  ['a restart takes over from the former life', former, {}, 'take'],
  ['who had the name does not take it back, not even from its own copy', former, { hadAt: 10 }, 'superseded'],
  ['who had the name ends when another has it', other, { hadAt: 10 }, 'superseded'],
  ['a restored store shows a former life: it is taken over', former, { hadAt: 30 }, 'take'],
  ['a restored store shows another: it may be dead', other, { hadAt: 30 }, 'wait'],
  ['another holder may be dead: its lease is waited for', other, {}, 'wait'],
  ['another holder that outlives its lease is alive', other, { waitedMs: 9000 }, 'taken'],
  ['in a store of this process nobody else is alive', other, { patienceMs: 0 }, 'take'],
];

for (const [name, holder, part, want] of rows) {
  test(name, () => assert.equal(claimStep(holder, { ...own, ...part }), want));
}
