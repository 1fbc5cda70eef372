import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';

import { systemClock } from '../../lib/clock.ts';
import { silentLogger } from '../../lib/log.ts';
import { commit, entry, follower, pages, put } from '../conformance/harness.testkit.ts';
import type { Store } from '../store.ts';
import { Disk } from './disk.ts';
import type { DiskBatch } from './disk.ts';
import { openEmbeddedStore } from './embedded-store.ts';

const phase = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** Runs on a fresh store; `synced` tells of each batch so far whether it was to be synced. */
async function withStore(run: (store: Store, synced: boolean[]) => Promise<void>): Promise<void> {
  const base = await mkdtemp(join(tmpdir(), 'portolan-in-flight-'));
  const synced: boolean[] = [];
  const open = Disk.prototype.batch;
  Disk.prototype.batch = function (this: Disk): DiskBatch {
    const batch = open.call(this);
    const write = batch.write.bind(batch);
    return Object.assign(batch, {
      write: (options: { sync?: boolean }) => {
        synced.push(options.sync === true);
        return write(options);
      },
    });
  };
  const store = await openEmbeddedStore(
    { path: join(base, 'data') },
    { clock: systemClock, log: silentLogger },
  );
  try {
    await run(store, synced);
  } finally {
    await store.close();
    Disk.prototype.batch = open;
    await rm(base, { recursive: true, force: true });
  }
}

test('what is on disk and not published yet is shown to nobody', () =>
  withStore(async (store) => {
    const before = await commit(store, [put('a', 'old')]);
    const batches = follower(store, before);
    const sent = commit(store, [put('a', 'new'), put('b', 'new')]);
    await phase();
    // LevelDB writes in a thread of its own; its answer has to wait until this one is free again.
    const until = performance.now() + 50;
    while (performance.now() < until);
    const byKey = entry(store, 'a');
    const byPrefix = pages(store, { prefix: '' });
    assert.equal((await byKey)?.modRevision, before);
    assert.deepEqual(
      (await byPrefix).map((page) => [page.revision, page.entries.length]),
      [[before, 1]],
    );
    const revision = await sent;
    assert.equal((await batches.next(1))[0]?.revision, revision);
    batches.stop();
  }));

test('a durable commit is acknowledged after a synced batch, a rederivable one needs none', () =>
  withStore(async (store, synced) => {
    assert.deepEqual(synced, [true], 'the first ceiling is on disk before anything is shown');
    await commit(store, { then: [put('r', '1')], rederivable: true });
    assert.deepEqual(synced, [true]);
    await new Promise((resolve) => setTimeout(resolve, 30));
    assert.deepEqual(synced, [true, false]);
    await commit(store, [put('d', '1')]);
    assert.deepEqual(synced, [true, false, true]);
    await store.lease(10);
    assert.deepEqual(synced, [true, false, true, true]);
    await store.close();
    assert.deepEqual(synced, [true, false, true, true, true]);
  }));

test('those who commit together share a batch, and one more ceiling is reserved before half is used up', () =>
  withStore(async (store, synced) => {
    await Promise.all(Array.from({ length: 100 }, (_, i) => commit(store, [put(`k${i}`, '')])));
    assert.deepEqual(synced, [true, true]);
    const many = { then: [put('r', '')], rederivable: true };
    const start = await store.barrier();
    while ((await store.barrier()) - start < 50_200)
      await Promise.all(Array.from({ length: 500 }, () => store.commit(many)));
    await phase();
    // The reservation is a write to the disk that nobody waits for.
    const deadline = performance.now() + 5000;
    while (synced.filter(Boolean).length < 3 && performance.now() < deadline) {
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    assert.equal(synced.filter(Boolean).length, 3);
  }));
