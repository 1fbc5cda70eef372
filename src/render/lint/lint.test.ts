import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readyMade, templateOf } from '../init/init.ts';
import { lintTemplate, rules, syntaxRule } from './lint.ts';
import type { LintOptions } from './subject.ts';

const defaults = { name: 'x', leftDelimiter: '', rightDelimiter: '', functionDenylist: [], sandboxPath: '' };

function lint(text: string, own: Partial<LintOptions> = {}): readonly string[] {
  return lintTemplate({ ...defaults, ...own, text }).map(
    ({ rule, line, column, message }) => `${rule} ${line}:${column} ${message}`,
  );
}

const upstream = 'without instances this upstream has no server';
const key = 'nothing is rendered until the key';

/** Each `want` is the beginning of a finding. */
const cases: readonly { text: string; want: readonly string[]; own?: Partial<LintOptions> }[] = [
  { text: 'plain {{ .A }} {{ len .B }}', want: [] },
  { text: 'a\n{{ if }}', want: ['syntax 2:4 missing value for if'] },
  { text: 'a\n{{ .A }', want: ['syntax 2:7 unexpected "}" in operand'] },
  { text: '{{ if .A }}', want: ['syntax 1:0 unexpected EOF'] },
  {
    text: 'é {{ sevice "web" }} {{ quote .A }}\n{{ zzzzzz }}{{ qoute }}',
    want: [
      'unknown-function 1:7 there is no function sevice: did you mean service?',
      'unknown-function 1:26 there is no function quote: did you mean sprig_quote?',
      'unknown-function 2:4 there is no function zzzzzz',
      'unknown-function 2:16 there is no function qoute: did you mean sprig_quote?',
    ],
  },
  { text: '{{ with secret "a" }}{{ . }}{{ end }}', want: ['refused-function 1:9 secret needs Vault'] },
  {
    text: '{{ env "HOME" }}',
    own: { functionDenylist: ['en*'] },
    want: ['denied-function 1:4 env is denied by en*'],
  },
  {
    text: '{{ file "/etc/x" }}{{ file "/srv/a/../../x" }}{{ file "/srv/x" }}',
    own: { sandboxPath: '/srv' },
    want: ['outside-sandbox 1:4', 'outside-sandbox 1:23'],
  },
  {
    text: '{{ sprig_tuple 1 | toJSON }}',
    want: ['deprecated-function 1:4 sprig_tuple is an old name: use sprig_list'],
  },
  {
    text: '{{ range service "web" }}{{ .Adress }}{{ range .Checks }}{{ .CheckID }}{{ .Stat }}{{ end }}{{ .NodeMeta.x.y }}{{ end }}',
    want: [
      'unknown-field 1:29 dependency.HealthService has no field Adress: did you mean .Address?',
      'unknown-field 1:75 api.HealthCheck has no field Stat',
    ],
  },
  {
    text: '{{ with node }}{{ .Node.Nodes }}{{ range .Services }}{{ .Service }}{{ .Name }}{{ end }}{{ end }}{{ range $k, $v := services | byTag }}{{ range $v }}{{ .X }}{{ end }}{{ .X }}{{ end }}{{ .X }}',
    want: [],
  },
  { text: '{{ timestamp }}', want: ['unstable-output 1:4 timestamp gives another text'] },
  { text: '{{ spew_dump . }}', want: ['debug-function 1:4'] },
  {
    text: '{{ template "a" }}{{ define "b" }}{{ end }}',
    want: ['undefined-template 1:13 there is no {{define "a"}}', 'unused-definition'],
  },
  {
    text: '{{ define "b" }}x{{ end }}{{ executeTemplate "b" }}{{ executeTemplate "c" }}',
    want: ['undefined-template 1:55'],
  },
  { text: '{{ block "b" . }}x{{ end }}', want: [] },
  { text: '{{ service "web|odd" }}', want: ['bad-query 1:4 health.service: invalid filter: "odd"'] },
  { text: '{{ "a b" | service }}', want: ['bad-query 1:12 health.service: invalid format: "a b"'] },
  {
    text: '{{ range service "a.b.c@dc1" }}{{ .ID }}{{ end }}',
    want: [
      'dotted-service-name 1:10 the last dot divides: this asks for service "c" with tag "a.b"; a name with dots is quoted, as \'a.b.c\'',
    ],
  },
  {
    text: '{{ key "a" }}{{ keyOrDefault "a" "b" }}{{ "b" | key }}',
    want: [`key-without-default 1:4 ${key} a exists`, `key-without-default 1:49 ${key} b exists`],
  },
  {
    text: '{{ if keyExists "a" }}{{ key "a" }}{{ key "b" }}{{ end }}',
    want: [`key-without-default 1:39 ${key} b`],
  },
  {
    text: 'upstream web {\n{{ range service "web" }}server {{ .Address }};{{ end }}\n}',
    want: [`empty-upstream 2:10 ${upstream}`],
  },
  {
    text: 'upstream web {\n{{ range service "web" }}server {{ .Address }};{{ else }}server 127.0.0.1:9 down;{{ end }}\n}',
    want: [],
  },
  {
    text: 'upstream web {\n{{ range service "web" }}server {{ .Address }};{{ end }}\n  server 127.0.0.1:9 backup;\n}',
    want: [],
  },
  {
    text: '{{ if service "web" }}upstream web {\n{{ range service "web" }}server {{ .Address }};{{ end }}\n}{{ end }}',
    want: [],
  },
  {
    text: 'upstream {{ .X }} {\n  zone a 64k;\n{{ range service "web" }}server x;{{ end }}}',
    want: ['empty-upstream 3:10'],
  },
  { text: 'upstream a { server x; }\n{{ range service "web" }}# {{ .ID }}{{ end }}', want: [] },
  {
    text: '{{ index (service "web") 0 }}',
    want: ['unguarded-index 1:4 this fails while service "web" is empty'],
  },
  { text: '{{ with index (service "web") 0 }}{{ .ID }}{{ end }}', want: ['unguarded-index 1:9'] },
  { text: '{{ with service "web" }}{{ index (service "web") 0 }}{{ end }}', want: [] },
  {
    text: '{{ range services }}{{ range service .Name }}x{{ end }}{{ end }}',
    want: ['watch-per-item 1:30 service inside {{range services}}'],
  },
  { text: '{{ with .ServiceTaggedAddresses.wan }}{{ .Address }}{{ end }}', want: ['always-true 1:9'] },
  { text: '{{ $a := 1 }}{{ $b := 2 }}{{ $b }}{{ $a = 3 }}', want: ['unused-variable 1:4 $a is never read'] },
  {
    text: '{{ range $i, $x := .L }}{{ $x }}{{ end }}{{ range $i, $x := .L }}{{ $i }}{{ end }}',
    want: ['unused-variable 1:55 $x'],
  },
  { text: '{{ $a := 1 }}{{ if .X }}{{ $a := 2 }}{{ $a }}{{ end }}', want: ['unused-variable 1:4 $a'] },
  { text: '{{ $a := 1 }}{{ if $a }}{{ end }}{{ $m := .M }}{{ $m.x }}{{ $c := .C }}{{ ($c).d }}', want: [] },
  { text: '<< .A >> {{ .B', own: { leftDelimiter: '<<', rightDelimiter: '>>' }, want: [] },
];

test('findings are those of the text, each at its place', () => {
  const shown = cases.map(({ text, want, own }) =>
    lint(text, own).map((one, i) => one.slice(0, want[i]?.length)),
  );
  assert.deepEqual(
    shown,
    cases.map(({ want }) => want),
  );
});

test('every rule has a case', () => {
  const named = new Set(cases.flatMap(({ want }) => want.map((one) => one.split(' ')[0])));
  assert.deepEqual(
    [...rules.map(({ name }) => name), syntaxRule].filter((name) => !named.has(name)),
    [],
  );
});

test('the ready-made templates have no finding but that they watch many services', () => {
  for (const one of readyMade) {
    const found = lintTemplate({ ...defaults, name: one.name, text: templateOf(one, 'x') });
    assert.deepEqual(
      found.filter(({ rule }) => rule !== 'watch-per-item'),
      [],
      one.name,
    );
  }
});
