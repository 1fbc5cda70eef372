import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { byteLength, fromBytes, rejoin, runeCount, takeRunes, toBytes } from './text.ts';

test('any bytes become a string and the same bytes again', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 40 }), (bytes) => {
      const text = fromBytes(bytes);
      assert.deepEqual([...toBytes(text)], [...bytes]);
      assert.equal(byteLength(text), bytes.length);
    }),
  );
});

test('valid text is kept as it is', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 40 }), (text) => {
      assert.equal(fromBytes(toBytes(text)), text);
      assert.equal(byteLength(text), Buffer.byteLength(text));
      assert.equal(runeCount(text), Array.from(text).length);
    }),
  );
});

test('what is not UTF-8 is kept byte by byte', () => {
  const rows: readonly (readonly [readonly number[], string])[] = [
    [[0xff], '\udcff'],
    [[0x61, 0xc3], 'a\udcc3'],
    [[0xc3, 0xa9], 'é'],
    [[0xed, 0xa0, 0x80], '\udced\udca0\udc80'],
    [[0xc0, 0x80], '\udcc0\udc80'],
    [[0xf4, 0x90, 0x80, 0x80], '\udcf4\udc90\udc80\udc80'],
    [[0xef, 0xbf, 0xbd], '\ufffd'],
    [[0xf0, 0x9f, 0x98, 0x80], '😀'],
  ];
  for (const [bytes, text] of rows) assert.equal(fromBytes(Uint8Array.from(bytes)), text);
});

test('a lone surrogate that stands for no byte is written as U+FFFD', () => {
  assert.deepEqual([...toBytes('\ud800')], [0xef, 0xbf, 0xbd]);
  assert.deepEqual([...toBytes('\udcff\ud800')], [0xff, 0xef, 0xbf, 0xbd]);
});

test('halves of a character become one when they meet', () => {
  assert.equal(rejoin('a\udcc3\udca9b'), 'aéb');
  assert.equal(rejoin('a\udcc3b'), 'a\udcc3b');
});

test('runes are taken whole', () => {
  assert.equal(takeRunes('😀é', 1), '😀');
  assert.equal(takeRunes('ab', 5), 'ab');
});
