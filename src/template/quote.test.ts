import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { canBackquote, isPrint, quote, quoteRune, unquote, unquoteChar } from './quote.ts';
import { fromBytes } from './text.ts';

test('quote escapes what Go escapes', () => {
  const rows: readonly (readonly [string, string, string])[] = [
    ['plain', '"plain"', '"plain"'],
    ['\x07\b\f\n\r\t\v', '"\\a\\b\\f\\n\\r\\t\\v"', '"\\a\\b\\f\\n\\r\\t\\v"'],
    ['"\\\'', '"\\"\\\\\'"', '"\\"\\\\\'"'],
    ['é✓😀', '"é✓😀"', '"\\u00e9\\u2713\\U0001f600"'],
    ['\u00a0\u2028\ufeff', '"\\u00a0\\u2028\\ufeff"', '"\\u00a0\\u2028\\ufeff"'],
    ['\0\x7f\x1b', '"\\x00\\x7f\\x1b"', '"\\x00\\x7f\\x1b"'],
    ['\udcff', '"\\xff"', '"\\xff"'],
  ];
  for (const [text, want, ascii] of rows) {
    assert.equal(quote(text), want);
    assert.equal(quote(text, true), ascii);
  }
});

test('unquote undoes quote, for any bytes', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 30 }), fc.boolean(), (bytes, ascii) => {
      const text = fromBytes(bytes);
      assert.equal(unquote(quote(text, ascii)), text);
    }),
  );
});

test('unquote reads every escape of Go and refuses the rest', () => {
  const rows: readonly (readonly [string, string | undefined])[] = [
    ['"\\x41\\101\\u00e9\\U0001F600"', 'AAé😀'],
    ['"\\xc3\\xa9"', 'é'],
    ['"\\xff"', '\udcff'],
    ['`a\\n"\r\n`', 'a\\n"\n'],
    ['"\\q"', undefined],
    ['"\\\'"', undefined],
    ['"\\x4"', undefined],
    ['"\\400"', undefined],
    ['"\\08"', undefined],
    ['"\\ud800"', undefined],
    ['"\\U00110000"', undefined],
    ['"a', undefined],
    ['"a"b"', undefined],
    ['"', undefined],
  ];
  for (const [literal, want] of rows) assert.equal(unquote(literal), want, literal);
});

test('characters are read as code points', () => {
  const rows: readonly (readonly [string, number | 'malformed' | undefined])[] = [
    ["'a'", 97],
    ["'\\n'", 10],
    ["'\\''", 39],
    ["'\\\"'", undefined],
    ["'✓'", 0x2713],
    ["'😀'", 0x1f600],
    ["'\\x41'", 65],
    ["'\\xff'", 255],
    ["'ab'", 'malformed'],
    ["''", undefined],
  ];
  for (const [literal, want] of rows) assert.equal(unquoteChar(literal), want, literal);
});

test('a code point that is none is quoted as U+FFFD', () => {
  assert.equal(quoteRune(0x110000), "'\ufffd'");
  assert.equal(quoteRune(0xd800), "'\ufffd'");
  assert.equal(quoteRune(39), "'\\''");
  assert.equal(quoteRune(34), "'\"'");
});

test('printable are letters, marks, numbers, punctuation, symbols and the space', () => {
  for (const rune of [0x20, 0x41, 0xe9, 0x2713, 0x1f600, 0x301]) assert.ok(isPrint(rune));
  for (const rune of [0x00, 0x1f, 0x7f, 0xa0, 0x200b, 0x2028, 0xe000, 0x110000]) assert.ok(!isPrint(rune));
});

test('backquotes hold no control characters but tab', () => {
  assert.ok(canBackquote('a\tb"\\'));
  for (const text of ['`', '\n', '\x7f', '\ufeff', '\udcff']) assert.ok(!canBackquote(text));
});
