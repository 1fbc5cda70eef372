/** What the engine does when etcd is killed, stalled, restored, full, compacted, or not etcd at all. */
import assert from 'node:assert/strict';
import { rm } from 'node:fs/promises';
import { createServer, type Socket } from 'node:net';
import { describe, test } from 'node:test';

import { sleep } from '../../src/lib/abort.ts';
import {
  commit,
  entries,
  entry,
  put,
  rejects,
  state,
  text,
  words,
} from '../../src/store/conformance/harness.testkit.ts';
import { StoreError } from '../../src/store/store.ts';
import type { Commit, Store } from '../../src/store/store.ts';
import { type Etcd, type EtcdMember, type EtcdOptions, startEtcd } from './etcd.testkit.ts';
import { type Following, following, openStore, urlOf, warnings } from './stores.testkit.ts';

interface Scene {
  readonly etcd: Etcd;
  readonly store: Store;
}

function scene(
  name: string,
  { budgetMs = 3000, ...options }: EtcdOptions & { readonly budgetMs?: number },
  run: (scene: Scene) => Promise<void>,
): void {
  test(name, async () => {
    const etcd = await startEtcd(options);
    try {
      const store = await openStore({ url: urlOf(etcd), budgetMs });
      try {
        await run({ etcd, store });
      } finally {
        await store.close();
      }
    } finally {
      await etcd.stop();
    }
  });
}

/** Runs it until it succeeds, or says that it has been done. */
async function persist(run: () => Promise<unknown>, done: RegExp): Promise<void> {
  const deadline = performance.now() + 10_000;
  for (;;) {
    try {
      await run();
      return;
    } catch (error) {
      if (done.test(String(error))) return;
      if (performance.now() > deadline) throw error;
      await sleep(200);
    }
  }
}

/** Takes a member that is gone out of the cluster, and a new and empty one of its name in. */
async function replace(etcd: Etcd, member: EtcdMember): Promise<void> {
  const line = (await etcd.ctl('member', 'list'))
    .split('\n')
    .find((row) => row.includes(`, ${member.name},`))!;
  const host = member.endpoint.split(':')[0]!;
  // There may be no leader yet; and etcd adds nobody before the others have been in touch for 5 s.
  await persist(() => etcd.ctl('member', 'remove', line.split(',')[0]!), /not found/i);
  await rm(member.dataDir, { recursive: true });
  await persist(
    () => etcd.ctl('member', 'add', member.name, `--peer-urls=http://${host}:${member.ports.peer}`),
    /already/i,
  );
  await member.start({ args: ['--initial-cluster-state=existing'] });
}

interface Counted {
  readonly acknowledged: readonly number[];
  readonly unknown: number;
  readonly failed: readonly unknown[];
}

/** Adds one to a row again and again until `signal` aborts, as `writers` at the same time; tells what they were told. */
async function counting(store: Store, writers: number, signal: AbortSignal): Promise<Counted> {
  const acknowledged: number[] = [];
  const failed: unknown[] = [];
  let unknown = 0;
  await commit(store, [put('n', '0')]);
  const add = async (): Promise<void> => {
    while (!signal.aborted) {
      try {
        const row = (await entry(store, 'n'))!;
        const sum = String(Number(text(row.value)) + 1);
        const when = [{ key: 'n', modRevision: row.modRevision }];
        const result = await store.commit({ when, then: [put('n', sum)] });
        if (result.outcome === 'committed') acknowledged.push(result.revision);
        else if (result.outcome === 'unknown') unknown++;
      } catch (error) {
        if (error instanceof StoreError && error.code === 'closed') break;
        failed.push(error);
      }
      await sleep(10);
    }
  };
  await Promise.all(Array.from({ length: writers }, add));
  return { acknowledged: acknowledged.sort((a, b) => a - b), unknown, failed };
}

/** Every addition that was acknowledged was carried out once, and shown to the follower once. */
async function checkCount(
  store: Store,
  follower: Following,
  { acknowledged, unknown }: Counted,
): Promise<void> {
  await follower.until(acknowledged.at(-1)!);
  assert.equal(follower.error(), undefined);
  assert.deepEqual(
    [...new Set(follower.revisions)].sort((a, b) => a - b),
    follower.revisions,
  );
  const shown = new Set(follower.revisions);
  assert.deepEqual(
    acknowledged.filter((revision) => !shown.has(revision)),
    [],
  );
  assert.equal(new Set(acknowledged).size, acknowledged.length);
  const total = Number(text((await entry(store, 'n'))!.value));
  const most = acknowledged.length + unknown;
  assert.ok(total >= acknowledged.length && total <= most, `${total} of ${acknowledged.length} to ${most}`);
}

describe('etcd under the engine', { concurrency: 4 }, () => {
  scene(
    'a follower behind a compaction is told compacted, one that is up to date goes on',
    {},
    async ({ etcd, store }) => {
      const from = await store.barrier();
      const upToDate = following(store, from);
      for (let i = 0; i < 20; i++) await commit(store, [put('a', String(i))]);
      const newest = await store.barrier();
      await upToDate.until(newest);
      await etcd.ctl('compact', String(newest));
      await rejects(
        store.follow(from, new AbortController().signal)[Symbol.asyncIterator]().next(),
        'compacted',
      );
      const last = await commit(store, [put('a', 'last')]);
      await upToDate.until(last);
      assert.equal(upToDate.error(), undefined);
      assert.equal(upToDate.revisions.length, 21);
      upToDate.stop();
    },
  );

  scene('a read whose revision is compacted in the middle says so', {}, async ({ etcd, store }) => {
    for (let i = 0; i < 10; i++) await commit(store, [put(`k${i}`, '')]);
    const pages = store.read({ prefix: '' }, { pageSize: 2 })[Symbol.asyncIterator]();
    await pages.next();
    await etcd.ctl('compact', String(await commit(store, [put('k0', 'new')])));
    await rejects(pages.next(), 'compacted');
  });

  scene(
    'an etcd that is killed and comes back leaves a follower without a gap or a repeat',
    {},
    async ({ etcd, store }) => {
      const follower = following(store, await store.barrier());
      const over = new AbortController();
      const writing = counting(store, 4, over.signal);
      for (let i = 0; i < 3; i++) {
        await sleep(300);
        await etcd.members[0]!.kill();
        await etcd.members[0]!.start();
      }
      await sleep(300);
      over.abort();
      await checkCount(store, follower, await writing);
      follower.stop();
    },
  );

  scene(
    'a commit that may have been carried out when etcd died is unknown, and never sent again',
    {},
    async ({ etcd, store }) => {
      await commit(store, [put('n', '0')]);
      etcd.members[0]!.stall();
      const pending = store.commit({ then: [put('n', '1')] });
      await sleep(100);
      etcd.members[0]!.resume();
      await etcd.members[0]!.kill();
      const { outcome } = await pending;
      assert.ok(outcome === 'unknown' || outcome === 'committed', outcome);
      await etcd.members[0]!.start();
      const rows = await entries(store);
      assert.equal(rows.length, 1);
    },
  );

  scene(
    'an etcd that is away: what was never sent is unavailable, and comes back',
    {},
    async ({ etcd, store }) => {
      await etcd.members[0]!.kill();
      await sleep(100);
      const startMs = performance.now();
      await rejects(store.commit({ then: [put('a', '1')] }), 'unavailable');
      await rejects(store.barrier(), 'unavailable');
      assert.ok(performance.now() - startMs < 7500);
      assert.ok(store.lastAnswerAgoMs() > 3000, `${store.lastAnswerAgoMs()} ms`);
      await etcd.members[0]!.start();
      await commit(store, [put('a', '1')]);
      assert.ok(store.lastAnswerAgoMs() < 1000);
    },
  );

  scene(
    'three servers, the leader stalled: no call fails, and followers go on elsewhere',
    // On a busy machine an election alone takes three seconds at times.
    { members: 3, budgetMs: 6000 },
    async ({ etcd, store }) => {
      const follower = following(store, await store.barrier());
      const over = new AbortController();
      const writing = counting(store, 4, over.signal);
      const lease = await store.lease(8);
      await sleep(300);
      const leader = await etcd.leader();
      leader.stall();
      const deadline = performance.now() + 4000;
      let slowestMs = 0;
      while (performance.now() < deadline) {
        const startMs = performance.now();
        await store.barrier();
        slowestMs = Math.max(slowestMs, performance.now() - startMs);
        await sleep(20);
      }
      assert.equal(await lease.keepAlive(), true);
      leader.resume();
      over.abort();
      const counted = await writing;
      assert.deepEqual(counted.failed, []);
      assert.ok(slowestMs < 6300, `${slowestMs} ms`);
      await checkCount(store, follower, counted);
      follower.stop();
    },
  );

  scene(
    'three servers, one after another killed, the last one replaced: writes go on, and nothing acknowledged is lost',
    { members: 3 },
    async ({ etcd, store }) => {
      const follower = following(store, await store.barrier());
      const over = new AbortController();
      const writing = counting(store, 4, over.signal);
      for (const member of etcd.members) {
        await sleep(200);
        await member.kill();
        await sleep(200);
        if (member === etcd.members[2]) await replace(etcd, member);
        else await member.start();
      }
      await sleep(300);
      over.abort();
      const counted = await writing;
      assert.ok(counted.acknowledged.length > 20, `${counted.acknowledged.length} commits`);
      await checkCount(store, follower, counted);
      assert.equal((await store.peers()).length, 3);
      follower.stop();
    },
  );

  test('an etcd restored from a backup: followers are told compacted, and the old state is read', async () => {
    const etcd = await startEtcd();
    const { log, messages } = warnings();
    const store = await openStore({ url: urlOf(etcd) }, log);
    const snapshot = `${etcd.dataRoot}.db`;
    const [{ ports } = { ports: undefined }] = etcd.members;
    let restored: Etcd | undefined;
    try {
      await commit(store, [put('a', 'old')]);
      await etcd.ctl('snapshot', 'save', snapshot);
      for (let i = 0; i < 20; i++) await commit(store, [put('a', 'new')]);
      const follower = following(store, await store.barrier());
      await etcd.stop();
      restored = await startEtcd({ snapshot, ports: [ports!] });
      await follower.until(Infinity);
      assert.equal((follower.error() as StoreError).code, 'compacted');
      assert.deepEqual(await state(store), ['a=old']);
      const again = following(store, await store.barrier());
      await again.until(await commit(store, [put('a', 'newer')]));
      assert.ok(messages.length >= 1, 'nothing was logged');
      again.stop();
    } finally {
      await store.close();
      await restored?.stop();
      await etcd.stop();
      await rm(snapshot, { force: true });
    }
  });

  test('another cluster in its place, all wiped: followers are told compacted, and it is empty', async () => {
    const etcd = await startEtcd();
    const { log, messages } = warnings();
    const store = await openStore({ url: urlOf(etcd) }, log);
    const ports = etcd.members.map((member) => member.ports);
    let other: Etcd | undefined;
    try {
      const follower = following(store, await commit(store, [put('a', '1')]));
      await etcd.stop();
      other = await startEtcd({ ports, token: 'another' });
      await follower.until(Infinity);
      assert.equal((follower.error() as StoreError).code, 'compacted');
      assert.deepEqual(await state(store), []);
      assert.match(messages.join(), /another etcd cluster/);
    } finally {
      await store.close();
      await other?.stop();
      await etcd.stop();
    }
  });

  scene(
    'a full etcd refuses writes and says what to do; reads, leases and their expiry go on',
    { args: ['--quota-backend-bytes=2000000'] },
    async ({ etcd, store }) => {
      const lease = await store.lease(1);
      await commit(store, [{ put: 'live', value: new Uint8Array(1), lease: lease.id }]);
      const big: Commit = { then: [{ put: 'big', value: new Uint8Array(300_000) }] };
      const fill = async (): Promise<void> => {
        for (let i = 0; i < 300; i++) await store.commit(big);
      };
      await assert.rejects(fill(), (error: unknown) => {
        assert.ok(error instanceof StoreError);
        assert.equal(error.code, 'unavailable');
        return /full.*compact.*disarm/.test(error.message);
      });
      assert.equal((await entry(store, 'big'))?.value.byteLength, 300_000);
      const follower = following(store, await store.barrier());
      await sleep(lease.ttlSeconds * 1000);
      while ((await entry(store, 'live')) !== undefined) await sleep(50);
      await follower.until(1);
      assert.deepEqual(words(follower.batches[0]!), ['-live']);
      await etcd.ctl('compact', String(await store.barrier()));
      await etcd.ctl('defrag');
      await etcd.ctl('alarm', 'disarm');
      await follower.until(await commit(store, [put('a', '1')]));
      follower.stop();
    },
  );

  scene('one etcd holds several stores, and what others write', {}, async ({ etcd, store }) => {
    const other = await openStore({ url: urlOf(etcd, 'tes') });
    try {
      const follower = following(store, await store.barrier());
      await commit(store, [put('a', 'mine')]);
      await commit(other, [put('a', 'theirs'), put('t/k/a', 'x')]);
      await commit(other, [{ deletePrefix: '' }, put('b', 'theirs')].slice(0, 1));
      await etcd.ctl('put', 'foreign', 'x');
      assert.deepEqual(await state(store), ['a=mine']);
      // A refusal names a revision that followers come to, though the newest is another's.
      const refused = await store.commit({ when: [{ key: 'a', exists: false }], then: [put('a', 'x')] });
      assert.ok(refused.outcome === 'refused');
      await follower.until(refused.revision);
      await etcd.ctl('put', 'foreign', 'y');
      await follower.until(await store.barrier());
      assert.deepEqual(follower.batches.flatMap(words), ['+a=mine']);
      follower.stop();
    } finally {
      await other.close();
    }
  });

  scene(
    'limits are found where etcd was given others',
    { args: ['--max-txn-ops=300', '--max-request-bytes=800000'] },
    async ({ store }) => {
      assert.ok(store.limits.ops >= 256 && store.limits.ops < 300, `${store.limits.ops}`);
      assert.equal(store.limits.bytes, 375_000);
      await commit(
        store,
        Array.from({ length: store.limits.ops }, (_, i) => put(`k${i}`, '')),
      );
    },
  );

  scene('a slow reader pauses its watch and misses nothing', {}, async ({ store }) => {
    const from = await store.barrier();
    const slow = store.follow(from, new AbortController().signal)[Symbol.asyncIterator]();
    const total = 150;
    const value = new Uint8Array(100_000);
    for (let i = 0; i < total; i++) await commit(store, [{ put: 'a', value }]);
    let last = from;
    for (let i = 0; i < total; i++) {
      const { value } = (await slow.next()) as { value: { revision: number } };
      assert.ok(value.revision > last);
      last = value.revision;
    }
    assert.equal(last, await store.barrier());
    await slow.return?.();
  });

  test('what is no etcd is told so, and where nobody listens too', async () => {
    const sockets = new Set<Socket>();
    const server = createServer((socket) => {
      sockets.add(socket);
      socket.on('error', () => undefined);
      socket.end('HTTP/1.1 400 Bad Request\r\n\r\n');
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as { port: number };
    for (const at of [`127.0.0.1:${port}`, '127.0.0.1:1']) {
      await assert.rejects(openStore({ url: `etcd://${at}`, openMs: 1000 }), (error: unknown) => {
        assert.ok(error instanceof StoreError);
        assert.equal(error.code, 'unavailable');
        assert.ok(error.message.startsWith(`No etcd can be used at ${at}: `), error.message);
        return true;
      });
    }
    for (const socket of sockets) socket.destroy();
    await new Promise((resolve) => server.close(resolve));
  });
});
