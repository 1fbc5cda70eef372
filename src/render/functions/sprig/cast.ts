/** Conversions of any value, which never fail: what has no number is 0. Source: github.com/spf13/cast. */
import { printText } from '../../../template/print.ts';
import { parseFloat64, parseInteger } from '../../../template/number.ts';
import { Float, Int, Slice } from '../../../template/values.ts';
import type { Value } from '../../../template/values.ts';

/** int64 of numbers (cut at the point), booleans and texts (`0x1f`, `017`, `5.0`). */
export function toInt64(value: Value): bigint {
  if (typeof value === 'number') return BigInt(value);
  if (value instanceof Int) return isUnknown(value) ? 0n : BigInt.asIntN(64, value.value);
  if (value instanceof Float) return cut(value.value);
  if (typeof value === 'boolean') return value ? 1n : 0n;
  if (typeof value !== 'string') return 0n;
  const parsed = parseInteger(value.replace(/\.0+$/, ''), 0);
  return typeof parsed === 'bigint' ? parsed : 0n;
}

// The library knows time.Month and time.Weekday, whose kind is int, but no time.Duration.
function isUnknown({ kind, type }: Int): boolean {
  return type.name !== kind && kind !== 'int';
}

// What no int64 holds is the least one, as on amd64.
function cut(value: number): bigint {
  if (!(value >= -(2 ** 63) && value < 2 ** 63)) return -(2n ** 63n);
  return BigInt(Math.trunc(value));
}

export function toFloat64(value: Value): number {
  if (typeof value === 'number') return value;
  if (value instanceof Int) return isUnknown(value) ? 0 : Number(value.value);
  if (value instanceof Float) return value.value;
  if (typeof value === 'boolean') return value ? 1 : 0;
  if (typeof value !== 'string') return 0;
  const parsed = parseFloat64(value);
  return typeof parsed === 'number' ? parsed : 0;
}

/** `%v`; a text as it is. */
export function toText(value: Value): string {
  if (value === undefined || value === null) return '<nil>';
  return printText(value);
}

/** Texts of a list's items without nil ones; of anything else its own. */
export function toTexts(value: Value): readonly string[] {
  if (value === undefined || value === null) return [];
  if (!(value instanceof Slice)) return [toText(value)];
  return value.items.filter((item) => item !== null && item !== undefined).map(toText);
}

/** A JavaScript number of an `int` argument. */
export function numberOf(value: number | Int): number {
  return typeof value === 'number' ? value : Number(value.value);
}
