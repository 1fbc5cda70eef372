/** Values as Go's yaml.v2 writes them: keys sorted the natural way, fields of structs in lower case. */
import { emitYaml } from '../../lib/go-yaml.ts';
import type { YamlNode } from '../../lib/go-yaml.ts';
import { formatFloat } from '../../template/float.ts';
import { toBytes } from '../../template/text.ts';
import { Float, GoMap, Int, Slice, Struct, typeName, typeOf } from '../../template/values.ts';
import type { Value } from '../../template/values.ts';
import { isTime, kindOrder, marshalled } from './reflect.ts';
import { writtenDuration } from './sprig/duration.ts';
import { resolveYaml } from './yaml-resolve.ts';

/** The document, ending in a newline. Throws for functions and channels. */
export function writeYaml(value: Value): string {
  return emitYaml(nodeOf(value));
}

function nodeOf(value: Value): YamlNode {
  if (value === null || value === undefined) return plain('null');
  if (typeof value === 'string') return stringNode(value);
  if (typeof value === 'number' || typeof value === 'boolean') return plain(String(value));
  if (value instanceof Int) return plain(writtenDuration(value) ?? value.value.toString());
  if (value instanceof Float) return plain(floatText(value.value));
  if (value instanceof Slice) return { kind: 'list', items: value.items.map(nodeOf) };
  if (value instanceof GoMap) return mapNode(value);
  if (value instanceof Struct) return value.isNil ? plain('null') : structNode(value);
  throw new Error(`cannot marshal type: ${typeName(value)}`);
}

function plain(text: string): YamlNode {
  return { kind: 'scalar', text, style: 'plain' };
}

const base60 = /^[-+]?[0-9][0-9_]*(?::[0-5]?[0-9])+(?:\.[0-9_]*)?$/;

function stringNode(text: string): YamlNode {
  if (/\p{Surrogate}/u.test(text)) {
    return { kind: 'scalar', text: base64Lines(toBytes(text)), style: 'plain', binary: true };
  }
  const isString = resolveYaml(text).tag === 'str' && !base60.test(text);
  return { kind: 'scalar', text, style: isString ? 'plain' : 'double' };
}

const base64LineLength = 70;

function base64Lines(bytes: Uint8Array): string {
  const text = Buffer.from(bytes).toString('base64');
  if (text.length < base64LineLength) return text;
  return text.replace(new RegExp(`.{1,${base64LineLength}}`, 'g'), '$&\n');
}

function floatText(value: number): string {
  if (Number.isNaN(value)) return '.nan';
  if (!Number.isFinite(value)) return value > 0 ? '.inf' : '-.inf';
  return formatFloat(value, 'g', -1);
}

function mapNode(map: GoMap): YamlNode {
  const keys = Array.from(map.keys()).sort((a, b) => (keyLess(a, b) ? -1 : keyLess(b, a) ? 1 : 0));
  return { kind: 'map', entries: keys.map((key) => [nodeOf(key), nodeOf(map.get(key))] as const) };
}

function structNode(struct: Struct): YamlNode {
  const text = marshalled(struct);
  if (text !== undefined) return isTime(struct) ? plain(text) : stringNode(text);
  return {
    kind: 'map',
    entries: struct.type.fields.map(
      (field, i) => [stringNode(field.name.toLowerCase()), nodeOf(struct.field(i))] as const,
    ),
  };
}

/** Numbers by value, then other kinds by kind, strings with their numbers by value and letters last. */
function keyLess(a: Value, b: Value): boolean {
  const x = keyNumber(a);
  const y = keyNumber(b);
  if (x !== undefined && y !== undefined) {
    if (x !== y) return x < y;
    return kindOrder(typeOf(a)) < kindOrder(typeOf(b));
  }
  if (typeof a !== 'string' || typeof b !== 'string') return kindOrder(typeOf(a)) < kindOrder(typeOf(b));
  return textLess(Array.from(a), Array.from(b));
}

function keyNumber(key: Value): number | undefined {
  if (typeof key === 'number') return key;
  if (typeof key === 'boolean') return key ? 1 : 0;
  if (key instanceof Int) return Number(key.value);
  return key instanceof Float ? key.value : undefined;
}

const letter = /^\p{L}$/u;
const digit = /^\p{Nd}$/u;

function textLess(a: readonly string[], b: readonly string[]): boolean {
  const shared = Math.min(a.length, b.length);
  for (let i = 0; i < shared; i++) {
    const x = a[i]!;
    const y = b[i]!;
    if (x === y) continue;
    const xIsLetter = letter.test(x);
    const yIsLetter = letter.test(y);
    if (xIsLetter && yIsLetter) return runeLess(x, y);
    if (xIsLetter || yIsLetter) return yIsLetter;
    return numberLess(a, b, i);
  }
  return a.length < b.length;
}

// From where they differ; a zero there may stand inside a number that began before.
function numberLess(a: readonly string[], b: readonly string[], at: number): boolean {
  const inside = (a[at] === '0' || b[at] === '0') && hasNonZeroBefore(a, at);
  const x = readNumber(a, at, inside);
  const y = readNumber(b, at, inside);
  if (x.value !== y.value) return x.value < y.value;
  return x.end === y.end ? runeLess(a[at]!, b[at]!) : x.end < y.end;
}

function hasNonZeroBefore(runes: readonly string[], at: number): boolean {
  for (let i = at - 1; i >= 0 && digit.test(runes[i]!); i--) if (runes[i] !== '0') return true;
  return false;
}

function readNumber(
  runes: readonly string[],
  at: number,
  inside: boolean,
): { readonly value: bigint; readonly end: number } {
  let value = inside ? 1n : 0n;
  let end = at;
  for (; end < runes.length && digit.test(runes[end]!); end++) {
    value = BigInt.asIntN(64, value * 10n + BigInt(runes[end]!.codePointAt(0)! - 0x30));
  }
  return { value, end };
}

function runeLess(a: string, b: string): boolean {
  return a.codePointAt(0)! < b.codePointAt(0)!;
}
