import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ManualClock } from '../lib/clock.testkit.ts';
import { commit, entries, follower, put, rejects } from './conformance/harness.testkit.ts';
import { storeConformance } from './conformance.testkit.ts';
import { MemoryStore } from './memory/memory-store.ts';
import { encodeBase, indexBaseKey, openOffset } from './offset.ts';
import type { Compare, Store } from './store.ts';

const base = 5_000_000_000;
const clock = new ManualClock();

async function raised(
  inner: Store = new MemoryStore({}, { clock }),
): Promise<{ inner: Store; store: Store }> {
  await inner.commit({ then: [{ put: indexBaseKey, value: encodeBase(base) }] });
  return { inner, store: await openOffset(inner) };
}

const noData = 'a memory store has no data to open again';

storeConformance(
  'memory above a base',
  async () => {
    const time = new ManualClock();
    const inner = new MemoryStore({}, { clock: time });
    await inner.commit({ then: [{ put: indexBaseKey, value: encodeBase(base) }] });
    const store = hidden(await openOffset(inner));
    return { store, ring: 10_000, advance: (ms) => time.advance(ms), dispose: () => store.close() };
  },
  {
    skip: {
      'commit: revisions are never given twice, also after a reopening': noData,
      'commit: what was acknowledged is there after a reopening, with its revisions': noData,
      'commit: what was acknowledged is there after a crash, and no revision is given twice': noData,
      'follow: from before a reopening is compacted, from the barrier after it is not': noData,
      'lease: outlives a reopening with its full time, and its keys vanish afterwards': noData,
      'lease: after a reopening it is still known by its id': noData,
    },
  },
);

/** The suite expects an empty store: the base's own row is left out of what it reads. */
function hidden(store: Store): Store {
  const read = store.read.bind(store);
  store.read = async function* (selection, options) {
    for await (const page of read(selection, options)) {
      yield { ...page, entries: page.entries.filter(({ key }) => key !== indexBaseKey) };
    }
  };
  return store;
}

test('a store that nothing was copied to is used as it is', async () => {
  const inner = new MemoryStore({}, { clock });
  assert.equal(await openOffset(inner), inner);
});

test('a base that is no number is refused', async () => {
  const inner = new MemoryStore({}, { clock });
  await inner.commit({ then: [put(indexBaseKey, '12x')] });
  await rejects(openOffset(inner), 'invalid');
});

test('every revision that leaves the store is above the base', async () => {
  const { inner, store } = await raised();
  const batches = follower(store, await store.barrier());
  const one = await commit(store, [put('a', '1')]);
  const two = await commit(store, [put('a', '2')]);
  assert.deepEqual([one, two, await store.barrier()], [base + 2, base + 3, base + 3]);
  const [row] = await entries(store, 'a');
  assert.deepEqual([row?.createRevision, row?.modRevision], [one, two]);
  assert.deepEqual(
    (await batches.next(2)).map(({ revision }) => revision),
    [one, two],
  );
  batches.stop();
  assert.equal(await inner.barrier(), 3);
});

test('a compare with a revision below the base holds for no row and not for absence', async () => {
  const { store } = await raised();
  const at = await commit(store, [put('a', '1')]);
  const rows: { compare: Compare; holds: boolean }[] = [
    { compare: { key: 'a', modRevision: at }, holds: true },
    { compare: { key: 'a', modRevision: at - base }, holds: false },
    { compare: { key: 'a', createRevision: at }, holds: true },
    { compare: { key: 'a', createRevision: base }, holds: false },
    { compare: { key: 'none', modRevision: 0 }, holds: true },
    { compare: { key: 'none', modRevision: base }, holds: false },
    { compare: { key: 'none', createRevision: 7 }, holds: false },
    { compare: { prefix: 'a', modRevisionBelow: at }, holds: false },
    { compare: { prefix: 'a', modRevisionBelow: at + 1 }, holds: true },
    { compare: { prefix: 'a', modRevisionBelow: 1 }, holds: false },
    { compare: { prefix: 'none', modRevisionBelow: 1 }, holds: true },
    { compare: { key: 'a', exists: true }, holds: true },
  ];
  for (const { compare, holds } of rows) {
    const result = await store.commit({ when: [compare], then: [] });
    assert.equal(result.outcome, holds ? 'committed' : 'refused', JSON.stringify(compare));
  }
});

test('whoever reads everything again learns a base that has changed with the store', async () => {
  const { inner, store } = await raised();
  await inner.commit({ then: [{ put: indexBaseKey, value: encodeBase(base + 10) }] });
  await entries(store, '');
  assert.equal(await store.barrier(), base + 12);
});
