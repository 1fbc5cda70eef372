import assert from 'node:assert/strict';
import { test } from 'node:test';
import { TemplateError } from './errors.ts';
import { Abort, defineFunction, defineStruct, functionMap, pointerSliceType } from './functions.ts';
import type { MissingKey } from './state.ts';
import { Budget } from './state.ts';
import { executeTemplate, parseTemplate } from './template.ts';
import type { ExecuteOptions } from './template.ts';
import { int64Type, mapOf, sliceOf, stringType } from './types.ts';
import type { Value } from './values.ts';
import {
  anySlice,
  Chan,
  float,
  fromJson,
  Func,
  goMap,
  GoMap,
  int,
  int64,
  Slice,
  stringMap,
  stringSlice,
  Struct,
  uint64,
} from './values.ts';

interface Address {
  readonly host: string;
  readonly port: number;
}
const address = defineStruct<Address>({
  name: 'api.Address',
  fields: { Host: { type: 'string', get: (a) => a.host }, Port: { type: 'int', get: (a) => a.port } },
});
interface Service {
  readonly name: string;
  readonly tags: readonly string[];
  readonly any: Value;
}
const tagsType = sliceOf(stringType, 'dependency.ServiceTags');
const service = defineStruct<Service>({
  name: 'dependency.Service',
  fields: {
    Name: { type: 'string', get: (s) => s.name },
    Tags: { type: tagsType, get: (s) => stringSlice(s.tags, tagsType) },
    Any: { type: 'any', get: (s) => s.any },
    Next: { type: 'any', get: () => null },
  },
  methods: {
    Upper: { params: [], result: 'string', call: (s: Service) => s.name.toUpperCase() },
    Add: {
      params: ['string', '...int'],
      result: 'string',
      call: (s: Service, text: string, ...n: number[]) => `${s.name}${text}${n.join('')}`,
    },
    Fail: {
      params: [],
      call: () => {
        throw new Error('no');
      },
    },
  },
});
const web = new Struct(service, { name: 'web', tags: ['a', 'b'], any: 5 });
const none = new Struct(service, undefined);

const functions = functionMap(
  defineFunction('join', { params: ['string', '[]string'], result: 'string' }, (by, list) =>
    list.items.join(by),
  ),
  defineFunction('text', { params: ['string'], result: 'string' }, (text) => text),
  defineFunction('add', { params: ['int', 'int'], result: 'int' }, (a, b) => int(Number(a) + Number(b))),
  defineFunction('half', { params: ['float64'], result: 'float64' }, (x) => float(x.value / 2)),
  defineFunction('wide', { params: ['uint64'], result: 'uint64' }, (x) => x),
  defineFunction('flag', { params: ['bool'], result: 'bool' }, (x) => x),
  defineFunction('all', { params: ['any', '...any'], result: 'int' }, (_, ...rest) => rest.length),
  defineFunction('kind', { params: ['any'], result: 'string' }, (x) =>
    x === null ? 'nil' : x === undefined ? 'none' : 'value',
  ),
  defineFunction('same', { params: ['any'], result: 'any' }, (x) => x),
  defineFunction('named', { params: [service.pointer], result: 'string' }, (s) => (s as Struct).type.name),
  defineFunction('plain', { params: [address], result: 'string' }, (a) => String((a as Struct).pointer)),
  defineFunction('labels', { params: ['map[string]string'], result: 'int' }, (m) => m.size),
  defineFunction(
    'upTo',
    { params: ['int64'], result: '<-chan int64' },
    (n) => new Chan(int64Type, counter(Number(n.value))),
  ),
  defineFunction('web', { params: [] }, () => web),
  defineFunction('broken', { params: [] }, () => {
    throw new Error('it broke');
  }),
  defineFunction('stop', { params: [] }, () => {
    throw new Abort('stopped');
  }),
  defineFunction('none', { params: [] }, () => null),
);

function* counter(end: number): Generator<Value> {
  for (let i = 0; i < end; i++) yield int64(i);
}

function run(text: string, data: Value, options: ExecuteOptions = {}): string {
  try {
    const template = parseTemplate('t', text, { functions });
    return executeTemplate(template, { data, functions, ...options });
  } catch (error) {
    if (!(error instanceof TemplateError)) throw error;
    return error.message.replace('template: t:', '! ').replace('executing "t" at ', '');
  }
}

function check(
  rows: readonly (readonly [text: string, data: Value, want: string])[],
  missingKey: MissingKey = 'zero',
): void {
  for (const [text, data, want] of rows) assert.equal(run(text, data, { missingKey }), want, text);
}

test('arguments are checked as Go checks them', () => {
  check([
    ['{{join "," .}}', stringSlice(['a', 'b']), 'a,b'],
    ['{{. | join ","}}', stringSlice(['a', 'b'], tagsType), 'a,b'],
    ['{{join}}', undefined, '! 1:2: <join>: wrong number of args for join: want 2 got 0'],
    ['{{1 | text 2}}', undefined, '! 1:6: <text>: wrong number of args for text: want 1 got 2'],
    ['{{all}}', undefined, '! 1:2: <all>: wrong number of args for all: want at least 1 got 0'],
    ['{{1 | all}}{{all 1 2 3}}{{1 | all 2 3}}', undefined, '022'],
    ['{{text 5}}', undefined, '! 1:7: <5>: expected string; found 5'],
    ['{{text true}}', undefined, '! 1:7: <true>: expected string; found true'],
    ['{{add "a" 1}}', undefined, '! 1:6: <"a">: expected integer; found "a"'],
    ['{{add 1.5 1}}', undefined, '! 1:6: <1.5>: expected integer; found 1.5'],
    ["{{add 2.0 1e3}} {{add 'a' 1}} {{half 3}} {{half 'a'}}", undefined, '1002 98 1.5 48.5'],
    ['{{half "a"}}', undefined, '! 1:7: <"a">: expected float; found "a"'],
    ['{{wide -1}}', undefined, '! 1:7: <-1>: expected unsigned integer; found -1'],
    ['{{wide 18446744073709551615}}', undefined, '18446744073709551615'],
    ['{{flag "x"}}', undefined, '! 1:7: <"x">: expected bool; found "x"'],
    ['{{labels 1}}', undefined, "! 1:9: <1>: can't handle 1 for arg of type map[string]string"],
    ['{{text nil}}', undefined, '! 1:7: <nil>: cannot assign nil to string'],
    ['{{join "," nil}}|{{labels nil}}|{{kind nil}}', undefined, '|0|nil'],
    ['{{text .}}', undefined, '! 1:7: <.>: invalid value; expected string'],
    ['{{text .x}}', goMap({}), '! 1:7: <.x>: wrong type for value; expected string; got interface {}'],
    ['{{text .x}}', goMap({ x: 1 }), '! 1:7: <.x>: wrong type for value; expected string; got int'],
    ['{{text .x}}', goMap({ x: 'ok' }), 'ok'],
    [
      '{{join "," .}}',
      anySlice(['a']),
      '! 1:11: <.>: wrong type for value; expected []string; got []interface {}',
    ],
    ['{{text (print 1 | len)}}', undefined, '! 1:18: <len>: wrong type for value; expected string; got int'],
    ['{{text (len "a")}}', undefined, '! 1:12: <"a">: wrong type for value; expected string; got int'],
    ['{{1 | text}}', undefined, '! 1:6: <text>: wrong type for value; expected string; got int'],
    ['{{add .a 1}}', goMap({ a: int64(1) }), '! 1:6: <.a>: wrong type for value; expected int; got int64'],
    ['{{kind .}}{{kind .x}}', undefined, 'nilnil'],
    ['{{named .}}', web, 'dependency.Service'],
    [
      '{{named .}}',
      new Struct(address, {}),
      '! 1:8: <.>: wrong type for value; expected *dependency.Service; got *api.Address',
    ],
    ['{{plain .}}', new Struct(address, { host: 'h', port: 1 }), 'false'],
    [
      '{{plain .}}',
      new Struct(address, undefined),
      '! 1:8: <.>: dereference of nil pointer of type api.Address',
    ],
    ['{{broken}}', undefined, '! 1:2: <broken>: error calling broken: it broke'],
    ['{{print broken}}', undefined, '! 1:8: <broken>: error calling broken: it broke'],
    ['{{1 | all 2 | broken}}', undefined, '! 1:14: <broken>: wrong number of args for broken: want 0 got 1'],
    ['{{none}}{{print none}}{{if none}}x{{end}}{{same none | kind}}', undefined, '<no value><nil>nil'],
  ]);
});

test('fields, methods and nil pointers of structs', () => {
  check([
    ['{{.Name}} {{.Tags}} {{.Any}} {{.}}', web, 'web [a b] 5 {web [a b] 5 <nil>}'],
    [
      '{{.Upper}} {{.Add "x"}} {{.Add "x" 1 2}} {{3 | .Add "x"}} {{print .Upper}}',
      web,
      'WEB webx webx12 webx3 WEB',
    ],
    ['{{.Add 1}}', web, '! 1:7: <1>: expected string; found 1'],
    ['{{.Add}}', web, '! 1:2: <.Add>: wrong number of args for Add: want at least 1 got 0'],
    ['{{.Fail}}', web, '! 1:2: <.Fail>: error calling Fail: no'],
    ['{{.Upper.X}}', web, "! 1:8: <.Upper.X>: can't evaluate field X in type string"],
    ['{{.Nope}}', web, "! 1:2: <.Nope>: can't evaluate field Nope in type *dependency.Service"],
    ['{{.Any.X}}', web, "! 1:6: <.Any.X>: can't evaluate field X in type interface {}"],
    ['{{.Next.X}}', web, '! 1:7: <.Next.X>: nil pointer evaluating interface {}.X'],
    ['{{.Name 1}}', web, '! 1:2: <.Name>: Name has arguments but cannot be invoked as function'],
    ['{{1 | .Name}}', web, '! 1:6: <.Name>: Name has arguments but cannot be invoked as function'],
    ['{{.Name}}', none, '! 1:2: <.Name>: nil pointer evaluating *dependency.Service.Name'],
    ['{{.Nope}}', none, "! 1:2: <.Nope>: can't evaluate field Nope in type *dependency.Service"],
    ['{{.}}{{if .}}x{{else}}y{{end}}{{with .}}x{{else}}z{{end}}', none, '<nil>yz'],
    ['{{len .}}', none, '! 1:2: <len .>: error calling len: len of nil pointer'],
    ['{{len .}}', web, '! 1:2: <len .>: error calling len: len of type dependency.Service'],
    ['{{index . 0}}', none, '! 1:2: <index . 0>: error calling index: index of nil pointer'],
    [
      '{{index . 0}}',
      web,
      "! 1:2: <index . 0>: error calling index: can't index item of type dependency.Service",
    ],
    ['{{range .}}{{.Name}}{{end}}', new Slice(pointerSliceType(service), [web, web]), 'webweb'],
    [
      '{{range .}}{{.Nope}}{{end}}',
      new Slice(pointerSliceType(service), [web]),
      "! 1:13: <.Nope>: can't evaluate field Nope in type *dependency.Service",
    ],
    [
      '{{range .}}{{.b}}{{end}}',
      anySlice(['x']),
      "! 1:13: <.b>: can't evaluate field b in type interface {}",
    ],
    [
      '{{range $e := .}}{{$e.b}}{{end}}',
      anySlice(['x']),
      "! 1:21: <$e.b>: can't evaluate field b in type interface {}",
    ],
    [
      '{{range $e := .}}{{$e = .}}{{$e.b}}{{end}}',
      anySlice(['x']),
      "! 1:31: <$e.b>: can't evaluate field b in type string",
    ],
    ['{{with .x}}{{.b}}{{end}}', goMap({ x: 'y' }), "! 1:13: <.b>: can't evaluate field b in type string"],
    [
      '{{range $k, $v := .}}{{$k.x}}{{end}}',
      goMap({ a: 1 }),
      "! 1:25: <$k.x>: can't evaluate field x in type string",
    ],
    ['{{web.Name}} {{(web).Name}} {{web.Add "1"}}', undefined, 'web web web1'],
    ['{{web.Nope}}', undefined, "! 1:2: <web>: can't evaluate field Nope in type interface {}"],
    ['{{(web).Nope}}', undefined, "! 1:3: <web>: can't evaluate field Nope in type *dependency.Service"],
    ['{{range .}}{{end}}', web, "! 1:8: <.>: range can't iterate over {web [a b] 5 <nil>}"],
    ['{{eq . .}} {{ne . .}} {{eq . nil}}', web, 'true false false'],
    [
      '{{eq . "a"}}',
      web,
      '! 1:2: <eq . "a">: error calling eq: incompatible types for comparison: *dependency.Service and string',
    ],
  ]);
});

test('absent map entries are the zero of the elements, an error, or no value', () => {
  const typed = goMap({}, mapOf(stringType, address));
  check([
    ['{{.x}}|{{.x.y}}', stringMap({}), "! 1:11: <.x.y>: can't evaluate field y in type string"],
    ['{{.x}}|{{with .x}}t{{else}}f{{end}}', stringMap({}), '|f'],
    ['{{.x.Host}}|{{.x.Port}}|{{with .x}}{{.}}{{end}}', typed, '|0|{ 0}'],
    ['{{.x}}', stringMap(null), ''],
    ['{{index . "x"}}{{(index . "x").Host}}', typed, '{ 0}'],
  ]);
  check([['{{.x}}{{.x.y.z}}', stringMap({}), '<no value><no value>']], 'invalid');
  check([['{{$x := .a}}{{$x.b.c}}', goMap({ a: null }), '<no value>']], 'default');
  check(
    [['{{$x := .a}}{{$x.b}}', goMap({ a: null }), '! 1:16: <$x.b>: nil data; no entry for key "b"']],
    'error',
  );
});

test('maps with other keys', () => {
  const byPort = new GoMap(mapOf({ kind: 'int', name: 'int' }, sliceOf({ kind: 'string', name: 'string' })), [
    [8080, stringSlice(['b'])],
    [80, stringSlice(['a'])],
  ]);
  const mixed = new GoMap(
    mapOf({ kind: 'interface', name: 'interface {}' }, { kind: 'interface', name: 'interface {}' }),
    [
      ['a', 1],
      [1, 'x'],
      [int64(1), 'y'],
      [float(1), 'z'],
      [true, 't'],
    ],
  );
  check([
    [
      '{{range $p, $l := .}}{{$p}}={{$l}} {{end}}{{index . 80}}{{index . 81}}',
      byPort,
      '80=[a] 8080=[b] [a][]',
    ],
    ['{{.x}}', byPort, "! 1:2: <.x>: can't evaluate field x in type map[int][]string"],
    [
      '{{index . "80"}}',
      byPort,
      '! 1:2: <index . "80">: error calling index: value has type string; should be int',
    ],
    [
      '{{index . .}}',
      byPort,
      '! 1:2: <index . .>: error calling index: value has type map[int][]string; should be int',
    ],
    [
      '{{index . nil}}',
      byPort,
      '! 1:2: <index . nil>: error calling index: value is nil; should be of type int',
    ],
    ['{{.a}} {{index . 1}} {{index . 1.0}} {{index . true}} {{index . "q"}}', mixed, '1 x z t <no value>'],
    ['{{range $k, $v := .}}{{$k}}={{$v}} {{end}}', mixed, 'true=t 1=z 1=x 1=y a=1 '],
  ]);
});

test('ranges over integers and channels', () => {
  check([
    ['{{range .}}{{printf "%T" .}}{{end}}', int64(2), 'int64int64'],
    ['{{range $x := .}}{{$x}}{{else}}none{{end}}', int64(-1), 'none'],
    ['{{range upTo 3}}{{.}}{{end}}{{range upTo 0}}{{else}}none{{end}}', undefined, '012none'],
    ['{{range $i, $e := upTo 2}}{{$i}}{{$e}} {{end}}', undefined, '00 11 '],
    [
      '{{$c := upTo 3}}{{range $c}}{{.}}{{break}}{{end}}{{range $c}}{{.}}{{end}}{{range $c}}{{else}}.{{end}}',
      undefined,
      '012.',
    ],
    ['{{$x := 0}}{{range $x = 3}}{{end}}{{$x}}', undefined, '2'],
    ['{{range $x = 3}}{{end}}', undefined, '! 1:13: <3>: undefined variable: $x'],
    ['{{upTo 1}}', undefined, "! 1:2: <{{upTo 1}}>: can't print {{upTo 1}} of type <-chan int64"],
    ['{{range .}}{{else}}e{{end}}', stringMap(null), 'e'],
    ['{{range print}}{{end}}', undefined, "! 1:8: <print>: range can't iterate over "],
  ]);
});

test('variables are those that Go would have on its stack', () => {
  check([
    ['{{$x := 1}}{{if true}}{{$x := 2}}{{$x}}{{end}}{{$x}}', undefined, '21'],
    ['{{$x := 0}}{{if false}}{{$x := 1}}{{else}}{{$x}}{{end}}', undefined, '0'],
    ['{{if false}}{{$x := 1}}{{else}}{{$x}}{{end}}', undefined, '! 1:33: <$x>: undefined variable: $x'],
    ['{{$x := 1}}{{or true ($x := 2)}}{{$x}}', undefined, 'true1'],
    ['{{$x := 1}}{{or false ($x := 2)}}{{$x}}', undefined, '22'],
    ['{{or true ($x := 2)}}{{$x}}', undefined, '! 1:23: <$x>: undefined variable: $x'],
    [
      '{{range $i := 3}}{{$v := 9}}{{and (eq $i 1) ($v := $i)}}:{{$v}} {{end}}',
      undefined,
      'false:9 1:1 false:9 ',
    ],
    ['{{print ($x := 1) $x}}', undefined, '1 1'],
    ['{{range $x, $x := .}}{{$x}}{{end}}', stringSlice(['a']), 'a'],
    ['{{range $i, $x := .}}{{$x}}{{$x = "z"}}{{$x}}{{end}}', stringSlice(['a', 'b']), 'azbz'],
    ['{{with 1}}{{$}}{{end}}{{define "d"}}{{$}}{{end}}{{template "d" 2}}', 'root', 'root2'],
    ['{{$x := 1}}{{with $x = 2}}{{.}}{{end}}{{$x}}', undefined, '22'],
    ['{{1 | $}}', undefined, "! 1:6: <$>: can't give argument to non-function $"],
    ['{{$x := 1 | $x}}', undefined, '! 1:12: <$x>: undefined variable: $x'],
    ['{{$x := web}}{{$x.Add "1"}}{{"2" | $x.Add}}', undefined, 'web1web2'],
  ]);
});

test('call, and the other builtins at their edges', () => {
  const add = new Func(functions.get('add')!);
  const all = new Func(functions.get('all')!);
  const data = goMap({ add, all, n: 1, wide: int64(5) });
  check([
    ['{{call .add 1 2}} {{call .add .n .wide}} {{2 | call .add 1}}', data, '3 6 3'],
    [
      '{{call .add 1}}',
      data,
      '! 1:2: <call .add 1>: error calling call: wrong number of args for .add: got 1 want 2',
    ],
    [
      '{{call .all}}',
      data,
      '! 1:2: <call .all>: error calling call: wrong number of args for .all: got 0 want at least 1',
    ],
    [
      '{{call .add "a" 1}}',
      data,
      '! 1:2: <call .add "a" 1>: error calling call: arg 0: value has type string; should be int',
    ],
    [
      '{{call .add nil 1}}',
      data,
      '! 1:2: <call .add nil 1>: error calling call: arg 0: value is nil; should be of type int',
    ],
    ['{{.n | call}}', data, '! 1:7: <call>: error calling call: non-function <int Value> of type int'],
    ['{{call}}', data, '! 1:2: <call>: wrong number of args for call: want at least 1 got 0'],
    ['{{.add}}', data, "! 1:2: <{{.add}}>: can't print {{.add}} of type func(int, int) int"],
    [
      '{{len nil}}',
      undefined,
      '! 1:2: <len nil>: error calling len: reflect: call of reflect.Value.Type on zero Value',
    ],
    [
      '{{index "abc" 3}}',
      undefined,
      '! 1:2: <index "abc" 3>: error calling index: reflect: string index out of range',
    ],
    [
      '{{index . 1}}',
      stringSlice(['a']),
      '! 1:2: <index . 1>: error calling index: reflect: slice index out of range',
    ],
    ['{{index . 2}}', stringSlice(['a']), '! 1:2: <index . 2>: error calling index: index out of range: 2'],
    [
      '{{index . nil}}',
      stringSlice(['a']),
      '! 1:2: <index . nil>: error calling index: cannot index slice/array with nil',
    ],
    ['{{printf "%T" (index "abc" 0)}}', undefined, 'uint8'],
    ['{{range $i, $e := .}}{{slice "abc" $i}}{{end}}', anySlice([1]), 'abc'],
    [
      '{{range $e := .}}{{slice "abc" $e}}{{end}}',
      anySlice([1]),
      '! 1:19: <slice "abc" $e>: error calling slice: cannot index slice/array with type interface {}',
    ],
    [
      '{{range .}}{{slice "abc" .}}{{end}}',
      anySlice([1]),
      '! 1:13: <slice "abc" .>: error calling slice: cannot index slice/array with type interface {}',
    ],
    ['{{slice "abc" (.i)}}', goMap({ i: 1 }), 'bc'],
    [
      '{{slice "abc" .i}}',
      goMap({ i: 1 }),
      '! 1:2: <slice "abc" .i>: error calling slice: cannot index slice/array with type interface {}',
    ],
    [
      '{{slice . 1 2}} {{slice (slice . 0 1) 0 3}} {{slice . 3}}',
      stringSlice(['a', 'b', 'c']),
      '[b] [a b c] []',
    ],
    [
      '{{slice (slice . 0 1 2) 0 3}}',
      stringSlice(['a', 'b', 'c']),
      '! 1:2: <slice (slice . 0 1 2) 0 3>: error calling slice: index out of range: 3',
    ],
    [
      '{{slice . 0 1 2 3}}',
      stringSlice(['a']),
      '! 1:2: <slice . 0 1 2 3>: error calling slice: too many slice indexes: 4',
    ],
    [
      '{{slice . 0 2 1}}',
      stringSlice(['a', 'b']),
      '! 1:2: <slice . 0 2 1>: error calling slice: invalid slice index: 2 > 1',
    ],
    ['{{slice "é" 0 1}}{{slice "é" 1 2}}', undefined, 'é'],
    [
      '{{eq 1 1.0}}',
      undefined,
      '! 1:2: <eq 1 1.0>: error calling eq: incompatible types for comparison: int and float64',
    ],
    ['{{eq .a .b}} {{lt .a .b}} {{eq .a 5}}', goMap({ a: int64(5), b: uint64(7) }), 'false true true'],
    ['{{eq . .}}', stringSlice([]), '! 1:2: <eq . .>: error calling eq: non-comparable type []: []string'],
    [
      '{{eq .a .b}}',
      goMap({ a: stringSlice([]), b: stringMap({}) }),
      '! 1:2: <eq .a .b>: error calling eq: non-comparable types []: []string, map[string]string: map[]',
    ],
    [
      '{{le "a" "a"}} {{ge "a" "b"}} {{gt 2 1}} {{lt 1i 2i}}',
      undefined,
      '! 1:43: <lt 1i 2i>: error calling lt: invalid type for comparison',
    ],
    ['{{eq 1i 1i}} {{eq "\\ue000" "\\ue000"}} {{lt "\\uffff" "\\U00010000"}}', undefined, 'true true true'],
    [
      '{{html nil}} {{html 1 2 "<"}} {{js "\\x01\\u2028é"}} {{urlquery "é /" 1.5}}',
      undefined,
      '&lt;no value&gt; 1 2&lt; \\u0001\\u2028é %C3%A9+%2F1.5',
    ],
    ['{{html .}}', new Struct(address, { host: '<', port: 1 }), '{&lt; 1}'],
    ['{{and}}', undefined, '! 1:2: <and>: wrong number of args for and: want at least 1 got 0'],
    [
      '{{1 | and}} {{or 0 ""}}| {{and 1 ""}}| {{nil | print}}',
      undefined,
      '! 1:41: <nil>: nil is not a command',
    ],
    ['{{printf .x}}', goMap({ x: 1 }), '! 1:9: <.x>: wrong type for value; expected string; got int'],
    ['{{1 | printf}}', undefined, '! 1:6: <printf>: wrong type for value; expected string; got int'],
    ['{{"%d" | printf}}', undefined, '%!d(MISSING)'],
    [
      '{{9223372036854775807}} {{-9223372036854775808}} {{printf "%T" 9223372036854775807}}',
      undefined,
      '9223372036854775807 -9223372036854775808 int',
    ],
    [
      '{{print 18446744073709551615}}',
      undefined,
      '! 1:8: <18446744073709551615>: 18446744073709551615 overflows int',
    ],
    ['{{0x1p-2}} {{1e3}} {{0xep0}} {{1+2i}} {{0x1.8p1}} {{-0}}', undefined, '0.25 1000 14 (1+2i) 3 0'],
  ]);
});

test('a builtin gives way to a function of its name', () => {
  const own = functionMap(
    defineFunction('len', { params: ['any'], result: 'string' }, () => 'mine'),
    defineFunction('and', { params: ['any', 'any'] }, (a, b) => anySlice([a, b])),
  );
  const template = parseTemplate('t', '{{len 1}} {{and false 2}}', { functions: own });
  assert.equal(executeTemplate(template, { functions: own }), 'mine [false 2]');
});

test('a function that was there when the text was parsed may be missing later', () => {
  const template = parseTemplate('t', 'a{{join}}', { functions });
  assert.throws(() => executeTemplate(template), {
    message: 'template: t:1:3: executing "t" at <join>: "join" is not a defined function',
  });
});

test('definitions invoke each other and name themselves in errors', () => {
  check([
    [
      '{{define "a"}}{{template "b" .}}{{end}}{{define "b"}}{{.x.y}}{{end}}\n{{template "a" .}}',
      goMap({ x: 1 }),
      '! 1:57: executing "b" at <.x.y>: can\'t evaluate field y in type interface {}',
    ],
    ['{{define "say \\"hi\\""}}{{.}}{{end}}{{template "say \\"hi\\"" 1}}', undefined, '1'],
    ['{{template "x" ($y := 1)}}{{$y}}{{define "x"}}{{.}}{{end}}', undefined, '11'],
    [
      '{{range .}}{{template "r"}}{{end}}{{define "r"}}{{range $ }}{{end}}x{{end}}',
      stringSlice(['a', 'b']),
      'xx',
    ],
  ]);
  const template = parseTemplate('t', '{{define "x"}}[{{.}}]{{end}}');
  assert.equal(executeTemplate(template, { definition: 'x', data: 1 }), '[1]');
  assert.throws(() => executeTemplate(template, { definition: 'y' }), {
    message: 'template: no template "y" associated with template "t"',
  });
});

test('an error tells its place, its phase and its cause', () => {
  const template = parseTemplate('t', 'é\n ü{{broken}}', { functions });
  try {
    executeTemplate(template, { functions });
    assert.fail();
  } catch (error) {
    assert.ok(error instanceof TemplateError);
    assert.deepEqual([error.phase, error.template, error.line, error.column], ['exec', 't', 2, 5]);
    assert.equal((error.cause as Error).message, 'it broke');
  }
  const aborting = parseTemplate('t', '{{stop}}', { functions });
  assert.throws(() => executeTemplate(aborting, { functions }), Abort);
});

test('an execution that never ends is stopped by its limits', () => {
  const limit = (text: string, limits: ExecuteOptions['limits']): string => {
    try {
      return executeTemplate(parseTemplate('t', text, { functions }), { functions, limits: limits! });
    } catch (error) {
      assert.ok(error instanceof TemplateError);
      assert.equal(error.phase, /template depth/.test(error.message) ? 'exec' : 'limit');
      return error.message.replace(/^template: t:\d+:\d+: /, '');
    }
  };
  const forEver = '{{range 9007199254740991}}{{end}}';
  assert.equal(
    limit(forEver, { steps: 1000 }),
    'executing "t" at <9007199254740991>: exceeded the limit of 1000 steps',
  );
  assert.match(limit(forEver, {}), /exceeded the limit of 10000000 steps$/);
  assert.match(limit(forEver, { isOverdue: () => true }), /exceeded the time allowed$/);
  assert.match(
    limit('{{range 100}}abc{{end}}', { outputLength: 50 }),
    /exceeded the limit of 50 characters of output$/,
  );
  assert.match(
    limit('{{printf "%999999d" 1 | len}}', { outputLength: 50 }),
    /exceeded the limit of 50 characters of output$/,
  );
  assert.match(
    limit('{{$s := "aa"}}{{range 64}}{{$s = print $s $s}}{{end}}', {}),
    /exceeded the limit of 67108864 characters of output$/,
  );
  assert.equal(
    limit('{{define "r"}}{{template "r"}}{{end}}{{template "r"}}', {}),
    'executing "r" at <{{template "r"}}>: exceeded maximum template depth (100000)',
  );
  assert.match(
    limit('{{define "r"}}{{template "r"}}{{end}}{{template "r"}}', { depth: 50 }),
    /exceeded maximum template depth \(50\)$/,
  );
  assert.equal(limit('{{range 10}}x{{end}}', { steps: 20 }), 'xxxxxxxxxx');
});

test('executions that share a budget spend it together', () => {
  const limits = new Budget({ steps: 10 });
  const template = parseTemplate('t', '{{1}}{{2}}{{3}}{{4}}');
  assert.equal(executeTemplate(template, { limits }), '1234');
  assert.equal(executeTemplate(template, { limits }), '1234');
  assert.throws(() => executeTemplate(template, { limits }), /exceeded the limit of 10 steps/);
});

test('decoded JSON has the types of Go', () => {
  check([
    [
      '{{printf "%T %T %T %T %T %T" .a .b .c .d .e .f}}',
      fromJson({ a: 1, b: 'x', c: [1], d: {}, e: null, f: true }),
      'float64 string []interface {} map[string]interface {} <nil> bool',
    ],
    ['{{.}}', fromJson([1.5, -0, 1e21]), '[1.5 -0 1e+21]'],
    [
      '{{slice . 1 4}} {{slice . 5}}',
      fromJson([1, 2, 3]),
      '! 1:18: <slice . 5>: error calling slice: index out of range: 5',
    ],
    ['{{slice . 1 4}} {{len (slice . 0 0)}}', fromJson([1, 2, 3]), '[2 3 <nil>] 0'],
  ]);
});
