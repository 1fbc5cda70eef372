import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { ManualClock } from '../lib/clock.testkit.ts';
import { silentLogger } from '../lib/log.ts';
import { bytes, commit, entries, put, rejects, state } from './conformance/harness.testkit.ts';
import { copyMarkKey } from './copy-mark.ts';
import type { CopyRules } from './copy-rows.ts';
import { CopyError, copyStore, type CopyErrorCode, type CopyOptions, type CopyReport } from './copy.ts';
import { openEmbeddedStore } from './embedded/embedded-store.ts';
import { MemoryStore } from './memory/memory-store.ts';
import { openOffset } from './offset.ts';
import type { Commit, Store, StoreLimits } from './store.ts';

const clock = new ManualClock();
const never = new AbortController().signal;

/** `data/` moves, in capitals; `live/` and `old/` stay behind. */
const rules: CopyRules = {
  of: (key) => (key.startsWith('data/') ? 'copy' : /^(live|old|floor)\//.test(key) ? 'leave' : undefined),
  value: ({ value }) => Buffer.from(Buffer.from(value).toString().toUpperCase()),
  added: (index) => [{ key: 'floor/x', value: bytes(String(index)) }],
  livePrefix: 'live/',
};

const memory = (limits?: StoreLimits): Store =>
  new MemoryStore(limits === undefined ? {} : { limits }, { clock });

async function source(rows = 10): Promise<Store> {
  const store = memory();
  for (let i = 0; i < rows; i++) await commit(store, [put(`data/${i}`, `v${i}`)]);
  await commit(store, [put('old/1', 'x'), put('data/ü', 'x')]);
  await commit(store, [{ delete: 'data/0' }]);
  return store;
}

function copy(
  from: Store,
  to: Store,
  options: Partial<CopyOptions> = {},
  signal = never,
): Promise<CopyReport> {
  const all = { sourceIsHeld: false, force: false, startOver: false, ...options };
  return copyStore(all, { from, to, rules, signal, onProgress: () => undefined });
}

async function refused(promise: Promise<unknown>, code: CopyErrorCode): Promise<void> {
  await assert.rejects(promise, (error: unknown) => {
    assert.ok(error instanceof CopyError, String(error));
    assert.equal(error.code, code);
    return true;
  });
}

/** The rows of a target, without what the copy needs for itself. */
async function rowsOf(store: Store): Promise<string[]> {
  return (await state(store)).filter((word) => !/^(store_copy|index_base)=/.test(word));
}

test('a copy has the rows that move, the added ones and nothing else; every revision is above the source', async () => {
  const from = await source();
  const to = memory();
  const report = await copy(from, to);
  const digits = [1, 2, 3, 4, 5, 6, 7, 8, 9].map((i) => `data/${i}=V${i}`);
  const before = await from.barrier();
  assert.deepEqual(await rowsOf(to), [...digits, 'data/ü=X', `floor/x=${before + 1}`]);
  assert.deepEqual([report.rows, report.kinds, report.indexBase], [10, { 'data/': 10 }, before]);
  const opened = await openOffset(to);
  for (const { key, createRevision, modRevision } of await entries(opened, '')) {
    assert.ok(createRevision > before && modRevision > before, key);
  }
});

test('a copy goes on above its own base when it is copied back', async () => {
  const from = await source();
  const there = memory();
  await copy(from, there);
  const opened = await openOffset(there);
  const newest = await commit(opened, [put('data/new', 'x')]);
  const back = memory();
  const report = await copy(opened, back);
  assert.ok(report.indexBase >= newest && newest > (await from.barrier()));
  assert.deepEqual(
    (await rowsOf(back)).slice(0, -1),
    (await rowsOf(there)).filter((w) => !w.startsWith('floor')).map((w) => w.replace('=x', '=X')),
  );
});

test('a whole copy is left as it is when it is copied again, until it was used', async () => {
  const from = await source();
  const to = memory();
  await copy(from, to);
  const before = await to.barrier();
  assert.equal((await copy(from, to)).written, 0);
  assert.equal(await to.barrier(), before);
  await commit(to, [put('data/5', 'theirs')]);
  await refused(copy(from, to), 'target-taken');
});

test('nothing is written to a target that holds anything else, or from a source that can not be copied', async () => {
  const rows: {
    name: string;
    from?: Commit['then'];
    to?: Commit['then'];
    limits?: StoreLimits;
    code: CopyErrorCode;
  }[] = [
    { name: 'a used target', to: [put('data/1', 'x')], code: 'target-taken' },
    { name: 'a living agent', from: [put('live/n1', 'x')], code: 'source-live' },
    { name: 'rows of a newer release', from: [put('newer/1', 'x')], code: 'unknown-rows' },
    {
      name: 'a row too large',
      from: [put('data/large', 'x'.repeat(9000))],
      limits: { ops: 128, bytes: 10_000 },
      code: 'too-large',
    },
  ];
  for (const { name, from, to, limits, code } of rows) {
    const [source1, target] = [await source(), memory(limits)];
    if (from !== undefined) await commit(source1, from);
    if (to !== undefined) await commit(target, to);
    const before = await target.barrier();
    await refused(copy(source1, target), code);
    assert.equal(await target.barrier(), before, name);
  }
});

test('a source that only this process can write to may hold the rows of agents that were killed', async () => {
  const from = await source();
  await commit(from, [put('live/n1', 'x')]);
  assert.equal((await copy(from, memory(), { sourceIsHeld: true })).rows, 10);
  assert.equal((await copy(from, memory(), { force: true })).rows, 10);
});

test('a copy that was broken off anywhere is no store for an agent, and is whole after another run', async () => {
  const from = await source(40);
  const limits = { ops: 4, bytes: 100_000 };
  const whole = memory(limits);
  await copy(from, whole);
  for (let cut = 1; ; cut++) {
    const to = memory(limits);
    const stop = new AbortController();
    if (await breaksAt(cut, from, to, stop)) {
      await rejects(openOffset(to), 'unfinished');
      assert.ok((await copy(from, to)).written < 42);
    } else {
      assert.ok(cut > 10, `${cut} commits`);
      assert.deepEqual(await rowsOf(to), await rowsOf(whole));
      return;
    }
    assert.deepEqual(await rowsOf(to), await rowsOf(whole), `cut at commit ${cut}`);
    await openOffset(to);
  }
});

/** Copies until `cut` commits were made; false when it took no more. */
async function breaksAt(cut: number, from: Store, to: Store, stop: AbortController): Promise<boolean> {
  const inner = to.commit.bind(to);
  let made = 0;
  to.commit = async (what) => {
    const result = await inner(what);
    if (++made === cut) stop.abort();
    return result;
  };
  try {
    await copy(from, to, {}, stop.signal);
    return false;
  } catch (error) {
    assert.ok(error instanceof CopyError && error.code === 'broken-off', String(error));
    return true;
  } finally {
    to.commit = inner;
  }
}

test('a commit whose outcome is not known, or that was not taken, is sent again', async () => {
  const from = await source();
  const to = memory({ ops: 4, bytes: 100_000 });
  const inner = to.commit.bind(to);
  let lost = 0;
  to.commit = async (what) => {
    const result = await inner(what);
    return lost++ % 2 === 0 ? { outcome: 'unknown', cause: new Error('lost') } : result;
  };
  await copy(from, to);
  await openOffset(to);
});

test('half a copy of another state is removed only when that is asked for', async () => {
  const from = await source();
  const half = memory({ ops: 4, bytes: 100_000 });
  await breaksAt(3, from, half, new AbortController());
  await commit(from, [{ delete: 'data/1' }]);
  await refused(copy(from, half), 'other-copy');
  await copy(from, half, { startOver: true });
  assert.ok(!(await rowsOf(half)).some((word) => word.startsWith('data/1=')));
});

test('a source that is written to meanwhile, and a target that somebody else writes to, are found', async () => {
  const from = await source(40);
  const to = memory({ ops: 4, bytes: 100_000 });
  const inner = to.commit.bind(to);
  let made = 0;
  to.commit = async (what) => {
    if (++made === 4) await commit(from, [put('data/5', 'newer')]);
    return inner(what);
  };
  await refused(copy(from, to, { force: true }), 'source-changed');
  await rejects(openOffset(to), 'unfinished');
  const other = memory({ ops: 4, bytes: 100_000 });
  const second = other.commit.bind(other);
  made = 0;
  other.commit = async (what) => {
    if (++made === 4) await second({ then: [{ delete: copyMarkKey }] });
    return second(what);
  };
  await refused(copy(from, other), 'target-changed');
});

test('a copy goes from one engine to another and back', async () => {
  const base = await mkdtemp(join(tmpdir(), 'portolan-copy-'));
  const opened: Store[] = [];
  const embedded = async (name: string): Promise<Store> => {
    const store = await openEmbeddedStore({ path: join(base, name) }, { clock, log: silentLogger });
    opened.push(store);
    return store;
  };
  try {
    const from = await source(1200);
    const disk = await embedded('a');
    const report = await copy(from, disk);
    await disk.close();
    const again = await openOffset(await embedded('a'));
    const other = await embedded('b');
    const back = await copy(again, other);
    assert.deepEqual([back.rows, back.digest], [report.rows, report.digest]);
    assert.ok(back.indexBase > report.indexBase);
    await openOffset(other);
  } finally {
    for (const store of opened) await store.close();
    await rm(base, { recursive: true, force: true });
  }
});
