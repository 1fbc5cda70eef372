import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { encodeKv } from '../kv/codec.ts';
import { rowPrefix } from '../kv/keys.ts';
import { systemClock } from '../lib/clock.ts';
import { ManualClock } from '../lib/clock.testkit.ts';
import { silentLogger } from '../lib/log.ts';
import { openDataDir } from '../store/embedded/data-dir.ts';
import { openEmbeddedStore } from '../store/embedded/embedded-store.ts';
import type { Store } from '../store/store.ts';
import { cli } from './cli.testkit.ts';
import { StoreProgress } from './store-progress.ts';

async function inDirectory(run: (base: string) => Promise<void>): Promise<void> {
  const base = await mkdtemp(join(tmpdir(), 'portolan-store-cli-'));
  try {
    await run(base);
  } finally {
    await rm(base, { recursive: true, force: true });
  }
}

/** Opens the store of a data directory as an agent does. */
async function withStore<T>(path: string, use: (store: Store) => Promise<T>): Promise<T> {
  const dir = await openDataDir(path);
  const store = await openEmbeddedStore({ path: dir.storePath }, { clock: systemClock, log: silentLogger });
  try {
    return await use(store);
  } finally {
    await store.close();
    await dir.close();
  }
}

const row = (value: string): Uint8Array =>
  encodeKv({ value: Buffer.from(value), flags: 0n, lockIndex: 0, session: '' });

test('a copy prints what it counted, as text or as JSON, and may be run again', () =>
  inDirectory(async (base) => {
    const [from, to] = [`embedded:${join(base, 'a')}`, `embedded:${join(base, 'b')}`];
    await withStore(join(base, 'a'), (store) =>
      store.commit({ then: ['x', 'y'].map((key) => ({ put: rowPrefix + key, value: row(key) })) }),
    );
    const first = await cli(['store', 'copy', '--from', from, '--to', to]);
    assert.deepEqual(
      [first.code, /keys +2/.test(first.out), /is whole: 2 rows/.test(first.out)],
      [0, true, true],
    );
    assert.match(first.err, /^reading: 2 rows\ncopying|^reading: 2 rows\n/);
    const again = await cli(['store', 'copy', '-from', from, '-to', to, '-json']);
    const report = JSON.parse(again.out) as Record<string, unknown>;
    assert.deepEqual([again.code, again.err, report['rows'], report['written']], [0, '', 2, 0]);
  }));

test('what is refused has exit code 2 and says what to do', () =>
  inDirectory(async (base) => {
    const [from, used, absent] = ['a', 'b', 'c'].map((name) => `embedded:${join(base, name)}`) as [
      string,
      string,
      string,
    ];
    await withStore(join(base, 'a'), (store) => store.commit({ then: [{ put: 'kv/a', value: row('1') }] }));
    await withStore(join(base, 'b'), (store) => store.commit({ then: [{ put: 'kv/b', value: row('2') }] }));
    const rows: [string[], RegExp][] = [
      [['--from', from], /required option '--to/],
      [['--from', from, '--to', 'elsewhere'], /--to elsewhere: give embedded:DIR/],
      [['--from', absent, '--to', used], /there is no data directory/],
      [['--from', from, '--to', used], /not empty/],
      [['--from', from, '--to', from], /in use by the process/],
    ];
    for (const [flags, text] of rows) {
      const { code, err } = await cli(['store', 'copy', ...flags]);
      assert.deepEqual([code, text.test(err)], [2, true], `${flags.join(' ')}: ${code} ${err}`);
    }
  }));

test('on a terminal progress is one line that changes, in a log a line now and then', async () => {
  for (const [isTerminal, want] of [
    [true, '\r\x1b[Kcopying: 1 rows of 10 (10 %)\r\x1b[Kcopying: 3 rows of 10 (30 %)\r\x1b[K'],
    [false, 'copying: 1 rows of 10 (10 %)\n'],
  ] as const) {
    const clock = new ManualClock();
    let out = '';
    const progress = new StoreProgress({ isTerminal }, { write: (text) => void (out += text), clock });
    for (const rows of [1, 2, 3]) {
      progress.show({ step: 'copying', rows, total: 10 });
      await clock.advance(60);
    }
    progress.end();
    assert.equal(out, want);
  }
});
