import assert from 'node:assert/strict';
import { test } from 'node:test';

import { aNode } from '../catalog/catalog.testkit.ts';
import { compareUtf8 } from '../lib/bytes.ts';
import { follower } from '../store/conformance/harness.testkit.ts';
import { type Batch, type Store, StoreError } from '../store/store.ts';
import { aSession, bytes, type LockKit, withLocks } from './kv.testkit.ts';
import { alivePrefix } from './session-keys.ts';

const limits = { ops: 8, bytes: 1024 * 1024 };

/** Two sessions that have ended and still hold keys: one releases, one deletes. */
async function leftBehind(kit: LockKit, keys: number): Promise<void> {
  const { store, writer } = kit.base;
  await writer.register({ node: aNode('n'), skipNodeUpdate: false, checks: [] });
  const releases = await kit.sessions.create(aSession({ lockDelayNs: 15e9 }));
  const deletes = await kit.sessions.create(aSession({ behavior: 'delete', lockDelayNs: 5e9 }));
  for (let i = 0; i < keys; i++) {
    await kit.kv.acquire(`r/${i}`, bytes('1'), 0n, releases);
    await kit.kv.acquire(`d/${i}`, bytes('1'), 0n, deletes);
  }
  await kit.sessions.create(aSession({ name: 'alive' }));
  const { revision } = (await store.commit({
    then: [releases, deletes].map((id) => ({ delete: alivePrefix + id })),
  })) as { revision: number };
  await kit.base.replica.waitFor(revision);
}

async function assertClear(kit: LockKit, keys: number): Promise<void> {
  await kit.base.replica.waitFor(await kit.base.store.barrier());
  const rows = kit.kv.list('').read();
  assert.deepEqual(
    rows.map(({ key, session, lockIndex }) => [key, session, lockIndex]),
    Array.from({ length: keys }, (_, i) => `r/${i}`)
      .sort(compareUtf8)
      .map((key) => [key, '', 1]),
  );
  assert.deepEqual(
    kit.sessions
      .list()
      .read()
      .map(({ name }) => name),
    ['alive'],
  );
  for (let i = 0; i < keys; i++) {
    assert.ok(kit.sessionTable.state.isDelayed(`r/${i}`));
    assert.ok(kit.sessionTable.state.isDelayed(`d/${i}`));
  }
}

async function batchesSince(store: Store, from: number): Promise<readonly Batch[]> {
  const last = await store.barrier();
  const batches: Batch[] = [];
  const following = follower(store, from);
  while ((batches.at(-1)?.revision ?? from) < last) batches.push(...(await following.next(1)));
  following.stop();
  return batches;
}

/** The store of a process that is killed before or after its n-th commit. */
function dying(store: Store, commits: number, isApplied: boolean): Store {
  let left = commits;
  return Object.assign(Object.create(store) as Store, {
    limits: store.limits,
    lease: (ttlSeconds: number) => store.lease(ttlSeconds),
    commit: async (commit: Parameters<Store['commit']>[0]) => {
      if (left > 0) {
        left -= 1;
        return store.commit(commit);
      }
      if (isApplied) await store.commit(commit);
      throw new StoreError('closed', 'killed');
    },
  });
}

test("much is given back in several commits within the store's limits, the session's row in the last", () =>
  withLocks(
    async (kit) => {
      await leftBehind(kit, 25);
      const { store } = kit.base;
      const from = await store.barrier();
      await kit.reaper.reap();
      await assertClear(kit, 25);
      const batches = await batchesSince(store, from);
      for (const { events } of batches) {
        assert.ok(events.length <= limits.ops, `${events.length} events in one commit`);
        const removed = events.flatMap((event) =>
          event.type === 'delete' && event.key.startsWith('session/') ? [event.key.slice(8)] : [],
        );
        for (const id of removed) assert.deepEqual([...kit.kvTable.state.heldBy(id)], []);
      }
      assert.ok(batches.length >= 12);
    },
    { limits },
  ));

test('killed before or after any of its commits, what is left is done by the next', async () => {
  let kills = 0;
  for (const isApplied of [false, true]) {
    for (let commits = 0; ; commits++) {
      let isKilled = false;
      await withLocks(
        async (kit) => {
          await leftBehind(kit, 5);
          const killed = kit.reaperOn(dying(kit.base.store, commits, isApplied));
          await killed.reap().catch(() => (isKilled = true));
          await kit.base.replica.waitFor(await kit.base.store.barrier());
          await kit.reaper.reap();
          await assertClear(kit, 5);
        },
        { limits },
      );
      if (!isKilled) break;
      kills += 1;
    }
  }
  assert.ok(kills >= 6, `${kills} kills`);
});

test('two agents that reap at once give each key back once', () =>
  withLocks(
    async (kit) => {
      await withLocks(async (other) => {
        await leftBehind(kit, 10);
        await other.base.replica.waitFor(await kit.base.store.barrier());
        const { store } = kit.base;
        const from = await store.barrier();
        await Promise.all([kit.reaper.reap(), other.reaper.reap(), kit.reaper.reap()]);
        await assertClear(kit, 10);
        const writes = new Map<string, number>();
        for (const { events } of await batchesSince(store, from)) {
          for (const event of events) {
            const key = event.type === 'put' ? event.entry.key : event.key;
            if (key.startsWith('kv/')) writes.set(key, (writes.get(key) ?? 0) + 1);
          }
        }
        assert.deepEqual(
          [...writes.values()],
          Array.from({ length: 20 }, () => 1),
        );
      }, kit.base);
    },
    { limits },
  ));

test('a plain write in between does not keep a key from being given back', () =>
  withLocks(async (kit) => {
    await leftBehind(kit, 3);
    await Promise.all([kit.kv.put('r/1', bytes('other'), 0n), kit.reaper.reap()]);
    const row = kit.kv.get('r/1').read();
    assert.deepEqual([row?.session, Buffer.from(row!.value).toString()], ['', 'other']);
    assert.deepEqual(
      kit.sessions
        .list()
        .read()
        .map(({ name }) => name),
      ['alive'],
    );
  }));

test('when nothing has ended nothing is written', () =>
  withLocks(async (kit) => {
    await leftBehind(kit, 1);
    await kit.reaper.reap();
    const before = await kit.base.store.barrier();
    await kit.reaper.reap();
    await kit.sessions.settle();
    assert.equal(await kit.base.store.barrier(), before);
  }));
