/** sprig's arithmetic: on int64 whatever comes in, on floats through decimals. */
import { Decimal } from '../../../lib/decimal.ts';
import { defineFunction } from '../../../template/functions.ts';
import type { GoFunction } from '../../../template/functions.ts';
import { parseInteger } from '../../../template/number.ts';
import { intType, sliceOf } from '../../../template/types.ts';
import { Slice, float, int, int64 } from '../../../template/values.ts';
import type { Value } from '../../../template/values.ts';
import { numberOf, toFloat64, toInt64, toText } from './cast.ts';

const ints = sliceOf(intType);

export const mathFunctions: readonly GoFunction[] = [
  whole('add', ['...any'], (...values) => values.reduce((sum: bigint, value) => sum + toInt64(value), 0n)),
  whole('add1', ['any'], (value) => toInt64(value) + 1n),
  whole('sub', ['any', 'any'], (a, b) => toInt64(a) - toInt64(b)),
  whole('div', ['any', 'any'], (a, b) => toInt64(a) / nonZero(toInt64(b))),
  whole('mod', ['any', 'any'], (a, b) => toInt64(a) % nonZero(toInt64(b))),
  whole('mul', ['any', '...any'], (...values) =>
    values.reduce((product: bigint, value) => BigInt.asIntN(64, product * toInt64(value)), 1n),
  ),
  whole('max', ['any', '...any'], (...values) => pick(values, (a, b) => a > b)),
  whole('biggest', ['any', '...any'], (...values) => pick(values, (a, b) => a > b)),
  whole('min', ['any', '...any'], (...values) => pick(values, (a, b) => a < b)),
  whole('int64', ['any'], toInt64),
  whole('toDecimal', ['any'], fromOctal),
  real('maxf', ['any', '...any'], (...values) => extreme(values, Math.max, Infinity)),
  real('minf', ['any', '...any'], (...values) => extreme(values, Math.min, -Infinity)),
  real('floor', ['any'], (value) => Math.floor(toFloat64(value))),
  real('ceil', ['any'], (value) => Math.ceil(toFloat64(value))),
  real('float64', ['any'], toFloat64),
  real('add1f', ['any'], (value) => decimal(value).add(Decimal.of(1)).toNumber()),
  real('addf', ['...any'], (...values) => fold([0, ...values], (a, b) => a.add(b))),
  real('subf', ['any', '...any'], (...values) => fold(values, (a, b) => a.subtract(b))),
  real('mulf', ['any', '...any'], (...values) => fold(values, (a, b) => a.multiply(b))),
  real('divf', ['any', '...any'], (...values) => fold(values, (a, b) => a.divide(b))),
  defineFunction(
    'round',
    { params: ['any', 'int', '...float64'], result: 'float64' },
    (value, places, ...on) => float(round(toFloat64(value), numberOf(places), on[0]?.value ?? 0.5)),
  ),
  defineFunction('int', { params: ['any'], result: 'int' }, (value) => int(toInt64(value))),
  defineFunction('atoi', { params: ['string'], result: 'int' }, (text) => {
    const parsed = parseInteger(text);
    if (typeof parsed === 'bigint') return int(parsed);
    // Out of range, Go's parser still gives the nearest.
    if (parsed === 'syntax') return 0;
    return int(text.startsWith('-') ? -(2n ** 63n) : 2n ** 63n - 1n);
  }),
  defineFunction('until', { params: ['int'], result: ints }, (count) => {
    const stop = numberOf(count);
    return intSlice(steps(0, stop, stop < 0 ? -1 : 1));
  }),
  defineFunction('untilStep', { params: ['int', 'int', 'int'], result: ints }, (start, stop, step) =>
    intSlice(steps(numberOf(start), numberOf(stop), numberOf(step))),
  ),
  defineFunction('seq', { params: ['...int'], result: 'string' }, (...params) =>
    sequence(params.map(numberOf)).join(' '),
  ),
  defineFunction('randInt', { params: ['int', 'int'], result: 'int' }, (low, high) => {
    const [from, to] = [numberOf(low), numberOf(high)];
    if (to - from <= 0) throw new Error('invalid argument to Intn');
    return from + Math.floor(Math.random() * (to - from));
  }),
];

type Params = readonly ('any' | '...any')[];

function whole(name: string, params: Params, call: (...values: readonly Value[]) => bigint): GoFunction {
  return defineFunction(name, { params: params as readonly string[], result: 'int64' }, (...values) =>
    int64(call(...values)),
  );
}

function real(name: string, params: Params, call: (...values: readonly Value[]) => number): GoFunction {
  return defineFunction(name, { params: params as readonly string[], result: 'float64' }, (...values) =>
    float(call(...values)),
  );
}

function nonZero(value: bigint): bigint {
  if (value === 0n) throw new Error('runtime error: integer divide by zero');
  return value;
}

function pick(values: readonly Value[], better: (a: bigint, b: bigint) => boolean): bigint {
  return values.map(toInt64).reduce((best, value) => (better(value, best) ? value : best));
}

function decimal(value: Value): Decimal {
  const number = toFloat64(value);
  if (!Number.isFinite(number)) throw new Error(`Cannot create a Decimal from ${infinite(number)}`);
  return Decimal.of(number);
}

function infinite(value: number): string {
  if (Number.isNaN(value)) return 'NaN';
  return value > 0 ? '+Inf' : '-Inf';
}

function fold(values: readonly Value[], step: (a: Decimal, b: Decimal) => Decimal): number {
  return values.map(decimal).reduce(step).toNumber();
}

// Go's Max and Min let their infinity win over NaN.
function extreme(
  values: readonly Value[],
  choose: (a: number, b: number) => number,
  strongest: number,
): number {
  return values
    .map(toFloat64)
    .reduce((a, b) => (a === strongest || b === strongest ? strongest : choose(a, b)));
}

// Negative numbers are cut towards zero and rounded down, as ever.
function round(value: number, places: number, roundOn: number): number {
  const power = 10 ** places;
  const digit = power * value;
  const fraction = digit - Math.trunc(digit);
  return (fraction >= roundOn ? Math.ceil(digit) : Math.floor(digit)) / power;
}

function fromOctal(value: Value): bigint {
  const match = /^([+-]?)([0-7]+)$/.exec(toText(value));
  if (match === null) return 0n;
  const size = BigInt(`0o${match[2]}`);
  if (size > 2n ** 63n - 1n) return 0n;
  return match[1] === '-' ? -size : size;
}

function intSlice(values: readonly number[]): Slice {
  return new Slice(ints, values);
}

/** More would fill the memory before any limit of the template is reached. */
const longestSequence = 10_000_000;

function steps(start: number, stop: number, step: number): readonly number[] {
  if (stop < start ? step >= 0 : step <= 0) return [];
  const count = Math.ceil((stop - start) / step);
  if (count > longestSequence) throw new Error(`a list of ${count} numbers is too long`);
  return Array.from({ length: count }, (_, i) => start + i * step);
}

function sequence(params: readonly number[]): readonly number[] {
  const [first = 0, second = 0, third = 0] = params;
  if (params.length === 1) {
    const step = first < 1 ? -1 : 1;
    return steps(1, first + step, step);
  }
  if (params.length === 2) {
    const step = second < first ? -1 : 1;
    return steps(first, second + step, step);
  }
  if (params.length !== 3) return [];
  const down = third < first;
  return down && second > 0 ? [] : steps(first, third + (down ? -1 : 1), second);
}
