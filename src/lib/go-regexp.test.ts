import assert from 'node:assert/strict';
import { test } from 'node:test';
import { compileGoRegexp, quoteGoPattern } from './go-regexp.ts';

test('a pattern matches anywhere, by the rules of RE2', () => {
  assert.equal(compileGoRegexp('foo([.a-z]+)').test('a foo.bar'), true);
  assert.equal(compileGoRegexp('^b').test('abc'), false);
  assert.equal(compileGoRegexp('(?s)a.b').test('a\nb'), true);
  assert.equal(compileGoRegexp('(?i)A').test('xa'), true);
});

const replaced: readonly (readonly [string, string, string, string])[] = [
  ['foo([.a-z]+)', 'foo.bar', '$1', '.bar'],
  ['(b)', 'abc', '[$1x]', 'a[]c'],
  ['(b)', 'abc', '[${1}x]', 'a[bx]c'],
  ['\\.', 'a.b', '$$', 'a$b'],
  ['(?P<n>b)', 'abc', '<$n>', 'a<b>c'],
  ['(?P<n>b)', 'abc', '${n}${nope}', 'abc'],
  ['b', 'abc', 'x$ y${', 'ax$ y${c'],
  ['a*', 'baac', 'x', 'xbxcx'],
  ['', 'a😀b', '-', '-a-😀-b-'],
  ['(a)|(b)', 'ab', '[$1|$2]', '[a|][|b]'],
  ['^a', 'aaa', 'x', 'xaa'],
  ['b', 'abc', '$0$9', 'abc'],
];

test('replacements expand as in Go', () => {
  for (const [pattern, text, template, want] of replaced) {
    assert.equal(compileGoRegexp(pattern).replaceAll(text, template), want, `${pattern} ${template}`);
  }
});

test("a bad pattern is refused with Go's text", () => {
  const rows: readonly (readonly [string, string])[] = [
    ['(', 'error parsing regexp: missing closing ): `(`'],
    ['a(?=b)', 'error parsing regexp: invalid or unsupported Perl syntax: `(?=`'],
    ['a\\', 'error parsing regexp: trailing backslash at end of expression: ``'],
  ];
  for (const [pattern, message] of rows) {
    assert.throws(() => compileGoRegexp(pattern), { name: 'GoRegexpError', message });
  }
});

test('matches are found from the left, an empty one never behind another', () => {
  const rows: readonly (readonly [string, string, number, readonly string[]])[] = [
    ['[0-9]', '1a2b3', -1, ['1', '2', '3']],
    ['[0-9]', '1a2b3', 2, ['1', '2']],
    ['a*', 'baac', -1, ['', 'aa', '']],
    ['', 'a😀', -1, ['', '', '']],
    ['x', 'abc', -1, []],
    ['a', 'abc', 0, []],
  ];
  for (const [pattern, text, limit, want] of rows) {
    const found = compileGoRegexp(pattern).findAll(text, limit);
    assert.deepEqual(
      found.map(({ start, end }) => text.slice(start, end)),
      want,
      pattern,
    );
  }
});

test('a quoted text matches itself', () => {
  const text = 'a.b*[c]$^(d)|\\{e}+?';
  assert.equal(compileGoRegexp(`^${quoteGoPattern(text)}$`).test(text), true);
});
