import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { parse } from 'yaml';
import { emitYaml } from './go-yaml.ts';
import type { YamlNode } from './go-yaml.ts';

const scalar = (text: string): YamlNode => ({ kind: 'scalar', text, style: 'double' });

function nodeOf(value: unknown): YamlNode {
  if (Array.isArray(value)) return { kind: 'list', items: value.map(nodeOf) };
  if (typeof value === 'string') return scalar(value);
  return {
    kind: 'map',
    entries: Object.entries(value as object).map(([key, item]) => [scalar(key), nodeOf(item)] as const),
  };
}

const { tree } = fc.letrec<{ tree: unknown }>((tie) => ({
  tree: fc.oneof(
    { maxDepth: 4 },
    fc.string({ unit: 'grapheme' }),
    fc.array(tie('tree'), { maxLength: 4 }),
    fc.dictionary(fc.string(), tie('tree'), { maxKeys: 4, noNullPrototype: true }),
  ),
}));

test('whatever is written is read again', () => {
  fc.assert(
    fc.property(tree, (value) => {
      fc.pre(!JSON.stringify(value).includes('__proto__'));
      assert.deepEqual(parse(emitYaml(nodeOf(value)), { version: '1.1', schema: 'failsafe' }), value);
    }),
    { numRuns: 300 },
  );
});

test('texts choose the plainest style that keeps them', () => {
  const rows: readonly (readonly [string, string])[] = [
    ['a b', 'a b\n'],
    ['- a', "'- a'\n"],
    ["it's: x", "'it''s: x'\n"],
    ['a\tb', '"a\\tb"\n'],
    ['a\nb', '|-\n  a\n  b\n'],
    ['a\n', '|\n  a\n'],
    ['', '\n'],
    ['\u{1f600}', '"\\U0001F600"\n'],
  ];
  for (const [text, want] of rows)
    assert.equal(emitYaml({ kind: 'scalar', text, style: 'plain' }), want, text);
});
