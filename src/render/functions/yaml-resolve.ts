/**
 * What a plain YAML scalar means to Go's yaml.v2: YAML 1.1 with its booleans, octals and underscores, without base 60.
 * Source: gopkg.in/yaml.v2 resolve.go.
 */
import { parseFloat64, parseInteger, parseUnsigned } from '../../template/number.ts';
import { float, int, uint64 } from '../../template/values.ts';
import type { Value } from '../../template/values.ts';

export type YamlTag = 'str' | 'bool' | 'int' | 'float' | 'null' | 'timestamp' | 'merge';

export interface Resolved {
  readonly tag: YamlTag;
  readonly value: Value;
}

const words: ReadonlyMap<string, Resolved> = new Map<string, Resolved>([
  ...spellings('y yes true on').map((word) => [word, { tag: 'bool', value: true }] as const),
  ...spellings('n no false off').map((word) => [word, { tag: 'bool', value: false }] as const),
  ...['', '~', 'null', 'Null', 'NULL'].map((word) => [word, { tag: 'null', value: null }] as const),
  ...['.nan', '.NaN', '.NAN'].map((word) => [word, { tag: 'float', value: float(Number.NaN) }] as const),
  ...infinities('').map((word) => [word, { tag: 'float', value: float(Infinity) }] as const),
  ...infinities('+').map((word) => [word, { tag: 'float', value: float(Infinity) }] as const),
  ...infinities('-').map((word) => [word, { tag: 'float', value: float(-Infinity) }] as const),
  ['<<', { tag: 'merge', value: '<<' }],
]);

function spellings(lower: string): readonly string[] {
  return lower
    .split(' ')
    .flatMap((word) => [word, word[0]!.toUpperCase() + word.slice(1), word.toUpperCase()]);
}

function infinities(sign: string): readonly string[] {
  return ['.inf', '.Inf', '.INF'].map((word) => sign + word);
}

/** By its first character: a text that can be none of these is a string at once. */
const hint = /^(?:[-+.0-9yYnNtTfFoO~]|$)/;
const floatShape = /^[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?$/;

export function resolveYaml(text: string): Resolved {
  // `<<` alone has no hint: only a reader of mappings knows it.
  const word = hint.test(text) ? words.get(text) : undefined;
  if (word !== undefined) return word;
  if (text.startsWith('.')) return asFloat(text) ?? asString(text);
  if (!/^[-+0-9]/.test(text)) return asString(text);
  if (isTimestamp(text)) return { tag: 'timestamp', value: text };
  const digits = text.replaceAll('_', '');
  return asInteger(digits) ?? (floatShape.test(digits) ? asFloat(digits) : undefined) ?? asString(text);
}

function asString(text: string): Resolved {
  return { tag: 'str', value: text };
}

function asFloat(text: string): Resolved | undefined {
  const number = parseFloat64(text);
  return typeof number === 'number' ? { tag: 'float', value: float(number) } : undefined;
}

function asInteger(digits: string): Resolved | undefined {
  const signed = parseInteger(digits, 0);
  if (typeof signed === 'bigint') return { tag: 'int', value: int(signed) };
  const unsigned = parseUnsigned(digits, 0);
  return typeof unsigned === 'bigint' ? { tag: 'int', value: uint64(unsigned) } : undefined;
}

const timestampShape =
  /^(\d{4})-(\d{1,2})-(\d{1,2})(?:(?:[Tt](\d{1,2}):(\d{1,2}):(\d{1,2})(?:[.,]\d+)?(?:Z|[-+]\d\d:\d\d))|(?: (\d{1,2}):(\d{1,2}):(\d{1,2})(?:[.,]\d+)?))?$/;

/** A moment as yaml.v2 reads it; a date that no calendar has is a string. */
function isTimestamp(text: string): boolean {
  const match = timestampShape.exec(text);
  if (match === null) return false;
  const [year, month, day] = match.slice(1, 4).map(Number) as [number, number, number];
  const [hour, minute, second] = (match[4] === undefined ? match.slice(7, 10) : match.slice(4, 7)).map(
    (part) => Number(part ?? 0),
  ) as [number, number, number];
  if (month < 1 || month > 12 || day < 1 || hour > 23 || minute > 59 || second > 59) return false;
  const lastDay = new Date(Date.UTC(2000, month, 0));
  lastDay.setUTCFullYear(year, month, 0);
  return day <= lastDay.getUTCDate();
}
