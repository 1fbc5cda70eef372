import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';

import { decodeKv, encodeKv, KvCodecError } from './codec.ts';

const session = '8bed55ff-17a1-4b3c-9c0e-000000000000';

test('any row reads back as it was written', () => {
  const row = fc.record({
    value: fc.oneof(fc.uint8Array(), fc.uint8Array({ minLength: 1000, maxLength: 1200 })),
    flags: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
    lockIndex: fc.maxSafeNat(),
    session: fc.constantFrom('', session),
  });
  fc.assert(
    fc.property(row, (fields) => {
      const row = decodeKv('k', encodeKv(fields), 3, 5_000_000_000);
      assert.deepEqual([...row.value], [...fields.value]);
      assert.ok(row.holds(fields.value));
      const { flags, lockIndex, session: holder } = fields;
      assert.deepEqual([row.flags, row.lockIndex, row.session], [flags, lockIndex, holder]);
      assert.deepEqual([row.key, row.createIndex, row.modifyIndex], ['k', 3, 5_000_000_000]);
    }),
  );
});

test('a plain value costs one byte', () => {
  const plain = { value: Buffer.from('abc'), flags: 0n, lockIndex: 0, session: '' };
  assert.equal(encodeKv(plain).byteLength, 4);
});

test('any bytes are a row or a KvCodecError', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 40 }), (bytes) => {
      try {
        decodeKv('k', bytes, 1, 1);
      } catch (error) {
        assert.ok(error instanceof KvCodecError);
      }
    }),
  );
});

test('a value keeps nothing of a larger buffer alive, and is the same bytes or not', () => {
  const page = Buffer.alloc(1 << 16);
  for (const length of [3, 5000]) {
    const value = Buffer.alloc(length, 0xe9);
    const row = encodeKv({ value, flags: 7n, lockIndex: 0, session: '' });
    page.set(row, 100);
    const read = decodeKv('k', page.subarray(100, 100 + row.byteLength), 1, 1);
    assert.deepEqual([...read.value], [...value]);
    assert.ok(read.value.buffer.byteLength < page.byteLength);
    assert.ok(!read.holds(Buffer.alloc(length, 0xe8)));
    assert.ok(!read.holds(Buffer.alloc(length - 1, 0xe9)));
  }
});
