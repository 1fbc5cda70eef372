import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';

import fc from 'fast-check';

import { systemClock } from '../lib/clock.ts';
import { silentLogger } from '../lib/log.ts';
import { follower, state, words } from './conformance/harness.testkit.ts';
import { openEmbeddedStore } from './embedded/embedded-store.ts';
import { MemoryStore } from './memory/memory-store.ts';
import { StoreError } from './store.ts';
import type { Commit, Compare, Operation, Store } from './store.ts';

const key = fc.constantFrom('a', 'a/1', 'a/2', 'b', 'b/1', 'b/1/x');
const prefix = fc.constantFrom('', 'a', 'a/', 'b/1', 'c');
const value = fc.constantFrom('x', 'y').map((text) => Buffer.from(text));

const operation: fc.Arbitrary<Operation> = fc.oneof(
  { arbitrary: fc.record({ put: key, value }), weight: 6 },
  { arbitrary: fc.record({ delete: key }), weight: 2 },
  { arbitrary: fc.record({ deletePrefix: prefix }), weight: 1 },
);
const compare: fc.Arbitrary<Compare> = fc.oneof(
  fc.record({ key, exists: fc.boolean() }),
  fc.record({ key, value }),
  fc.record({ key, modRevision: fc.constant(0) }),
  fc.record({ prefix, empty: fc.constant(true as const) }),
);
const commit: fc.Arbitrary<Commit> = fc.record(
  {
    when: fc.array(compare, { maxLength: 2 }),
    then: fc.array(operation, { maxLength: 3 }),
    else: fc.array(operation, { maxLength: 2 }),
    rederivable: fc.boolean(),
  },
  { requiredKeys: ['then'] },
);

async function outcome(store: Store, what: Commit): Promise<string> {
  try {
    return (await store.commit(what)).outcome;
  } catch (error) {
    if (error instanceof StoreError) return error.code;
    throw error;
  }
}

/** Outcomes, the batches as followed, and the state at the end. */
async function history(store: Store, commits: readonly Commit[]): Promise<unknown> {
  const batches = follower(store, await store.barrier());
  const outcomes: string[] = [];
  for (const what of commits) outcomes.push(await outcome(store, what));
  await store.commit({ then: [{ put: 'end', value: Buffer.from('') }] });
  const seen: string[][] = [];
  while (seen.at(-1)?.[0] !== '+end=') seen.push((await batches.next(1)).flatMap(words));
  batches.stop();
  return { outcomes, seen, state: await state(store) };
}

test('both engines of one machine make the same of any sequence of commits', async () => {
  const base = await mkdtemp(join(tmpdir(), 'portolan-agreement-'));
  let run = 0;
  try {
    await fc.assert(
      fc.asyncProperty(fc.array(commit, { maxLength: 12 }), async (commits) => {
        const memory = new MemoryStore({}, { clock: systemClock });
        const path = join(base, String(run++));
        const embedded = await openEmbeddedStore({ path }, { clock: systemClock, log: silentLogger });
        try {
          assert.deepEqual(await history(embedded, commits), await history(memory, commits));
          await embedded.close();
          const again = await openEmbeddedStore({ path }, { clock: systemClock, log: silentLogger });
          assert.deepEqual(await state(again), await state(memory));
          await again.close();
        } finally {
          await embedded.close();
          await memory.close();
        }
      }),
      { numRuns: 60 },
    );
  } finally {
    await rm(base, { recursive: true, force: true });
  }
});
