/** `.A` on a value: methods, struct fields, map entries, and the errors of everything else. */
import type { Final } from './call.ts';
import { noFinal } from './call.ts';
import type { GoFunction } from './functions.ts';
import { quote } from './quote.ts';
import type { State } from './state.ts';
import type { Methods, StructField, StructType } from './types.ts';
import type { Value } from './values.ts';
import { GoMap, Int, Slice, Struct, typeName, zeroOf } from './values.ts';

/** Runs a method on a receiver's source, with the arguments that were written and the value of the stage before. */
export type Invoke = (state: State, dot: Value, method: GoFunction, source: unknown, final: Final) => Value;

/** Where a receiver comes from: that decides by which type messages name it. */
export interface Origin {
  /** The value it was taken from, and by which access; undefined for the first of a chain. */
  readonly container: Value;
  readonly access: FieldAccess | undefined;
  /** Place in the frame that says whether the chain's base is typed as an interface; undefined: it is not. */
  readonly flag: number | undefined;
}

/** One access, remembering the struct type that it met last. */
export class FieldAccess {
  readonly name: string;
  #type: StructType | undefined;
  #field: StructField | undefined;

  constructor(name: string) {
    this.name = name;
  }

  /** The field of a struct of the type seen before; undefined when it takes `readField` to tell. */
  cached(receiver: Value): StructField | undefined {
    return receiver instanceof Struct && receiver.type === this.#type ? this.#field : undefined;
  }

  remember(type: StructType): void {
    const index = type.index.get(this.name);
    if (index === undefined || type.methods.has(this.name)) return;
    this.#type = type;
    this.#field = type.fields[index];
  }
}

/** The last access of a chain when something was given to it, which only a method can take. */
export interface LastAccess {
  readonly invoke: Invoke;
  readonly final: Final;
}

/** Reads a chain of fields. Methods on the way are called without arguments by `invoke`. */
export function readChain(
  state: State,
  dot: Value,
  base: Value,
  chain: {
    readonly accesses: readonly FieldAccess[];
    readonly flag: number | undefined;
    /** Place in the frame that is to say whether the result is typed as an interface. */
    readonly typed?: number | undefined;
    readonly invoke: Invoke;
  },
  last?: LastAccess,
): Value {
  const { accesses, flag, invoke } = chain;
  let value = base;
  let container: Value;
  let access: FieldAccess | undefined;
  const end = accesses.length - 1;
  for (let i = 0; i <= end; i++) {
    const receiver = value;
    const origin = access;
    access = accesses[i]!;
    const field = last === undefined || i < end ? access.cached(receiver) : undefined;
    if (field !== undefined && (receiver as Struct).isReadable) {
      value = field.get((receiver as Struct).source as never);
    } else {
      const read = { dot, access, origin: { container, access: origin, flag }, invoke };
      value = readField(state, receiver, read, i === end ? last : undefined);
    }
    container = receiver;
  }
  if (chain.typed !== undefined) state.frame[chain.typed] = elementIsInterface(container, access!.name);
  return value;
}

interface Read {
  readonly dot: Value;
  readonly access: FieldAccess;
  readonly origin: Origin;
  readonly invoke: Invoke;
}

function readField(state: State, receiver: Value, read: Read, last: LastAccess | undefined): Value {
  const { name } = read.access;
  if (receiver === undefined) {
    if (state.missingKey === 'error') state.fail(`nil data; no entry for key ${quote(name)}`);
    return undefined;
  }
  if (receiver === null) return state.fail(`nil pointer evaluating interface {}.${name}`);
  if (receiver instanceof Struct) return readStruct(state, receiver, read, last);
  if (receiver instanceof GoMap && hasTextKeys(receiver)) {
    if (last !== undefined) state.fail(`${name} is not a method but has arguments`);
    return receiver.has(name) ? receiver.get(name) : missing(state, receiver, name);
  }
  const method = methodsOf(receiver)?.get(name);
  if (method !== undefined) return callMethod(state, read, method, receiver, last);
  return state.fail(`can't evaluate field ${name} in type ${staticType(state, receiver, read.origin)}`);
}

function methodsOf(receiver: Value): Methods | undefined {
  return receiver instanceof Int || receiver instanceof Slice ? receiver.type.methods : undefined;
}

function callMethod(
  state: State,
  { dot, invoke: plain }: Read,
  method: GoFunction,
  source: unknown,
  last: LastAccess | undefined,
): Value {
  const { invoke, final } = last ?? { invoke: plain, final: noFinal };
  return invoke(state, dot, method, source, final);
}

function hasTextKeys(map: GoMap): boolean {
  return map.type.key.kind === 'string' || map.type.key.kind === 'interface';
}

function missing(state: State, map: GoMap, name: string): Value {
  switch (state.missingKey) {
    case 'zero':
      return zeroOf(map.type.elem);
    case 'error':
      return state.fail(`map has no entry for key ${quote(name)}`);
    default:
      return undefined;
  }
}

function readStruct(state: State, receiver: Struct, read: Read, last: LastAccess | undefined): Value {
  const { name } = read.access;
  const method = receiver.type.methods.get(name);
  if (method !== undefined) return callMethod(state, read, method, receiver.source, last);
  const index = receiver.type.index.get(name);
  if (index === undefined) {
    return state.fail(`can't evaluate field ${name} in type ${staticType(state, receiver, read.origin)}`);
  }
  if (receiver.isNil) {
    return state.fail(`nil pointer evaluating ${staticType(state, receiver, read.origin)}.${name}`);
  }
  if (last !== undefined) state.fail(`${name} has arguments but cannot be invoked as function`);
  read.access.remember(receiver.type);
  return receiver.field(index);
}

/** The receiver's static type: what came out of an `any` is known as `interface {}` only. */
function staticType(state: State, receiver: Value, origin: Origin): string {
  return isInterface(state, origin) ? 'interface {}' : typeName(receiver);
}

function isInterface(state: State, { container, access, flag }: Origin): boolean {
  if (access === undefined) return flag !== undefined && state.frame[flag] === true;
  return elementIsInterface(container, access.name);
}

function elementIsInterface(container: Value, name: string): boolean {
  if (container instanceof GoMap) return container.type.elem.kind === 'interface';
  if (!(container instanceof Struct)) return false;
  const method = container.type.methods.get(name);
  if (method !== undefined) return method.result.kind === 'interface';
  const index = container.type.index.get(name);
  return index !== undefined && container.type.fields[index]!.type.kind === 'interface';
}

/** Whether what a range takes out of a value is typed as an interface. */
export function elementsAreInterfaces(container: Value): boolean {
  if (typeof container !== 'object' || container === null) return false;
  return (
    (container.kind === 'slice' || container.kind === 'map' || container.kind === 'chan') &&
    container.type.elem.kind === 'interface'
  );
}
