/** Declaring functions and struct types for templates. The engine checks arguments as Go does, before the function is called. */
import type { BasicType, GoType, IntKind, PointerType, SliceType, StructField, StructType } from './types.ts';
import { anyType, parseType, sliceOf } from './types.ts';
import type { Float, GoMap, Int, Slice, Value } from './values.ts';

/**
 * A parameter or result: a Go type in its own spelling (`string`, `int`, `[]string`, `map[string]any`, `any`), or a
 * description for a defined type. As the last parameter `...T` takes any number of arguments.
 */
export type TypeSpec = string | GoType;

/** What an implementation gets for a parameter: the checks have been made. `any` may be null (nil) or undefined (no value). */
export type ArgumentOf<S> = S extends 'string'
  ? string
  : S extends 'bool'
    ? boolean
    : S extends 'int'
      ? number | Int
      : S extends 'int64' | 'uint64'
        ? Int
        : S extends 'float64'
          ? Float
          : S extends `[]${string}` | SliceType
            ? Slice
            : S extends `map[${string}`
              ? GoMap
              : Value;

export type ArgumentsOf<P extends readonly TypeSpec[]> = P extends readonly [
  ...infer Head extends readonly TypeSpec[],
  `...${infer Rest}`,
]
  ? [...{ [K in keyof Head]: ArgumentOf<Head[K]> }, ...ArgumentOf<Rest>[]]
  : { -readonly [K in keyof P]: ArgumentOf<P[K]> };

/** A declared function: what it takes, what it gives, and the implementation. */
export interface GoFunction {
  readonly name: string;
  /** One type a parameter; the last is the element type when variadic. */
  readonly params: readonly GoType[];
  readonly variadic: boolean;
  readonly result: GoType;
  /** `func(string, ...interface {}) string`, for messages. */
  readonly typeName: string;
  readonly call: (...args: Value[]) => Value;
}

export interface Signature<P extends readonly TypeSpec[]> {
  readonly params: P;
  /** `any` when left out: a nil result then is no value. */
  readonly result?: TypeSpec;
}

/**
 * Declares a function.
 *
 *     defineFunction('join', { params: ['string', '[]string'], result: 'string' }, (separator, list) => ...)
 *
 * What the implementation throws becomes `error calling NAME: MESSAGE` with the error as its cause; an `Abort` leaves the
 * execution as it is.
 */
export function defineFunction<const P extends readonly TypeSpec[]>(
  name: string,
  signature: Signature<P>,
  implementation: (...args: ArgumentsOf<P>) => Value,
): GoFunction {
  return declare(name, signature, implementation as unknown as (...args: Value[]) => Value);
}

function declare(
  name: string,
  signature: Signature<readonly TypeSpec[]>,
  call: (...args: Value[]) => Value,
): GoFunction {
  const last = signature.params.at(-1);
  const variadic = typeof last === 'string' && last.startsWith('...');
  const params = signature.params.map((spec) =>
    typeof spec === 'string' ? parseType(spec.startsWith('...') ? spec.slice(3) : spec) : spec,
  );
  const result = resolve(signature.result ?? anyType);
  const shown = params.map((type, i) =>
    variadic && i === params.length - 1 ? `...${type.name}` : type.name,
  );
  const typeName = `func(${shown.join(', ')}) ${result.name}`;
  return Object.freeze({ name, params, variadic, result, typeName, call });
}

function resolve(spec: TypeSpec): GoType {
  return typeof spec === 'string' ? parseType(spec) : spec;
}

/** Functions by name, as `execute` takes them. */
export function functionMap(...functions: readonly GoFunction[]): Map<string, GoFunction> {
  return new Map(functions.map((definition) => [definition.name, definition]));
}

/** Thrown by a function to leave an execution at once: it comes out of `execute` unchanged. */
export class Abort extends Error {
  override readonly name = 'Abort';
}

export interface FieldSpec<S> {
  readonly type: TypeSpec;
  /** How to read the field from the source; by default the property of the same name. */
  readonly get?: (source: S) => Value;
}

export interface MethodSpec<S> {
  readonly params: readonly TypeSpec[];
  readonly result?: TypeSpec;
  readonly call: (source: S, ...args: never[]) => Value;
}

export type MethodSpecs<S> = Readonly<Record<string, MethodSpec<S>>>;

export interface StructSpec<S> {
  /** With the package, as in messages: `dependency.HealthService`. */
  readonly name: string;
  /** In Go's order, which `%v` shows. */
  readonly fields: Readonly<Record<string, TypeSpec | FieldSpec<S>>>;
  /** A function of the type where methods take or give it. */
  readonly methods?: MethodSpecs<S> | ((self: StructType) => MethodSpecs<S>);
  /** Go's `String()`. */
  readonly text?: (source: S) => string;
}

/**
 * Declares a struct type over any kind of source object.
 *
 *     const keyPair = defineStruct<KeyPair>({
 *       name: 'dependency.KeyPair',
 *       fields: { Path: { type: 'string', get: (p) => p.path }, Flags: { type: 'uint64', get: (p) => uint64(p.flags) } },
 *     });
 *     new Struct(keyPair, pair)          // *dependency.KeyPair
 *     new Struct(keyPair, pair, false)   // dependency.KeyPair, by value
 */
export function defineStruct<S>(spec: StructSpec<S>): StructType {
  const fields = Object.entries(spec.fields).map(([name, field]) => structField(name, field));
  const methods = new Map<string, GoFunction>();
  const type = {
    kind: 'struct',
    name: spec.name,
    fields,
    index: new Map(fields.map((field, i) => [field.name, i])),
    methods,
    text: spec.text as ((source: never) => string) | undefined,
  } as const;
  const pointer: { kind: 'ptr'; name: string; elem?: StructType } = { kind: 'ptr', name: `*${spec.name}` };
  const whole = Object.assign(type, { pointer: pointer as PointerType });
  pointer.elem = whole;
  const specs = typeof spec.methods === 'function' ? spec.methods(whole) : spec.methods;
  for (const [name, method] of methodTable(specs ?? {})) methods.set(name, method);
  return Object.freeze(whole);
}

function methodTable<S>(specs: MethodSpecs<S>): Map<string, GoFunction> {
  return new Map(
    Object.entries(specs).map(([name, method]) => [
      name,
      declare(name, method, method.call as unknown as (...args: Value[]) => Value),
    ]),
  );
}

export interface IntegerSpec {
  readonly name: string;
  readonly kind: IntKind;
  /** Go's `String()`; left out where only pointers have it. */
  readonly text?: (value: bigint) => string;
  readonly methods?: MethodSpecs<Int>;
}

/** Declares a defined type of integers. `new Int(type.kind, 5n, type)` is a value of it. */
export function defineInteger({ methods = {}, ...spec }: IntegerSpec): BasicType & { kind: IntKind } {
  return Object.freeze({ ...spec, methods: methodTable(methods) });
}

/** A defined type of slices, with methods. */
export function withMethods(type: SliceType, methods: MethodSpecs<Slice>): SliceType {
  return Object.freeze({ ...type, methods: methodTable(methods) });
}

function structField<S>(name: string, field: TypeSpec | FieldSpec<S>): StructField {
  if (typeof field === 'string' || 'kind' in field) {
    return { name, type: resolve(field), get: (source: Readonly<Record<string, Value>>) => source[name] };
  }
  const read = field.get ?? ((source: S) => (source as Readonly<Record<string, Value>>)[name]);
  return { name, type: resolve(field.type), get: read };
}

/** `[]*T` of the given sources. */
export function pointerSliceType(type: StructType): SliceType {
  return sliceOf(type.pointer);
}
