import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { LineDecoder } from './lines.ts';

test('lines come out whole wherever the chunks are cut, within a character too', () => {
  const line = fc.string({ unit: 'grapheme' }).map((text) => text.replace(/[\r\n\u001e]/g, '').trim());
  fc.assert(
    fc.property(fc.array(line), fc.array(fc.nat(40)), (lines, cuts) => {
      const bytes = Buffer.from(lines.map((text) => `${text}\n`).join(''));
      const decoder = new LineDecoder(1 << 20);
      const out: string[] = [];
      let at = 0;
      for (const cut of [...cuts, bytes.length]) {
        out.push(...decoder.push(bytes.subarray(at, at + cut)));
        at += cut;
      }
      assert.deepEqual(
        out,
        lines.filter((text) => text !== ''),
      );
    }),
  );
});

test('a record separator before a line is no part of it', () => {
  assert.deepEqual(new LineDecoder(100).push(Buffer.from('\u001e{"a":1}\n\n{"b":2}\r\n{"c"')), [
    '{"a":1}',
    '{"b":2}',
  ]);
});

test('a line that never ends is refused', () => {
  const decoder = new LineDecoder(10);
  decoder.push(Buffer.from('12345'));
  assert.throws(() => decoder.push(Buffer.from('678901')), RangeError);
});
