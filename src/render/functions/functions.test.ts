import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { Evaluator, processEnvironment } from '../evaluator.ts';
import type { Evaluation, TemplateText, World } from '../evaluator.ts';
import { evaluateOffline } from '../eval.ts';

function render(text: string, fixture = {}): string {
  return evaluateOffline({ text, fixture }).output;
}

function fails(text: string, message: RegExp, fixture = {}): void {
  assert.throws(() => render(text, fixture), { message }, text);
}

test('bytes that are no UTF-8 pass through a template unchanged', () => {
  assert.equal(render('{{key "k" | trimSpace}}|{{len (key "k")}}', { kv: { k: ' a\udcff ' } }), 'a\udcff|4');
});

const outputs: readonly (readonly [string, string])[] = [
  ['{{timestamp "unix" | len}}', '10'],
  [
    '{{5 | subtract 2}} {{subtract 2.5 5}} {{divide 2 7}} {{divide 2 -7}} {{divide 0.0 1}}',
    '3 2.5 3 -3 +Inf',
  ],
  ['{{add (parseUint "18446744073709551615") (parseUint "1")}}', '0'],
  [
    '{{$u := parseUint "18446744073709551615"}}{{divide -7 $u}} {{modulo $u 5}} {{minimum $u 1}} {{maximum $u 1}}',
    '0 0 18446744073709551615 1',
  ],
  ['{{sprig_maxf 1 (parseFloat "NaN") (parseFloat "Inf")}} {{sprig_minf 1 (parseFloat "NaN")}}', '+Inf NaN'],
  ['{{sprig_camelcase "httpServer"}} {{sprig_camelcase "HTTP2Server a1B2"}}', 'HttpServer Http2ServerA1B2'],
  ['{{scratch.Set "a" "x"}}{{scratch.MapValues "a"}}', '[]'],
  ['{{printf "%T" (loop 1)}}', '<-chan int64'],
  ['{{in (sprig_list 1 true) nil}} {{in "abc" 1}}', 'false false'],
  ['{{maximum 3 2.5}} {{printf "%T" (maximum (parseUint "3") 2)}}', '3 uint64'],
  ['{{"Ab ß" | toUpper}} {{"ÀB" | toLower}} {{"o\'neil x" | toTitle}}', "AB ß àb O'neil X"],
  ['{{splitToMap "," ":" "a:1,b,c:2:3"}}', 'map[a:1 c:2:3]'],
  ['{{explodeMap (parseJSON `{"a/b":1,"c":2}`) | toJSON}}', '{"a":{"b":1},"c":2}'],
  [
    '{{parseJSON `{"b":{"x":[]},"a":"<"}` | toJSONPretty}}',
    '{\n  "a": "\\u003c",\n  "b": {\n    "x": []\n  }\n}',
  ],
  ['{{range loop 2 4}}{{.}}{{end}}{{range loop 4 2}}x{{end}}', '23'],
  ['{{envOrDefault "PORTOLAN_NOT_SET" "d"}}', 'd'],
  ['{{scratch.MapSetX "m" "a" 1}}{{scratch.MapSetX "m" "a" 2}}{{scratch.Get "m"}}', 'map[a:1]'],
  ['{{contains "b" (scratch.MapValues "x")}}{{in nil nil}}', 'falsefalse'],
];

const yamlDocuments: readonly (readonly [string, string])[] = [
  ['a: [\n1,\n{"b": 2}\n]\nc: 3', '{"a":[1,{"b":2}],"c":3}'],
  ['- - x: {\nb: 1\n}\n    z: 2\n- [\n1\n]', '[[{"x":{"b":1},"z":2}],[1]]'],
  ['a: 1\rb: 2', '{"a":1,"b":2}'],
  ['a: "b\nc"\nd: 1', '{"a":"b c","d":1}'],
];

test('YAML is read as yaml.v2 reads it', () => {
  for (const [document, want] of yamlDocuments) {
    const text = `{{parseYAML ${JSON.stringify(document)} | toYAML | parseYAML | printf "%v"}}`;
    assert.equal(render(text), render(`{{parseYAML ${JSON.stringify(want)} | printf "%v"}}`), document);
  }
});

test('functions give what consul-template gives', () => {
  for (const [text, want] of outputs) assert.equal(render(text), want, text);
});

test('failures carry their texts', () => {
  fails('{{mergeMap sprig_dict}}', /<mergeMap>: wrong number of args for mergeMap: want at least 2 got 1$/);
  fails('{{mergeMap sprig_dict sprig_dict nil}}', /invalid memory address or nil pointer dereference$/);
  fails(
    '{{mergeMap sprig_dict sprig_dict sprig_dict}}',
    /wrong type for value; expected func\(\*mergo\.Config\); got map\[string\]interface \{\}$/,
  );
  fails(
    '{{mergeMap sprig_dict sprig_dict 1}}',
    /<1>: can't handle 1 for arg of type func\(\*mergo\.Config\)$/,
  );
  fails('{{sprig_urlParse "http://h:x/\x01#f"}}', /parse "http:\/\/h:x\/\\x01": net\/url: invalid control/);
  fails('{{timestamp "a" "b"}}', /timestamp: wrong number of arguments, expected 0 or 1, but got 2$/);
  fails(
    '{{explodeMap (parseJSON `{"a":1,"a/b":2}`)}}',
    /explodeMap: not a map: "a\/b": "a" already has value %!q\(float64=1\)$/,
  );
  const yaml = (text: string, message: string): void =>
    fails(`{{parseYAML ${JSON.stringify(text)}}}`, new RegExp(`error calling parseYAML: yaml: ${message}$`));
  yaml('k:\n  - abc\n  c: 1\n', "line 2: did not find expected '-' indicator");
  yaml('- - a\n - b', "line 1: did not find expected '-' indicator");
  yaml('k:\n    - a\n  c: 1\n', 'line 2: did not find expected key');
  yaml('a: , ', 'did not find expected node content');
  yaml('a: \u007f', 'control characters are not allowed');
  yaml('%b', 'found unknown directive name');
  yaml('%!d', 'could not find expected directive name');
  yaml('a: 1\nb: "\\ud800"', 'line 2: found invalid Unicode character escape code');
  yaml('a: |x\n  b', 'did not find expected comment or line break');
  yaml('a: |-0\n b', 'found an indentation indicator equal to 0');
  yaml('x: {a: 1 b: [2]}', "did not find expected ',' or '}'");
  yaml('x:\n  y: [{a: 1}, "a" "b"]', "line 1: did not find expected ',' or '\\]'");
  yaml('[1,,2]', 'did not find expected node content');
  yaml('a: "\\x4"', 'did not find expected hexdecimal number');
  yaml('a: 1\nb: "c\\/"', 'line 2: found unknown escape character');
  fails('{{sprig_deepCopy nil}}', /sprig_deepCopy: reflect: call of reflect.Value.Type on zero Value$/);
  fails('{{sprig_toRawJson (parseYAML "a: 1")}}', /json: unsupported type: map\[interface \{\}\]interface/);
  fails('{{sprig_mustToDate "5" "\\té"}}', /parsing time "\\x09\\xc3\\xa9" as "5": cannot parse/);
  fails('{{in "a" nil}}', /error calling in: reflect: call of reflect.Value.Type on zero Value$/);
  fails('{{index (parseYAML "a: 1") (split "," "a")}}', /runtime error: hash of unhashable type \[\]string$/);
  fails('{{toJSON (loop 1)}}', /toJSON: json: unsupported type: .*chan int64$/);
  fails('{{parseInt "99999999999999999999"}}', /value out of range$/);
  fails('{{service "web" | byMeta "v|int"}}', /strconv\.Atoi: parsing "x": invalid syntax$/, {
    services: [{ Node: 'n', ID: 'w', Name: 'web', ServiceMeta: { v: 'x' }, Status: 'passing' }],
  });
});

test('checks print and encode as the API has them, with a definition that is all zero', () => {
  const checks = [{ Node: 'n', CheckID: 'c', Name: 'alive', Status: 'warning', ServiceTags: ['a'] }];
  const services = [{ Node: 'n', ID: 'w', Name: 'web', Status: 'passing', Checks: checks }];
  const definition =
    '"HTTP":"","Header":null,"Method":"","Body":"","TLSServerName":"","TLSSkipVerify":false,"TCP":"",' +
    '"TCPUseTLS":false,"UDP":"","GRPC":"","OSService":"","GRPCUseTLS":false';
  const rows: readonly (readonly [string, string])[] = [
    ['{{.}}', '{n c alive warning     [a]    0  { map[]    false  false    false 0s 0s 0s  0 0 0} 0 0}'],
    [
      '{{toJSON .}}',
      '{"Node":"n","CheckID":"c","Name":"alive","Status":"warning","Notes":"","Output":"","ServiceID":"",' +
        '"ServiceName":"","ServiceTags":["a"],"Type":"","ExposedPort":0,"Definition":{"Interval":"0s",' +
        `"Timeout":"0s","DeregisterCriticalServiceAfter":"0s",${definition}},"CreateIndex":0,"ModifyIndex":0}`,
    ],
    ['{{toJSON .Definition}}', `{${definition},"Interval":0,"Timeout":0,"DeregisterCriticalServiceAfter":0}`],
    ['{{.Definition.IntervalDuration}} {{.Definition.Interval}} {{.Definition.Interval.String}}', '0s 0s 0s'],
    ['{{print .Definition.Interval}}', '0'],
    ['{{len .ServiceTags}}', '1'],
    ['{{spew_sprintf "%v" .Definition.Interval}} {{.Definition.Header | len}}', '0s 0'],
  ];
  for (const [text, want] of rows) {
    assert.equal(render(`{{range service "web"}}{{range .Checks}}${text}{{end}}{{end}}`, { services }), want);
  }
  assert.equal(render('{{range service "web"}}{{.Checks.AggregatedStatus}}{{end}}', { services }), 'warning');
});

test('a check without tags has a nil list of them', () => {
  const fixture = { services: [{ Node: 'n', ID: 'w', Name: 'web', Checks: [{ CheckID: 'c' }] }] };
  const text =
    '{{range service "web"}}{{range .Checks}}{{.ServiceTags}} {{toJSON .ServiceTags}}{{end}}{{end}}';
  assert.equal(render(text, fixture), '[] null');
});

test('a check has its definition and its indexes', () => {
  const Definition = {
    HTTP: 'http://x/',
    Header: { A: ['1', '2'] },
    Interval: '10s',
    TimeoutDuration: '1m30s',
  };
  const check = { CheckID: 'c', Status: 'passing', CreateIndex: 5, ModifyIndex: 7, Definition };
  const fixture = { services: [{ Node: 'n', ID: 'w', Name: 'web', Checks: [check, { CheckID: 'd' }] }] };
  const shown = (text: string): string =>
    render(`{{range service "web"}}{{range .Checks}}${text}|{{end}}{{end}}`, fixture);
  assert.equal(shown('{{.CreateIndex}} {{.ModifyIndex}} {{.Definition.HTTP}}'), '5 7 http://x/|0 0 |');
  assert.equal(shown('{{.Definition.Interval}} {{.Definition.TimeoutDuration}}'), '10s 1m30s|0s 0s|');
  assert.equal(shown('{{range $k, $v := .Definition.Header}}{{$k}}{{$v}}{{end}}'), 'A[1 2]||');
  const [json] = JSON.parse(`[${shown('{{toJSON .}}').replace(/\|$/, '').replace('|', ',')}]`) as [
    { readonly Definition: Record<string, unknown> },
  ];
  const { Interval, Timeout, HTTP, Header } = json.Definition;
  assert.deepEqual([Interval, Timeout, HTTP, Header], ['10s', '1m30s', 'http://x/', Definition.Header]);
});

test('file stays inside the sandbox, through links too, and may be waited for', () => {
  const dir = mkdtempSync(join(tmpdir(), 'portolan-sandbox-'));
  mkdirSync(join(dir, 'box'));
  writeFileSync(join(dir, 'secret'), 's');
  symlinkSync('../secret', join(dir, 'box/link'));
  const ask = (path: string): Evaluation => evaluate(`{{file "${path}"}}`, { sandboxPath: join(dir, 'box') });
  for (const path of [
    join(dir, 'secret'),
    join(dir, 'box/link'),
    join(dir, 'box/../secret'),
    join(dir, 'absent'),
  ]) {
    assert.match((ask(path).result as { error: Error }).error.message, /'.*' is outside of sandbox$/, path);
  }
  assert.deepEqual(ask(join(dir, 'box/..later')).missing.length, 1);
});

test('the environment of the template comes before that of the process', () => {
  process.env['PORTOLAN_TEST_WORD'] = 'process';
  const text = '{{env "PORTOLAN_TEST_WORD"}} {{env "constructor"}}';
  assert.deepEqual(evaluate(text, {}).result, { output: 'process ' });
  assert.deepEqual(evaluate(text, { environment: { PORTOLAN_TEST_WORD: 'own' } }).result, { output: 'own ' });
  delete process.env['PORTOLAN_TEST_WORD'];
});

test('a template that never ends is stopped by its limits', () => {
  const { result } = evaluate('{{range loop 1000000000}}x{{end}}', { limits: { steps: 1000 } });
  assert.match((result as { error: Error }).error.message, /exceeded the limit of 1000 steps/);
});

function evaluate(text: string, options: Partial<TemplateText>): Evaluation {
  const world: World = { lookup: () => undefined, environment: processEnvironment, wallMs: () => 0 };
  return new Evaluator({
    name: 't',
    text,
    leftDelimiter: '',
    rightDelimiter: '',
    missingKey: 'zero',
    functionDenylist: [],
    sandboxPath: '',
    environment: {},
    ...options,
  }).evaluate(world);
}
