import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { TemplateError } from './errors.ts';
import { defineFunction, defineStruct, functionMap } from './functions.ts';
import { sprintf } from './printf.ts';
import type { MissingKey } from './state.ts';
import { executeTemplate, parseTemplate } from './template.ts';
import type { Value } from './values.ts';
import { anySlice, float, fromJson, goMap, int64, stringMap, stringSlice, Struct } from './values.ts';

const thing = defineStruct<{ a: string }>({
  name: 'x.Thing',
  fields: { A: { type: 'string', get: (t) => t.a }, B: { type: 'any', get: () => null } },
  methods: { M: { params: ['...any'], call: (_: object, ...rest: Value[]) => rest.length } },
});
const functions = functionMap(
  defineFunction('join', { params: ['string', '[]string'], result: 'string' }, (by, list) =>
    list.items.join(by),
  ),
  defineFunction('f', { params: ['int', '...any'] }, (n) => n),
  defineFunction('nothing', { params: [] }, () => null),
);
const data = goMap({
  a: 'text',
  l: anySlice([1, 'x', null, float(1.5), goMap({ a: 1 })]),
  s: stringSlice(['p', 'q']),
  m: stringMap({ k: 'v' }),
  t: new Struct(thing, { a: 'A' }),
  n: new Struct(thing, undefined),
  i: int64(7),
  nil: null,
});

const pieces = [
  '{{ }} {{- -}} {{/* */}} ( ) | . , := = x if else end range with define template block break continue nil true',
  'and or not eq lt len index slice print printf html js urlquery call join f nothing nosuch',
  '$ $x $y .a .l .s .m .t .n .i .nil .A .M 1 -1 1.5 0x1F 1i \'c\' "s" `r` "%d" "t" 99999999999999999999 é \u{1f600} \0',
].flatMap((line) => line.split(' '));
pieces.push(' ', '\n', ' := ');
const word = fc.constantFrom(...pieces);
const operand = fc.constantFrom(
  '(index .l 1)',
  '(len .s)',
  '(print 1 .a)',
  '(f 1)',
  '($y := 3)',
  '(slice .a 1)',
  ...'. $ .a .l .s .m.k .t .t.A .t.M .n.A .i .nil .nil.x nil true 1 -3 2.5 "s" "%v|%d" nothing'.split(' '),
);
const names = ' print printf len index slice eq lt and or not html call join f .t.M'.split(' ');
const command = fc
  .tuple(fc.constantFrom(...names), fc.array(operand, { minLength: 1, maxLength: 3 }))
  .map(([name, args]) => `${name} ${args.join(' ')}`.trim());
const pipeline = fc.array(command, { minLength: 1, maxLength: 3 }).map((commands) => commands.join(' | '));
const { template } = fc.letrec<{ template: string; list: string; statement: string }>((tie) => ({
  template: fc.array(tie('statement'), { maxLength: 5 }).map((list) => list.join('')),
  list: fc.array(tie('statement'), { maxLength: 3 }).map((list) => list.join('')),
  statement: fc.oneof(
    { maxDepth: 3 },
    fc.constantFrom('text ', '\n', '{{$x := 1}}', '{{break}}', '{{continue}}', '{{- /* c */ -}}'),
    pipeline.map((pipe) => `{{${pipe}}}`),
    pipeline.map((pipe) => `{{$x = ${pipe}}}`),
    fc
      .tuple(pipeline, tie('list'), tie('list'))
      .map(([pipe, yes, no]) => `{{if ${pipe}}}${yes}{{else}}${no}{{end}}`),
    fc.tuple(pipeline, tie('list')).map(([pipe, list]) => `{{with $x := ${pipe}}}${list}{{end}}`),
    fc.tuple(pipeline, tie('list')).map(([pipe, list]) => `{{range $k, $x := ${pipe}}}${list}{{end}}`),
    fc.tuple(pipeline, tie('list')).map(([pipe, list]) => `{{range ${pipe}}}${list}{{else}}none{{end}}`),
    pipeline.map((pipe) => `{{define "d"}}{{.}}{{end}}{{template "d" ${pipe}}}`),
  ),
}));

function outcome(
  text: string,
  missingKey: MissingKey,
): { printed?: string; output?: string; error?: string } {
  try {
    const parsed = parseTemplate('t', text, { functions });
    const printed = parsed.print();
    try {
      const limits = { steps: 5000, outputLength: 100_000 };
      return { printed, output: executeTemplate(parsed, { data, functions, missingKey, limits }) };
    } catch (error) {
      return { printed, error: messageOf(error) };
    }
  } catch (error) {
    return { error: messageOf(error) };
  }
}

function messageOf(error: unknown): string {
  assert.ok(error instanceof TemplateError, String((error as Error).stack));
  assert.ok(error.message.startsWith('template: t:'), error.message);
  // An implementation fault would show up as a function's error.
  assert.ok(
    !/undefined|not a function|Cannot read/.test(error.message.replace(/undefined variable/, '')),
    error.message,
  );
  return error.message;
}

const missingKeys = fc.constantFrom<MissingKey>('zero', 'error', 'default', 'invalid');

test('any text is a value or a TemplateError', () => {
  fc.assert(
    fc.property(fc.array(word, { maxLength: 25 }), missingKeys, (words, missingKey) => {
      outcome(words.join(''), missingKey);
    }),
    { numRuns: 3000 },
  );
});

test('any bytes are a value or a TemplateError', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 60 }), (text) => {
      outcome(`{{${text}`, 'zero');
      outcome(text, 'zero');
    }),
    { numRuns: 1000 },
  );
});

test('a template that parses prints as one that does the same', () => {
  let parsed = 0;
  fc.assert(
    fc.property(template, missingKeys, (text, missingKey) => {
      const first = outcome(text, missingKey);
      if (first.printed === undefined || /\{\{\{|\}\}\}/.test(first.printed)) return;
      parsed++;
      const again = outcome(first.printed, missingKey);
      assert.equal(again.printed, first.printed);
      assert.equal(again.output, first.output);
      assert.equal(again.error === undefined, first.error === undefined);
    }),
    { numRuns: 2000 },
  );
  assert.ok(parsed > 200, `only ${parsed} parsed`);
});

test('printf never fails, whatever the format', () => {
  const parts = '% # + - 0 1 12 . * [1] [2] [9] [ ] v T t b c d o O q x X U e E f F g G s p w z ! é'.split(
    ' ',
  );
  const verbs = fc.array(fc.constantFrom(' ', ...parts), { maxLength: 12 });
  const values = fc.array(
    fc.constantFrom<Value>(
      1,
      -5,
      'x',
      true,
      null,
      float(1.5),
      float(NaN),
      int64(3),
      data,
      stringSlice(['a']),
      new Struct(thing, { a: 'q' }),
      fromJson([1, { a: 'b' }]),
    ),
    { maxLength: 4 },
  );
  fc.assert(
    fc.property(verbs, values, (chosen, args) => {
      assert.equal(typeof sprintf(chosen.join(''), args), 'string');
    }),
    { numRuns: 3000 },
  );
});
