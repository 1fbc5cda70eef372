import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { repoRoot } from '../lib/repo-root.testkit.ts';
import { TemplateError } from './errors.ts';
import { parseTemplate } from './template.ts';

const functions = new Set(['join', 'break1']);

function parsed(text: string): string {
  try {
    return parseTemplate('t', text, { functions }).print();
  } catch (error) {
    assert.ok(error instanceof TemplateError, String(error));
    assert.equal(error.phase, 'parse');
    assert.equal(error.template, 't');
    assert.ok(error.message.startsWith(`template: t:${error.line}: `), error.message);
    return error.message.slice('template: t:'.length);
  }
}

test('a tree prints as its canonical source', () => {
  const rows: readonly (readonly [string, string])[] = [
    ['', ''],
    [' \t\n', ' \t\n'],
    ['a{{/* c */}}b', 'ab'],
    ['{{ .X.Y  1 "a"|printf  `b` }}', '{{.X.Y 1 "a" | printf `b`}}'],
    ['{{$x:=1}}{{$x  =  2}}{{$x.A.B}}', '{{$x := 1}}{{$x = 2}}{{$x.A.B}}'],
    ['{{(print  1).A  ((.B))}}', '{{(print 1).A ((.B))}}'],
    ['{{print.A}}', '{{print.A}}'],
    ['{{print (.A).B $.C}}', '{{print (.A).B $.C}}'],
    ['{{if .A}}1{{else if .B}}2{{else}}3{{end}}', '{{if .A}}1{{else}}{{if .B}}2{{else}}3{{end}}{{end}}'],
    ['{{with $y := .A}}1{{else with .B}}2{{end}}', '{{with $y := .A}}1{{else}}{{with .B}}2{{end}}{{end}}'],
    [
      '{{range $i,$e:=.A}}{{break}}{{continue}}{{else}}x{{end}}',
      '{{range $i, $e := .A}}{{break}}{{continue}}{{else}}x{{end}}',
    ],
    [
      '{{define "a"}}1{{end}}{{template "a" .X | print}}{{template `b`}}',
      '{{define "a"}}1{{end}}{{template "a" .X | print}}{{template "b"}}',
    ],
    ['{{block "a" .X}}1{{end}}', '{{define "a"}}1{{end}}{{template "a" .X}}'],
    ['{{1 | }}', '{{1}}'],
    ["{{true false nil . 0x1F 1+2i 'a'}}", "{{true false nil . 0x1F 1+2i 'a'}}"],
    ['x {{- 1 -}} y', 'x{{1}}y'],
  ];
  for (const [text, want] of rows) assert.equal(parsed(text), want, text);
});

test('what a tree prints gives the same tree again', () => {
  const file = join(repoRoot(import.meta.url), 'test/compat/vectors/go-template.json');
  const vectors = JSON.parse(readFileSync(file, 'utf8')) as readonly {
    template: string;
    delims?: string[];
  }[];
  let count = 0;
  for (const { template, delims } of vectors) {
    const printed = parsed(template);
    // Text that looks like an action to the standard delimiters cannot be printed with them.
    if (delims !== undefined || /^\d+: /.test(printed)) continue;
    assert.equal(parsed(printed), printed, template);
    count++;
  }
  assert.ok(count > 300);
});

test('errors say what Go says', () => {
  const rows: readonly (readonly [string, string])[] = [
    // lexing
    ['{{\n\n1', '3: unclosed action started at t:1'],
    ['{{print\n"a', '2: unterminated quoted string in action started at t:1'],
    ['{{"a\\', '1: unterminated quoted string'],
    ["{{'a", '1: unterminated character constant'],
    ['a\n{{/* b', '2: unclosed comment'],
    ['{{:1}}', '1: expected :='],
    ['{{\x01}}', '1: unrecognized character in action: U+0001'],
    ['{{é}}', '1: function "é" not defined'],
    ['{{✓}}', "1: unrecognized character in action: U+2713 '✓'"],
    ['{{.a✓}}', "1: bad character U+2713 '✓'"],
    ['{{$x+2}}', "1: bad character U+002B '+'"],
    ['{{.', '1: illegal number syntax: "."'],
    ['{{+}}', '1: illegal number syntax: "+"'],
    ['{{3k}}', '1: bad number syntax: "3k"'],
    ['{{1+2}}', '1: bad number syntax: "1+2"'],
    ['{{99999999999999999999}}', '1: integer overflow: "99999999999999999999"'],
    ['{{1e999}}', '1: illegal number syntax: "1e999"'],
    ['{{08}}', '1: integer overflow: "08"'],
    ["{{'ab'}}", "1: malformed character constant: 'ab'"],
    ["{{''}}", '1: invalid syntax'],
    ['{{((1)}}', '1: unclosed left paren'],
    // parsing
    ['{{|}}', '1: unexpected "|" in command'],
    ['{{|}}'.replace('|', '1||2'), '1: unexpected "|" in command'],
    ['{{()}}', '1: missing value for parenthesized pipeline'],
    ['{{(1}}', '1: unclosed left paren'],
    ['{{1)}}', '1: unexpected right paren'],
    ['{{.X | .}}', '1: non executable command in pipeline stage 2'],
    ['{{1 | print | nil}}', '1: non executable command in pipeline stage 3'],
    ['{{range $x, 1 := .}}{{end}}', '1: range can only initialize variables'],
    ['{{range $x, $y, $z := .}}{{end}}', '1: too many declarations in range'],
    ['{{range $x, }}{{end}}', '1: missing value for range'],
    ['{{with $x, $y := .}}{{end}}', '1: too many declarations in with'],
    ['{{if}}{{end}}', '1: missing value for if'],
    ['{{template}}', '1: unexpected "}}" in template clause'],
    ['{{template "a" |}}', '1: unexpected "|" in template clause'],
    ['{{define "a" 1}}{{end}}', '1: unexpected "1" in define clause'],
    ['{{define "a"}}{{else}}{{end}}', '1: unexpected {{else}} in define clause'],
    ['{{block "a" 1}}{{else}}{{end}}', '1: unexpected {{else}} in block clause'],
    ['{{block "a" 1}}\n{{else}}{{end}}', '1: unexpected {{else}} in block clause'],
    ['{{define "\\q"}}{{end}}', '1: invalid syntax'],
    ['\n{{end}}', '2: unexpected {{end}}'],
    ['{{if .}}\n{{else}}\n{{else}}{{end}}', '3: expected end; found {{else}}'],
    ['{{range .}}{{end}}{{continue}}', '1: {{continue}} outside {{range}}'],
    ['{{range .}}{{continue 1}}{{end}}', '1: unexpected "1" in {{continue}}'],
    ['{{with .A}}{{else if .B}}{{end}}', '1: unexpected <if> in input'],
    ['{{if true | print "a long string constant"', '1: unclosed action'],
    ['{{print "01234567890" ,}}', '1: unexpected "," in operand'],
    ['{{template 0123456789012}}', '1: unexpected "0123456789"... in template clause'],
    ['{{"a"."b"}}', "1: bad character U+0022 '\"'"],
    ['{{(1).2}}', '1: unexpected ".2" in operand'],
    ['{{..a}}', '1: unexpected . after term "."'],
    ['{{$}}{{$y}}', '1: undefined variable "$y"'],
    ['{{if $x := 1}}{{end}}{{$x}}', '1: undefined variable "$x"'],
  ];
  for (const [text, want] of rows) assert.equal(parsed(text), want, text);
});

test('break and continue are names where functions have them', () => {
  const own = parseTemplate('t', '{{break}}{{continue 1}}', { functions: new Set(['break', 'continue']) });
  assert.deepEqual(own.functionNames, ['break', 'continue']);
});

test('nesting is limited', () => {
  assert.throws(
    () => parseTemplate('t', `{{${'('.repeat(20_000)}`),
    /^TemplateError: template: t:1: max expression depth exceeded$/,
  );
  const deep = `{{${'('.repeat(500)}1${')'.repeat(500)}}}`;
  assert.equal(parseTemplate('t', deep).print(), deep);
  const branches = 20_000;
  assert.throws(
    () => parseTemplate('t', '{{if .}}'.repeat(branches) + '{{end}}'.repeat(branches)),
    TemplateError,
  );
});

test('the functions that a text calls are known', () => {
  const template = parseTemplate('t', '{{join "," (print 1)}}{{define "x"}}{{join}}{{len .}}{{end}}', {
    functions,
  });
  assert.deepEqual(template.functionNames, ['join']);
});
