import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { ManualClock } from '../lib/clock.testkit.ts';
import { RecordDecoder } from './persistence-codec.ts';
import { LevelPersistence } from './persistence-level.ts';
import { MemoryPersistence } from './persistence-memory.ts';
import type { PersistedChange, Persistence } from './persistence.ts';
import { persistenceConformance } from './persistence.testkit.ts';
import { PersistQueue } from './persist-queue.ts';
import { service } from './registry.testkit.ts';

persistenceConformance('memory', {
  open: () => Promise.resolve(new MemoryPersistence()),
  reopen: (persistence) => Promise.resolve(persistence),
});

const folders = new Map<Persistence, string>();
const made: string[] = [];

persistenceConformance('level', {
  open: async () => {
    const path = await mkdtemp(join(tmpdir(), 'portolan-registry-'));
    made.push(path);
    const persistence = await LevelPersistence.open(path);
    folders.set(persistence, path);
    return persistence;
  },
  reopen: async (persistence) => {
    await persistence.close();
    const path = folders.get(persistence)!;
    const again = await LevelPersistence.open(path);
    folders.set(again, path);
    return again;
  },
});

after(async () => {
  for (const path of made) await rm(path, { recursive: true, force: true });
});

test("records that can't be read are named and do not hide the others", () => {
  const decoder = new RecordDecoder();
  const records = [
    ['service/good', JSON.stringify(service('good'))],
    ['service/torn', '{"id":"torn"'],
    ['service/short', '{"id":"short"}'],
    ['check/list', '[]'],
    ['other/x', '{}'],
  ] as const;
  for (const [key, text] of records) decoder.add(key, text);
  const { services, unreadable } = decoder.persisted();
  assert.deepEqual(
    services.map(({ id }) => id),
    ['good'],
  );
  assert.deepEqual(unreadable, ['service/torn', 'service/short', 'check/list', 'other/x']);
});

/** Holds every write until it is let go or made to fail. */
class HeldPersistence implements Persistence {
  readonly writes: {
    changes: readonly PersistedChange[];
    durable: boolean;
    done: () => void;
    fail: () => void;
  }[] = [];

  load(): Promise<never> {
    return Promise.reject(new Error('not used'));
  }

  write(changes: readonly PersistedChange[], options: { readonly durable: boolean }): Promise<void> {
    return new Promise((resolve, reject) => {
      const fail = (): void => reject(new Error('disk full'));
      this.writes.push({ changes, durable: options.durable, done: resolve, fail });
    });
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}

const put = (id: string, tag = ''): PersistedChange => ({
  type: 'service',
  id,
  value: service(id, { tags: [tag] }),
});

test('one write at a time; what comes meanwhile goes together in the next, the newest of each record', async () => {
  const persistence = new HeldPersistence();
  const queue = new PersistQueue({ persistence, clock: new ManualClock(), onError: () => {} });
  const first = queue.push([put('a')], { durable: false });
  const second = queue.push([put('b', 'old')], { durable: false });
  const third = queue.push([put('b', 'new'), put('c')], { durable: true });
  assert.equal(persistence.writes.length, 1);
  persistence.writes[0]!.done();
  await first;
  await new Promise((resolve) => setImmediate(resolve));
  assert.deepEqual(persistence.writes[1]!.changes, [put('b', 'new'), put('c')]);
  assert.equal(persistence.writes[1]!.durable, true);
  persistence.writes[1]!.done();
  await Promise.all([second, third]);
});

test('a failed write is told to whoever waits, and is tried again until it succeeds', async () => {
  const persistence = new HeldPersistence();
  const clock = new ManualClock();
  let errors = 0;
  const queue = new PersistQueue({ persistence, clock, onError: () => (errors += 1) });
  const first = queue.push([put('a', 'old'), put('b')], { durable: true });
  persistence.writes[0]!.fail();
  await assert.rejects(first, /disk full/);
  assert.equal(errors, 1);
  const second = queue.push([put('a', 'new')], { durable: false });
  assert.deepEqual(persistence.writes[1]!.changes, [put('a', 'new'), put('b')]);
  assert.equal(persistence.writes[1]!.durable, true);
  persistence.writes[1]!.fail();
  await assert.rejects(second, /disk full/);
  await clock.advance(60_000);
  assert.equal(persistence.writes.length, 3);
  persistence.writes[2]!.done();
  await clock.advance(600_000);
  assert.equal(persistence.writes.length, 3);
  assert.equal(clock.pendingTimers, 0);
});

test('what is still waiting at the end is written', async () => {
  const persistence = new MemoryPersistence();
  const queue = new PersistQueue({ persistence, clock: new ManualClock(), onError: () => {} });
  void queue.push([put('a')], { durable: false });
  void queue.push([put('b')], { durable: false });
  await queue.close();
  assert.deepEqual(
    (await persistence.load()).services.map(({ id }) => id),
    ['a', 'b'],
  );
});
