import assert from 'node:assert/strict';
import { test } from 'node:test';

import { ManualClock } from '../lib/clock.testkit.ts';
import { silentLogger } from '../lib/log.ts';
import { MemoryStore } from '../store/memory/memory-store.ts';
import {
  type Batch,
  type Entry,
  type Page,
  type Revision,
  type StoreEvent,
  StoreError,
} from '../store/store.ts';
import { Watches } from '../watch/watches.ts';
import { Replica } from './replica.ts';
import type { Table } from './table.ts';

/** Keeps what it is given, as text. */
class TextTable implements Table {
  readonly prefixes = ['a/', 'b/'];
  shown = new Map<string, string>();
  loads = 0;
  #fresh = new Map<string, string>();

  begin(): void {
    this.loads += 1;
    this.#fresh = new Map();
  }

  load(entry: Entry): void {
    this.#fresh.set(entry.key, Buffer.from(entry.value).toString());
  }

  finish(): void {
    this.shown = this.#fresh;
  }

  apply(event: StoreEvent, topics: string[]): void {
    if (event.type === 'put') this.shown.set(event.entry.key, Buffer.from(event.entry.value).toString());
    else this.shown.delete(event.key);
    topics.push(event.type === 'put' ? event.entry.key : event.key);
  }
}

function setUp(store: MemoryStore, clock = new ManualClock()) {
  const table = new TextTable();
  const watches = new Watches({ clock });
  const replica = new Replica({ pageSize: 2 }, { store, tables: [table], watches, log: silentLogger });
  const controller = new AbortController();
  return { table, watches, replica, controller, running: replica.run(controller.signal) };
}

const put = (store: MemoryStore, key: string, value: string): Promise<Revision> =>
  store.commit({ then: [{ put: key, value: Buffer.from(value) }] }).then((result) => {
    assert.equal(result.outcome, 'committed');
    return result.outcome === 'committed' ? result.revision : 0;
  });

test('what is stored is loaded, then followed; keys of nobody are passed over', async () => {
  const store = new MemoryStore({}, { clock: new ManualClock() });
  for (const key of ['a/1', 'a/2', 'b/1', 'c/1', 'none']) await put(store, key, 'old');
  const { table, replica, controller, running } = setUp(store);
  await replica.loaded;
  assert.deepEqual([...table.shown.keys()], ['a/1', 'a/2', 'b/1']);
  const revision = await put(store, 'a/1', 'new');
  await replica.waitFor(revision);
  assert.equal(table.shown.get('a/1'), 'new');
  assert.equal(replica.revision, revision);
  controller.abort();
  await running;
});

test('a topic is published when its batch is visible, and the wait for the revision ends after that', async () => {
  const store = new MemoryStore({}, { clock: new ManualClock() });
  const { table, watches, replica, controller, running } = setUp(store);
  await replica.loaded;
  const seen: string[] = [];
  watches.subscribe(['a/1'], () => seen.push(`told ${table.shown.get('a/1')} at ${replica.revision}`));
  const waited = replica.waitFor(1).then(() => seen.push('waited'));
  await put(store, 'a/1', 'x');
  await waited;
  assert.deepEqual(seen, ['told x at 1', 'waited']);
  controller.abort();
  await running;
});

test('on a gap the old state is served until the new one is whole, then everybody looks again', async () => {
  const clock = new ManualClock();
  const store = new MemoryStore({}, { clock });
  await put(store, 'a/1', 'old');
  const gate = gated(store);
  const { table, watches, replica, controller, running } = setUp(store, clock);
  await replica.loaded;
  let told = 0;
  watches.subscribe(['unrelated'], () => (told += 1));
  await clock.advance(0);
  gate.close();
  gate.compact();
  await put(store, 'a/1', 'new');
  await clock.advance(0);
  assert.deepEqual([table.shown.get('a/1'), table.loads, told], ['old', 2, 0]);
  gate.open();
  await replica.waitFor(2);
  assert.deepEqual([table.shown.get('a/1'), told], ['new', 1]);
  controller.abort();
  await running;
});

test('a store that was restored to an older state takes the revision back, wakes all and ends every wait', async () => {
  const clock = new ManualClock();
  const [newer, older] = [new MemoryStore({}, { clock }), new MemoryStore({}, { clock })];
  for (const value of ['1', '2', '3']) await put(newer, 'a/1', value);
  await put(older, 'a/1', 'of the backup');
  const gate = gated(newer);
  const { table, watches, replica, controller, running } = setUp(newer, clock);
  await replica.loaded;
  await clock.advance(0);
  let told = 0;
  watches.subscribe(['unrelated'], () => (told += 1));
  const never = replica.waitFor(4);
  newer.read = older.read.bind(older);
  newer.follow = older.follow.bind(older);
  gate.compact();
  await never;
  assert.deepEqual([replica.revision, replica.highest, replica.restores, told], [1, 3, 1, 1]);
  assert.equal(table.shown.get('a/1'), 'of the backup');
  await replica.waitFor(await put(older, 'a/1', 'later'));
  assert.deepEqual([table.shown.get('a/1'), replica.restores], ['later', 1]);
  controller.abort();
  await running;
});

test('a wait ends on abort and with the replica, and leaves no listener', async () => {
  const store = new MemoryStore({}, { clock: new ManualClock() });
  const { replica, controller, running } = setUp(store);
  await replica.loaded;
  const impatient = new AbortController();
  const aborted = replica.waitFor(99, impatient.signal);
  impatient.abort();
  await aborted;
  const last = replica.waitFor(99);
  controller.abort();
  await Promise.all([running, last, replica.waitFor(100)]);
});

test('the replica ends when the store is closed', async () => {
  const store = new MemoryStore({}, { clock: new ManualClock() });
  const { replica, running } = setUp(store);
  await replica.loaded;
  await store.close();
  await running;
});

/** Lets a test stop reads and end a follow as compacted. */
function gated(store: MemoryStore): { open(): void; close(): void; compact(): void } {
  let closed: Promise<void> | undefined;
  let open: () => void = () => undefined;
  let compact: () => void = () => undefined;
  const read = store.read.bind(store);
  const follow = store.follow.bind(store);
  store.read = async function* (...args): AsyncGenerator<Page> {
    await closed;
    yield* read(...args);
  };
  store.follow = (from: Revision, signal: AbortSignal): AsyncIterableIterator<Batch> => {
    const inner = follow(from, signal)[Symbol.asyncIterator]();
    const gap = new Promise<never>((_, reject) => {
      compact = () => reject(new StoreError('compacted', 'a gap'));
    });
    gap.catch(() => undefined);
    return {
      next: () => Promise.race([gap, inner.next()]),
      [Symbol.asyncIterator]() {
        return this;
      },
    };
  };
  return {
    open: () => open(),
    close: () => {
      closed = new Promise((resolve) => {
        open = resolve;
      });
    },
    compact: () => compact(),
  };
}
