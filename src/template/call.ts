/** Calling functions and methods with Go's checks of number and type of the arguments. */
import { TemplateError } from './errors.ts';
import type { GoFunction } from './functions.ts';
import { Abort } from './functions.ts';
import { mapKey } from './elements.ts';
import type { Node, NumberNode, OperandNode } from './nodes.ts';
import { printNode } from './nodes.ts';
import type { State } from './state.ts';
import type { BasicType, GoType } from './types.ts';
import { assignable, canBeNil, intType, isSigned, isUnsigned } from './types.ts';
import type { Value } from './values.ts';
import { Complex, Float, Func, int, Int, Struct, typeName, typeOf, zeroOf } from './values.ts';

/** Evaluates something under a dot. */
export type Eval = (state: State, dot: Value) => Value;

/** The value that a pipeline hands to its next stage; `noFinal` for its first. */
export const noFinal: unique symbol = Symbol('no final');
export type Final = Value | typeof noFinal;

/** An argument as it was compiled: a constant is converted to the parameter's type, anything else is checked against it. */
export interface Argument {
  readonly node: OperandNode;
  /** Undefined for constants: nil, booleans, numbers and strings. */
  readonly eval: Eval | undefined;
}

export interface Call {
  readonly name: string;
  /** What messages about a failed call quote. */
  readonly node: Node;
  readonly args: readonly Argument[];
}

/** Calls a function; with a receiver, a method. */
export function callFunction(
  state: State,
  dot: Value,
  definition: GoFunction,
  call: Call,
  final: Final,
  receiver?: { readonly source: unknown },
): Value {
  const { params, variadic } = definition;
  const given = call.args.length + (final === noFinal ? 0 : 1);
  checkCount(state, call, params.length, variadic, given);
  const last = params.length - 1;
  const argv: Value[] = receiver === undefined ? [] : [receiver.source as Value];
  for (let i = 0; i < call.args.length; i++) {
    argv.push(evalArgument(state, dot, call.args[i]!, params[Math.min(i, last)]!));
  }
  if (final !== noFinal) argv.push(checkType(state, final, params[Math.min(given - 1, last)]!));
  let result: Value;
  try {
    result = definition.call(...argv);
  } catch (error) {
    return failCall(state, call, error);
  }
  if (typeof result === 'string') checkLength(state, result);
  return result;
}

/** A string must not grow past what may be put out, wherever it is kept meanwhile. */
export function checkLength(state: State, text: string): void {
  if (text.length > state.budget.outputLength) {
    state.exceed(`exceeded the limit of ${state.budget.outputLength} characters of output`);
  }
}

/** What a function throws becomes Go's `error calling`, but for what ends the execution itself. */
export function failCall(state: State, call: Pick<Call, 'name' | 'node'>, error: unknown): never {
  if (error instanceof Abort || (error instanceof TemplateError && error.phase === 'limit')) throw error;
  if (isStackOverflow(error)) throw error;
  state.node = call.node;
  return state.fail(
    `error calling ${call.name}: ${error instanceof Error ? error.message : String(error)}`,
    error,
  );
}

function checkCount(state: State, call: Call, params: number, variadic: boolean, given: number): void {
  if (variadic) {
    if (given >= params - 1) return;
    // Go counts what was written here, without what the pipeline brings.
    state.fail(`wrong number of args for ${call.name}: want at least ${params - 1} got ${call.args.length}`);
  }
  if (given !== params) state.fail(`wrong number of args for ${call.name}: want ${params} got ${given}`);
}

export function isStackOverflow(error: unknown): boolean {
  return error instanceof RangeError && error.message.includes('call stack');
}

/** An argument for a parameter of a type. */
export function evalArgument(state: State, dot: Value, argument: Argument, type: GoType): Value {
  const { node } = argument;
  state.node = node;
  if (argument.eval !== undefined) return checkType(state, argument.eval(state, dot), type);
  if (node.type === 'nil') {
    return canBeNil(type) ? zeroOf(type) : state.fail(`cannot assign nil to ${type.name}`);
  }
  return convertConstant(state, node, type);
}

/** A value for a parameter of a type: nil where it can be, through one pointer where that helps. */
export function checkType(state: State, value: Value, type: GoType): Value {
  if (type.kind === 'interface') return value === undefined ? null : value;
  if (value === undefined) {
    return canBeNil(type) ? zeroOf(type) : state.fail(`invalid value; expected ${type.name}`);
  }
  const from = typeOf(value);
  if (from === undefined) {
    return state.fail(`wrong type for value; expected ${type.name}; got interface {}`);
  }
  if (from === type || assignable(from, type)) return value;
  if (value instanceof Struct) {
    if (type === value.type) {
      return value.isNil
        ? state.fail(`dereference of nil pointer of type ${type.name}`)
        : new Struct(value.type, value.source, false);
    }
    if (type === value.type.pointer) return new Struct(value.type, value.source);
  }
  return state.fail(`wrong type for value; expected ${type.name}; got ${typeName(value)}`);
}

function convertConstant(state: State, node: OperandNode, type: GoType): Value {
  const { kind } = type;
  if (kind === 'interface') return constantValue(state, node);
  if (kind === 'string') return node.type === 'string' ? node.text : mismatch(state, 'string', node);
  if (kind === 'bool') return node.type === 'bool' ? node.value : mismatch(state, 'bool', node);
  const number = node.type === 'number' ? node : undefined;
  if (kind === 'float64') {
    return number?.float === undefined ? mismatch(state, 'float', node) : new Float(number.float);
  }
  if (kind === 'complex128') {
    const { re, im } = number?.complex ?? mismatch(state, 'complex', node);
    return new Complex(re, im);
  }
  if (isSigned(kind)) {
    const value = number?.int ?? mismatch(state, 'integer', node);
    return type === intType ? int(value) : new Int(kind, value, type as BasicType);
  }
  if (isUnsigned(kind)) {
    return new Int(kind, number?.uint ?? mismatch(state, 'unsigned integer', node));
  }
  return state.fail(`can't handle ${printNode(node)} for arg of type ${type.name}`);
}

function mismatch(state: State, expected: string, node: OperandNode): never {
  return state.fail(`expected ${expected}; found ${printNode(node)}`);
}

/** A constant where nothing says of which type it should be: its spelling decides. */
export function constantValue(state: State, node: OperandNode): Value {
  switch (node.type) {
    case 'bool':
      return node.value;
    case 'string':
      return node.text;
    case 'number':
      return idealNumber(node) ?? state.fail(`${node.text} overflows int`);
    default:
      return undefined;
  }
}

/** Undefined: larger than an int. */
export function idealNumber({ text, complex, float, int: whole }: NumberNode): Value {
  if (complex !== undefined) return new Complex(complex.re, complex.im);
  const isHexInteger = /^0[xX]/.test(text) && !/[pP]/.test(text);
  if (float !== undefined && !isHexInteger && !text.startsWith("'") && /[.eEpP]/.test(text))
    return new Float(float);
  return whole === undefined ? undefined : int(whole);
}

/** The builtin `call`: checks as of a function's own call, in other words. */
export function callValue(callee: string, target: Value, args: readonly Value[]): Value {
  if (target === undefined || target === null) throw new Error('call of nil');
  if (!(target instanceof Func)) throw new Error(`non-function ${callee} of type ${typeName(target)}`);
  const { params, variadic, call } = target.definition;
  const wrong = `wrong number of args for ${callee}: got ${args.length} want`;
  if (variadic && args.length < params.length - 1) throw new Error(`${wrong} at least ${params.length - 1}`);
  if (!variadic && args.length !== params.length) throw new Error(`${wrong} ${params.length}`);
  const prepared = args.map((arg, i) => {
    try {
      return mapKey(arg, params[Math.min(i, params.length - 1)]!);
    } catch (error) {
      throw new Error(`arg ${i}: ${(error as Error).message}`, { cause: error });
    }
  });
  return call(...prepared);
}
