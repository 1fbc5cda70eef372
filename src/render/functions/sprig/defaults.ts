/** sprig's choices between values, questions about types, and JSON. */
import { decodeGoJson } from '../../../lib/go-json.ts';
import { defineFunction } from '../../../template/functions.ts';
import type { GoFunction } from '../../../template/functions.ts';
import { fromJson, typeName } from '../../../template/values.ts';
import type { Value } from '../../../template/values.ts';
import { writeJson } from '../json.ts';
import type { JsonStyle } from '../json.ts';
import { deepEqual, isEmptyValue, kindName } from '../reflect.ts';

export const defaultFunctions: readonly GoFunction[] = [
  defineFunction('default', { params: ['any', '...any'], result: 'any' }, (fallback, ...given) =>
    isEmptyValue(given[0]) ? fallback : given[0],
  ),
  defineFunction('empty', { params: ['any'], result: 'bool' }, isEmptyValue),
  defineFunction(
    'coalesce',
    { params: ['...any'], result: 'any' },
    (...values) => values.find((value) => !isEmptyValue(value)) ?? null,
  ),
  defineFunction('all', { params: ['...any'], result: 'bool' }, (...values) => !values.some(isEmptyValue)),
  defineFunction('any', { params: ['...any'], result: 'bool' }, (...values) => !values.every(isEmptyValue)),
  defineFunction('ternary', { params: ['any', 'any', 'bool'], result: 'any' }, (yes, no, which) =>
    which ? yes : no,
  ),
  defineFunction('fail', { params: ['string'], result: 'string' }, (message) => {
    throw new Error(message);
  }),
  defineFunction('fromJson', { params: ['string'], result: 'any' }, (text) => {
    try {
      return fromJson(decodeGoJson(text));
    } catch {
      return null;
    }
  }),
  defineFunction('mustFromJson', { params: ['string'], result: 'any' }, (text) =>
    fromJson(decodeGoJson(text)),
  ),
  ...json('toJson', 'mustToJson', { pretty: false, escapeHtml: true }),
  ...json('toPrettyJson', 'mustToPrettyJson', { pretty: true, escapeHtml: true }),
  // The one whose lenient form panics with the error that it got.
  ...['toRawJson', 'mustToRawJson'].map((name) =>
    defineFunction(name, { params: ['any'], result: 'string' }, (value) =>
      writeJson(value, { pretty: false, escapeHtml: false }),
    ),
  ),
  defineFunction('typeOf', { params: ['any'], result: 'string' }, typeName),
  defineFunction(
    'typeIs',
    { params: ['string', 'any'], result: 'bool' },
    (type, value) => typeName(value) === type,
  ),
  defineFunction('typeIsLike', { params: ['string', 'any'], result: 'bool' }, (type, value) =>
    [type, `*${type}`].includes(typeName(value)),
  ),
  defineFunction('kindOf', { params: ['any'], result: 'string' }, kindName),
  defineFunction(
    'kindIs',
    { params: ['string', 'any'], result: 'bool' },
    (kind, value) => kindName(value) === kind,
  ),
  defineFunction('deepEqual', { params: ['any', 'any'], result: 'bool' }, deepEqual),
];

/** The plain form gives nothing where the other fails. */
function json(lenient: string, strict: string, style: JsonStyle): readonly GoFunction[] {
  const write = (value: Value): string => writeJson(value, style);
  return [
    defineFunction(lenient, { params: ['any'], result: 'string' }, (value) => {
      try {
        return write(value);
      } catch {
        return '';
      }
    }),
    defineFunction(strict, { params: ['any'], result: 'string' }, write),
  ];
}
