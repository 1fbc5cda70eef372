import assert from 'node:assert/strict';
import { test } from 'node:test';
import { defineFunction, defineInteger, defineStruct } from './functions.ts';
import { executeTemplate, parseTemplate } from './template.ts';
import {
  anyKeyMapType,
  assignable,
  canBeNil,
  intType,
  mapOf,
  parseType,
  sliceOf,
  stringType,
} from './types.ts';
import type { Value } from './values.ts';
import {
  anySlice,
  Complex,
  float,
  fromJson,
  Func,
  goMap,
  GoMap,
  int,
  Int,
  int64,
  integerOf,
  Slice,
  stringMap,
  stringSlice,
  Struct,
  typeName,
  uint64,
  zeroOf,
} from './values.ts';

const pair = defineStruct<{ key: string; value: number }>({
  name: 'x.Pair',
  fields: { Key: { type: 'string', get: (p) => p.key }, Value: { type: 'int', get: (p) => p.value } },
});

const level = defineInteger({
  name: 'x.Level',
  kind: 'int',
  text: (value) => `level ${value}`,
  methods: { Next: { params: ['int'], result: 'int', call: ({ value }, by: number) => Number(value) + by } },
});

test('integers of a defined type print their text and have methods', () => {
  const data = new Int('int', 2n, level);
  const template = parseTemplate('t', '{{.}} {{printf "%s %d %v" . . .}} {{.Next 3}} {{eq . 2}} {{lt 1 .}}');
  assert.equal(executeTemplate(template, { data }), 'level 2 level 2 2 level 2 5 true true');
});

test('integers wrap to 64 bits and an int is a plain number where that is exact', () => {
  assert.equal(int64(2n ** 63n).value, -(2n ** 63n));
  assert.equal(uint64(-1).value, 2n ** 64n - 1n);
  assert.equal(int(5n), 5);
  assert.ok(Object.is(int(-0), 0));
  assert.deepEqual(int(2n ** 60n), new Int('int', 2n ** 60n));
  assert.equal(int(2n ** 64n), 0);
  assert.equal(integerOf(uint64(3)), 3n);
  assert.equal(integerOf(3), 3n);
  assert.equal(integerOf('3'), undefined);
});

test('every value knows its type', () => {
  const rows: readonly (readonly [Value, string])[] = [
    [undefined, '<nil>'],
    [null, '<nil>'],
    [true, 'bool'],
    ['', 'string'],
    [1, 'int'],
    [int(2n ** 60n), 'int'],
    [int64(1), 'int64'],
    [float(1), 'float64'],
    [new Complex(0, 1), 'complex128'],
    [anySlice([]), '[]interface {}'],
    [stringSlice([]), '[]string'],
    [stringSlice([], sliceOf(stringType, 'x.Tags')), 'x.Tags'],
    [goMap({}), 'map[string]interface {}'],
    [stringMap(null), 'map[string]string'],
    [new Struct(pair, {}), '*x.Pair'],
    [new Struct(pair, {}, false), 'x.Pair'],
    [new Int('int', 1n, level), 'x.Level'],
    [zeroOf(level), 'x.Level'],
    [
      new Func(defineFunction('f', { params: ['string', '...any'], result: 'int' }, () => 1)),
      'func(string, ...interface {}) int',
    ],
  ];
  for (const [value, name] of rows) assert.equal(typeName(value), name);
});

test('the zero of a type is a value of it', () => {
  assert.equal(zeroOf(stringType), '');
  assert.equal(zeroOf(parseType('any')), null);
  assert.deepEqual(zeroOf(parseType('uint64')), uint64(0));
  const list = zeroOf(parseType('[]string'));
  assert.ok(list instanceof Slice && list.isNil);
  const zero = zeroOf(pair);
  assert.ok(zero instanceof Struct && !zero.isNil);
  assert.equal(zero.field(0), '');
  assert.equal(zero.field(1), 0);
  const pointer = zeroOf(pair.pointer);
  assert.ok(pointer instanceof Struct && pointer.isNil);
});

test('types are read from their Go spelling', () => {
  for (const name of [
    'string',
    '[]int',
    'map[string][]uint64',
    '<-chan int64',
    '[]interface {}',
    'map[interface {}]bool',
  ]) {
    assert.equal(parseType(name).name, name);
  }
  assert.equal(parseType('map[string]any').name, 'map[string]interface {}');
  assert.throws(() => parseType('x.Pair'), RangeError);
  assert.throws(() => parseType('toString'), RangeError);
});

test('a defined list goes where the plain one goes, and two defined ones stay apart', () => {
  const tags = sliceOf(stringType, 'x.Tags');
  const names = sliceOf(stringType, 'x.Names');
  assert.ok(assignable(tags, sliceOf(stringType)));
  assert.ok(assignable(sliceOf(stringType), tags));
  assert.ok(!assignable(tags, names));
  assert.ok(!assignable(parseType('[]any'), sliceOf(stringType)));
  assert.ok(assignable(mapOf(stringType, intType, 'x.Counts'), mapOf(stringType, intType)));
  assert.ok(assignable(intType, parseType('any')));
  assert.ok(!assignable(parseType('int64'), intType));
  assert.ok(canBeNil(pair.pointer) && !canBeNil(pair) && !canBeNil(stringType));
});

test('map keys compare by type and value', () => {
  const map = new GoMap(anyKeyMapType, [
    [1, 'int'],
    [int64(1), 'int64'],
    [float(1), 'float'],
    ['1', 'string'],
    [int64(1), 'replaced'],
  ]);
  assert.equal(map.size, 4);
  assert.equal(map.get(1), 'int');
  assert.equal(map.get(int64(1)), 'replaced');
  assert.equal(map.get(float(1)), 'float');
  assert.equal(map.has(uint64(1)), false);
  assert.equal(map.get('1'), 'string');
  map.delete(int64(1));
  assert.deepEqual([map.size, map.has(int64(1)), map.has(1)], [3, false, true]);
});

test('map keys sort as Go prints them', () => {
  assert.deepEqual(goMap({ b: 1, a: 1, '10': 1, '9': 1, C: 1, é: 1 }).sortedKeys(), [
    '10',
    '9',
    'C',
    'a',
    'b',
    'é',
  ]);
  const ports = new GoMap(mapOf(intType, stringType), [
    [8080, ''],
    [80, ''],
    [-1, ''],
  ]);
  assert.deepEqual(ports.sortedKeys(), [-1, 80, 8080]);
  const mixed = new GoMap(anyKeyMapType, [
    ['s', 0],
    [2, 0],
    [true, 0],
    [false, 0],
    [null, 0],
    [float(1), 0],
    [float(NaN), 0],
  ]);
  assert.deepEqual(mixed.sortedKeys(), [null, false, true, float(NaN), float(1), 2, 's']);
});

test('decoded JSON keeps every key, and minus zero', () => {
  const map = fromJson(JSON.parse('{"__proto__": 1, "constructor": null}')) as GoMap;
  assert.deepEqual(map.sortedKeys(), ['__proto__', 'constructor']);
  assert.deepEqual(fromJson(-0), float(-0));
  assert.equal(fromJson(JSON.parse('"a\\udcffb\\ud83d\\ude00"')), 'a\ufffdb😀');
});

test('fields read by default the property of their name', () => {
  const plain = defineStruct({ name: 'x.Plain', fields: { Name: 'string', Port: { type: 'int' } } });
  const value = new Struct(plain, { Name: 'n', Port: 1 });
  assert.deepEqual([value.field(0), value.field(1)], ['n', 1]);
});
