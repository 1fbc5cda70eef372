/** parseBool, parseInt, parseUint, parseFloat, parseJSON: text to typed values. An empty text is the type's zero. */
import { decodeGoJson } from '../../lib/go-json.ts';
import { defineFunction } from '../../template/functions.ts';
import type { GoFunction } from '../../template/functions.ts';
import { parseFloat64, parseInteger, parseUnsigned } from '../../template/number.ts';
import type { Parsed } from '../../template/number.ts';
import { quote } from '../../template/quote.ts';
import { float, fromJson, goMap, int64, uint64 } from '../../template/values.ts';

const truths: ReadonlySet<string> = new Set(['1', 't', 'T', 'TRUE', 'true', 'True']);
const falsehoods: ReadonlySet<string> = new Set(['0', 'f', 'F', 'FALSE', 'false', 'False']);

export const parseFunctions: readonly GoFunction[] = [
  defineFunction('parseBool', { params: ['string'], result: 'bool' }, (text) => {
    if (text === '' || falsehoods.has(text)) return false;
    if (truths.has(text)) return true;
    throw new Error(`parseBool: strconv.ParseBool: parsing ${quote(text)}: invalid syntax`);
  }),
  defineFunction('parseInt', { params: ['string'], result: 'int64' }, (text) => int64(parseIntText(text))),
  defineFunction('parseUint', { params: ['string'], result: 'uint64' }, (text) =>
    uint64(text === '' ? 0n : checked('Uint', text, parseUnsigned(text))),
  ),
  defineFunction('parseFloat', { params: ['string'], result: 'float64' }, (text) =>
    float(text === '' ? 0 : checked('Float', text, parseFloat64(text))),
  ),
  defineFunction('parseJSON', { params: ['string'], result: 'any' }, (text) =>
    text === '' ? goMap([]) : fromJson(decodeGoJson(text)),
  ),
];

/** `parseInt`'s reading of a text, which `loop` shares. */
export function parseIntText(text: string): bigint {
  return text === '' ? 0n : checked('Int', text, parseInteger(text));
}

function checked<T>(kind: string, text: string, parsed: Parsed<T>): T {
  if (parsed !== 'syntax' && parsed !== 'range') return parsed;
  const reason = parsed === 'range' ? 'value out of range' : 'invalid syntax';
  throw new Error(`parse${kind}: strconv.Parse${kind}: parsing ${quote(text)}: ${reason}`);
}
