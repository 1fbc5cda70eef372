import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { cp, mkdtemp, open as openFile, rename, rm, statfs } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';

import { systemClock } from '../../lib/clock.ts';
import { silentLogger } from '../../lib/log.ts';
import { commit, entries, follower, put, rejects, state } from '../conformance/harness.testkit.ts';
import { StoreError } from '../store.ts';
import type { CommitResult, Store } from '../store.ts';
import { openEmbeddedStore } from './embedded-store.ts';

// Only root may mount the small file system that these tests fill.
const root = process.geteuid?.() === 0;
const megabyte = 1024 * 1024;

interface SmallDisk {
  readonly path: string;
  /** Leaves `bytes` free. */
  fill(bytes: number): Promise<void>;
  free(): Promise<void>;
}

async function withSmallDisk(
  run: (disk: SmallDisk, store: Store, reopen: () => Promise<Store>) => Promise<void>,
): Promise<void> {
  const path = await mkdtemp(join(tmpdir(), 'portolan-full-'));
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=24m', 'tmpfs', path]);
  const filler = join(path, 'filler');
  const disk: SmallDisk = {
    path,
    fill: async (bytes) => {
      const { bavail, bsize } = await statfs(path);
      const file = await openFile(filler, 'w');
      const chunk = Buffer.alloc(256 * 1024, 1);
      try {
        for (let left = bavail * bsize - bytes; left > 0; left -= chunk.length) {
          await file.write(chunk, 0, Math.min(left, chunk.length));
        }
      } catch {
        // Writers took the rest meanwhile.
      } finally {
        await file.close();
      }
    },
    free: () => rm(filler),
  };
  let store: Store | undefined;
  try {
    const open = (): Promise<Store> =>
      openEmbeddedStore({ path: join(path, 'data') }, { clock: systemClock, log: silentLogger });
    store = await open();
    await run(disk, store, async () => {
      await store?.close();
      return (store = await open());
    });
  } finally {
    await store?.close();
    execFileSync('umount', ['--lazy', path]);
    await rm(path, { recursive: true, force: true });
  }
}

/** Writes 4 KiB values until one is refused; returns the state that was acknowledged. */
async function writeUntilRefused(
  store: Store,
  value: Buffer,
): Promise<{ acked: Set<string>; refused: string }> {
  const acked = new Set<string>();
  for (let i = 0; i < 10_000; i++) {
    const key = `k/${String(i).padStart(5, '0')}`;
    try {
      await store.commit({ then: [{ put: key, value }] });
      acked.add(key);
    } catch (error) {
      assert.ok(error instanceof StoreError, String(error));
      assert.equal(error.code, 'unavailable');
      return { acked, refused: key };
    }
  }
  assert.fail('the disk never was full');
}

async function until(holds: () => boolean | Promise<boolean>): Promise<void> {
  const deadline = performance.now() + 15_000;
  while (!(await holds())) {
    assert.ok(performance.now() < deadline, 'waited in vain');
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

async function retried(store: Store, key: string): Promise<CommitResult> {
  const deadline = performance.now() + 15_000;
  for (;;) {
    try {
      return await store.commit({ then: [put(key, 'late')] });
    } catch (error) {
      if (!(error instanceof StoreError) || error.code !== 'unavailable' || performance.now() > deadline)
        throw error;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
}

if (!root) {
  test('a full disk: what is shown on a small file system needs root and was left out', () => {});
} else {
  test('a full disk refuses writes as unavailable, reads go on, and writes too once there is space', () =>
    withSmallDisk(async (disk, store) => {
      const first = await commit(store, [put('kept', '1')]);
      await commit(store, { then: [put('derived', '1')], rederivable: true });
      await disk.fill(megabyte);
      const value = Buffer.alloc(4096, 'x');
      const { acked, refused } = await writeUntilRefused(store, value);
      const batches = follower(store, await store.barrier());

      await rejects(store.commit({ then: [put('more', '1')] }), 'unavailable');
      await rejects(store.commit({ then: [put('derived', '2')], rederivable: true }), 'unavailable');
      await rejects(store.lease(10), 'unavailable');
      assert.deepEqual(await state(store, 'derived'), ['derived=1']);
      assert.deepEqual(new Set((await entries(store, 'k/')).map(({ key }) => key)), acked);
      assert.equal((await entries(store, 'kept'))[0]?.modRevision, first);
      const shown = await store.barrier();

      // What kill -9 would leave now holds nothing that was refused.
      const copy = await mkdtemp(join(tmpdir(), 'portolan-full-copy-'));
      await cp(join(disk.path, 'data'), copy, { recursive: true });
      const again = await openEmbeddedStore({ path: copy }, { clock: systemClock, log: silentLogger });
      assert.deepEqual(new Set((await entries(again, 'k/')).map(({ key }) => key)), acked);
      await again.close();
      await rm(copy, { recursive: true });

      await disk.free();
      const late = await retried(store, 'late');
      assert.ok(late.outcome === 'committed' && late.revision > shown);
      await rejects(batches.next(1), 'compacted');
      const found = await entries(store);
      assert.deepEqual(new Set(found.map(({ key }) => key)), new Set([...acked, 'derived', 'kept', 'late']));
      assert.ok(!found.some(({ key }) => key === refused));
      for (const entry of found)
        if (entry.key.startsWith('k/')) assert.deepEqual(Buffer.from(entry.value), value);
      await commit(store, [{ put: refused, value }]);
    }));

  test('a disk that is full many times over, under writers: no acknowledged write is lost, none that was refused appears', () =>
    withSmallDisk(async (disk, store) => {
      const acked = new Map<string, number>();
      const refused = new Map<string, number>();
      let stop = false;
      const writer = async (key: string): Promise<void> => {
        for (let i = 1; !stop; i++) {
          const value = Buffer.from(`${i}|${'y'.repeat(2000)}`);
          try {
            await store.commit({ then: [{ put: key, value }], rederivable: key === 'w/0' });
            acked.set(key, i);
          } catch (error) {
            assert.ok(error instanceof StoreError && error.code === 'unavailable', String(error));
            refused.set(key, i);
            await new Promise((resolve) => setTimeout(resolve, 20));
          }
        }
      };
      const writing = Array.from({ length: 8 }, (_, i) => writer(`w/${i}`));
      try {
        for (let round = 0; round < 3; round++) {
          await disk.fill(megabyte);
          await until(() => refused.size === 8);
          await disk.free();
          await retried(store, 'back');
          refused.clear();
        }
      } finally {
        stop = true;
        await Promise.all(writing);
      }
      for (const { key, value } of await entries(store, 'w/')) {
        assert.equal(Number.parseInt(Buffer.from(value).toString(), 10), acked.get(key), key);
      }
    }));

  test('a rederivable commit that was shown stays while the disk is full, and is written afterwards', () =>
    withSmallDisk(async (disk, store, reopen) => {
      await disk.fill(512 * 1024);
      const shown: string[] = [];
      try {
        for (let i = 0; i < 1000; i++) {
          const key = `r/${String(i).padStart(4, '0')}`;
          await store.commit({ then: [{ put: key, value: Buffer.alloc(50_000, 'x') }], rederivable: true });
          shown.push(key);
        }
      } catch (error) {
        assert.ok(error instanceof StoreError && error.code === 'unavailable', String(error));
      }
      const keys = async (from: Store): Promise<string[]> =>
        (await entries(from, 'r/')).map(({ key }) => key);
      assert.ok(shown.length < 1000);
      assert.deepEqual(await keys(store), shown);
      await disk.free();
      await retried(store, 'late');
      assert.deepEqual(await keys(store), shown);
      assert.deepEqual(await keys(await reopen()), shown);
    }));

  test('a failed commit that cannot be taken off the log is unknown', () =>
    withSmallDisk(async (disk, store) => {
      await disk.fill(512 * 1024);
      // The log stays open for LevelDB, but nobody finds it any more.
      await rename(join(disk.path, 'data'), join(disk.path, 'away'));
      let result: CommitResult;
      do result = await store.commit({ then: [{ put: 'k', value: Buffer.alloc(4096, 'x') }] });
      while (result.outcome === 'committed');
      assert.equal(result.outcome, 'unknown');
      assert.equal((await entries(store, 'k')).length, 1);
      await rename(join(disk.path, 'away'), join(disk.path, 'data'));
      await disk.free();
      await retried(store, 'late');
    }));

  test('keys of a lease that ends while the disk is full vanish once there is space', () =>
    withSmallDisk(async (disk, store) => {
      const lease = await store.lease(1);
      await commit(store, [{ put: 'bound', value: Buffer.from('1'), lease: lease.id }]);
      await disk.fill(512 * 1024);
      await writeUntilRefused(store, Buffer.alloc(4096, 'x'));
      await new Promise((resolve) => setTimeout(resolve, 1100));
      assert.equal(await lease.keepAlive(), false);
      assert.deepEqual(await state(store, 'bound'), ['bound=1']);
      await disk.free();
      await retried(store, 'late');
      while ((await state(store, 'bound')).length > 0)
        await new Promise((resolve) => setTimeout(resolve, 10));
    }));
}
