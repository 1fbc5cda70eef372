import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { formatFloat } from './float.ts';
import type { Parsed } from './number.ts';
import { parseFloat64, parseInteger, parseUnsigned } from './number.ts';

test('integers are read in their base and refused beyond 64 bits', () => {
  const rows: readonly (readonly [string, 0 | 10, Parsed<bigint>])[] = [
    ['12', 10, 12n],
    ['+7', 10, 7n],
    ['-0', 10, 0n],
    ['9223372036854775807', 10, 2n ** 63n - 1n],
    ['9223372036854775808', 10, 'range'],
    ['-9223372036854775808', 10, -(2n ** 63n)],
    ['18446744073709551616x', 10, 'range'],
    ['18446744073709551615x', 10, 'syntax'],
    ['0x10', 10, 'syntax'],
    ['1_000', 10, 'syntax'],
    ['', 10, 'syntax'],
    [' 1', 10, 'syntax'],
    ['0x1F', 0, 31n],
    ['-0x10', 0, -16n],
    ['0b101', 0, 5n],
    ['0o17', 0, 15n],
    ['017', 0, 15n],
    ['08', 0, 'syntax'],
    ['0x_1F', 0, 31n],
    ['1_000', 0, 1000n],
    ['1__0', 0, 'syntax'],
    ['_1', 0, 'syntax'],
    ['1_', 0, 'syntax'],
    ['0_7', 0, 7n],
    ['0x', 0, 'syntax'],
  ];
  for (const [text, base, want] of rows) assert.equal(parseInteger(text, base), want, text);
});

test('unsigned integers have no sign', () => {
  assert.equal(parseUnsigned('18446744073709551615'), 2n ** 64n - 1n);
  assert.equal(parseUnsigned('18446744073709551616'), 'range');
  assert.equal(parseUnsigned('-1'), 'syntax');
  assert.equal(parseUnsigned('+1'), 'syntax');
});

test('floats are read in decimal and hexadecimal', () => {
  const rows: readonly (readonly [string, Parsed<number>])[] = [
    ['1.5', 1.5],
    ['.5', 0.5],
    ['5.', 5],
    ['1e3', 1000],
    ['1_0.5', 10.5],
    ['-1e-7', -1e-7],
    ['0x1p4', 16],
    ['0x1.8p1', 3],
    ['0x.8p0', 0.5],
    ['0x1p-1074', 5e-324],
    ['0x1p-1075', 0],
    ['0x1.8p-1074', 1e-323],
    ['0x1.fffffffffffffp1023', Number.MAX_VALUE],
    ['0x1p1024', 'range'],
    ['1e309', 'range'],
    ['0x10', 'syntax'],
    ['inf', Infinity],
    ['-Infinity', -Infinity],
    ['+nan', 'syntax'],
    ['', 'syntax'],
    ['.', 'syntax'],
    ['1e', 'syntax'],
    ['1 ', 'syntax'],
    ['1__0.0', 'syntax'],
  ];
  for (const [text, want] of rows) assert.equal(parseFloat64(text), want, text);
  assert.ok(Number.isNaN(parseFloat64('NaN')));
});

test('the shortest form reads back as the same number, in each format', () => {
  const formats = ['e', 'g', 'f', 'x'] as const;
  fc.assert(
    fc.property(
      fc.double({ noNaN: true, noDefaultInfinity: true }),
      fc.constantFrom(...formats),
      (value, format) => {
        const text = formatFloat(value, format, -1);
        assert.ok(Object.is(parseFloat64(text), value), `${text} for ${value}`);
      },
    ),
  );
});

test('rounding to digits agrees with toFixed and toExponential where no tie decides', () => {
  fc.assert(
    fc.property(
      fc.double({ min: -1e15, max: 1e15, noNaN: true }),
      fc.integer({ min: 0, max: 20 }),
      (value, digits) => {
        const near = Math.abs(Number(formatFloat(value, 'f', digits)) - value);
        assert.ok(near <= 0.5 * 10 ** -digits + 1e-9 * Math.abs(value));
        const [, exponent] = formatFloat(value, 'e', digits).split('e');
        assert.equal(
          formatFloat(value, 'e', digits).length,
          value.toExponential(digits).length +
            (Math.abs(Number(exponent)) < 10 ? 1 : 0) +
            (Object.is(value, -0) ? 1 : 0),
        );
      },
    ),
  );
});

test('ties go to the even digit', () => {
  const rows: readonly (readonly [number, 'f' | 'e' | 'g', number, string])[] = [
    [0.5, 'f', 0, '0'],
    [1.5, 'f', 0, '2'],
    [2.5, 'f', 0, '2'],
    [0.125, 'f', 2, '0.12'],
    [0.375, 'f', 2, '0.38'],
    [25, 'e', 0, '2e+01'],
    [35, 'e', 0, '4e+01'],
    [9.5, 'e', 0, '1e+01'],
    [999.5, 'g', 3, '1e+03'],
    [1e23, 'e', 22, '9.9999999999999991611392e+22'],
    [5e-324, 'e', 3, '4.941e-324'],
  ];
  for (const [value, format, precision, want] of rows)
    assert.equal(formatFloat(value, format, precision), want);
});
