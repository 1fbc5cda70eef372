/** sprig's functions on lists of any type. Lists are never changed: each gives a new one. */
import { compareUtf8 } from '../../../lib/bytes.ts';
import { defineFunction } from '../../../template/functions.ts';
import type { GoFunction } from '../../../template/functions.ts';
import { anySliceType, sliceOf } from '../../../template/types.ts';
import { Slice, anySlice, stringSlice } from '../../../template/values.ts';
import type { Value } from '../../../template/values.ts';
import { NilDereference, deepEqual, isEmptyValue, kindName } from '../reflect.ts';
import { numberOf, toInt64, toText, toTexts } from './cast.ts';

const chunks = sliceOf(anySliceType);

export const listFunctions: readonly GoFunction[] = [
  defineFunction('list', { params: ['...any'], result: '[]any' }, (...items) => anySlice(items)),
  defineFunction('tuple', { params: ['...any'], result: '[]any' }, (...items) => anySlice(items)),
  ...both('append', (name) => pushing(name, 'push on')),
  ...both('push', (name) => pushing(name, 'push on')),
  ...both('prepend', (name) =>
    defineFunction(name, { params: ['any', 'any'], result: '[]any' }, (list, item) =>
      anySlice([item, ...itemsOf(list, 'prepend on').items]),
    ),
  ),
  ...both('first', (name) => picking(name, 'find first on', (items) => items[0])),
  ...both('last', (name) => picking(name, 'find last on', (items) => items.at(-1))),
  ...both('rest', (name) => changing(name, 'find rest on', (items) => orNil(items, items.slice(1)))),
  ...both('initial', (name) =>
    changing(name, 'find initial on', (items) => orNil(items, items.slice(0, -1))),
  ),
  ...both('reverse', (name) => changing(name, 'find reverse on', (items) => anySlice([...items].reverse()))),
  ...both('uniq', (name) => changing(name, 'find uniq on', (items) => anySlice(unique(items)))),
  ...both('compact', (name) =>
    changing(name, 'compact on', (items) => anySlice(items.filter((item) => !isEmptyValue(item)))),
  ),
  ...both('without', (name) =>
    defineFunction(name, { params: ['any', '...any'], result: '[]any' }, (list, ...omitted) =>
      anySlice(itemsOf(list, 'find without on').items.filter((item) => !holds(omitted, item))),
    ),
  ),
  ...both('has', (name) =>
    defineFunction(name, { params: ['any', 'any'], result: 'bool' }, (item, list) =>
      list === null || list === undefined ? false : holds(itemsOf(list, 'find has on').items, item),
    ),
  ),
  ...both('slice', (name) => defineFunction(name, { params: ['any', '...any'], result: 'any' }, sliceList)),
  ...both('chunk', (name) =>
    defineFunction(name, { params: ['int', 'any'], result: chunks }, (size, list) =>
      chunk(numberOf(size), itemsOf(list, 'chunk').items),
    ),
  ),
  defineFunction('concat', { params: ['...any'], result: 'any' }, (...lists) => concat(lists)),
  defineFunction('sortAlpha', { params: ['any'], result: '[]string' }, (list) =>
    stringSlice(list instanceof Slice ? [...toTexts(list)].sort(compareUtf8) : [toText(list)]),
  ),
];

/** Under its own name and as `mustX`: they differ only in how Go hands the error on. */
function both(name: string, declare: (name: string) => GoFunction): readonly GoFunction[] {
  return [declare(name), declare(`must${name[0]!.toUpperCase()}${name.slice(1)}`)];
}

function itemsOf(list: Value, action: string): Slice {
  if (list === null || list === undefined) throw new NilDereference();
  if (list instanceof Slice) return list;
  throw new Error(`Cannot ${action} type ${kindName(list)}`);
}

function pushing(name: string, action: string): GoFunction {
  return defineFunction(name, { params: ['any', 'any'], result: '[]any' }, (list, item) =>
    anySlice([...itemsOf(list, action).items, item]),
  );
}

function picking(name: string, action: string, pick: (items: readonly Value[]) => Value): GoFunction {
  return defineFunction(
    name,
    { params: ['any'], result: 'any' },
    (list) => pick(itemsOf(list, action).items) ?? null,
  );
}

function changing(name: string, action: string, change: (items: readonly Value[]) => Slice): GoFunction {
  return defineFunction(name, { params: ['any'], result: '[]any' }, (list) =>
    change(itemsOf(list, action).items),
  );
}

// Of an empty list there is not even an empty rest.
function orNil(items: readonly Value[], part: readonly Value[]): Slice {
  return new Slice(anySliceType, part, items.length === 0);
}

function holds(items: readonly Value[], wanted: Value): boolean {
  return items.some((item) => deepEqual(item, wanted));
}

function unique(items: readonly Value[]): readonly Value[] {
  const kept: Value[] = [];
  for (const item of items) if (!holds(kept, item)) kept.push(item);
  return kept;
}

function sliceList(list: Value, ...indexes: readonly Value[]): Value {
  if (list === null || list === undefined) throw new NilDereference();
  if (!(list instanceof Slice)) {
    throw new Error(`list should be type of slice or array but ${kindName(list)}`);
  }
  if (list.items.length === 0) return null;
  const from = indexes.length > 0 ? Number(toInt64(indexes[0])) : 0;
  const to = indexes.length > 1 ? Number(toInt64(indexes[1])) : list.items.length;
  if (from < 0 || to < from || to > list.items.length + list.spare.items.length + list.spare.zeros) {
    throw new Error('reflect.Value.Slice: slice index out of bounds');
  }
  return new Slice(list.type, list.items.slice(from, to));
}

function chunk(size: number, items: readonly Value[]): Slice {
  if (size < 1) throw new Error('runtime error: makeslice: len out of range');
  const parts: Slice[] = [];
  for (let at = 0; at < items.length; at += size) parts.push(anySlice(items.slice(at, at + size)));
  return new Slice(chunks, parts);
}

function concat(lists: readonly Value[]): Slice {
  const items = lists.flatMap((list) => {
    if (list === null || list === undefined) throw new NilDereference();
    if (list instanceof Slice) return list.items;
    throw new Error(`Cannot concat type ${kindName(list)} as list`);
  });
  return new Slice(anySliceType, items, items.length === 0);
}
