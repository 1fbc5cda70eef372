import assert from 'node:assert/strict';

import type { Lease, Operation } from '../store.ts';
import { bytes, commit, follower, put, rejects, state, words } from './harness.testkit.ts';
import type { ConformanceCase } from './harness.testkit.ts';

const bound = (lease: Lease, key: string): Operation => ({ put: key, value: bytes('1'), lease: lease.id });

export const leaseCases: readonly ConformanceCase[] = [
  {
    name: 'lease: lasts at least as long as was asked for',
    run: async ({ store }) => {
      for (const ttlSeconds of [0, 0.2, 1, 2.5, 10]) {
        const lease = await store.lease(ttlSeconds);
        assert.ok(lease.ttlSeconds >= ttlSeconds && lease.ttlSeconds > 0);
        assert.equal(await lease.keepAlive(), true);
      }
    },
  },
  {
    name: 'lease: when its time runs out its keys vanish in one commit, and only they',
    run: async ({ store, advance }) => {
      const lease = await store.lease(2);
      await commit(store, [bound(lease, 'a'), bound(lease, 'b/c'), put('free', '1')]);
      const batches = follower(store, await store.barrier());
      await advance(lease.ttlSeconds * 1000 + 50);
      const [batch] = await batches.next(1);
      assert.deepEqual(words(batch!).sort(), ['-a', '-b/c']);
      assert.deepEqual(await state(store), ['free=1']);
      assert.ok((await store.barrier()) >= batch!.revision);
      batches.stop();
    },
  },
  {
    name: 'lease: keepAlive extends it by its full time, and is false once it is gone',
    run: async ({ store, advance }) => {
      const lease = await store.lease(2);
      await commit(store, [bound(lease, 'a')]);
      for (let i = 0; i < 3; i++) {
        await advance(lease.ttlSeconds * 1000 * 0.7);
        assert.equal(await lease.keepAlive(), true);
      }
      assert.deepEqual(await state(store), ['a=1']);
      const batches = follower(store, await store.barrier());
      await advance(lease.ttlSeconds * 1000 + 50);
      assert.equal(await lease.keepAlive(), false);
      await batches.next(1);
      assert.deepEqual(await state(store), []);
      batches.stop();
    },
  },
  {
    name: 'lease: revoke removes its keys in one commit and ends it',
    run: async ({ store }) => {
      const lease = await store.lease(60);
      await commit(store, [bound(lease, 'a'), bound(lease, 'b')]);
      const batches = follower(store, await store.barrier());
      await lease.revoke();
      assert.deepEqual(await state(store), []);
      assert.deepEqual(words((await batches.next(1))[0]!).sort(), ['-a', '-b']);
      assert.equal(await lease.keepAlive(), false);
      await lease.revoke();
      await rejects(store.commit({ then: [bound(lease, 'c')] }), 'invalid');
      batches.stop();
    },
  },
  {
    name: 'lease: a key belongs to the lease of its newest put alone',
    run: async ({ store }) => {
      const [one, two] = [await store.lease(60), await store.lease(60)];
      await commit(store, [
        bound(one, 'freed'),
        bound(one, 'moved'),
        bound(one, 'again'),
        bound(one, 'kept'),
      ]);
      await commit(store, [put('freed', '2'), bound(two, 'moved'), { delete: 'again' }]);
      await commit(store, { then: [put('again', '2')], rederivable: true });
      await one.revoke();
      assert.deepEqual(await state(store), ['again=2', 'freed=2', 'moved=1']);
      await two.revoke();
      assert.deepEqual(await state(store), ['again=2', 'freed=2']);
    },
  },
  {
    name: 'lease: a put that is on its way when the lease is revoked goes with it or is refused',
    run: async ({ store }) => {
      for (const rederivable of [false, true]) {
        const lease = await store.lease(60);
        const before = store.commit({ then: [bound(lease, 'a')], rederivable });
        const revoked = lease.revoke();
        const after = store.commit({ then: [bound(lease, 'b')], rederivable });
        await Promise.allSettled([before, revoked, after]);
        assert.deepEqual(await state(store), []);
      }
    },
  },
  {
    name: 'lease: known by its id it can be extended and ended by anyone',
    run: async ({ store, advance }) => {
      const lease = await store.lease(2);
      await commit(store, [bound(lease, 'a')]);
      for (let i = 0; i < 3; i++) {
        await advance(lease.ttlSeconds * 1000 * 0.7);
        assert.equal(await store.leaseById(lease.id).keepAlive(), true);
      }
      assert.deepEqual(await state(store), ['a=1']);
      const batches = follower(store, await store.barrier());
      await store.leaseById(lease.id).revoke();
      assert.deepEqual(words((await batches.next(1))[0]!), ['-a']);
      assert.equal(await lease.keepAlive(), false);
      assert.equal(await store.leaseById(lease.id).keepAlive(), false);
      await store.leaseById(lease.id).revoke();
      batches.stop();
    },
  },
  {
    name: 'lease: after a reopening it is still known by its id',
    run: async (opened) => {
      assert.ok(opened.reopen, 'the engine has no reopen: skip this case by name');
      const lease = await opened.store.lease(2);
      await commit(opened.store, [bound(lease, 'a')]);
      const store = await opened.reopen();
      for (let i = 0; i < 3; i++) {
        await opened.advance(lease.ttlSeconds * 1000 * 0.7);
        assert.equal(await store.leaseById(lease.id).keepAlive(), true);
      }
      assert.deepEqual(await state(store), ['a=1']);
      await store.leaseById(lease.id).revoke();
      assert.deepEqual(await state(store), []);
    },
  },
  {
    name: 'lease: without keys it ends without a batch',
    run: async ({ store }) => {
      const before = await store.barrier();
      const lease = await store.lease(60);
      await lease.revoke();
      const batches = follower(store, before);
      const revision = await commit(store, [put('a', '1')]);
      assert.equal((await batches.next(1))[0]?.revision, revision);
      batches.stop();
    },
  },
  {
    name: 'lease: outlives a reopening with its full time, and its keys vanish afterwards',
    run: async (opened) => {
      assert.ok(opened.reopen, 'the engine has no reopen: skip this case by name');
      const lease = await opened.store.lease(2);
      await commit(opened.store, [bound(lease, 'a'), put('free', '1')]);
      await opened.advance(lease.ttlSeconds * 1000 * 0.7);
      const store = await opened.reopen();
      await opened.advance(lease.ttlSeconds * 1000 * 0.7);
      assert.deepEqual(await state(store), ['a=1', 'free=1']);
      const batches = follower(store, await store.barrier());
      await opened.advance(lease.ttlSeconds * 1000 * 0.5);
      assert.deepEqual(words((await batches.next(1))[0]!), ['-a']);
      assert.deepEqual(await state(store), ['free=1']);
      batches.stop();
    },
  },
];
