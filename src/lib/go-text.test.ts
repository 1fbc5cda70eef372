import assert from 'node:assert/strict';
import { test } from 'node:test';
import { toLower, toTitle, toUpper, trimSpace } from './go-text.ts';

test('case mappings go rune by rune', () => {
  assert.equal(toUpper('straße ŉ ᾳ ıx'), 'STRAßE ŉ ᾼ IX');
  assert.equal(toLower('ΑΣ İX'), 'ας ix'.replace('ς', 'σ'));
  assert.equal(toUpper('abc'), 'ABC');
});

test('titles raise the first letter of a word only', () => {
  assert.equal(toTitle("o'neil said HELLO to-you"), "O'neil Said HELLO To-You");
});

test("space is Unicode's, with U+0085 and without U+FEFF", () => {
  assert.equal(trimSpace('\u0085\u3000 \n a b\t\u2029'), 'a b');
  assert.equal(trimSpace('\ufeffa'), '\ufeffa');
  assert.equal(trimSpace(' \n'), '');
});
