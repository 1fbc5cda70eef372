import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import * as base64 from './go-base64.ts';

const text = (value: string): Uint8Array => Buffer.from(value);

test('what is encoded is decoded, in each alphabet', () => {
  fc.assert(
    fc.property(fc.uint8Array(), (bytes) => {
      assert.deepEqual(
        Buffer.from(base64.decodeBase64(text(base64.encodeBase64(bytes)))),
        Buffer.from(bytes),
      );
      assert.deepEqual(
        Buffer.from(base64.decodeBase64Url(text(base64.encodeBase64Url(bytes)))),
        Buffer.from(bytes),
      );
      assert.deepEqual(
        Buffer.from(base64.decodeBase32(text(base64.encodeBase32(bytes)))),
        Buffer.from(bytes),
      );
    }),
  );
});

test('the first bad byte is named, line breaks are skipped', () => {
  const bad: readonly (readonly [string, number])[] = [
    ['aGk', 0],
    ['a', 0],
    ['a===', 1],
    ['aG*k', 2],
    ['aGk=x', 4],
    ['aG=k', 2],
    ['aG=', 3],
    ['aG\n=\n=\n!', 7],
  ];
  for (const [value, at] of bad) {
    assert.throws(
      () => base64.decodeBase64(text(value)),
      { message: `illegal base64 data at input byte ${at}` },
      value,
    );
  }
  assert.equal(Buffer.from(base64.decodeBase64(text('aG\r\nk=\n'))).toString(), 'hi');
  assert.throws(() => base64.decodeBase64(text('-_-_')), { code: 'bad-data' });
  assert.throws(() => base64.decodeBase32(text('nbuq====')), {
    message: 'illegal base32 data at input byte 0',
  });
});
