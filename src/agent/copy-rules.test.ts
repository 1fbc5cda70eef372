import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { CatalogTable } from '../catalog/catalog-table.ts';
import { aCheck, aNode, aService, startCatalog } from '../catalog/catalog.testkit.ts';
import type { CatalogKit } from '../catalog/catalog.testkit.ts';
import { StewardTable } from '../cluster/steward-table.ts';
import { encodeKv } from '../kv/codec.ts';
import { Kv } from '../kv/kv.ts';
import { KvTable } from '../kv/kv-table.ts';
import { SessionTable } from '../kv/session-table.ts';
import { ManualClock } from '../lib/clock.testkit.ts';
import { repoRoot } from '../lib/repo-root.testkit.ts';
import { copyStore } from '../store/copy.ts';
import { MemoryStore } from '../store/memory/memory-store.ts';
import { openOffset } from '../store/offset.ts';
import type { Store } from '../store/store.ts';
import { copyRules } from './copy-rules.ts';

const tables = [new CatalogTable(), new KvTable(), new SessionTable(), new StewardTable()];

test('every kind of row that a table holds either moves or stays', () => {
  for (const prefix of tables.flatMap((table) => table.prefixes)) {
    assert.ok(copyRules.of(`${prefix}x`) !== undefined, prefix);
  }
  const src = join(repoRoot(import.meta.url), 'src');
  const files = readdirSync(src, { recursive: true, encoding: 'utf8' }).filter(
    (name) => name.endsWith('.ts') && !name.endsWith('.test.ts'),
  );
  const holders = files.filter((name) => /\bimplements Table\b/.test(readFileSync(join(src, name), 'utf8')));
  assert.equal(holders.length, tables.length, `add the table to this test: ${holders.join(' ')}`);
});

interface Side extends CatalogKit {
  readonly kvTable: KvTable;
  readonly sessions: SessionTable;
}

async function side(store: Store): Promise<Side> {
  const [kvTable, sessions] = [new KvTable(), new SessionTable()];
  const kit = await startCatalog({ store, tables: [kvTable, sessions] });
  return { ...kit, kvTable, sessions };
}

/** Indexes of views of what is there, of what is gone and of what never was. */
function indexes({ catalog, kvTable, sessions }: Side): Record<string, number> {
  const kv = kvTable.state;
  return {
    nodes: catalog.nodes().index(),
    services: catalog.services().index(),
    web: catalog.service('web').index(),
    gone: catalog.service('gone').index(),
    none: catalog.service('none').index(),
    checks: catalog.checksInState('any').index(),
    node: catalog.node('n1').index(),
    key: kv.row('a/1')?.modifyIndex ?? 0,
    folder: kv.indexUnder('a/'),
    'gone key': kv.indexUnder('gone/'),
    'all keys': kv.indexUnder(''),
    sessions: sessions.state.index,
  };
}

test('after a move every index is above the source’s, locks are released and their count is kept', async () => {
  const clock = new ManualClock();
  const store = new MemoryStore({}, { clock });
  const from = await side(store);
  const web = aService('web', 'web');
  await from.writer.register({
    node: aNode('n1'),
    skipNodeUpdate: false,
    service: web,
    checks: [aCheck('c', 'web')],
  });
  await from.writer.register({
    node: aNode('n2'),
    skipNodeUpdate: false,
    service: aService('gone', 'gone'),
    checks: [],
  });
  await from.writer.deregister({ node: 'n2' });
  const locked = encodeKv({
    value: Buffer.from('mine'),
    flags: 7n,
    lockIndex: 3,
    session: 'd2b0c9ee-0000-4000-8000-000000000000',
  });
  const put = (key: string, value: Uint8Array) => store.commit({ then: [{ put: key, value }] });
  await put('kv/a/1', locked);
  await put('kv/gone/1', locked);
  await store.commit({ then: [{ delete: 'kv/gone/1' }, { put: 'kx/gone/1', value: Buffer.from('[1]') }] });
  await put('sessions/ended', Buffer.from('[1]'));
  await from.replica.waitFor(await store.barrier());
  const before = indexes(from);
  const target = new MemoryStore({}, { clock });
  await copyStore(
    { sourceIsHeld: true, force: false, startOver: false },
    {
      from: store,
      to: target,
      rules: copyRules,
      signal: new AbortController().signal,
      onProgress: () => undefined,
    },
  );
  const to = await side(await openOffset(target));
  const newest = Math.max(...Object.values(before));
  for (const [view, index] of Object.entries(indexes(to))) assert.ok(index > newest, `${view} has ${index}`);
  const row = to.kvTable.state.row('a/1')!;
  assert.deepEqual(
    [row.session, row.lockIndex, row.flags, Buffer.from(row.value).toString()],
    ['', 3, 7n, 'mine'],
  );
  assert.deepEqual(to.catalog.health('web').read().length, 1);
  const kv = new Kv({}, { store: to.store, replica: to.replica, table: to.kvTable, clock });
  assert.equal(await kv.put('a/1', Buffer.from('new'), 0n, { cas: row.modifyIndex }), true);
  await from.stop();
  await to.stop();
});
