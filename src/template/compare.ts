/** eq, ne, lt, le, gt, ge. Kinds never mix, except signed with unsigned integers. */
import { compareUtf8 } from '../lib/bytes.ts';
import { noFlags } from './format.ts';
import { Printer } from './print.ts';
import { isNil } from './truth.ts';
import { isSigned } from './types.ts';
import type { GoType } from './types.ts';
import type { Value } from './values.ts';
import { Struct, typeName, typeOf } from './values.ts';

type BasicKind = 'bool' | 'complex' | 'int' | 'uint' | 'float' | 'string';

function basicKind(value: Value): BasicKind | undefined {
  switch (typeof value) {
    case 'string':
      return 'string';
    case 'number':
      return 'int';
    case 'boolean':
      return 'bool';
    default:
      return basicKindOfObject(value);
  }
}

function basicKindOfObject(value: Value): BasicKind | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  switch (value.kind) {
    case 'float64':
      return 'float';
    case 'complex128':
      return 'complex';
    case 'slice':
    case 'map':
    case 'struct':
    case 'func':
    case 'chan':
      return undefined;
    default:
      return isSigned(value.kind) ? 'int' : 'uint';
  }
}

/** a == b, or a == one of the others; evaluated from the left, so a mismatch of kinds is an error only when reached. */
export function equalAny(first: Value, others: readonly Value[]): boolean {
  if (others.length === 0) throw new Error('missing argument for comparison');
  return others.some((other) => equal(first, other));
}

export function equal(a: Value, b: Value): boolean {
  if ((typeof a === 'string' && typeof b === 'string') || (typeof a === 'number' && typeof b === 'number')) {
    return a === b;
  }
  const kindA = basicKind(a);
  const kindB = basicKind(b);
  if (kindA === kindB) return kindA === undefined ? equalOther(a, b) : equalBasic(a, b);
  if (isInteger(kindA) && isInteger(kindB)) return integer(a) === integer(b);
  // Nothing equals nil but nil.
  if (isAbsent(a) || isAbsent(b)) return false;
  throw new Error(`incompatible types for comparison: ${typeName(a)} and ${typeName(b)}`);
}

function isAbsent(value: Value): boolean {
  return value === undefined || value === null;
}

function isInteger(kind: BasicKind | undefined): boolean {
  return kind === 'int' || kind === 'uint';
}

function integer(value: Value): bigint {
  return typeof value === 'number' ? BigInt(value) : (value as { value: bigint }).value;
}

// Both of one basic kind.
function equalBasic(a: Value, b: Value): boolean {
  if (typeof a !== 'object' && typeof b !== 'object') return a === b;
  if (typeof a === 'object' && a !== null && a.kind === 'complex128') {
    const c = b as typeof a;
    return a.re === c.re && a.im === c.im;
  }
  if (typeof a === 'object' && a !== null && a.kind === 'float64') return a.value === (b as typeof a).value;
  return integer(a) === integer(b);
}

// Neither is of a basic kind.
function equalOther(a: Value, b: Value): boolean {
  const kindA = typeOf(a)?.kind;
  const kindB = typeOf(b)?.kind;
  if (kindA !== kindB && kindA !== undefined && kindB !== undefined) {
    throw new Error(
      `non-comparable types ${show(a)}: ${typeName(a)}, ${typeName(b)}: ${new Printer(noFlags()).print(b, 'v')}`,
    );
  }
  if (isNil(a) || isNil(b)) return isNil(a) === isNil(b);
  const type = typeOf(b);
  if (type !== undefined && !isComparable(type))
    throw new Error(`non-comparable type ${show(b)}: ${typeName(b)}`);
  return identical(a, b);
}

function isComparable(type: GoType): boolean {
  if (type.kind === 'struct') return type.fields.every((field) => isComparable(field.type));
  return type.kind !== 'slice' && type.kind !== 'map' && type.kind !== 'func';
}

/** Go's ==: the same type and the same value. */
function identical(a: Value, b: Value): boolean {
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return a === b;
  if (typeName(a) !== typeName(b)) return false;
  if (!(a instanceof Struct) || !(b instanceof Struct))
    return basicKind(a) === undefined ? a === b : equalBasic(a, b);
  if (a.source === b.source || a.pointer) return a.source === b.source;
  return a.type.fields.every((_, i) => identical(a.field(i), b.field(i)));
}

function show(value: Value): string {
  return new Printer(noFlags()).print(value, 's');
}

/** a < b, for integers, floats and strings. */
export function less(a: Value, b: Value): boolean {
  if (typeof a === 'number' && typeof b === 'number') return a < b;
  const kindA = basicKind(a);
  const kindB = basicKind(b);
  if (kindA === undefined || kindB === undefined) throw new Error('invalid type for comparison');
  if (isInteger(kindA) && isInteger(kindB)) return integer(a) < integer(b);
  if (kindA !== kindB) {
    throw new Error(`incompatible types for comparison: ${typeName(a)} and ${typeName(b)}`);
  }
  if (typeof a === 'string') return compareUtf8(a, b as string) < 0;
  if (kindA === 'float') return (a as { value: number }).value < (b as { value: number }).value;
  throw new Error('invalid type for comparison');
}

export function lessOrEqual(a: Value, b: Value): boolean {
  return less(a, b) || equal(a, b);
}
