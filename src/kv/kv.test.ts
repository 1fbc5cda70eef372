import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';

import { type CatalogKit, startCatalog } from '../catalog/catalog.testkit.ts';
import { TombstoneCollector } from '../catalog/collector.ts';
import { type CommitResult, StoreError } from '../store/store.ts';
import { Kv, type KvError } from './kv.ts';
import { KvTable } from './kv-table.ts';

interface Kit {
  readonly base: CatalogKit;
  readonly kv: Kv;
  readonly collector: TombstoneCollector;
}

async function startKv(of?: CatalogKit): Promise<Kit> {
  const table = new KvTable();
  const base = await startCatalog({ tables: [table], ...(of && { store: of.store, clock: of.clock }) });
  const { store, replica, clock } = base;
  const collector = new TombstoneCollector(
    {},
    { store, replica, graveyards: () => table.graveyards(), clock },
  );
  return { base, kv: new Kv({}, { store, replica, table, clock }), collector };
}

async function withKv(run: (kv: Kv, kit: Kit) => Promise<void>): Promise<void> {
  const kit = await startKv();
  try {
    await run(kit.kv, kit);
  } finally {
    await kit.base.stop();
  }
}

const bytes = (text: string): Uint8Array => Buffer.from(text);
const text = (value: Uint8Array | undefined): string | undefined => value && Buffer.from(value).toString();

async function fill(kv: Kv, ...keys: string[]): Promise<void> {
  for (const key of keys) await kv.put(key, bytes(key), 0n);
}

test('a row has its value, flags and indexes; CreateIndex stays on an update and not on a new start', () =>
  withKv(async (kv) => {
    assert.equal(await kv.put('a', bytes('1'), 2n ** 64n - 1n), true);
    const first = kv.get('a').read();
    assert.deepEqual([text(first?.value), first?.flags], ['1', 2n ** 64n - 1n]);
    assert.equal(first?.createIndex, first?.modifyIndex);
    await kv.put('a', bytes('2'), 0n);
    const second = kv.get('a').read();
    assert.equal(second?.createIndex, first?.createIndex);
    assert.ok(second!.modifyIndex > first!.modifyIndex);
    assert.equal(kv.get('a').index(), second?.modifyIndex);
    await kv.delete('a');
    await kv.put('a', bytes('2'), 0n);
    assert.ok(kv.get('a').read()!.createIndex > second!.modifyIndex);
  }));

test('a put of the same value and flags moves nothing, other flags do', () =>
  withKv(async (kv) => {
    await kv.put('a', bytes('1'), 0n);
    const index = kv.get('a').index();
    assert.equal(await kv.put('a', bytes('1'), 0n), true);
    assert.equal(await kv.put('a', bytes('1'), 0n, { cas: index }), true);
    assert.equal(kv.get('a').index(), index);
    await kv.put('a', bytes('1'), 9n);
    assert.ok(kv.get('a').index() > index);
  }));

test('cas writes and deletes only what it names', () =>
  withKv(async (kv) => {
    assert.equal(await kv.put('a', bytes('1'), 0n, { cas: 0 }), true);
    assert.equal(await kv.put('a', bytes('2'), 0n, { cas: 0 }), false);
    const index = kv.get('a').index();
    assert.equal(await kv.put('a', bytes('2'), 0n, { cas: BigInt(index + 1) }), false);
    assert.equal(await kv.put('a', bytes('2'), 0n, { cas: BigInt(index) }), true);
    assert.equal(await kv.put('missing', bytes('x'), 0n, { cas: 5 }), false);
    assert.equal(await kv.delete('a', { cas: 0 }), false);
    assert.equal(await kv.delete('a', { cas: index }), false);
    assert.equal(await kv.delete('a', { cas: kv.get('a').index() }), true);
    assert.equal(await kv.delete('a', { cas: 7 }), true);
    assert.equal(kv.get('a').read(), undefined);
  }));

test('of many who write with the same cas exactly one wins', () =>
  withKv(async (kv, { base }) => {
    const other = await startKv(base);
    const writers = Array.from({ length: 20 }, (_, i) => (i % 2 ? kv : other.kv));
    const won = await Promise.all(writers.map((writer, i) => writer.put('a', bytes(`${i}`), 0n, { cas: 0 })));
    assert.equal(won.filter(Boolean).length, 1);
    assert.equal(text(kv.get('a').read()?.value), String(won.indexOf(true)));
    await other.base.stop();
  }));

test('writes of one process to one key are applied in order', () =>
  withKv(async (kv) => {
    await Promise.all(Array.from({ length: 50 }, (_, i) => kv.put('a', bytes(`${i}`), 0n)));
    assert.equal(text(kv.get('a').read()?.value), '49');
  }));

const listed: readonly [prefix: string, want: string][] = [
  ['', 'A a/1 a/10 a/2 ab b'],
  ['a', 'a/1 a/10 a/2 ab'],
  ['a/', 'a/1 a/10 a/2'],
  ['a/1', 'a/1 a/10'],
  ['zzz', ''],
];
for (const [prefix, want] of listed) {
  test(`list of "${prefix}" is by bytes, whatever the slashes`, () =>
    withKv(async (kv) => {
      await fill(kv, 'b', 'a/2', 'a/10', 'a/1', 'A', 'ab');
      assert.equal(
        kv
          .list(prefix)
          .read()
          .map(({ key }) => key)
          .join(' '),
        want,
      );
    }));
}

const cut: readonly [prefix: string, separator: string, want: string][] = [
  ['k/', '', 'k/a k/b/1 k/b/2 k/c/d/e k/x.y.z'],
  ['k/', '/', 'k/a k/b/ k/c/ k/x.y.z'],
  ['k/b', '/', 'k/b/'],
  ['k/b/', '/', 'k/b/1 k/b/2'],
  ['k', '/', 'k/ kb'],
  ['k/', '.', 'k/a k/b/1 k/b/2 k/c/d/e k/x.'],
  ['k/', '/1', 'k/a k/b/1 k/b/2 k/c/d/e k/x.y.z'],
  ['none', '/', ''],
];
for (const [prefix, separator, want] of cut) {
  test(`keys of "${prefix}" cut at "${separator}"`, () =>
    withKv(async (kv) => {
      await fill(kv, 'k/a', 'k/b/1', 'k/b/2', 'k/c/d/e', 'k/x.y.z', 'kb');
      assert.equal(kv.keys(prefix, separator).read().join(' '), want);
    }));
}

test('keys above the basic plane sort by their bytes', () =>
  withKv(async (kv) => {
    await fill(kv, '\u{1F600}', '\uFFFD', 'z');
    assert.deepEqual(kv.keys('', '').read(), ['z', '\uFFFD', '\u{1F600}']);
  }));

test('the index of a prefix is that of its newest row or deletion; a miss has the newest of all', () =>
  withKv(async (kv) => {
    await fill(kv, 'p/a', 'p/b', 'q/a');
    const indexOf = (key: string): number => kv.get(key).index();
    assert.equal(kv.list('p/').index(), indexOf('p/b'));
    await kv.put('q/a', bytes('2'), 0n);
    assert.equal(kv.list('p/').index(), indexOf('p/b'));
    assert.deepEqual(
      [kv.get('none').index(), kv.list('none/').index(), kv.keys('none', '/').index()],
      [indexOf('q/a'), indexOf('q/a'), indexOf('q/a')],
    );
    await kv.delete('p/b');
    const deleted = kv.list('p/').index();
    assert.ok(deleted > indexOf('q/a'));
    assert.deepEqual(
      [kv.list('p').index(), indexOf('p/b'), kv.list('q/').index()],
      [deleted, deleted, indexOf('q/a')],
    );
    await kv.deleteTree('p/');
    assert.ok(kv.list('p/').index() > deleted);
    assert.equal(kv.list('q/').index(), indexOf('q/a'));
  }));

test('deleting a tree takes every key with the prefix, and nothing when there is none', () =>
  withKv(async (kv, { base }) => {
    await fill(kv, 'd/a/1', 'd/a/2', 'd/ab', 'd/b');
    await kv.deleteTree('d/a/');
    assert.deepEqual(kv.keys('d/', '').read(), ['d/ab', 'd/b']);
    await kv.deleteTree('d/a');
    assert.deepEqual(kv.keys('d/', '').read(), ['d/b']);
    const revision = await base.store.barrier();
    await kv.deleteTree('none');
    await kv.delete('none');
    assert.equal(await base.store.barrier(), revision);
    await kv.deleteTree('');
    assert.deepEqual(kv.list('').read(), []);
  }));

test('a tree of many keys goes in pieces, and its index grows with each', () =>
  withKv(async (kv, { base }) => {
    const keys = Array.from({ length: 1201 }, (_, i) => `big/${i % 7}/${i}`);
    await Promise.all(keys.map((key) => kv.put(key, Buffer.from('v'), 0n)));
    await fill(kv, 'other');
    const before = kv.list('big/').index();
    const first = await base.store.barrier();
    await kv.deleteTree('big/');
    assert.deepEqual(kv.keys('', '').read(), ['other']);
    assert.equal((await base.store.barrier()) - first, 3);
    assert.ok(kv.list('big/').index() > before);
    assert.equal(kv.list('big/').index(), kv.list('big/3/').index());
  }));

const wakes: readonly [
  what: string,
  view: (kv: Kv) => ReturnType<Kv['get']> | ReturnType<Kv['list']>,
  key: string,
  woken: boolean,
][] = [
  ['a key by its own write', (kv) => kv.get('d/a'), 'd/a', true],
  ['a key not by a neighbour', (kv) => kv.get('d/a'), 'd/b', false],
  ['a missing key by its first write', (kv) => kv.get('d/new'), 'd/new', true],
  ['a missing key not by others', (kv) => kv.get('d/new'), 'd/a', false],
  ['a prefix by a write under it', (kv) => kv.list('d/'), 'd/x/y', true],
  ['a prefix within a name', (kv) => kv.list('d/a'), 'd/abc', true],
  ['a prefix within a name not by its siblings', (kv) => kv.list('d/a'), 'd/b', false],
  ['a prefix not by a write elsewhere', (kv) => kv.list('d/'), 'dX', false],
  ['an empty prefix by any write', (kv) => kv.list('e/'), 'd/b', true],
];
for (const [what, viewOf, key, woken] of wakes) {
  test(`wakes ${what}`, () =>
    withKv(async (kv, { base }) => {
      await fill(kv, 'd/a', 'd/b');
      const view = viewOf(kv);
      const wait = base.watches.park(view, view.index(), 1000, new AbortController().signal);
      await kv.put(key, bytes('new'), 0n);
      await base.clock.advance(1000);
      assert.equal(await wait, woken);
    }));
}

test('what the store can not say or do is an error of its own kind', async () => {
  const { kv, base } = await startKv();
  const codeOf = (): Promise<string> =>
    kv.put('a', bytes('1'), 0n).then(String, (error: KvError) => error.code);
  base.store.commit = () => Promise.reject(new StoreError('unavailable', 'disk full'));
  assert.equal(await codeOf(), 'unavailable');
  base.store.commit = () => Promise.reject(new StoreError('too-large', 'over'));
  assert.equal(await codeOf(), 'too-large');
  base.store.commit = () =>
    Promise.resolve({ outcome: 'unknown', cause: new Error('lost') } satisfies CommitResult);
  assert.equal(await codeOf(), 'unknown');
  await base.stop();
});

test('indexes of keys and prefixes are the same on every replica and never fall', async () => {
  const keys = ['a', 'a/b', 'a/b/c', 'a/bc', 'b/a', 'b'];
  const prefixes = ['', 'a', 'a/', 'a/b', 'a/b/', 'b/', 'c/'];
  const op = fc.oneof(
    fc.record({ put: fc.constantFrom(...keys), value: fc.constantFrom('1', '2') }),
    fc.record({ delete: fc.constantFrom(...keys) }),
    fc.record({ tree: fc.constantFrom(...prefixes) }),
    fc.constant({ collect: true }),
  );
  const show = ({ kv }: Kit): number[] => [
    ...keys.map((key) => kv.get(key).index()),
    ...prefixes.map((prefix) => kv.list(prefix).index()),
  ];
  await fc.assert(
    fc.asyncProperty(fc.array(op, { maxLength: 30 }), async (ops) => {
      const first = await startKv();
      const { kv, base, collector } = first;
      let before = show(first);
      for (const step of ops) {
        if ('put' in step) await kv.put(step.put, bytes(step.value), 0n);
        else if ('delete' in step) await kv.delete(step.delete);
        else if ('tree' in step) await kv.deleteTree(step.tree);
        else {
          await base.clock.advance(20 * 60_000);
          await collector.collect();
        }
        const after = show(first);
        for (const [i, index] of after.entries())
          assert.ok(index >= before[i]!, `${i} fell at ${JSON.stringify(step)}`);
        before = after;
      }
      const second = await startKv(base);
      assert.deepEqual(show(second), before);
      await Promise.all([base.stop(), second.base.stop()]);
    }),
    { numRuns: 150, includeErrorInReport: true },
  );
});
