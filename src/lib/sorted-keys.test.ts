import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';

import { compareUtf8 } from './bytes.ts';
import { SortedKeys } from './sorted-keys.ts';

test('after any adds and deletes the keys are a sorted set, whole and by prefix', () => {
  const key = fc.stringMatching(/^[ab/é\u{1F600}]{0,4}$/u);
  const steps = fc.array(fc.tuple(fc.boolean(), key), { maxLength: 60 });
  fc.assert(
    fc.property(steps, key, (list, prefix) => {
      const sorted = new SortedKeys();
      const model = new Set<string>();
      for (const [add, text] of list) {
        if (add) sorted.add(text);
        else sorted.delete(text);
        if (add) model.add(text);
        else model.delete(text);
      }
      assert.equal(sorted.size, model.size);
      const want = [...model].sort(compareUtf8);
      assert.deepEqual([...sorted.withPrefix('')], want);
      assert.deepEqual(
        [...sorted.withPrefix(prefix)],
        want.filter((text) => text.startsWith(prefix)),
      );
    }),
  );
});

test('many keys in any order are kept in runs', () => {
  const sorted = new SortedKeys();
  const keys = Array.from({ length: 5000 }, (_, i) => `k${String((i * 7919) % 5000).padStart(4, '0')}`);
  for (const key of keys) sorted.add(key);
  assert.deepEqual([...sorted.withPrefix('')], [...keys].sort());
  for (const key of keys.slice(0, 4990)) sorted.delete(key);
  assert.equal(sorted.size, 10);
  assert.deepEqual([...sorted.withPrefix('k')], keys.slice(4990).sort());
});
