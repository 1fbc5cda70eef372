import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { comparerOf, compareUtf8 } from './bytes.ts';

test('strings sort as their UTF-8 bytes do', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme' }), fc.string({ unit: 'grapheme' }), (a, b) => {
      assert.equal(Math.sign(compareUtf8(a, b)), Buffer.compare(Buffer.from(a), Buffer.from(b)));
    }),
  );
  assert.ok(compareUtf8('\uFFFD', '😀') < 0);
});

test('the order of a list is the same, whatever is in it', () => {
  const lists = [['b', 'a', 'b', ''], ['\uFFFD', '😀', 'é'], []];
  fc.assert(
    fc.property(fc.array(fc.oneof(fc.string(), fc.string({ unit: 'grapheme' }))), (texts) => {
      assert.deepEqual([...texts].sort(comparerOf(texts)), [...texts].sort(compareUtf8));
    }),
    { examples: lists.map((list) => [list]) },
  );
});
