import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decodeGoJson } from './go-json.ts';

const bad: readonly (readonly [string, string])[] = [
  ['{', 'unexpected end of JSON input'],
  ['{"a":1', 'unexpected end of JSON input'],
  ['"abc', 'unexpected end of JSON input'],
  ['-', "invalid character ' ' in numeric literal"],
  ['[1.', "invalid character ' ' after decimal point in numeric literal"],
  ['2e+', "invalid character ' ' in exponent of numeric literal"],
  ['"\\u1', "invalid character ' ' in \\u hexadecimal character escape"],
  ['{"a":tru', "invalid character ' ' in literal true (expecting 'e')"],
  ['{a}', "invalid character 'a' looking for beginning of object key string"],
  ['{"a":1,}', "invalid character '}' looking for beginning of object key string"],
  ['{"a" 1}', "invalid character '1' after object key"],
  ['{"a":1 "b"}', `invalid character '"' after object key:value pair`],
  ['[1 2]', "invalid character '2' after array element"],
  ['[1,]', "invalid character ']' looking for beginning of value"],
  ['1 2', "invalid character '2' after top-level value"],
  ['01', "invalid character '1' after top-level value"],
  ['nope', "invalid character 'o' in literal null (expecting 'u')"],
  ['tru e', "invalid character ' ' in literal true (expecting 'e')"],
  ['1.x', "invalid character 'x' after decimal point in numeric literal"],
  ['1ex', "invalid character 'x' in exponent of numeric literal"],
  ['-x', "invalid character 'x' in numeric literal"],
  ['"\\q"', "invalid character 'q' in string escape code"],
  ['"\\u12x"', "invalid character 'x' in \\u hexadecimal character escape"],
  ['"a\nb"', "invalid character '\\n' in string literal"],
  ["'a'", "invalid character '\\'' looking for beginning of value"],
  ['é', "invalid character 'Ã' looking for beginning of value"],
  ['1e999', 'json: cannot unmarshal number 1e999 into Go value of type float64'],
];

test("documents that Go refuses are refused with Go's text", () => {
  for (const [text, message] of bad) {
    assert.throws(() => decodeGoJson(text), { name: 'GoJsonError', message }, text);
  }
});

test('what Go reads is read', () => {
  assert.deepEqual(decodeGoJson(' {"a":[1,2.5e3,true,null,"x"]} \n'), { a: [1, 2500, true, null, 'x'] });
  assert.deepEqual(decodeGoJson('{"k":"\\ud800x","n":1e20}'), { k: '\ufffdx', n: 1e20 });
});
