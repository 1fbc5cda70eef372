import assert from 'node:assert/strict';
import { test } from 'node:test';
import { toLower, toTitle, toTitleRunes, toUpper, trimSpace } from './go-text.ts';

test('case mappings go rune by rune', () => {
  assert.equal(toUpper('straße ŉ ᾳ ıx'), 'STRAßE ŉ ᾼ IX');
  assert.equal(toLower('ΑΣ İX'), 'ας ix'.replace('ς', 'σ'));
  assert.equal(toUpper('abc'), 'ABC');
});

test('titles raise the first letter of a word only', () => {
  assert.equal(toTitle("o'neil said HELLO to-you"), "O'neil Said HELLO To-You");
  assert.equal(
    toTitle('1st foo.bar foo..bar a,b a_b ß ǆ ŉ ﬁx ᾳ ა'),
    '1St Foo.bar Foo..Bar A,B A_b Ss ǅ ʼN Fix ᾼ ა',
  );
  assert.equal(toTitleRunes('ǆ Ǳ ß ა ᾳ ǅ é'), 'ǅ ǲ ß ა ᾼ ǅ É');
});

test("space is Unicode's, with U+0085 and without U+FEFF", () => {
  assert.equal(trimSpace('\u0085\u3000 \n a b\t\u2029'), 'a b');
  assert.equal(trimSpace('\ufeffa'), '\ufeffa');
  assert.equal(trimSpace(' \n'), '');
});
