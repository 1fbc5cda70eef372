/** What Go's reflection tells of values, as far as functions on any type need it. */
import type { GoType } from '../../template/types.ts';
import { Chan, Complex, Float, GoMap, Int, Slice, Struct, typeName, typeOf } from '../../template/values.ts';
import type { Value } from '../../template/values.ts';

/** reflect.Kind's name: `int`, `slice`, `map`, `ptr`, `struct`; `invalid` for nil. */
export function kindName(value: Value): string {
  const type = typeOf(value);
  return type === undefined ? 'invalid' : type.kind;
}

/** What a call of reflect.TypeOf(nil).Kind() comes to. */
export class NilDereference extends Error {
  override readonly name = 'NilDereference';
  constructor() {
    super('runtime error: invalid memory address or nil pointer dereference');
  }
}

/** The zero of its type, or nothing in it; structs never are. */
export function isEmptyValue(value: Value): boolean {
  if (value === null || value === undefined) return true;
  if (typeof value === 'boolean') return !value;
  if (typeof value === 'string') return value === '';
  if (typeof value === 'number') return value === 0;
  if (value instanceof Int) return value.value === 0n;
  if (value instanceof Float) return value.value === 0;
  if (value instanceof Complex) return value.re === 0 && value.im === 0;
  if (value instanceof Slice) return value.items.length === 0;
  if (value instanceof GoMap) return value.size === 0;
  return value instanceof Struct && value.pointer && value.isNil;
}

/** reflect.DeepEqual: same types and same contents; nil and empty differ. */
export function deepEqual(a: Value, b: Value): boolean {
  const x = a ?? null;
  const y = b ?? null;
  if (x === null || y === null) return x === y;
  if (typeof x !== 'object' || typeof y !== 'object') return x === y;
  if (typeName(x) !== typeName(y)) return false;
  if (x instanceof Int) return x.value === (y as Int).value;
  if (x instanceof Float) return x.value === (y as Float).value;
  if (x instanceof Complex) return x.re === (y as Complex).re && x.im === (y as Complex).im;
  if (x instanceof Slice) return sameSlices(x, y as Slice);
  if (x instanceof GoMap) return sameMaps(x, y as GoMap);
  if (x instanceof Struct) return sameStructs(x, y as Struct);
  return x instanceof Chan && x === y;
}

function sameSlices(a: Slice, b: Slice): boolean {
  if (a.isNil !== b.isNil || a.items.length !== b.items.length) return false;
  return a.items.every((item, i) => deepEqual(item, b.items[i]));
}

function sameMaps(a: GoMap, b: GoMap): boolean {
  if (a.isNil !== b.isNil || a.size !== b.size) return false;
  for (const [key, value] of a.entries()) if (!b.has(key) || !deepEqual(value, b.get(key))) return false;
  return true;
}

function sameStructs(a: Struct, b: Struct): boolean {
  if (a.source === b.source) return true;
  if (a.isNil || b.isNil) return false;
  return a.type.fields.every((_, i) => deepEqual(a.field(i), b.field(i)));
}

/** Copies slices and maps all the way down. */
export function deepCopy(value: Value): Value {
  if (value instanceof Slice) return new Slice(value.type, value.items.map(deepCopy), value.isNil);
  if (!(value instanceof GoMap)) return value;
  return new GoMap(
    value.type,
    Array.from(value.entries(), ([key, item]) => [key, deepCopy(item)] as const),
    value.isNil,
  );
}

/** What a struct writes itself as in JSON, YAML and TOML, when it does: its source has a `toJSON`. */
export function marshalled(struct: Struct): string | undefined {
  const source = struct.source as { readonly toJSON?: () => string } | undefined;
  return struct.isReadable && typeof source?.toJSON === 'function' ? source.toJSON() : undefined;
}

/** A moment, which YAML and TOML have a form of their own for. */
export function isTime(struct: Struct): boolean {
  return struct.type.name === 'time.Time';
}

/** Order of reflect.Kind's numbers, by which yaml.v2 sorts keys of different kinds. */
export function kindOrder(type: GoType | undefined): number {
  return type === undefined ? kindNames.indexOf('interface') : kindNames.indexOf(type.kind);
}

const kindNames: readonly string[] = (
  'invalid bool int int8 int16 int32 int64 uint uint8 uint16 uint32 uint64 uintptr float32 float64 complex64 ' +
  'complex128 array chan func interface map ptr slice string struct'
).split(' ');
