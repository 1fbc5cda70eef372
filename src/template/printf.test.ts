import assert from 'node:assert/strict';
import { test } from 'node:test';
import { defineStruct } from './functions.ts';
import { printable, printText, sprint, sprintln } from './print.ts';
import { sprintf } from './printf.ts';
import { anyKeyMapType, mapOf, sliceOf, stringMapType, stringType } from './types.ts';
import type { Value } from './values.ts';
import {
  anySlice,
  Complex,
  float,
  goMap,
  GoMap,
  Int,
  int64,
  Slice,
  stringMap,
  stringSlice,
  Struct,
  uint64,
} from './values.ts';

const point = defineStruct<{ x: number; y: string }>({
  name: 'geo.Point',
  fields: { X: { type: 'int', get: (p) => p.x }, Y: { type: 'string', get: (p) => p.y } },
});
const named = defineStruct<{ name: string }>({
  name: 'geo.Named',
  fields: { Name: { type: 'string', get: (n) => n.name } },
  text: (n) => `<${n.name}>`,
});
const at = new Struct(point, { x: 1, y: 'a' });
const who = new Struct(named, { name: 'n' });

const rows: readonly (readonly [string, readonly Value[], string])[] = [
  // strings
  ['%s|%v|%q|%x|%X', ['abc', 'abc', 'a"c', 'xyz', 'xyz'], 'abc|abc|"a\\"c"|78797a|78797A'],
  ['%5s|%-5s|%.2s|%5.1s|%.10s', ['é', 'é', 'héllo', 'héllo', 'x'], '    é|é    |hé|    h|x'],
  ['%05s|%.0s|%-05s|', ['ab', 'ab', 'ab'], '000ab||ab   |'],
  [
    '% x|% X|%# x|%#x|%#X',
    ['xyz', 'xyz', 'xyz', 'xyz', 'xyz'],
    '78 79 7a|78 79 7A|0x78 0x79 0x7a|0x78797a|0X78797A',
  ],
  ['%.2x|%8x|%-8x|%x|%4x|', ['xyz', 'xyz', 'xyz', '', ''], '7879|  78797a|78797a  ||    |'],
  [
    '%#q|%#q|%+q|%q',
    ['a`b', 'a\tb', '日本', '\u{10ffff}\x7f'],
    '"a`b"|`a\tb`|"\\u65e5\\u672c"|"\\U0010ffff\\x7f"',
  ],
  ['%8q|%-8q|%.3q', ['ab', 'ab', 'abcdef'], '    "ab"|"ab"    |"abc"'],
  ['%#v|%T|%t|%d', ['a\n', 'a', 'a', 'a'], '"a\\n"|string|%!t(string=a)|%!d(string=a)'],
  // integers
  ['%d|%v|%+d|% d|%+d', [12, -12, 12, 12, -12], '12|-12|+12| 12|-12'],
  ['%5d|%-5d|%05d|%+05d|% 05d|%-05d|', [7, 7, 7, 7, 7, 7], '    7|7    |00007|+0007| 0007|7    |'],
  ['%6.3d|%06.3d|%-6.3d|%.0d|%.0d|%6.0d|', [7, 7, 7, 0, 1, 0], '   007|   007|007   ||1|      |'],
  [
    '%b|%o|%O|%x|%X|%#b|%#o|%#x|%#X',
    [5, 8, 8, 255, 255, 5, 8, 255, 255],
    '101|10|0o10|ff|FF|0b101|010|0xff|0XFF',
  ],
  ['%x|%#x|%08b|%#08x|%#o', [-255, -255, 5, 255, 0], '-ff|-0xff|00000101|0x000000ff|0'],
  ['%c|%3c|%-3c|%c', [65, 66, 67, 0x110000], 'A|  B|C  |\ufffd'],
  ['%q|%+q|%#q|%q|%q', [120, 0x2713, 120, 10, -1], "'x'|'\\u2713'|'x'|'\\n'|'\ufffd'"],
  [
    '%U|%#U|%.6U|%#.6U|%#U',
    [0x2713, 0x2713, 0x41, 0x41, 7],
    "U+2713|U+2713 '✓'|U+000041|U+000041 'A'|U+0007",
  ],
  ['%d %d', [int64(-(2n ** 63n)), uint64(2n ** 64n - 1n)], '-9223372036854775808 18446744073709551615'],
  ['%x %X', [uint64(2n ** 64n - 1n), int64(-1)], 'ffffffffffffffff -1'],
  ['%#v %#v %#v %T %T', [1, int64(1), uint64(255), int64(1), new Int('uint8', 1n)], '1 1 0xff int64 uint8'],
  ['%e|%s|%t', [1, 1, 1], '%!e(int=1)|%!s(int=1)|%!t(int=1)'],
  // floats
  ['%v|%v|%v|%v', [float(1), float(1e6), float(123456.789), float(1e-5)], '1|1e+06|123456.789|1e-05'],
  ['%v|%v|%v|%v', [float(-0), float(Infinity), float(-Infinity), float(NaN)], '-0|+Inf|-Inf|NaN'],
  [
    '%f|%.0f|%.0f|%.0f|%.1f|%.2f',
    [3.14159, 0.5, 1.5, 2.5, 0.25, 1.005].map(float),
    '3.141590|0|2|2|0.2|1.00',
  ],
  [
    '%8.2f|%-8.2f|%08.2f|%+.2f|% .2f|%+08.2f|%08.2f',
    [1, 1, 1, 1, 1, 1, -1].map(float),
    '    1.00|1.00    |00001.00|+1.00| 1.00|+0001.00|-0001.00',
  ],
  [
    '%e|%.2e|%E|%.0e',
    [123456.789, 123456.789, 123456.789, 25].map(float),
    '1.234568e+05|1.23e+05|1.234568E+05|2e+01',
  ],
  [
    '%g|%G|%.3g|%.10g|%g|%g',
    [123456.789, 1e-10, 123456.789, 100000, 1e20, 1e21].map(float),
    '123456.789|1E-10|1.23e+05|100000|1e+20|1e+21',
  ],
  [
    '%.3g|%.3g|%.1g|%.0g|%10.4g|',
    [100, 1000, 0.06, 0.06, 3.14159].map(float),
    '100|1e+03|0.06|0.06|     3.142|',
  ],
  ['%#g|%#.3g|%#.0f|%#e|%#v|%#g', [1, 1, 1, 1, 1, 0].map(float), '1.00000|1.00|1.|1.000000e+00|1|0.00000'],
  [
    '%b|%b|%x|%X|%.3x|%.0x',
    [1, 0, 1, -1.5, 1.1, 1.5].map(float),
    '4503599627370496p-52|0p-1074|0x1p+00|-0X1.8P+00|0x1.19ap+00|0x1p+01',
  ],
  [
    '%6f|%06f|%-6v|%+v|%+g|% g|%06v',
    [NaN, Infinity, Infinity, 1, 1, Infinity, -Infinity].map(float),
    '   NaN|  +Inf|+Inf  |1|+1| Inf|  -Inf',
  ],
  ['%.20f|%.25e', [0.1, 0.1].map(float), '0.10000000000000000555|1.0000000000000000555111512e-01'],
  [
    '%d|%s|%F|%T',
    [float(42), float(42), float(1.5), float(1)],
    '%!d(float64=42)|%!s(float64=42)|1.500000|float64',
  ],
  [
    '%v|%.1f|%8.1f|%+v|%T',
    [new Complex(0, 1), new Complex(1, -1), new Complex(1, 1), new Complex(1, 2), new Complex(0, 0)],
    '(0+1i)|(1.0-1.0i)|(     1.0    +1.0i)|(1+2i)|complex128',
  ],
  // bool and nil
  [
    '%t|%v|%6t|%-6v|%d|%s',
    [true, false, true, true, true, true],
    'true|false|  true|true  |%!d(bool=true)|%!s(bool=true)',
  ],
  [
    '%v|%6v|%T|%d|%s|%#v|%+v',
    [null, null, null, null, null, null, null],
    '<nil>| <nil>|<nil>|%!d(<nil>)|%!s(<nil>)|<nil>|<nil>',
  ],
  // containers
  [
    '%v|%d|%s|%q',
    [anySlice([1, 'a', null]), anySlice([1, 2]), stringSlice(['a', 'b']), stringSlice(['a'])],
    '[1 a <nil>]|[1 2]|[a b]|["a"]',
  ],
  [
    '%3d|%x|%s',
    [anySlice([1, 22]), stringSlice(['hi', 'x']), anySlice([1, 'a'])],
    '[  1  22]|[6869 78]|[%!s(int=1) a]',
  ],
  [
    '%#v|%#v|%#v',
    [anySlice([1, null]), stringSlice(['a']), new Slice(sliceOf(stringType), [], true)],
    '[]interface {}{1, interface {}(nil)}|[]string{"a"}|[]string(nil)',
  ],
  [
    '%#v|%T',
    [
      stringSlice([], sliceOf(stringType, 'dependency.ServiceTags')),
      stringSlice([], sliceOf(stringType, 'dependency.ServiceTags')),
    ],
    'dependency.ServiceTags{}|dependency.ServiceTags',
  ],
  [
    '%v|%#v|%T',
    [stringMap({ b: '2', a: '1' }), stringMap({ b: '2', a: '1' }), stringMap(null)],
    'map[a:1 b:2]|map[string]string{"a":"1", "b":"2"}|map[string]string',
  ],
  ['%v|%#v', [stringMap(null), stringMap(null)], 'map[]|map[string]string(nil)'],
  [
    '%v',
    [
      new GoMap(anyKeyMapType, [
        ['b', 1],
        [2, 'x'],
        [true, 'y'],
        [null, 'z'],
        [float(1.5), 'f'],
      ]),
    ],
    'map[<nil>:z true:y 1.5:f 2:x b:1]',
  ],
  ['%s|%d', [goMap({ a: 1 }), goMap({ a: 1 })], 'map[a:%!s(int=1)]|map[%!d(string=a):1]'],
  // structs
  [
    '%v|%+v|%#v|%T|%s',
    [at, at, at, at, at],
    '&{1 a}|&{X:1 Y:a}|&geo.Point{X:1, Y:"a"}|*geo.Point|&{%!s(int=1) a}',
  ],
  [
    '%v|%v|%+v|%#v',
    [
      new Struct(point, { x: 2, y: '' }, false),
      new Struct(point, undefined),
      new Struct(point, undefined),
      new Struct(point, undefined),
    ],
    '{2 }|<nil>|<nil>|(*geo.Point)(nil)',
  ],
  [
    '%v|%s|%q|%10v|%d|%#v',
    [who, who, who, who, who, who],
    '<n>|<n>|"<n>"|       <n>|&{%!d(string=n)}|&geo.Named{Name:"n"}',
  ],
  ['%v|%T', [anySlice([at]), new Slice(sliceOf(point.pointer), [at])], '[0xc000012000]|[]*geo.Point'],
  // mistakes
  ['%', [], '%!(NOVERB)'],
  ['%d %', [1], '1 %!(NOVERB)'],
  ['%-', [], '%!(NOVERB)'],
  ['%.', [], '%!.(MISSING)'],
  ['%3.', [1], '%!.(int=  1)'],
  ['%z|%!|%\u00e9', [1, 2, 3], '%!z(int=1)|%!!(int=2)|%!\u00e9(int=3)'],
  ['%d %d', [1], '1 %!d(MISSING)'],
  ['%d', [1, 2, 'a', null], '1%!(EXTRA int=2, string=a, <nil>)'],
  ['x', [at], 'x%!(EXTRA *geo.Point=&{1 a})'],
  ['%%|%5%|%-3%', [], '%|%|%'],
  ['%*d|%-*d|%*d|%.*f', [5, 42, 5, 42, -5, 42, 2, float(3.14159)], '   42|42   |42   |3.14'],
  ['%*d', ['x', 1], '%!(BADWIDTH)1'],
  ['%.*d', ['x', 1], '%!(BADPREC)1'],
  ['%.*d', [-1, 1], '%!(BADPREC)1'],
  ['%*d', [10_000_000, 1], '%!(BADWIDTH)1'],
  ['%*', [4], '%!(NOVERB)'],
  ['%[2]d %[1]d|%[1]s', [1, 2], '2 1|%!s(int=1)'],
  ['%[3]*.[2]*[1]f|', [float(12), 2, 6], ' 12.00|'],
  ['%[1]d %d %[1]q', [65, 66], "65 66 'A'"],
  ['%[5]d|%[0]d|%[x]d|%[]d|%[1', [1], '%!d(BADINDEX)|%!d(BADINDEX)|%!d(BADINDEX)|%!d(BADINDEX)|%!(NOVERB)'],
  ['%[2]2d|%[1].2d|%[1]3', [1, 2], '%!d(BADINDEX)|%!d(BADINDEX)|%!(NOVERB)'],
  ['%.[1]*d|%[2]*[1]d', [3, 5], '005|    3'],
  ['%.d|%.f|%4.f|', [0, float(2.5), float(2.5)], '|2|   2|'],
  ['%w', ['x'], '%!w(string=x)'],
  ['%w', [anySlice([1])], '%!w([]interface {}=[1])'],
  ['%5d|%-8d|', ['x', 'y'], '%!d(string=    x)|%!d(string=y       )|'],
  ['%p', [1], '%!p(int=1)'],
];

test('printf writes what fmt.Sprintf writes', () => {
  for (const [format, args, want] of rows) assert.equal(sprintf(format, args), want, JSON.stringify(format));
});

test('print puts a space between operands when neither is a string', () => {
  assert.equal(sprint([1, 2, 'a', 'b', 3, 4, null, true]), '1 2a b3 4 <nil> true'.replace('a b', 'ab'));
  assert.equal(sprint([]), '');
  assert.equal(sprint([float(1e6), at]), '1e+06 &{1 a}');
  assert.equal(sprintln(['a', 1, undefined]), 'a 1 <nil>\n');
  assert.equal(sprintln([]), '\n');
});

test('a bare action follows a pointer and has a text for no value', () => {
  assert.equal(printable(at), '{1 a}');
  assert.equal(printable(who), '<n>');
  assert.equal(printable(new Struct(point, undefined)), '<nil>');
  assert.equal(printable(undefined), '<no value>');
  assert.equal(printable(null), '<no value>');
  assert.equal(printable(float(-0)), '-0');
});

test('a nil map in a struct prints as an empty map', () => {
  const holder = defineStruct<object>({
    name: 'x.Holder',
    fields: {
      M: { type: stringMapType, get: () => stringMap(null) },
      N: { type: mapOf(stringType, point), get: () => new GoMap(mapOf(stringType, point), [], true) },
    },
  });
  assert.equal(printText(new Struct(holder, {}, false)), '{map[] map[]}');
});

test('halves of a character that printf brings together become one', () => {
  assert.equal(sprintf('%s%s', ['\udcc3', '\udca9']), 'é');
  assert.equal(sprintf('%x|%q', ['\udcff', '\udcff']), 'ff|"\\xff"');
});
