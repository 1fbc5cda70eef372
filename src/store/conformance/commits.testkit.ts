import assert from 'node:assert/strict';

import type { Commit, Compare, Operation } from '../store.ts';
import { bytes, commit, entries, entry, put, rejects, state, text } from './harness.testkit.ts';
import type { ConformanceCase } from './harness.testkit.ts';

interface CompareRow {
  readonly name: string;
  /** Given the revisions of the keys a/1 (put twice) and a/2 (put once). */
  readonly when: (r: { first: number; second: number; other: number }) => Compare;
  readonly holds: boolean;
}

const compareRows: readonly CompareRow[] = [
  { name: 'modRevision', when: (r) => ({ key: 'a/1', modRevision: r.second }), holds: true },
  { name: 'an older modRevision', when: (r) => ({ key: 'a/1', modRevision: r.first }), holds: false },
  { name: 'modRevision 0 of an absent key', when: () => ({ key: 'none', modRevision: 0 }), holds: true },
  { name: 'modRevision 0 of a present key', when: () => ({ key: 'a/1', modRevision: 0 }), holds: false },
  { name: 'createRevision', when: (r) => ({ key: 'a/1', createRevision: r.first }), holds: true },
  {
    name: 'createRevision is not modRevision',
    when: (r) => ({ key: 'a/1', createRevision: r.second }),
    holds: false,
  },
  {
    name: 'createRevision 0 of an absent key',
    when: () => ({ key: 'none', createRevision: 0 }),
    holds: true,
  },
  { name: 'value', when: () => ({ key: 'a/1', value: bytes('new') }), holds: true },
  { name: 'another value', when: () => ({ key: 'a/1', value: bytes('ne') }), holds: false },
  { name: 'a value of an absent key', when: () => ({ key: 'none', value: bytes('') }), holds: false },
  { name: 'exists', when: () => ({ key: 'a/1', exists: true }), holds: true },
  { name: 'exists of an absent key', when: () => ({ key: 'none', exists: true }), holds: false },
  { name: 'absence', when: () => ({ key: 'none', exists: false }), holds: true },
  { name: 'absence of a present key', when: () => ({ key: 'a/2', exists: false }), holds: false },
  { name: 'a range all below', when: (r) => ({ prefix: 'a/', modRevisionBelow: r.other + 1 }), holds: true },
  {
    name: 'a range with one not below',
    when: (r) => ({ prefix: 'a/', modRevisionBelow: r.other }),
    holds: false,
  },
  { name: 'an empty range below anything', when: () => ({ prefix: 'z/', modRevisionBelow: 1 }), holds: true },
  { name: 'an empty range', when: () => ({ prefix: 'z/', empty: true }), holds: true },
  { name: 'a range that is not empty', when: () => ({ prefix: 'a/', empty: true }), holds: false },
];

const contradictions: readonly { name: string; then: readonly Operation[] }[] = [
  { name: 'two puts of one key', then: [put('a', '1'), put('a', '2')] },
  { name: 'a put and a delete of one key', then: [put('a', '1'), { delete: 'a' }] },
  { name: 'deletePrefix over a put key', then: [{ deletePrefix: 'a/' }, put('a/b', '1')] },
  { name: 'deletePrefix over a deleted key', then: [{ delete: 'a/b' }, { deletePrefix: 'a' }] },
  { name: 'an empty key', then: [put('', '1')] },
  { name: 'a key with half a character', then: [put('a\ud800', '1')] },
  { name: 'a lease that is gone', then: [{ put: 'a', value: bytes('1'), lease: '12345' }] },
];

export const commitCases: readonly ConformanceCase[] = [
  ...compareRows.map(
    (row): ConformanceCase => ({
      name: `commit: compare of ${row.name} ${row.holds ? 'holds' : 'does not hold'}`,
      run: async ({ store }) => {
        const first = await commit(store, [put('a/1', 'old')]);
        const second = await commit(store, [put('a/1', 'new')]);
        const other = await commit(store, [put('a/2', 'other')]);
        const result = await store.commit({
          when: [row.when({ first, second, other })],
          then: [put('b', '1')],
        });
        assert.equal(result.outcome, row.holds ? 'committed' : 'refused');
        assert.deepEqual(await state(store, 'b'), row.holds ? ['b=1'] : []);
      },
    }),
  ),
  {
    name: 'commit: every compare must hold',
    run: async ({ store }) => {
      const when: Compare[] = [
        { key: 'a', exists: false },
        { key: 'b', exists: true },
      ];
      assert.equal((await store.commit({ when, then: [put('c', '1')] })).outcome, 'refused');
    },
  },
  {
    name: 'commit: a refused one applies its else branch in one revision',
    run: async ({ store }) => {
      const before = await commit(store, [put('a', '1')]);
      const result = await store.commit({
        when: [{ key: 'a', exists: false }],
        then: [put('a', 'then')],
        else: [put('b', 'else'), put('c', 'else')],
      });
      assert.ok(result.outcome === 'refused');
      assert.ok(result.revision > before);
      assert.deepEqual(await state(store), ['a=1', 'b=else', 'c=else']);
      assert.equal((await entry(store, 'b'))?.modRevision, result.revision);
    },
  },
  {
    name: 'commit: a refused one without an else branch changes nothing and names the revision of that moment',
    run: async ({ store }) => {
      const revision = await commit(store, [put('a', '1')]);
      const result = await store.commit({ when: [{ key: 'a', exists: false }], then: [put('a', '2')] });
      assert.deepEqual(result, { outcome: 'refused', revision });
      assert.deepEqual(await state(store), ['a=1']);
    },
  },
  {
    name: 'commit: revisions only grow, and create and mod revisions tell them',
    run: async ({ store }) => {
      const one = await commit(store, [put('a', '1')]);
      const two = await commit(store, [put('a', '2'), put('b', '2')]);
      const three = await commit(store, [{ delete: 'a' }]);
      const four = await commit(store, [put('a', '4')]);
      assert.ok(one < two && two < three && three < four);
      const found = (await entries(store)).map((e) => [e.key, e.createRevision, e.modRevision]);
      assert.deepEqual(found, [
        ['a', four, four],
        ['b', two, two],
      ]);
    },
  },
  {
    name: 'commit: an identical put is a change',
    run: async ({ store }) => {
      const one = await commit(store, [put('a', '1')]);
      const two = await commit(store, [put('a', '1')]);
      assert.ok(two > one);
      assert.equal((await entry(store, 'a'))?.modRevision, two);
    },
  },
  {
    name: 'commit: deletePrefix deletes all keys that begin with it and no other',
    run: async ({ store }) => {
      await commit(store, [
        put('a', '1'),
        put('a/', '2'),
        put('a/b', '3'),
        put('a/b/c', '4'),
        put('a0', '5'),
        put('b', '6'),
      ]);
      await commit(store, [{ deletePrefix: 'a/' }, put('c', '7')]);
      assert.deepEqual(await state(store), ['a=1', 'a0=5', 'b=6', 'c=7']);
      await commit(store, [{ deletePrefix: '' }]);
      assert.deepEqual(await state(store), []);
    },
  },
  {
    name: 'commit: one that changes nothing succeeds at a revision that readers have',
    run: async ({ store }) => {
      const before = await commit(store, [put('a', '1')]);
      for (const then of [[], [{ delete: 'none' }], [{ deletePrefix: 'none/' }]]) {
        const revision = await commit(store, { then });
        assert.ok(revision >= before && revision <= (await store.barrier()));
      }
      assert.deepEqual(await state(store), ['a=1']);
    },
  },
  ...contradictions.map(
    ({ name, then }): ConformanceCase => ({
      name: `commit: ${name} is refused as invalid and applies nothing`,
      run: async ({ store }) => {
        await rejects(store.commit({ then: [put('x', '1'), ...then] }), 'invalid');
        await rejects(
          store.commit({ when: [{ key: 'none', exists: true }], then: [], else: then }),
          'invalid',
        );
        assert.deepEqual(await state(store), []);
      },
    }),
  ),
  {
    name: 'commit: over the limits is too-large and applies nothing; at the limit it passes',
    run: async ({ store }) => {
      const { ops, bytes: most } = store.limits;
      const many = Array.from({ length: ops }, (_, i) => put(`k${i}`, ''));
      await rejects(store.commit({ then: [...many, put('one-more', '')] }), 'too-large');
      await rejects(store.commit({ then: [{ put: 'big', value: new Uint8Array(most) }] }), 'too-large');
      assert.deepEqual(await state(store), []);
      await commit(store, many);
      assert.equal((await entries(store)).length, ops);
    },
  },
  {
    name: 'commit: of those that race for one key exactly one wins',
    run: async ({ store }) => {
      const tries = Array.from({ length: 20 }, (_, i) =>
        store.commit({ when: [{ key: 'lock', exists: false }], then: [put('lock', String(i))] }),
      );
      const results = await Promise.all(tries);
      const winners = results.flatMap((r, i) => (r.outcome === 'committed' ? [i] : []));
      assert.equal(winners.length, 1);
      assert.deepEqual(await state(store), [`lock=${winners[0]}`]);
    },
  },
  {
    name: 'commit: writers that read, compare and write lose no update',
    run: async ({ store }) => {
      const add = async (rederivable: boolean): Promise<void> => {
        for (;;) {
          const old = await entry(store, 'n');
          const sum = String(Number(old === undefined ? '0' : text(old.value)) + 1);
          const when: Compare[] = [{ key: 'n', modRevision: old?.modRevision ?? 0 }];
          if ((await store.commit({ when, then: [put('n', sum)], rederivable })).outcome === 'committed')
            return;
        }
      };
      await Promise.all(Array.from({ length: 30 }, (_, i) => add(i % 3 === 0)));
      assert.deepEqual(await state(store), ['n=30']);
    },
  },
  {
    name: 'commit: a buffer that its owner changes afterwards changes nothing',
    run: async ({ store }) => {
      const value = bytes('before');
      const pending = store.commit({ then: [{ put: 'a', value }] });
      value.fill(0);
      await pending;
      assert.deepEqual(await state(store), ['a=before']);
      const compared = bytes('before');
      const refused = store.commit({ when: [{ key: 'a', value: compared }], then: [{ delete: 'a' }] });
      compared.fill(0);
      assert.equal((await refused).outcome, 'committed');
    },
  },
  {
    name: 'commit: a rederivable one is visible when acknowledged and keeps the same rules',
    run: async ({ store }) => {
      const one = await commit(store, { then: [put('a', '1')], rederivable: true });
      assert.ok((await store.barrier()) >= one);
      assert.deepEqual(await state(store), ['a=1']);
      const refused: Commit = {
        when: [{ key: 'a', exists: false }],
        then: [put('a', '2')],
        rederivable: true,
      };
      assert.equal((await store.commit(refused)).outcome, 'refused');
      const two = await commit(store, [put('a', '2')]);
      assert.ok(two > one);
      assert.deepEqual(
        (await entries(store)).map((e) => [e.createRevision, e.modRevision]),
        [[one, two]],
      );
    },
  },
  {
    name: 'commit: one who commits without a pause lets others run',
    run: async ({ store }) => {
      for (const rederivable of [false, true]) {
        let others = false;
        setImmediate(() => (others = true));
        for (let i = 0; i < 2000 && !others; i++) await commit(store, { then: [put('a', '')], rederivable });
        assert.equal(others, true);
      }
    },
  },
  {
    name: 'commit: revisions are never given twice, also after a reopening',
    run: async (opened) => {
      assert.ok(opened.reopen, 'the engine has no reopen: skip this case by name');
      let highest = 0;
      for (let round = 0; round < 3; round++) {
        const store = round === 0 ? opened.store : await opened.reopen();
        const start = await store.barrier();
        assert.ok(start >= highest, `revision ${start} after ${highest}`);
        for (const rederivable of [false, true]) {
          const revision = await commit(store, { then: [put('a', String(round))], rederivable });
          assert.ok(revision > highest);
          highest = revision;
        }
      }
    },
  },
  {
    name: 'commit: what was acknowledged is there after a reopening, with its revisions',
    run: async (opened) => {
      assert.ok(opened.reopen, 'the engine has no reopen: skip this case by name');
      await commit(opened.store, [put('a', '1'), put('b', 'x')]);
      await commit(opened.store, [put('a', '2'), { delete: 'b' }]);
      const before = await entries(opened.store);
      assert.deepEqual(await entries(await opened.reopen()), before);
    },
  },
  {
    name: 'commit: what was acknowledged is there after a crash, and no revision is given twice',
    run: async (opened) => {
      assert.ok(opened.crash, 'the engine has no crash: skip this case by name');
      await commit(opened.store, [put('a', '1')]);
      const last = await commit(opened.store, [put('a', '2')]);
      const seen = await commit(opened.store, { then: [put('derived', '1')], rederivable: true });
      const store = await opened.crash();
      assert.equal((await entry(store, 'a'))?.modRevision, last);
      assert.ok((await commit(store, [put('b', '1')])) > seen);
    },
  },
  {
    name: 'close: everything afterwards is refused as closed',
    run: async ({ store }) => {
      await store.close();
      await rejects(store.commit({ then: [put('a', '1')] }), 'closed');
      await rejects(store.barrier(), 'closed');
      await rejects(store.lease(10), 'closed');
      await rejects(entries(store), 'closed');
      await store.close();
    },
  },
];
