/** Membership and counting: contains, in, containsAll/Any/None/NotAll, loop. */
import { defineFunction } from '../../template/functions.ts';
import type { GoFunction } from '../../template/functions.ts';
import { int64Type, chanOf } from '../../template/types.ts';
import { Chan, Float, Int, Slice, int64, typeName } from '../../template/values.ts';
import type { Value } from '../../template/values.ts';
import { parseIntText } from './parse.ts';

const numbers = chanOf(int64Type);

export const listFunctions: readonly GoFunction[] = [
  defineFunction('contains', { params: ['any', 'any'], result: 'bool' }, (value, list) => isIn(list, value)),
  defineFunction('in', { params: ['any', 'any'], result: 'bool' }, (list, value) => isIn(list, value)),
  someFunction('containsAll', (wanted, has) => wanted.every(has)),
  someFunction('containsAny', (wanted, has) => wanted.some(has)),
  someFunction('containsNone', (wanted, has) => !wanted.some(has)),
  someFunction('containsNotAll', (wanted, has) => !wanted.every(has)),
  defineFunction('loop', { params: ['...any'], result: numbers }, (...bounds) => {
    if (bounds.length !== 1 && bounds.length !== 2) {
      throw new Error(`loop: wrong number of arguments, expected 1 or 2, but got ${bounds.length}`);
    }
    const from = bounds.length === 2 ? loopBound(bounds[0]) : 0n;
    const to = loopBound(bounds.at(-1));
    return new Chan(int64Type, countUp(from, to));
  }),
];

function someFunction(
  name: string,
  decide: (wanted: readonly Value[], has: (value: Value) => boolean) => boolean,
): GoFunction {
  return defineFunction(name, { params: ['[]any', 'any'], result: 'bool' }, (wanted, list) =>
    decide(wanted.items, (value) => isIn(list, value)),
  );
}

// A list holds a value of the same kind (int 1 is not float 1); a string holds its parts. Everything else holds nothing.
function isIn(list: Value, value: Value): boolean {
  if (typeof list === 'string') return typeOfText(value) && list.includes(value);
  return list instanceof Slice && list.items.some((item) => sameScalar(item, value));
}

// Go asks nil for its type once it meets a string.
function typeOfText(value: Value): value is string {
  if (value === null || value === undefined) {
    throw new Error('reflect: call of reflect.Value.Type on zero Value');
  }
  return typeof value === 'string';
}

function sameScalar(a: Value, b: Value): boolean {
  if (typeof a === 'string') return typeOfText(b) && a === b;
  if (a instanceof Float) return b instanceof Float && a.value === b.value;
  const x = signed(a);
  return x !== undefined && x === signed(b);
}

function signed(value: Value): bigint | undefined {
  if (typeof value === 'number') return BigInt(value);
  return value instanceof Int && value.kind.startsWith('int') ? value.value : undefined;
}

function loopBound(value: Value): bigint {
  if (typeof value === 'number') return BigInt(value);
  if (value instanceof Int) return BigInt.asIntN(64, value.value);
  if (typeof value === 'string') return parseIntText(value);
  throw new Error(`loop: bad argument type: ${typeName(value)}`);
}

function* countUp(from: bigint, to: bigint): Generator<Value> {
  for (let i = from; i < to; i++) yield int64(i);
}
