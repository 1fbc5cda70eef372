/** What counts as true, and what is nil. */
import type { Value } from './values.ts';

/** Go's template truth: false for the zero of a kind and for what is empty; structs are always true. */
export function isTrue(value: Value): boolean {
  switch (typeof value) {
    case 'boolean':
      return value;
    case 'string':
      return value.length > 0;
    case 'number':
      return value !== 0;
    case 'undefined':
      return false;
    default:
      return value !== null && isTrueObject(value);
  }
}

type ObjectValue = Exclude<Value, undefined | null | boolean | string | number>;

function isTrueObject(value: ObjectValue): boolean {
  switch (value.kind) {
    case 'slice':
      return value.items.length > 0;
    case 'map':
      return value.size > 0;
    case 'float64':
      return value.value !== 0;
    case 'complex128':
      return value.re !== 0 || value.im !== 0;
    case 'struct':
      return !value.isNil;
    case 'func':
    case 'chan':
      return true;
    default:
      return value.value !== 0n;
  }
}

/** No value, nil in an interface, or nil of a type that has one. */
export function isNil(value: Value): boolean {
  if (value === undefined || value === null) return true;
  if (typeof value !== 'object') return false;
  return (value.kind === 'slice' || value.kind === 'map' || value.kind === 'struct') && value.isNil;
}
