import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startAgent } from './agent.testkit.ts';
import { runModel } from './source-model.testkit.ts';
import type { ModelOptions } from './source-model.testkit.ts';

/** More by hand: MODEL_SEEDS=100 runs each with as many seeds. */
const seeds = Number(process.env['MODEL_SEEDS'] ?? 1);
const few = { rounds: 3, most: 12 } as const;
const many = { rounds: 3, most: 60 } as const;

const cases: readonly (Omit<ModelOptions, 'seed'> & { readonly name: string })[] = [
  { name: 'few queries', ...few, habit: 'none', hasFaults: false, withinMs: 500 },
  { name: 'few queries, with faults', ...few, habit: 'none', hasFaults: true, withinMs: 2500 },
  { name: 'many queries', ...many, habit: 'none', hasFaults: false, jitterMs: 30, withinMs: 500 },
  { name: 'many queries, with faults', ...many, habit: 'none', hasFaults: true, withinMs: 2500 },
  { name: 'one index for all', ...many, habit: 'global-index', hasFaults: false, withinMs: 500 },
  { name: 'rows without indexes', ...many, habit: 'no-row-index', hasFaults: false, withinMs: 500 },
  { name: 'servers that lag behind', ...many, habit: 'lagging', hasFaults: false, withinMs: 1500 },
];

test('after any writes and faults every query says what a plain read says, and then nothing is asked', async (t) => {
  const agent = await startAgent();
  t.after(() => agent.stop());
  for (const { name, ...options } of cases) {
    for (let seed = 1; seed <= seeds; seed++) {
      const report = await runModel(agent.url, { ...options, seed });
      if (seed === seeds) t.diagnostic(`${name}: ${JSON.stringify(report)}`);
    }
  }
  // A change that is not told is found.
  const deaf = { rounds: 20, most: 12, habit: 'none', hasFaults: false, withinMs: 300 } as const;
  await assert.rejects(runModel(agent.url, { ...deaf, seed: 1, hears: false }), /not in 300 ms/);
});
