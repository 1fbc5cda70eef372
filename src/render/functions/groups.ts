/** Functions that group and nest what queries answered: byTag, byKey, byPort, byMeta, explode, explodeMap. */
import { defineFunction, pointerSliceType } from '../../template/functions.ts';
import type { GoFunction } from '../../template/functions.ts';
import { sprintf } from '../../template/printf.ts';
import { anySliceType, intType, mapOf, sliceOf, stringType } from '../../template/types.ts';
import { GoMap, Slice, Struct, goMap, typeName } from '../../template/values.ts';
import type { Value } from '../../template/values.ts';
import { parseInteger } from '../../template/number.ts';
import { quote } from '../../template/quote.ts';
import type { CatalogSnippet, HealthService, KeyPair } from '../source.ts';
import { catalogSnippet, healthService, keyPair, sourceOf } from './structs.ts';

const keyPairs = pointerSliceType(keyPair);
const keyPairsByKey = mapOf(stringType, keyPair.pointer);
const keyPairsByTop = mapOf(stringType, keyPairsByKey);
const listsByTag = mapOf(stringType, anySliceType);
const listsByPort = mapOf(intType, anySliceType);
const servicesByMeta = mapOf(stringType, pointerSliceType(healthService));
const anyMapTypeName = 'map[string]any';

export const groupFunctions: readonly GoFunction[] = [
  defineFunction('byTag', { params: ['any'], result: listsByTag }, (list) => {
    if (list === null || list === undefined) return goMap([], listsByTag);
    const groups = new Map<string, Value[]>();
    for (const item of itemsOf('byTag', list, [healthService.pointer.name, catalogSnippet.pointer.name])) {
      for (const tag of sourceOf<HealthService | CatalogSnippet>(item).tags) push(groups, tag, item);
    }
    return lists(groups, listsByTag, anySliceType);
  }),
  defineFunction('byPort', { params: ['any'], result: listsByPort }, (list) => {
    if (list === null || list === undefined) return goMap([], listsByPort);
    const groups = new Map<number, Value[]>();
    for (const item of itemsOf('byPort', list, [healthService.pointer.name])) {
      push(groups, sourceOf<HealthService>(item).port, item);
    }
    return lists(groups, listsByPort, anySliceType);
  }),
  defineFunction('byKey', { params: [keyPairs], result: keyPairsByTop }, (pairs) => {
    const tops = new Map<string, GoMap>();
    for (const item of pairs.items) addByKey(tops, sourceOf<KeyPair>(item));
    return goMap(tops, keyPairsByTop);
  }),
  defineFunction(
    'byMeta',
    { params: ['string', pointerSliceType(healthService)], result: servicesByMeta },
    (meta, services) => {
      const names = meta.split(',');
      const groups = new Map<string, Value[]>();
      for (const item of services.items) {
        const values = sourceOf<HealthService>(item).serviceMeta ?? {};
        push(groups, names.map((name) => metaPart(name, values)).join('_'), item);
      }
      return lists(groups, servicesByMeta, pointerSliceType(healthService));
    },
  ),
  defineFunction('explode', { params: [keyPairs], result: anyMapTypeName }, (pairs) => {
    const nested = goMap([]);
    for (const item of pairs.items) {
      const { key, value } = sourceOf<KeyPair>(item);
      explodeInto('explode', nested, key, value);
    }
    return nested;
  }),
  defineFunction('explodeMap', { params: [anyMapTypeName], result: anyMapTypeName }, (map) => {
    const nested = goMap([]);
    for (const key of map.sortedKeys()) explodeInto('explodeMap', nested, key as string, map.get(key));
    return nested;
  }),
];

function itemsOf(name: string, list: Value, elements: readonly string[]): readonly Value[] {
  if (list instanceof Slice && elements.includes(list.type.elem.name)) return list.items;
  throw new Error(`${name}: wrong argument type ${typeName(list)}`);
}

function push<K>(groups: Map<K, Value[]>, key: K, item: Value): void {
  const known = groups.get(key);
  if (known === undefined) groups.set(key, [item]);
  else known.push(item);
}

function lists<K extends string | number>(
  groups: ReadonlyMap<K, readonly Value[]>,
  type: ReturnType<typeof mapOf>,
  list: ReturnType<typeof sliceOf>,
): GoMap {
  return new GoMap(
    type,
    [...groups].map(([key, items]) => [key, new Slice(list, items)] as const),
  );
}

// `top/rest` -> top; a key without a slash belongs to no group.
function addByKey(tops: Map<string, GoMap>, pair: KeyPair): void {
  const slash = pair.key.indexOf('/');
  if (slash < 0) return;
  const top = pair.key.slice(0, slash);
  const rest = pair.key.slice(slash + 1);
  if (rest === '') return;
  const group = tops.get(top) ?? goMap([], keyPairsByKey);
  group.set(rest, new Struct(keyPair, { ...pair, key: rest }));
  tops.set(top, group);
}

function metaPart(name: string, values: Readonly<Record<string, string>>): string {
  const isInt = name.endsWith('|int');
  const key = isInt ? name.slice(0, -'|int'.length) : name;
  const found = Object.hasOwn(values, key) ? (values[key] ?? '') : '';
  const value = found !== '' ? found : isInt ? '0' : `_no_${key}_`;
  return (isInt ? padded(value) : value).replace(/[^a-zA-Z0-9_-]/gu, '_');
}

function padded(text: string): string {
  const number = parseInteger(text);
  if (typeof number !== 'bigint') {
    const reason = number === 'range' ? 'value out of range' : 'invalid syntax';
    throw new Error(`strconv.Atoi: parsing ${quote(text)}: ${reason}`);
  }
  const digits = String(number < 0n ? -number : number);
  return number < 0n ? `-${digits.padStart(4, '0')}` : digits.padStart(5, '0');
}

function explodeInto(name: string, nested: GoMap, key: string, value: Value, whole = key): void {
  const slash = key.indexOf('/');
  if (slash < 0) {
    if (key !== '') nested.set(key, value);
    return;
  }
  const top = key.slice(0, slash);
  if (!nested.has(top)) nested.set(top, goMap([]));
  const below = nested.get(top);
  if (!(below instanceof GoMap)) {
    const held = sprintf('%q', [below]);
    throw new Error(`${name}: not a map: ${quote(whole)}: ${quote(top)} already has value ${held}`);
  }
  explodeInto(name, below, key.slice(slash + 1), value, key);
}
