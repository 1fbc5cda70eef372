/** len, index and slice. */
import { byteLength, fromBytes, isAscii, toBytes } from './text.ts';
import type { BasicType, GoType } from './types.ts';
import { assignable, canBeNil, intType, isSigned, isUnsigned } from './types.ts';
import type { Value } from './values.ts';
import { GoMap, int, Int, integerOf, Slice, Struct, typeName, typeOf, zeroOf } from './values.ts';

export function length(value: Value): number {
  if (typeof value === 'string') return byteLength(value);
  if (value === null) throw new Error('len of nil pointer');
  if (value === undefined) throw new Error('reflect: call of reflect.Value.Type on zero Value');
  if (typeof value === 'object') {
    switch (value.kind) {
      case 'slice':
        return value.items.length;
      case 'map':
        return value.size;
      case 'chan':
        return 0;
      case 'struct':
        if (value.isNil) throw new Error('len of nil pointer');
        throw new Error(`len of type ${value.type.name}`);
      default:
        break;
    }
  }
  throw new Error(`len of type ${typeName(value)}`);
}

/** `index x 1 2`: x[1][2]. An absent key gives the zero value of the elements. */
export function index(item: Value, indexes: readonly Value[]): Value {
  if (item === undefined || item === null) throw new Error('index of untyped nil');
  let current: Value = item;
  for (const at of indexes) {
    if (typeof current === 'object' && current !== null && current.kind === 'map')
      current = mapElement(current, at);
    else current = element(current, at);
  }
  return current;
}

function element(item: Value, at: Value): Value {
  if (typeof item === 'string') return byteAt(item, at);
  if (item instanceof Slice) {
    const position = indexOf(at, item.items.length);
    if (position === item.items.length) throw new Error('reflect: slice index out of range');
    return item.items[position];
  }
  if (item === null || item === undefined) throw new Error('index of nil pointer');
  if (typeof item === 'object' && item.kind === 'struct') {
    if (item.isNil) throw new Error('index of nil pointer');
    throw new Error(`can't index item of type ${item.type.name}`);
  }
  throw new Error(`can't index item of type ${typeName(item)}`);
}

function byteAt(text: string, at: Value): Value {
  const size = byteLength(text);
  const position = indexOf(at, size);
  if (position === size) throw new Error('reflect: string index out of range');
  const byte = size === text.length ? text.charCodeAt(position) : toBytes(text)[position]!;
  return new Int('uint8', BigInt(byte));
}

// Go allows the index that equals the length here, and finds out later.
function indexOf(at: Value, capacity: number): number {
  const position = typeof at === 'number' ? at : integerOf(at);
  if (position === undefined) {
    if (at === undefined || at === null) throw new Error('cannot index slice/array with nil');
    throw new Error(`cannot index slice/array with type ${typeName(at)}`);
  }
  const wrapped = typeof position === 'number' ? position : BigInt.asIntN(64, position);
  if (wrapped < 0 || wrapped > capacity) throw new Error(`index out of range: ${wrapped}`);
  return Number(wrapped);
}

function mapElement(map: GoMap, key: Value): Value {
  if (key instanceof Slice || key instanceof GoMap) {
    if (map.type.key.kind === 'interface') {
      throw new Error(`runtime error: hash of unhashable type ${typeName(key)}`);
    }
  }
  const prepared = mapKey(key, map.type.key);
  return map.has(prepared) ? map.get(prepared) : zeroOf(map.type.elem);
}

/** A value as a key or argument of a type: nil where that is possible, and any integer for any integer type. */
export function mapKey(value: Value, type: GoType): Value {
  const from = typeOf(value);
  if (from === undefined) {
    if (!canBeNil(type)) throw new Error(`value is nil; should be of type ${type.name}`);
    return zeroOf(type);
  }
  if (assignable(from, type)) return value;
  const whole = integerOf(value);
  if (whole !== undefined) {
    if (type === intType) return int(whole);
    if (isSigned(type.kind)) {
      return new Int(type.kind, BigInt.asIntN(bits(type.kind), whole), type as BasicType);
    }
    if (isUnsigned(type.kind)) return new Int(type.kind, BigInt.asUintN(bits(type.kind), whole));
  }
  throw new Error(`value has type ${from.name}; should be ${type.name}`);
}

function bits(kind: string): number {
  return Number(/\d+$/.exec(kind)?.[0] ?? 64);
}

/** `slice x i j k`: x[i:j:k], bytes for a string. An index of null is one that is typed as an interface. */
export function slice(item: Value, indexes: readonly Value[]): Value {
  if (item === undefined || item === null) throw new Error('slice of untyped nil');
  if (indexes.length > 3) throw new Error(`too many slice indexes: ${indexes.length}`);
  if (typeof item === 'string') return sliceText(item, indexes);
  if (!(item instanceof Slice))
    throw new Error(`can't slice item of type ${item instanceof Struct ? item.type.name : typeName(item)}`);
  const { items, spare } = item;
  const [from, to, limit] = bounds(indexes, items.length, items.length + spare.items.length + spare.zeros);
  const all = to <= items.length && limit <= items.length ? items : withSpare(item);
  return new Slice(item.type, all.slice(from, to), item.isNil, { items: all.slice(to, limit), zeros: 0 });
}

function withSpare({ type, items, spare }: Slice): Value[] {
  return [...items, ...spare.items, ...Array.from({ length: spare.zeros }, () => zeroOf(type.elem))];
}

function sliceText(text: string, indexes: readonly Value[]): string {
  if (indexes.length === 3) throw new Error('cannot 3-index slice a string');
  if (isAscii(text)) {
    const [from, to] = bounds(indexes, text.length, text.length);
    return text.slice(from, to);
  }
  const bytes = toBytes(text);
  const [from, to] = bounds(indexes, bytes.length, bytes.length);
  return fromBytes(bytes.subarray(from, to));
}

function bounds(indexes: readonly Value[], size: number, capacity: number): [number, number, number] {
  const [from = 0, to = size, limit = capacity] = indexes.map((at) => {
    if (at === null) throw new Error('cannot index slice/array with type interface {}');
    return indexOf(at, capacity);
  });
  if (from > to) throw new Error(`invalid slice index: ${from} > ${to}`);
  if (to > limit) throw new Error(`invalid slice index: ${to} > ${limit}`);
  return [from, to, limit];
}
