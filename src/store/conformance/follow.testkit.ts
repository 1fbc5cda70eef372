import assert from 'node:assert/strict';

import type { Batch, Store } from '../store.ts';
import { commit, entry, follower, put, rejects, text, words } from './harness.testkit.ts';
import type { ConformanceCase } from './harness.testkit.ts';

export const followCases: readonly ConformanceCase[] = [
  {
    name: 'follow: shows each commit as one batch, in order, with all that it changed',
    run: async ({ store }) => {
      const from = await commit(store, [put('a/1', 'x'), put('a/2', 'x')]);
      const batches = follower(store, from);
      const one = await commit(store, [put('b', '1'), { delete: 'a/1' }, { delete: 'none' }]);
      const two = await commit(store, [{ deletePrefix: 'a/' }]);
      const found = await batches.next(2);
      assert.deepEqual(
        found.map((b) => [b.revision, words(b)]),
        [
          [one, ['+b=1', '-a/1']],
          [two, ['-a/2']],
        ],
      );
      batches.stop();
    },
  },
  {
    name: 'follow: gives the entry with its revisions and its lease',
    run: async ({ store }) => {
      const lease = await store.lease(60);
      const batches = follower(store, await store.barrier());
      const one = await commit(store, [put('a', '1')]);
      const two = await commit(store, [{ put: 'a', value: new Uint8Array([9]), lease: lease.id }]);
      const found = (await batches.next(2)).flatMap((batch) => batch.events);
      const seen = found.map((event) => {
        assert.ok(event.type === 'put');
        return [event.entry.createRevision, event.entry.modRevision, event.entry.lease];
      });
      assert.deepEqual(seen, [
        [one, one, undefined],
        [one, two, lease.id],
      ]);
      batches.stop();
    },
  },
  {
    name: 'follow: starts after `from`, from any revision that is still kept',
    run: async ({ store }) => {
      const revisions: number[] = [await store.barrier()];
      for (let i = 0; i < 6; i++) revisions.push(await commit(store, [put('a', String(i))]));
      for (const [i, from] of revisions.entries()) {
        const batches = follower(store, from);
        const found = await batches.next(revisions.length - 1 - i);
        assert.deepEqual(
          found.map((b) => b.revision),
          revisions.slice(i + 1),
        );
        batches.stop();
        assert.deepEqual(await batches.rest(), []);
      }
    },
  },
  {
    name: 'follow: is subscribed when called, not when first read',
    run: async ({ store }) => {
      const batches = follower(store, await store.barrier());
      const revision = await commit(store, [put('a', '1')]);
      await commit(store, [put('a', '2')]);
      assert.equal((await batches.next(1))[0]?.revision, revision);
      batches.stop();
    },
  },
  {
    name: 'follow: many followers at their own pace see the same, without a gap or a repeat',
    run: async ({ store }) => {
      const from = await store.barrier();
      const total = 120;
      const eager = follow(store, from, total, 0);
      const slow = follow(store, from, total, 5);
      const revisions = await Promise.all(
        Array.from({ length: total }, (_, i) =>
          commit(store, { then: [put(`k${i % 7}`, String(i))], rederivable: i % 3 === 0 }),
        ),
      );
      const late = follow(store, from, total, 0);
      const want = revisions.sort((a, b) => a - b);
      for (const seen of await Promise.all([eager, slow, late])) {
        assert.deepEqual(
          seen.map((b) => b.revision),
          want,
        );
      }
      assert.equal(new Set(want).size, total);
    },
  },
  {
    name: 'follow: whoever is woken at a revision reads nothing older',
    run: async ({ store }) => {
      const batches = follower(store, await store.barrier());
      const writing = Array.from({ length: 30 }, (_, i) =>
        commit(store, { then: [put('a', String(i))], rederivable: i % 2 === 0 }),
      );
      for (let i = 0; i < writing.length; i++) {
        const [batch] = await batches.next(1);
        const event = batch?.events[0];
        assert.ok(batch !== undefined && event?.type === 'put');
        const found = await entry(store, 'a');
        assert.ok(found !== undefined && found.modRevision >= batch.revision);
        if (found.modRevision === batch.revision) assert.equal(text(found.value), text(event.entry.value));
        assert.ok((await store.barrier()) >= batch.revision);
      }
      await Promise.all(writing);
      batches.stop();
    },
  },
  {
    name: 'follow: ends when its signal aborts, also while it waits',
    run: async ({ store }) => {
      const batches = follower(store, await store.barrier());
      const waiting = batches.rest();
      batches.stop();
      assert.deepEqual(await waiting, []);
      const late = follower(store, await store.barrier());
      late.stop();
      await commit(store, [put('a', '1')]);
      assert.deepEqual(await late.rest(), []);
    },
  },
  {
    name: 'follow: a revision that is no longer kept is compacted',
    run: async ({ store, ring }) => {
      const from = await store.barrier();
      const behind = follower(store, from);
      const total = ring + 1;
      for (let done = 0; done < total; done += 500) {
        const many = Math.min(500, total - done);
        await Promise.all(
          Array.from({ length: many }, () => commit(store, { then: [put('a', '')], rederivable: true })),
        );
      }
      await rejects(behind.next(1), 'compacted');
      await rejects(follower(store, from).next(1), 'compacted');
    },
  },
  {
    name: 'follow: a revision that the store never gave is compacted',
    run: async ({ store }) => {
      await rejects(follower(store, (await store.barrier()) + 1_000_000_000).next(1), 'compacted');
    },
  },
  {
    name: 'follow: from before a reopening is compacted, from the barrier after it is not',
    run: async (opened) => {
      assert.ok(opened.reopen, 'the engine has no reopen: skip this case by name');
      const from = await opened.store.barrier();
      await commit(opened.store, [put('a', '1')]);
      const store = await opened.reopen();
      await rejects(follower(store, from).next(1), 'compacted');
      const batches = follower(store, await store.barrier());
      const revision = await commit(store, [put('a', '2')]);
      assert.equal((await batches.next(1))[0]?.revision, revision);
      batches.stop();
    },
  },
  {
    name: 'follow: throws closed when the store is closed',
    run: async ({ store }) => {
      const waiting = follower(store, await store.barrier()).next(1);
      const closed = rejects(waiting, 'closed');
      await store.close();
      await closed;
    },
  },
];

/** Reads `count` batches, waiting `turns` turns of the event loop after each. */
async function follow(store: Store, from: number, count: number, turns: number): Promise<Batch[]> {
  const batches = follower(store, from);
  const found: Batch[] = [];
  while (found.length < count) {
    found.push(...(await batches.next(1)));
    for (let i = 0; i < turns; i++) await new Promise((resolve) => setImmediate(resolve));
  }
  batches.stop();
  return found;
}
