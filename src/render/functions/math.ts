/**
 * Arithmetic made for pipes: the last argument is the left operand (`{{5 | subtract 2}}` is 3). int op int is int64,
 * uint op uint uint64, any float makes a float64; 64 bits wrap around.
 */
import { defineFunction } from '../../template/functions.ts';
import type { GoFunction } from '../../template/functions.ts';
import { Float, Int, float, int64, typeName, uint64 } from '../../template/values.ts';
import type { Value } from '../../template/values.ts';
import { sprintf } from '../../template/printf.ts';

export const mathFunctions: readonly GoFunction[] = [
  arithmetic('add', { ints: (a, b) => a + b, floats: (a, b) => a + b }),
  arithmetic('subtract', { ints: (a, b) => a - b, floats: (a, b) => a - b }),
  arithmetic('multiply', { ints: (a, b) => a * b, floats: (a, b) => a * b }),
  arithmetic('divide', { ints: (a, b) => a / nonZero(b), floats: (a, b) => a / b }),
  arithmetic('modulo', { ints: (a, b) => a % nonZero(b) }),
  choice('minimum', (a, b) => a < b),
  choice('maximum', (a, b) => a > b),
];

interface Operation {
  readonly ints: (a: bigint, b: bigint) => bigint;
  /** Left out: floats are refused. */
  readonly floats?: (a: number, b: number) => number;
}

function arithmetic(name: string, operation: Operation): GoFunction {
  return defineFunction(name, { params: ['any', 'any'], result: 'any' }, (right, left) => {
    const [a, b] = alike(
      operand(name, left, operation.floats !== undefined),
      operand(name, right, operation.floats !== undefined),
    );
    if (operation.floats !== undefined && (a.kind === 'float' || b.kind === 'float')) {
      return float(operation.floats(Number(a.value), Number(b.value)));
    }
    const result = operation.ints(a.value as bigint, b.value as bigint);
    return a.kind === 'uint' && b.kind === 'uint' ? uint64(result) : int64(result);
  });
}

// The chosen operand keeps its own type.
function choice(name: string, better: (a: number | bigint, b: number | bigint) => boolean): GoFunction {
  return defineFunction(name, { params: ['any', 'any'], result: 'any' }, (right, left) => {
    const a = operand(name, left, true);
    const b = operand(name, right, true);
    const [x, y] = alike(a, b);
    const chosen = better(x.value, y.value) ? a : b;
    if (chosen.kind === 'float') return float(chosen.value as number);
    return chosen.kind === 'uint' ? uint64(chosen.value) : int64(chosen.value);
  });
}

type Operand =
  | { readonly kind: 'int' | 'uint'; readonly value: bigint }
  | { readonly kind: 'float'; readonly value: number };

function operand(name: string, value: Value, floats: boolean): Operand {
  if (typeof value === 'number') return { kind: 'int', value: BigInt(value) };
  if (value instanceof Int) return { kind: value.kind.startsWith('u') ? 'uint' : 'int', value: value.value };
  if (value instanceof Float && floats) return { kind: 'float', value: value.value };
  const shown = value === null || value === undefined ? '<invalid reflect.Value>' : sprintf('%q', [value]);
  throw new Error(`${name}: unknown type for ${shown} (${typeName(value)})`);
}

// Beside an int, a uint counts as an int64, which may make it negative.
function alike(a: Operand, b: Operand): readonly [Operand, Operand] {
  if (a.kind === 'int' && b.kind === 'uint') return [a, { kind: 'int', value: BigInt.asIntN(64, b.value) }];
  if (a.kind === 'uint' && b.kind === 'int') return [{ kind: 'int', value: BigInt.asIntN(64, a.value) }, b];
  return [a, b];
}

function nonZero(value: bigint): bigint {
  if (value === 0n) throw new Error('runtime error: integer divide by zero');
  return value;
}
