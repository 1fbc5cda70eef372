import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';

import { systemClock } from '../../lib/clock.ts';
import { silentLogger } from '../../lib/log.ts';
import { commit, put, state } from '../conformance/harness.testkit.ts';
import type { Commit, Store } from '../store.ts';
import { openEmbeddedStore } from './embedded-store.ts';

async function withStore(run: (store: Store) => Promise<void>): Promise<void> {
  const base = await mkdtemp(join(tmpdir(), 'portolan-overtake-'));
  const store = await openEmbeddedStore(
    { path: join(base, 'data') },
    { clock: systemClock, log: silentLogger },
  );
  try {
    await run(store);
  } finally {
    await store.close();
    await rm(base, { recursive: true, force: true });
  }
}

const phase = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
const derived = (key: string): Commit => ({ then: [put(key, 'r')], rederivable: true });

/** A durable commit and then a rederivable one, before and after the first has gone to disk: did the second overtake? */
async function race(store: Store, durable: Commit, rederivable: Commit): Promise<boolean[]> {
  const overtook: boolean[] = [];
  for (const phases of [0, 1]) {
    // From the first rederivable commit on, groups leave revisions free for others.
    await commit(store, derived('warm'));
    // Something that the durable commit may delete: one that changes nothing has no revision of its own.
    await commit(store, [put('kv/b/1', '')]);
    await new Promise((resolve) => setTimeout(resolve, 30));
    let onDisk = false;
    const slow = store.commit(durable).then((result) => {
      onDisk = true;
      return result;
    });
    for (let i = 0; i < phases; i++) await phase();
    const revision = await commit(store, rederivable);
    overtook.push(!onDisk);
    const result = await slow;
    assert.ok(result.outcome !== 'unknown');
    assert.equal(
      result.revision > revision,
      overtook.at(-1),
      'revisions are not in the order of publication',
    );
  }
  return overtook;
}

const others: readonly { name: string; durable: Commit; rederivable: Commit }[] = [
  { name: 'other keys', durable: { then: [put('kv/a', 'd')] }, rederivable: derived('rows/a') },
  { name: 'another prefix', durable: { then: [{ deletePrefix: 'kv/b/' }] }, rederivable: derived('rows/a') },
  {
    name: 'other keys and compares the same',
    durable: { when: [{ key: 'live', exists: false }], then: [put('kv/a', 'd')] },
    rederivable: { ...derived('rows/a'), when: [{ key: 'live', exists: false }] },
  },
];

for (const { name, durable, rederivable } of others) {
  test(`a rederivable commit does not wait for a durable one that touches ${name}`, () =>
    withStore(async (store) => {
      assert.deepEqual(await race(store, durable, rederivable), [true, true]);
    }));
}

const conflicting: readonly { name: string; durable: Commit; rederivable: Commit; after: string[] }[] = [
  {
    name: 'the same key',
    durable: { then: [put('a', 'd')] },
    rederivable: derived('a'),
    after: ['a=r'],
  },
  {
    name: 'a key that it compares',
    durable: { when: [{ key: 'a', exists: false }], then: [put('b', 'd')] },
    rederivable: derived('a'),
    after: ['a=r', 'b=d'],
  },
  {
    name: 'a prefix that it deletes',
    durable: { then: [{ deletePrefix: 'a' }] },
    rederivable: derived('a'),
    after: ['a=r'],
  },
];

for (const { name, durable, rederivable, after } of conflicting) {
  test(`a rederivable commit that touches ${name} keeps its place behind a durable one`, () =>
    withStore(async (store) => {
      const slow = store.commit(durable);
      const fast = store.commit(rederivable);
      const [first, second] = await Promise.all([slow, fast]);
      assert.ok(first.outcome === 'committed' && second.outcome === 'committed');
      assert.ok(
        second.revision > first.revision || durable.then.some((operation) => 'deletePrefix' in operation),
      );
      await store.commit({ then: [{ delete: 'warm' }] });
      assert.deepEqual(await state(store), after);
    }));
}

test('durable commits without rederivable ones between them have consecutive revisions', () =>
  withStore(async (store) => {
    const first = await commit(store, [put('a', '1')]);
    assert.equal(await commit(store, [put('a', '2')]), first + 1);
  }));
