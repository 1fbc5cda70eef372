import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isDeepStrictEqual } from 'node:util';
import { isEqualData } from './equal-data.ts';

const values: readonly unknown[] = [
  null,
  undefined,
  0,
  1,
  '',
  'a',
  true,
  2n ** 64n,
  [],
  [1, 2],
  [1, 2, 3],
  [[1], { a: [null] }],
  [[1], { a: [undefined] }],
  {},
  { a: 1 },
  { b: 1 },
  { a: 1, b: undefined },
  { a: { b: [1, { c: 'x' }] } },
  { a: { b: [1, { c: 'y' }] } },
  JSON.parse('{"__proto__": 1}'),
  { 0: 1 },
  { toString: 1 },
];

test('data are equal exactly when all in them is', () => {
  for (const a of values) {
    for (const b of values) {
      const copy = structuredClone(b);
      assert.equal(
        isEqualData(a, copy),
        isDeepStrictEqual(a, copy),
        `${JSON.stringify([a, b], (_k, v) => (typeof v === 'bigint' ? 'big' : (v as unknown)))}`,
      );
    }
  }
});
