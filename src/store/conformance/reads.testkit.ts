import assert from 'node:assert/strict';

import { bytes, commit, entries, entry, pages, put, state } from './harness.testkit.ts';
import type { ConformanceCase } from './harness.testkit.ts';

export const readCases: readonly ConformanceCase[] = [
  {
    name: 'read: an empty selection is one page without entries, at a revision',
    run: async ({ store }) => {
      const revision = await commit(store, [put('a', '1')]);
      for (const selection of [{ key: 'none' }, { prefix: 'none/' }]) {
        assert.deepEqual(await pages(store, selection), [{ revision, entries: [] }]);
      }
    },
  },
  {
    name: 'read: a key is that key alone, a prefix is all that begin with it',
    run: async ({ store }) => {
      await commit(store, [put('a', '1'), put('a/b', '2'), put('ab', '3'), put('b', '4')]);
      assert.equal((await pages(store, { key: 'a' }))[0]?.entries.length, 1);
      assert.deepEqual(await state(store, 'a'), ['a=1', 'a/b=2', 'ab=3']);
      assert.deepEqual(await state(store, 'a/'), ['a/b=2']);
      assert.deepEqual(await state(store, ''), ['a=1', 'a/b=2', 'ab=3', 'b=4']);
    },
  },
  {
    name: 'read: keys are ordered by their UTF-8 bytes and survive whole',
    run: async ({ store }) => {
      const keys = ['a', 'a\u0000b', 'a\u0001', 'aé', 'a\uffff', 'a😀', 'b', 'Z', '\u0000', '😀'];
      for (const rederivable of [false, true]) {
        const suffix = rederivable ? 'r' : 'd';
        await commit(store, { then: keys.map((key) => put(key + suffix, '')), rederivable });
      }
      const all = keys.flatMap((key) => [`${key}d`, `${key}r`]);
      const want = all.sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
      assert.deepEqual(
        (await entries(store)).map((e) => e.key),
        want,
      );
      assert.deepEqual(
        (await entries(store, 'a\uffff')).map((e) => e.key),
        ['a\uffffd', 'a\uffffr'],
      );
    },
  },
  {
    name: 'read: pages are whole, in order, no longer than asked for and of one revision while writes go on',
    run: async ({ store }) => {
      const names = Array.from({ length: 25 }, (_, i) => `k/${String(i).padStart(2, '0')}`);
      const revision = await commit(
        store,
        names.map((name) => put(name, 'old')),
      );
      const seen: string[] = [];
      let turn = 0;
      for await (const page of store.read({ prefix: 'k/' }, { pageSize: 4 })) {
        assert.equal(page.revision, revision);
        assert.ok(page.entries.length <= 4);
        for (const { key, modRevision } of page.entries) {
          assert.equal(modRevision, revision);
          seen.push(key);
        }
        const rederivable = turn++ % 2 === 0;
        const then = [
          ...names.map((name) => put(name, `new${turn}`)),
          put(`k/99${turn}`, ''),
          { delete: 'k/24x' },
        ];
        await commit(store, { then, rederivable });
        if (turn === 3) await commit(store, [{ deletePrefix: 'k/1' }]);
      }
      assert.deepEqual(seen, names);
    },
  },
  {
    name: 'read: while commits are on their way it shows complete revisions only',
    run: async ({ store }) => {
      const writing = Array.from({ length: 60 }, (_, i) =>
        commit(store, { then: [put('left', String(i)), put('right', String(i))], rederivable: i % 4 === 3 }),
      );
      let done = false;
      const all = Promise.all(writing).then(() => (done = true));
      while (!done) {
        for (const page of await pages(store, { prefix: '' })) {
          const [left, right] = page.entries;
          assert.equal(left?.modRevision, right?.modRevision);
          assert.deepEqual(left?.value, right?.value);
          assert.ok((left?.modRevision ?? 0) <= page.revision, 'an entry is newer than its page');
        }
        await new Promise((resolve) => setImmediate(resolve));
      }
      await all;
    },
  },
  {
    name: 'read: whoever was told of a commit sees it, by key and by prefix',
    run: async ({ store }) => {
      const writer = async (key: string, rederivable: boolean): Promise<void> => {
        for (let i = 0; i < 15; i++) {
          const revision = await commit(store, { then: [put(key, String(i))], rederivable });
          assert.equal((await entry(store, key))?.modRevision, revision);
          const page = (await pages(store, { prefix: key }))[0];
          assert.equal(page?.entries[0]?.modRevision, revision);
          assert.ok(page.revision >= revision);
        }
      };
      await Promise.all([writer('a', false), writer('b', true), writer('c', false), writer('d', true)]);
    },
  },
  {
    name: 'read: values come back byte for byte',
    run: async ({ store }) => {
      const every = Uint8Array.from({ length: 256 }, (_, i) => i);
      const values = [new Uint8Array(0), every, new Uint8Array(300_000).fill(7)];
      for (const [i, value] of values.entries()) await commit(store, [{ put: `v${i}`, value }]);
      for (const [i, value] of values.entries()) {
        assert.equal(Buffer.compare((await entry(store, `v${i}`))!.value, value), 0);
      }
    },
  },
  {
    name: 'read: a reader that writes into what it was given changes nothing',
    run: async ({ store }) => {
      await commit(store, { then: [put('a', 'kept')], rederivable: true });
      await commit(store, [put('b', 'kept')]);
      for (const { value } of await entries(store)) value.fill(0);
      (await entry(store, 'a'))?.value.fill(0);
      assert.deepEqual(await state(store), ['a=kept', 'b=kept']);
    },
  },
  {
    name: 'read: a reader that stops early leaves the store usable',
    run: async ({ store }) => {
      await commit(store, [put('a', '1'), put('b', '2')]);
      for await (const page of store.read({ prefix: '' }, { pageSize: 1 })) {
        assert.equal(page.entries[0]?.key, 'a');
        break;
      }
      store.read({ prefix: '' });
      await commit(store, [{ put: 'c', value: bytes('3') }]);
      assert.deepEqual(await state(store), ['a=1', 'b=2', 'c=3']);
    },
  },
  {
    name: 'barrier: is at least as new as every commit acknowledged before it',
    run: async ({ store }) => {
      for (let i = 0; i < 10; i++) {
        const revision = await commit(store, { then: [put('a', String(i))], rederivable: i % 2 === 0 });
        assert.ok((await store.barrier()) >= revision);
      }
    },
  },
  {
    name: 'contact: a store that answers was in reach just now, and its leader is one of its peers',
    run: async ({ store }) => {
      await store.barrier();
      const agoMs = store.lastAnswerAgoMs();
      assert.ok(agoMs >= 0 && agoMs < 3000, `${agoMs} ms`);
      const peers = await store.peers();
      const leader = await store.leader();
      assert.ok(
        peers.length === 0 ? leader === '' : peers.includes(leader),
        `${leader} among ${peers.join()}`,
      );
    },
  },
];
