import assert from 'node:assert/strict';
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';

import { compareUtf8 } from '../../lib/bytes.ts';
import { systemClock } from '../../lib/clock.ts';
import { silentLogger } from '../../lib/log.ts';
import { commit, put, rejects } from '../conformance/harness.testkit.ts';
import type { Operation, Store } from '../store.ts';
import { Disk } from './disk.ts';
import { openEmbeddedStore } from './embedded-store.ts';

const base = await mkdtemp(join(tmpdir(), 'portolan-opening-'));
after(() => rm(base, { recursive: true, force: true }));
const open = (path: string): Promise<Store> =>
  openEmbeddedStore({ path }, { clock: systemClock, log: silentLogger });

test('data that are open already are refused, and can be opened after a close', async () => {
  const path = join(base, 'twice');
  const first = await open(path);
  await rejects(open(path), 'data-dir');
  await first.close();
  await (await open(path)).close();
});

test('damaged data are refused with their path and the reason', async () => {
  const path = join(base, 'damaged');
  await mkdir(path);
  await writeFile(join(path, 'CURRENT'), 'nonsense');
  await assert.rejects(
    open(path),
    (error: Error) => error.message.includes(path) && /CURRENT/.test(error.message),
  );
});

test('a clean stop skips no revision', async () => {
  const path = join(base, 'clean');
  const first = await open(path);
  const last = await commit(first, [put('a', '1')]);
  await first.close();
  const second = await open(path);
  assert.equal(await second.barrier(), last);
  assert.equal(await commit(second, [put('a', '2')]), last + 1);
  await second.close();
});

test('commits that were sent before a close are applied before it ends', async () => {
  const path = join(base, 'pending');
  const first = await open(path);
  const sent = Array.from({ length: 50 }, (_, i) =>
    commit(first, { then: [put(`k${i}`, '')], rederivable: i % 2 === 0 }),
  );
  await Promise.all([first.close(), ...sent]);
  const second = await open(path);
  for await (const page of second.read({ prefix: '' })) assert.equal(page.entries.length, 50);
  await second.close();
});

test('no row of a binding outlives the binding', async () => {
  const path = join(base, 'bindings');
  const store = await open(path);
  const [one, two] = [await store.lease(60), await store.lease(60)];
  const bound = (key: string, lease: string): Operation => ({ put: key, value: Buffer.from(''), lease });
  await commit(store, [
    bound('freed', one.id),
    bound('moved', one.id),
    bound('deleted', one.id),
    bound('kept', one.id),
  ]);
  await commit(store, [put('freed', ''), bound('moved', two.id), { delete: 'deleted' }]);
  await commit(store, { then: [bound('derived', two.id)], rederivable: true });
  await commit(store, { then: [put('derived', '')], rederivable: true });
  await store.close();
  const disk = await Disk.open(path);
  const rows = (await disk.bindings()).map(({ lease, key }) => `${key} ${lease === one.id ? 'one' : 'two'}`);
  await disk.close();
  assert.deepEqual(rows.sort(compareUtf8), ['kept one', 'moved two']);
});

test('the rest of a probe for room is removed', async () => {
  const path = join(base, 'probed');
  await mkdir(path);
  await writeFile(join(path, 'probe.tmp'), 'x');
  await (await open(path)).close();
  assert.ok(!(await readdir(path)).includes('probe.tmp'));
});
