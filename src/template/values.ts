/**
 * The value model: which JavaScript value stands for which Go value.
 *
 *   undefined   no value (Go's invalid reflect.Value): prints `<no value>`
 *   null        nil in an `interface {}`: an absent entry of map[string]any, JSON's null
 *   boolean     bool
 *   string      string; bytes that are not UTF-8 are kept as lone surrogates U+DC80..U+DCFF (text.ts)
 *   number      int, always a safe integer
 *   Int         every other integer: int64, uint64, ..., and an int beyond 2^53
 *   Float       float64 (numbers of decoded JSON too)
 *   Complex     complex128
 *   Slice       []T; its type says T and its name
 *   GoMap       map[K]V
 *   Struct      a struct or a pointer to one; fields are read from any JavaScript object through its type
 *   Func        a function as a value
 *   Chan        a channel that is closed after its last element; ranging over it consumes it
 *
 * Plain JavaScript arrays and objects are not values: wrap them (`anySlice`, `stringSlice`, `goMap`, `Struct`) or decode
 * them (`fromJson`). The common cases (strings, ints, bools, fields of structs) need no wrapping and no allocation.
 */
import type { GoFunction } from './functions.ts';
import { compareUtf8 } from '../lib/bytes.ts';
import {
  anyMapType,
  anySliceType,
  basicTypes,
  boolType,
  chanOf,
  complex128Type,
  float64Type,
  intType,
  stringMapType,
  stringSliceType,
  stringType,
} from './types.ts';
import type {
  BasicType,
  ChanType,
  FuncType,
  GoType,
  IntKind,
  MapType,
  SliceType,
  StructType,
  UintKind,
} from './types.ts';

export type Value =
  | undefined
  | null
  | boolean
  | string
  | number
  | Int
  | Float
  | Complex
  | Slice
  | GoMap
  | Struct
  | Func
  | Chan;

/** An integer with a type of its own. Build it with `int64`, `uint64`, `int`: they wrap to the type's size. */
export class Int {
  readonly kind: IntKind | UintKind;
  readonly value: bigint;
  readonly type: BasicType;
  /** With a type, a defined one of that kind such as `time.Duration`. */
  constructor(kind: IntKind | UintKind, value: bigint, type: BasicType = basicTypes[kind]) {
    this.kind = kind;
    this.value = value;
    this.type = type;
  }
}

export class Float {
  readonly kind = 'float64';
  readonly value: number;
  constructor(value: number) {
    this.value = value;
  }
}

export class Complex {
  readonly kind = 'complex128';
  readonly re: number;
  readonly im: number;
  constructor(re: number, im: number) {
    this.re = re;
    this.im = im;
  }
}

/** What lies between the slice's length and its capacity, where `slice` may grow into it. */
export interface Spare {
  readonly items: readonly Value[];
  /** Zero values after them. */
  readonly zeros: number;
}

const noSpare: Spare = Object.freeze({ items: Object.freeze([]), zeros: 0 });

export class Slice {
  readonly kind = 'slice';
  readonly type: SliceType;
  readonly items: readonly Value[];
  readonly spare: Spare;
  readonly isNil: boolean;
  constructor(type: SliceType, items: readonly Value[], isNil = false, spare: Spare = noSpare) {
    this.type = type;
    this.items = items;
    this.isNil = isNil;
    this.spare = spare;
  }
}

/** Keys compare as in Go: `1` and `int64(1)` are two keys of a map[any]any. */
export class GoMap {
  readonly kind = 'map';
  readonly type: MapType;
  readonly isNil: boolean;
  readonly #entries: Map<Value, Value>;
  // Keys that are objects here (Int, Float) compare by value: this finds the one that stands for them.
  #boxed: Map<string, Value> | undefined;

  constructor(type: MapType, entries: Iterable<readonly [Value, Value]> = [], isNil = false) {
    this.type = type;
    this.isNil = isNil;
    this.#entries = new Map();
    for (const [key, value] of entries) this.set(key, value);
  }

  get size(): number {
    return this.#entries.size;
  }
  has(key: Value): boolean {
    return this.#entries.has(typeof key === 'object' ? this.#known(key) : key);
  }
  get(key: Value): Value {
    return this.#entries.get(typeof key === 'object' ? this.#known(key) : key);
  }
  /** For those who build a map; templates cannot reach it. */
  set(key: Value, value: Value): void {
    const boxed = typeof key === 'object' ? boxedKey(key) : undefined;
    if (boxed === undefined) {
      this.#entries.set(key, value);
      return;
    }
    this.#boxed ??= new Map();
    const known = this.#boxed.get(boxed);
    if (known === undefined) this.#boxed.set(boxed, key);
    this.#entries.set(known ?? key, value);
  }
  /** For those who build a map, like `set`. */
  delete(key: Value): void {
    this.#entries.delete(typeof key === 'object' ? this.#known(key) : key);
  }
  /** In the order of insertion; `sortedKeys` gives Go's printing order. */
  keys(): IterableIterator<Value> {
    return this.#entries.keys();
  }
  entries(): IterableIterator<[Value, Value]> {
    return this.#entries.entries();
  }
  /** The order in which Go ranges over and prints a map. */
  sortedKeys(): Value[] {
    const keys = [...this.#entries.keys()];
    if (this.type.key.kind === 'string') return (keys as string[]).sort(compareUtf8);
    return keys.sort(compareKeys);
  }
  #known(key: Value): Value {
    const boxed = boxedKey(key);
    return boxed === undefined ? key : (this.#boxed?.get(boxed) ?? key);
  }
}

function boxedKey(key: Value): string | undefined {
  if (key instanceof Int) return `${key.type.name}:${key.value}`;
  if (key instanceof Float) return `float64:${key.value}`;
  return undefined;
}

/** The source of a struct that has none: the zero value of an absent map entry. Every field is its type's zero. */
const zeroSource: unique symbol = Symbol('zero');

/**
 * A struct, by value or through a pointer. `source` is any object that the type's fields know how to read; two pointers are
 * equal when their sources are the same object. A nil pointer has the source `undefined`.
 */
export class Struct {
  readonly kind = 'struct';
  readonly type: StructType;
  readonly source: unknown;
  readonly pointer: boolean;
  constructor(type: StructType, source: unknown, pointer = true) {
    this.type = type;
    this.source = source;
    this.pointer = pointer;
  }
  get isNil(): boolean {
    return this.source === undefined;
  }
  /** Whether the source is an object that the fields' own readers know. */
  get isReadable(): boolean {
    return this.source !== undefined && this.source !== zeroSource;
  }
  /** The field at a position of `type.fields`; not for nil pointers. */
  field(index: number): Value {
    const field = this.type.fields[index]!;
    return this.source === zeroSource ? zeroOf(field.type) : field.get(this.source as never);
  }
}

export class Func {
  readonly kind = 'func';
  readonly definition: GoFunction;
  readonly type: FuncType;
  constructor(definition: GoFunction) {
    this.definition = definition;
    this.type = { kind: 'func', name: definition.typeName };
  }
}

/** A lazy sequence. It is read once: what a `range` has taken is gone. */
export class Chan {
  readonly kind = 'chan';
  readonly type: ChanType;
  readonly #source: Iterator<Value>;
  constructor(elem: GoType, source: Iterable<Value>) {
    this.type = chanOf(elem);
    this.#source = source[Symbol.iterator]();
  }
  receive(): IteratorResult<Value, unknown> {
    return this.#source.next();
  }
}

/** An `int`: a plain number where that is exact. */
export function int(value: bigint | number): number | Int {
  if (typeof value === 'number' && Number.isSafeInteger(value)) return value === 0 ? 0 : value;
  const wrapped = BigInt.asIntN(64, BigInt(value));
  const narrow = Number(wrapped);
  return Number.isSafeInteger(narrow) ? narrow : new Int('int', wrapped);
}

/** An `int64`; overflow wraps, as in Go. */
export function int64(value: bigint | number): Int {
  return new Int('int64', BigInt.asIntN(64, BigInt(value)));
}

/** A `uint64`; overflow wraps, as in Go. */
export function uint64(value: bigint | number): Int {
  return new Int('uint64', BigInt.asUintN(64, BigInt(value)));
}

export function float(value: number): Float {
  return new Float(value);
}

/** A `[]string`; with a type, a defined one such as `dependency.ServiceTags`. */
export function stringSlice(items: readonly string[], type: SliceType = stringSliceType): Slice {
  return new Slice(type, items);
}

/** A `[]interface {}`. */
export function anySlice(items: readonly Value[]): Slice {
  return new Slice(anySliceType, items);
}

/** A `map[string]interface {}`, or the given map type, from an object, a Map or entries. */
export function goMap(
  entries: Iterable<readonly [Value, Value]> | Readonly<Record<string, Value>>,
  type: MapType = anyMapType,
): GoMap {
  return new GoMap(type, Symbol.iterator in entries ? entries : Object.entries(entries));
}

/** A `map[string]string`; null gives Go's nil map. */
export function stringMap(entries: Readonly<Record<string, string>> | null): GoMap {
  return entries === null
    ? new GoMap(stringMapType, [], true)
    : new GoMap(stringMapType, Object.entries(entries));
}

/** What Go's JSON decoder makes of a document in an `interface {}`: every number is a float64, every map has string keys. */
export function fromJson(value: unknown): Value {
  if (value === null || typeof value === 'boolean') return value;
  if (typeof value === 'string') return wellFormed(value);
  if (typeof value === 'number') return new Float(value);
  if (Array.isArray(value)) return jsonSlice(value);
  if (typeof value !== 'object') return undefined;
  return new GoMap(
    anyMapType,
    Object.entries(value).map(([key, item]) => [wellFormed(key), fromJson(item)] as const),
  );
}

// An escape like \udcff, alone, is no character; here it would stand for a byte.
function wellFormed(text: string): string {
  return text.replace(/\p{Surrogate}/gu, '\ufffd');
}

// Go's decoder appends one by one, so that the capacity doubles: `slice` can reach it.
function jsonSlice(items: readonly unknown[]): Slice {
  const capacity = items.length > 256 ? items.length : 2 ** Math.ceil(Math.log2(Math.max(items.length, 1)));
  const zeros = items.length === 0 ? 0 : capacity - items.length;
  return new Slice(anySliceType, items.map(fromJson), false, { items: [], zeros });
}

/** The dynamic type of a value; undefined for no value and for nil. */
export function typeOf(value: Value): GoType | undefined {
  switch (typeof value) {
    case 'string':
      return stringType;
    case 'number':
      return intType;
    case 'boolean':
      return boolType;
    case 'undefined':
      return undefined;
    default:
      return value === null ? undefined : typeOfObject(value);
  }
}

type ObjectValue = Int | Float | Complex | Slice | GoMap | Struct | Func | Chan;

function typeOfObject(value: ObjectValue): GoType {
  switch (value.kind) {
    case 'float64':
      return float64Type;
    case 'complex128':
      return complex128Type;
    case 'struct':
      return value.pointer ? value.type.pointer : value.type;
    case 'slice':
    case 'map':
    case 'func':
    case 'chan':
      return value.type;
    default:
      return value.type;
  }
}

/** The name of a value's dynamic type as `%T` prints it. */
export function typeName(value: Value): string {
  return typeOf(value)?.name ?? '<nil>';
}

/** Go's zero value of a type. */
export function zeroOf(type: GoType): Value {
  switch (type.kind) {
    case 'bool':
      return false;
    case 'string':
      return '';
    case 'int':
      return type === intType ? 0 : new Int('int', 0n, type);
    case 'float64':
      return new Float(0);
    case 'complex128':
      return new Complex(0, 0);
    case 'slice':
      return new Slice(type, [], true);
    case 'map':
      return new GoMap(type, [], true);
    case 'struct':
      return new Struct(type, zeroSource, false);
    case 'ptr':
      return new Struct(type.elem, undefined, true);
    case 'interface':
    case 'func':
    case 'chan':
      return null;
    default:
      return new Int(type.kind, 0n, type);
  }
}

/** The integer in a value of any integer kind; undefined for everything else. */
export function integerOf(value: Value): bigint | undefined {
  if (typeof value === 'number') return BigInt(value);
  return value instanceof Int ? value.value : undefined;
}

/** Go's order of map keys: nil first, then by kind, then by value. */
function compareKeys(a: Value, b: Value): number {
  const ranks = keyRank(a) - keyRank(b);
  if (ranks !== 0) return ranks;
  if (typeof a === 'string' && typeof b === 'string') return compareUtf8(a, b);
  const x = keyNumber(a);
  const y = keyNumber(b);
  // NaN is less than every other number.
  if (x !== x || y !== y) return x !== x ? (y !== y ? 0 : -1) : 1;
  return x < y ? -1 : x > y ? 1 : 0;
}

function keyRank(key: Value): number {
  if (key === null || key === undefined) return 0;
  if (typeof key === 'boolean') return 1;
  if (typeof key === 'string') return 9;
  if (key instanceof Float) return 2;
  if (typeof key === 'number') return 3;
  return key instanceof Int ? 4 : 10;
}

function keyNumber(key: Value): number | bigint {
  if (typeof key === 'boolean') return key ? 1 : 0;
  if (typeof key === 'number') return key;
  if (key instanceof Int) return key.value;
  return key instanceof Float ? key.value : 0;
}
