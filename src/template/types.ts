/**
 * Descriptions of Go's types, as far as a template can see them: in messages, in `%T`, in argument checks and as the
 * zero value of an absent map entry. Two types are the same exactly when their names are.
 */
import type { GoFunction } from './functions.ts';
import type { Value } from './values.ts';

export type IntKind = 'int' | 'int8' | 'int16' | 'int32' | 'int64';
export type UintKind = 'uint' | 'uint8' | 'uint16' | 'uint32' | 'uint64';
export type BasicKind = 'bool' | 'string' | IntKind | UintKind | 'float64' | 'complex128';

export interface BasicType {
  readonly kind: BasicKind;
  /** The kind's, or that of a defined type such as `time.Duration`. */
  readonly name: string;
  /** Go's `String()` of a defined type of integers: used wherever a `%v`, `%s` or bare action prints one. */
  readonly text?: (value: bigint) => string;
  /** The first argument of each implementation is the value itself. */
  readonly methods?: Methods;
}

export type Methods = ReadonlyMap<string, GoFunction>;

/** `interface {}`: what a value loses its own type in, as in `[]any` and `map[string]any`. */
export interface InterfaceType {
  readonly kind: 'interface';
  readonly name: 'interface {}';
}

export interface SliceType {
  readonly kind: 'slice';
  /** `[]string`, or the name of a defined type such as `dependency.ServiceTags`. */
  readonly name: string;
  /** The name without a definition; equals `name` for `[]T`. */
  readonly underlying: string;
  readonly elem: GoType;
  /** The first argument of each implementation is the slice itself. */
  readonly methods?: Methods;
}

export interface MapType {
  readonly kind: 'map';
  readonly name: string;
  readonly underlying: string;
  readonly key: GoType;
  readonly elem: GoType;
}

export interface PointerType {
  readonly kind: 'ptr';
  readonly name: string;
  readonly elem: StructType;
}

export interface FuncType {
  readonly kind: 'func';
  readonly name: string;
}

export interface ChanType {
  readonly kind: 'chan';
  readonly name: string;
  readonly elem: GoType;
}

/** One exported field. `get` reads it from the struct's source, whatever object that is. */
export interface StructField {
  readonly name: string;
  readonly type: GoType;
  readonly get: (source: never) => Value;
}

export interface StructType {
  readonly kind: 'struct';
  readonly name: string;
  readonly fields: readonly StructField[];
  readonly index: ReadonlyMap<string, number>;
  /** Methods of the pointer type; the first argument of each implementation is the struct's source. */
  readonly methods: Methods;
  /** Go's `String()` of it, when it has one: used wherever a `%v`, `%s` or bare action prints it. */
  readonly text: ((source: never) => string) | undefined;
  /** `*T` of this struct. */
  readonly pointer: PointerType;
}

export type GoType =
  | BasicType
  | InterfaceType
  | SliceType
  | MapType
  | PointerType
  | FuncType
  | ChanType
  | StructType;

const basic = (kind: BasicKind): BasicType => Object.freeze({ kind, name: kind });

export const boolType = basic('bool');
export const stringType = basic('string');
export const intType = basic('int');
export const int64Type = basic('int64');
export const uint64Type = basic('uint64');
export const float64Type = basic('float64');
export const complex128Type = basic('complex128');
export const anyType: InterfaceType = Object.freeze({ kind: 'interface', name: 'interface {}' });

/** The basic types by name. */
export const basicTypes: Readonly<Record<BasicKind, BasicType>> = Object.freeze({
  bool: boolType,
  string: stringType,
  int: intType,
  int8: basic('int8'),
  int16: basic('int16'),
  int32: basic('int32'),
  int64: int64Type,
  uint: basic('uint'),
  uint8: basic('uint8'),
  uint16: basic('uint16'),
  uint32: basic('uint32'),
  uint64: uint64Type,
  float64: float64Type,
  complex128: complex128Type,
});

/** `[]elem`; with a name, a defined type such as `dependency.ServiceTags`. */
export function sliceOf(elem: GoType, name?: string): SliceType {
  const underlying = `[]${elem.name}`;
  return Object.freeze({ kind: 'slice', name: name ?? underlying, underlying, elem });
}

/** `map[key]elem`; with a name, a defined type. */
export function mapOf(key: GoType, elem: GoType, name?: string): MapType {
  const underlying = `map[${key.name}]${elem.name}`;
  return Object.freeze({ kind: 'map', name: name ?? underlying, underlying, key, elem });
}

/** `<-chan elem`: templates only ever receive. */
export function chanOf(elem: GoType): ChanType {
  return Object.freeze({ kind: 'chan', name: `<-chan ${elem.name}`, elem });
}

export const anySliceType = sliceOf(anyType);
export const stringSliceType = sliceOf(stringType);
export const anyMapType = mapOf(stringType, anyType);
export const stringMapType = mapOf(stringType, stringType);
export const anyKeyMapType = mapOf(anyType, anyType);

/**
 * A type from its Go spelling: basic types, `any`, `[]T`, `map[K]V`, `<-chan T`, `func(T)`.
 * Throws a RangeError for anything else; defined types are passed as descriptions, not as text.
 */
export function parseType(text: string): GoType {
  if (text === 'any' || text === 'interface {}') return anyType;
  if (text.startsWith('[]')) return sliceOf(parseType(text.slice(2)));
  if (text.startsWith('<-chan ')) return chanOf(parseType(text.slice(7)));
  if (text.startsWith('func(')) return Object.freeze({ kind: 'func', name: text });
  const map = /^map\[(\w+|interface \{\})\](.+)$/.exec(text);
  if (map) return mapOf(parseType(map[1]!), parseType(map[2]!));
  const found = Object.hasOwn(basicTypes, text) ? basicTypes[text as BasicKind] : undefined;
  if (found === undefined) throw new RangeError(`unknown Go type ${JSON.stringify(text)}`);
  return found;
}

/** Whether a value of type `from` may be stored in a `to` without a conversion. */
export function assignable(from: GoType, to: GoType): boolean {
  if (to.kind === 'interface' || from.name === to.name) return true;
  if (from.kind === 'slice' && to.kind === 'slice') return sameShape(from, to);
  return from.kind === 'map' && to.kind === 'map' && sameShape(from, to);
}

// Equal underlying types are enough when one of the two has no name of its own.
function sameShape(from: SliceType | MapType, to: SliceType | MapType): boolean {
  if (from.underlying !== to.underlying) return false;
  return from.name === from.underlying || to.name === to.underlying;
}

/** Whether nil is a value of the type. */
export function canBeNil(type: GoType): boolean {
  switch (type.kind) {
    case 'interface':
    case 'slice':
    case 'map':
    case 'ptr':
    case 'func':
    case 'chan':
      return true;
    default:
      return false;
  }
}

export function isSigned(kind: string): kind is IntKind {
  return kind.startsWith('int') && kind !== 'interface';
}

export function isUnsigned(kind: string): kind is UintKind {
  return kind.startsWith('uint');
}
