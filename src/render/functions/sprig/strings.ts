/** sprig's functions on strings. Lengths and positions count bytes. */
import { toLower, toUpper, trimSpace } from '../../../lib/go-text.ts';
import { defineFunction } from '../../../template/functions.ts';
import type { GoFunction, TypeSpec } from '../../../template/functions.ts';
import { quote } from '../../../template/quote.ts';
import { byteLength, fromBytes, toBytes } from '../../../template/text.ts';
import { stringMap, stringSlice } from '../../../template/values.ts';
import type { Value } from '../../../template/values.ts';
import { replaceAll, trim } from '../strings.ts';
import { abbreviate, wrapText } from './wrap.ts';
import { sliceBytes } from './bytes.ts';
import { numberOf, toText, toTexts } from './cast.ts';

const two = ['string', 'string'] as const;
const three = ['string', 'string', 'string'] as const;

export const stringFunctions: readonly GoFunction[] = [
  text('hello', [], () => 'Hello!'),
  text('trim', ['string'], trimSpace),
  text('upper', ['string'], toUpper),
  text('lower', ['string'], toLower),
  text('repeat', ['int', 'string'], (count, part) => repeat(numberOf(count), part)),
  text('trimall', two, trim),
  text('trimAll', two, trim),
  text('trimSuffix', two, (end, whole) =>
    end !== '' && whole.endsWith(end) ? whole.slice(0, -end.length) : whole,
  ),
  text('trimPrefix', two, (start, whole) => (whole.startsWith(start) ? whole.slice(start.length) : whole)),
  text('nospace', ['string'], withoutSpace),
  text('substr', ['int', 'int', 'string'], (from, to, whole) =>
    substring(numberOf(from), numberOf(to), whole),
  ),
  text('trunc', ['int', 'string'], (count, whole) => truncate(numberOf(count), whole)),
  text('abbrev', ['int', 'string'], (width, whole) =>
    numberOf(width) < 4 ? whole : abbreviate(whole, 0, numberOf(width)),
  ),
  text('abbrevboth', ['int', 'int', 'string'], (left, right, whole) => {
    const [offset, width] = [numberOf(left), numberOf(right)];
    return width < 4 || (offset > 0 && width < 7) ? whole : abbreviate(whole, offset, width);
  }),
  text('wrap', ['int', 'string'], (width, whole) =>
    wrapText(whole, { width: numberOf(width), newline: '\n', cutWords: false }),
  ),
  text('wrapWith', ['int', 'string', 'string'], (width, newline, whole) =>
    wrapText(whole, { width: numberOf(width), newline: newline === '' ? '\n' : newline, cutWords: true }),
  ),
  truth('contains', (part, whole) => whole.includes(part)),
  truth('hasPrefix', (start, whole) => whole.startsWith(start)),
  truth('hasSuffix', (end, whole) => whole.endsWith(end)),
  text('quote', ['...any'], (...values) =>
    present(values)
      .map((value) => quote(toText(value)))
      .join(' '),
  ),
  text('squote', ['...any'], (...values) =>
    present(values)
      .map((value) => `'${toText(value)}'`)
      .join(' '),
  ),
  text('cat', ['...any'], (...values) => present(values).map(toText).join(' ')),
  text('indent', ['int', 'string'], (width, whole) => indent(numberOf(width), whole)),
  text('nindent', ['int', 'string'], (width, whole) => `\n${indent(numberOf(width), whole)}`),
  text('replace', three, replaceAll),
  text('plural', ['string', 'string', 'int'], (one, many, count) => (count === 1 ? one : many)),
  text('toString', ['any'], toText),
  text('join', ['string', 'any'], (separator, list) => toTexts(list).join(separator)),
  defineFunction('toStrings', { params: ['any'], result: '[]string' }, (list) => stringSlice(toTexts(list))),
  defineFunction('splitList', { params: two, result: '[]string' }, (separator, whole) =>
    stringSlice(splitParts(separator, whole)),
  ),
  defineFunction('split', { params: two, result: 'map[string]string' }, (separator, whole) =>
    numbered(splitParts(separator, whole)),
  ),
  defineFunction(
    'splitn',
    { params: ['string', 'int', 'string'], result: 'map[string]string' },
    (separator, count, whole) => numbered(splitParts(separator, whole, numberOf(count))),
  ),
];

function text<const P extends readonly TypeSpec[]>(
  name: string,
  params: P,
  call: Parameters<typeof defineFunction<P>>[2],
): GoFunction {
  return defineFunction(name, { params, result: 'string' }, call);
}

function truth(name: string, call: (a: string, b: string) => boolean): GoFunction {
  return defineFunction(name, { params: two, result: 'bool' }, call);
}

function present(values: readonly Value[]): readonly Value[] {
  return values.filter((value) => value !== null && value !== undefined);
}

function repeat(count: number, part: string): string {
  if (count < 0) throw new Error('strings: negative Repeat count');
  if (count * part.length > 2 ** 28) throw new Error('strings: Repeat output length overflow');
  return part.repeat(count);
}

function indent(width: number, whole: string): string {
  const pad = repeat(width, ' ');
  return pad + whole.replaceAll('\n', `\n${pad}`);
}

// Once something is removed, each byte is taken for a character of its own.
function withoutSpace(whole: string): string {
  const bytes = toBytes(whole);
  const kept = bytes.filter(
    (byte) => !(byte === 0x20 || (byte >= 9 && byte <= 13) || byte === 0x85 || byte === 0xa0),
  );
  return kept.length === bytes.length ? whole : Buffer.from(kept).toString('latin1');
}

function substring(from: number, to: number, whole: string): string {
  if (from < 0) return sliceBytes(whole, 0, to);
  return to < 0 || to > byteLength(whole) ? sliceBytes(whole, from) : sliceBytes(whole, from, to);
}

function truncate(count: number, whole: string): string {
  const size = byteLength(whole);
  if (count < 0 && size + count > 0) return fromBytes(toBytes(whole).subarray(size + count));
  return count >= 0 && size > count ? sliceBytes(whole, 0, count) : whole;
}

/** strings.SplitN; a count below 0 means all, 0 none. */
function splitParts(separator: string, whole: string, count = -1): readonly string[] {
  if (count === 0) return [];
  const parts = separator === '' ? Array.from(whole) : whole.split(separator);
  if (count < 0 || parts.length <= count) return parts;
  return [...parts.slice(0, count - 1), parts.slice(count - 1).join(separator)];
}

function numbered(parts: readonly string[]): Value {
  return stringMap(Object.fromEntries(parts.map((part, i) => [`_${i}`, part])));
}
