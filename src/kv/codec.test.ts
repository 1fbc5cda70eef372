import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';

import { decodeKv, encodeKv, KvCodecError } from './codec.ts';

const session = '8bed55ff-17a1-4b3c-9c0e-000000000000';

test('any row reads back as it was written', () => {
  const row = fc.record({
    value: fc.uint8Array(),
    flags: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
    lockIndex: fc.maxSafeNat(),
    session: fc.constantFrom('', session),
  });
  fc.assert(
    fc.property(row, (fields) => {
      const read = decodeKv(encodeKv(fields));
      assert.deepEqual({ ...read, value: [...read.value] }, { ...fields, value: [...fields.value] });
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
        decodeKv(bytes);
      } catch (error) {
        assert.ok(error instanceof KvCodecError);
      }
    }),
  );
});

test('a value keeps nothing of a larger buffer alive', () => {
  const page = Buffer.alloc(1 << 16);
  const row = encodeKv({ value: Buffer.from('abc'), flags: 7n, lockIndex: 0, session: '' });
  page.set(row, 100);
  const { value } = decodeKv(page.subarray(100, 100 + row.byteLength));
  assert.equal(Buffer.from(value).toString(), 'abc');
  assert.equal(value.buffer.byteLength, 3);
});
