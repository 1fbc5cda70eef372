/**
 * sprig's functions on dictionaries (map[string]any). `set`, `unset` and the merges change the one they are given.
 * Go gives keys and values in no order; here they are in the order of the keys, so that a template's output is stable.
 */
import { defineFunction } from '../../../template/functions.ts';
import type { GoFunction } from '../../../template/functions.ts';
import { GoMap, anySlice, goMap, stringSlice, typeName } from '../../../template/values.ts';
import type { Value } from '../../../template/values.ts';
import { mergeInto } from '../merge.ts';
import { deepCopy } from '../reflect.ts';
import { toText } from './cast.ts';

const dictType = 'map[string]any';
const dictOf = ['map[string]any', 'string'] as const;

export const dictFunctions: readonly GoFunction[] = [
  defineFunction('dict', { params: ['...any'], result: dictType }, (...pairs) => {
    const map = goMap([]);
    for (let i = 0; i < pairs.length; i += 2) {
      map.set(toText(pairs[i]), i + 1 < pairs.length ? pairs[i + 1] : '');
    }
    return map;
  }),
  defineFunction('get', { params: dictOf, result: 'any' }, (map, key) => (map.has(key) ? map.get(key) : '')),
  defineFunction('set', { params: [dictType, 'string', 'any'], result: dictType }, (map, key, value) => {
    if (map.isNil) throw new Error('assignment to entry in nil map');
    map.set(key, value);
    return map;
  }),
  defineFunction('unset', { params: dictOf, result: dictType }, (map, key) => {
    map.delete(key);
    return map;
  }),
  defineFunction('hasKey', { params: dictOf, result: 'bool' }, (map, key) => map.has(key)),
  defineFunction('pluck', { params: ['string', '...map[string]any'], result: '[]any' }, (key, ...maps) =>
    anySlice(maps.filter((map) => map.has(key)).map((map) => map.get(key))),
  ),
  defineFunction('keys', { params: ['...map[string]any'], result: '[]string' }, (...maps) =>
    stringSlice(maps.flatMap((map) => map.sortedKeys() as string[])),
  ),
  defineFunction('values', { params: [dictType], result: '[]any' }, (map) =>
    anySlice(map.sortedKeys().map((key) => map.get(key))),
  ),
  defineFunction('pick', { params: [dictType, '...string'], result: dictType }, (map, ...keys) =>
    goMap(keys.filter((key) => map.has(key)).map((key) => [key, map.get(key)] as const)),
  ),
  defineFunction('omit', { params: [dictType, '...string'], result: dictType }, (map, ...keys) =>
    goMap(Array.from(map.entries()).filter(([key]) => !keys.includes(key as string))),
  ),
  merging('merge', { overwrite: false }),
  merging('mustMerge', { overwrite: false }),
  merging('mergeOverwrite', { overwrite: true }),
  merging('mustMergeOverwrite', { overwrite: true }),
  ...['deepCopy', 'mustDeepCopy'].map((name) =>
    defineFunction(name, { params: ['any'], result: 'any' }, (value) => {
      if (value === null || value === undefined) {
        throw new Error('reflect: call of reflect.Value.Type on zero Value');
      }
      return deepCopy(value);
    }),
  ),
  defineFunction('dig', { params: ['...any'], result: 'any' }, (...args) => {
    if (args.length < 3) throw new Error('dig needs at least three arguments');
    const keys = args.slice(0, -2);
    return dig(args.at(-1), args.at(-2), keys);
  }),
];

function merging(name: string, options: { readonly overwrite: boolean }): GoFunction {
  return defineFunction(
    name,
    { params: [dictType, '...map[string]any'], result: 'any' },
    (target, ...sources) => sources.reduce((merged, source) => mergeInto(merged, source, options), target),
  );
}

function dig(holder: Value, fallback: Value, keys: readonly Value[]): Value {
  const map = asDict(holder);
  for (const key of keys) if (typeof key !== 'string') throw conversion(key, 'string');
  const [key, ...deeper] = keys;
  if (!map.has(key)) return fallback;
  return deeper.length === 0 ? map.get(key) : dig(map.get(key), fallback, deeper);
}

function asDict(value: Value): GoMap {
  if (value instanceof GoMap && typeName(value) === 'map[string]interface {}') return value;
  throw conversion(value, 'map[string]interface {}');
}

function conversion(value: Value, wanted: string): Error {
  const found = value === null || value === undefined ? 'nil' : typeName(value);
  return new Error(`interface conversion: interface {} is ${found}, not ${wanted}`);
}
