/** In: the nodes of pipelines. Out: closures that evaluate them. What messages will quote is set exactly where Go sets it. */
import { builtins, specialForms } from './builtins.ts';
import type { Builtin } from './builtins.ts';
import {
  callFunction,
  callValue,
  checkLength,
  checkType,
  constantValue,
  evalArgument,
  failCall,
  idealNumber,
  noFinal,
} from './call.ts';
import type { Argument, Call, Eval, Final } from './call.ts';
import { FieldAccess, readChain } from './field.ts';
import type { Invoke } from './field.ts';
import type {
  ChainNode,
  CommandNode,
  FieldNode,
  IdentifierNode,
  Node,
  OperandNode,
  PipeNode,
  VariableNode,
} from './nodes.ts';
import { printNode } from './nodes.ts';
import { quote } from './quote.ts';
import type { Scope, Variable } from './scope.ts';
import type { State } from './state.ts';
import { unset } from './state.ts';
import { isTrue } from './truth.ts';
import { stringType } from './types.ts';
import type { Value } from './values.ts';
import { typeName } from './values.ts';

type Command = (state: State, dot: Value, final: Final) => Value;

/** Places of the functions that a text calls by name and that are not of the language itself. */
export interface FunctionTable {
  /** Undefined: the name is a builtin's. */
  indexOf(name: string): number | undefined;
}

export class PipelineCompiler {
  readonly scope: Scope;
  /** Place in the frame that says whether dot is typed as an interface; undefined where it never is. */
  dotFlag: number | undefined;
  readonly #functions: FunctionTable;

  constructor(scope: Scope, functions: FunctionTable) {
    this.scope = scope;
    this.#functions = functions;
  }

  pipeline(pipe: PipeNode): Eval {
    const value = this.#commands(pipe);
    const store = pipe.variables.map((variable) => this.#store(variable, pipe.isAssign));
    const [only] = store;
    if (only === undefined) return value;
    return (state, dot) => {
      const result = value(state, dot);
      for (const put of store) put(state, result);
      return result;
    };
  }

  /** Sets an existing variable; what it names may turn out not to be there. */
  assign(name: string): (state: State, value: Value, isInterface: boolean) => void {
    const find = this.#find(name);
    return (state, value, isInterface) => {
      const slot = find(state);
      if (slot === undefined) return state.fail(`undefined variable: ${name}`);
      state.frame[slot] = value;
      state.frame[slot + 1] = isInterface;
    };
  }

  /** Finds the place of a variable by name; undefined when none has been declared. */
  #find(name: string): (state: State) => number | undefined {
    const variables = this.scope.resolve(name);
    const [only] = variables;
    if (only?.isConditional === false) return () => only.slot;
    return (state) => variables.find(({ slot }) => state.frame[slot] !== unset)?.slot;
  }

  #store({ name }: VariableNode, isAssign: boolean): (state: State, value: Value) => void {
    if (isAssign) {
      const assign = this.assign(name);
      return (state, value) => assign(state, value, false);
    }
    const { slot } = this.scope.declare(name);
    return (state, value) => {
      state.frame[slot] = value;
      state.frame[slot + 1] = false;
    };
  }

  #commands(pipe: PipeNode): Eval {
    const commands = pipe.commands.map((command, i) => this.#command(command, i > 0));
    const [first, ...others] = commands as [Command, ...Command[]];
    if (others.length === 0) {
      return (state, dot) => {
        state.node = pipe;
        return first(state, dot, noFinal) ?? undefined;
      };
    }
    return (state, dot) => {
      state.node = pipe;
      // Out of an interface after each stage: nil there is no value here.
      let value = first(state, dot, noFinal) ?? undefined;
      for (const command of others) value = command(state, dot, value) ?? undefined;
      return value;
    };
  }

  #command(command: CommandNode, hasFinal: boolean): Command {
    const [first, ...rest] = command.args;
    switch (first.type) {
      case 'field':
        return this.#field(first, rest);
      case 'chain':
        return this.#chain(first, rest);
      case 'identifier':
        return this.#function(first, command, rest);
      case 'variable':
        if (first.fields.length > 0) return this.#variableChain(first, rest);
        return this.#plainVariable(first, hasFinal || rest.length > 0);
      case 'pipe':
        return this.#plain(first, this.pipeline(first), hasFinal || rest.length > 0, undefined);
      default:
        return this.#plain(first, this.#constant(first), hasFinal || rest.length > 0, first);
    }
  }

  /** Something that takes no arguments; `at` is the node that a complaint about some points at. */
  #plain(node: OperandNode, value: Eval, hasArgs: boolean, at: Node | undefined): Command {
    if (!hasArgs) return value;
    return (state) => {
      if (at !== undefined) state.node = at;
      return state.fail(`can't give argument to non-function ${printNode(node)}`);
    };
  }

  /** Go looks the variable up before it complains about arguments. */
  #plainVariable(node: VariableNode, hasArgs: boolean): Command {
    const value = this.#variable(node);
    if (!hasArgs) return value;
    return (state, dot) => {
      value(state, dot);
      return state.fail(`can't give argument to non-function ${printNode(node)}`);
    };
  }

  #constant(node: OperandNode): Eval {
    if (node.type === 'dot') {
      return (state, dot) => {
        state.node = node;
        return dot;
      };
    }
    if (node.type === 'nil') {
      return (state) => {
        state.node = node;
        return state.fail('nil is not a command');
      };
    }
    return this.#literal(node);
  }

  #literal(node: OperandNode): Eval {
    if (node.type === 'number' && idealNumber(node) === undefined) {
      return (state) => {
        state.node = node;
        return constantValue(state, node);
      };
    }
    const value = literalValue(node);
    return (state) => {
      state.node = node;
      return value;
    };
  }

  // Operands that are not constants. `typed` is where in the frame a chain of fields notes whether it is typed as an interface.

  #operand(node: OperandNode, typed?: number): Eval | undefined {
    switch (node.type) {
      case 'dot':
        return (_, dot) => dot;
      case 'field':
        return withoutFinal(this.#field(node, [], typed));
      case 'variable':
        return node.fields.length > 0
          ? withoutFinal(this.#variableChain(node, [], typed))
          : this.#variable(node);
      case 'pipe':
        return this.pipeline(node);
      case 'identifier':
        return withoutFinal(this.#function(node, node, []));
      case 'chain':
        return withoutFinal(this.#chain(node, [], typed));
      default:
        return undefined;
    }
  }

  #arguments(nodes: readonly OperandNode[]): Argument[] {
    return nodes.map((node) => ({ node, eval: this.#operand(node) }));
  }

  /** An argument for a parameter that takes anything. Nil and no value stay apart, but for parameters of type `any`. */
  #anyArgument(node: OperandNode, takesAny: boolean): Eval {
    const value = this.#operand(node) ?? (node.type === 'nil' ? () => undefined : this.#literal(node));
    return (state, dot) => {
      state.node = node;
      const result = value(state, dot);
      return takesAny && result === undefined ? null : result;
    };
  }

  #variable(node: VariableNode): Eval {
    const get = this.#lookUp(node.name);
    return (state, dot) => {
      state.node = node;
      return get(state, dot);
    };
  }

  #lookUp(name: string): Eval {
    const find = this.#find(name);
    return (state) => {
      const slot = find(state);
      return slot === undefined ? state.fail(`undefined variable: ${name}`) : (state.frame[slot] as Value);
    };
  }

  #variableChain(node: VariableNode, rest: readonly OperandNode[], typed?: number): Command {
    const flag = this.scope.resolve(node.name)[0];
    const base = this.#variable(node);
    const flags = { flag: flag === undefined ? undefined : flag.slot + 1, typed };
    return this.#fields(node, base, node.fields, rest, flags);
  }

  #field(node: FieldNode, rest: readonly OperandNode[], typed?: number): Command {
    const base: Eval = (state, dot) => {
      state.node = node;
      return dot;
    };
    return this.#fields(node, base, node.names, rest, { flag: this.dotFlag, typed });
  }

  #chain(node: ChainNode, rest: readonly OperandNode[], typed?: number): Command {
    const { term } = node;
    const value = this.#operand(term)!;
    const isFunction = term.type === 'identifier';
    const index = isFunction ? this.#functions.indexOf(term.name) : undefined;
    const flag = index === undefined ? undefined : this.scope.reserve();
    const base: Eval = (state, dot) => {
      state.node = term;
      if (flag !== undefined) state.frame[flag] = state.functions[index!]?.result.kind === 'interface';
      return value(state, dot);
    };
    return this.#fields(node, base, node.fields, rest, { flag, typed });
  }

  /** Fields of a base, the last of which may be a method that takes the arguments. */
  #fields(
    node: OperandNode,
    base: Eval,
    names: readonly string[],
    rest: readonly OperandNode[],
    flags: { readonly flag: number | undefined; readonly typed: number | undefined },
  ): Command {
    const args = this.#arguments(rest);
    const invoke = invocation(node, []);
    const chain = { accesses: names.map((name) => new FieldAccess(name)), ...flags, invoke };
    const withArgs = invocation(node, args);
    return (state, dot, final) => {
      const value = base(state, dot);
      if (final === noFinal && args.length === 0) return readChain(state, dot, value, chain);
      return readChain(state, dot, value, chain, { invoke: withArgs, final });
    };
  }

  // Functions

  #function(node: IdentifierNode, command: Node, rest: readonly OperandNode[]): Command {
    const index = this.#functions.indexOf(node.name);
    if (index === undefined) return this.#builtin(node, command, rest);
    const call: Call = { name: node.name, node: command, args: this.#arguments(rest) };
    return (state, dot, final) => {
      state.node = node;
      const definition = state.functions[index];
      if (definition === undefined) return state.fail(`${quote(node.name)} is not a defined function`);
      return callFunction(state, dot, definition, call, final);
    };
  }

  #builtin(node: IdentifierNode, command: Node, rest: readonly OperandNode[]): Command {
    if (specialForms.has(node.name)) {
      return node.name === 'call' ? this.#call(node, command, rest) : this.#andOr(node, rest);
    }
    const builtin = builtins.get(node.name)!;
    const call = { name: node.name, node: command };
    const args = this.#builtinArguments(builtin, rest);
    return (state, dot, final) => {
      state.node = node;
      const given = args.length + (final === noFinal ? 0 : 1);
      if (given < builtin.least || (given > builtin.least && !builtin.variadic)) {
        return wrongCount(state, node.name, builtin, args.length, given);
      }
      const values: Value[] = [];
      for (const arg of args) values.push(arg(state, dot));
      if (final !== noFinal) values.push(finalArgument(state, final, builtin, values.length));
      let result: Value;
      try {
        result = builtin.call(values);
      } catch (error) {
        return failCall(state, call, error);
      }
      if (typeof result === 'string') checkLength(state, result);
      return result;
    };
  }

  #builtinArguments(builtin: Builtin, nodes: readonly OperandNode[]): Eval[] {
    return nodes.map((node, i) => {
      if (i > 0 && builtin === builtins.get('slice')) return this.#sliceIndex(node);
      if (i > 0 || builtin.format !== true) return this.#anyArgument(node, builtin.takesAny);
      const argument = { node, eval: this.#operand(node) };
      return (state, dot) => evalArgument(state, dot, argument, stringType);
    });
  }

  /** Unlike `index`, `slice` does not look into interfaces: an index that is typed as one becomes nil, whatever it holds. */
  #sliceIndex(node: OperandNode): Eval {
    if (node.type === 'dot') return this.#untyped(node, this.#constant(node), this.dotFlag);
    if (node.type === 'variable' && node.fields.length === 0) {
      const find = this.#find(node.name);
      const value = this.#variable(node);
      return (state, dot) => {
        const result = value(state, dot);
        return state.frame[find(state)! + 1] === true ? null : result;
      };
    }
    if (node.type !== 'field' && node.type !== 'variable' && node.type !== 'chain') {
      return this.#anyArgument(node, false);
    }
    const typed = this.scope.reserve();
    return this.#untyped(node, this.#operand(node, typed)!, typed);
  }

  #untyped(node: OperandNode, value: Eval, typed: number | undefined): Eval {
    return (state, dot) => {
      state.node = node;
      const result = value(state, dot);
      return typed !== undefined && result !== undefined && state.frame[typed] === true ? null : result;
    };
  }

  #call(node: IdentifierNode, command: Node, rest: readonly OperandNode[]): Command {
    const args = rest.map((arg) => this.#anyArgument(arg, false));
    const [callee] = rest;
    return (state, dot, final) => {
      state.node = node;
      if (callee === undefined && final === noFinal) return state.fail(atLeastOne(node.name));
      const values = args.map((arg) => arg(state, dot));
      if (final !== noFinal) values.push(final);
      const [target, ...others] = values;
      try {
        return callValue(callee === undefined ? describe(target) : printNode(callee), target, others);
      } catch (error) {
        return failCall(state, { name: node.name, node: command }, error);
      }
    };
  }

  /** Evaluated from the left up to the first argument that decides, which is the result. */
  #andOr(node: IdentifierNode, rest: readonly OperandNode[]): Command {
    const decides = node.name === 'or';
    const [first, ...others] = rest;
    const head = first === undefined ? undefined : this.#anyArgument(first, false);
    const { result: tail, declared } = this.scope.conditionally(() =>
      others.map((arg) => this.#anyArgument(arg, false)),
    );
    const args = head === undefined ? [] : [head, ...tail];
    return (state, dot, final) => {
      state.node = node;
      if (args.length === 0 && final === noFinal) return state.fail(atLeastOne(node.name));
      forget(state, declared);
      let value: Value;
      for (const arg of args) {
        value = arg(state, dot);
        if (isTrue(value) === decides) return value;
      }
      return final === noFinal ? value : final;
    };
  }
}

function withoutFinal(command: Command): Eval {
  return (state, dot) => command(state, dot, noFinal);
}

function literalValue(node: OperandNode): Value {
  if (node.type === 'bool') return node.value;
  if (node.type === 'string') return node.text;
  return node.type === 'number' ? idealNumber(node) : undefined;
}

function invocation(node: Node, args: readonly Argument[]): Invoke {
  return (state, dot, method, source, final) => {
    return callFunction(state, dot, method, { name: method.name, node, args }, final, { source });
  };
}

function finalArgument(state: State, final: Value, builtin: Builtin, position: number): Value {
  if (position === 0 && builtin.format === true) return checkType(state, final, stringType);
  return builtin.takesAny && final === undefined ? null : final;
}

function wrongCount(state: State, name: string, builtin: Builtin, written: number, given: number): never {
  const want = builtin.variadic
    ? `at least ${builtin.least} got ${written}`
    : `${builtin.least} got ${given}`;
  return state.fail(`wrong number of args for ${name}: want ${want}`);
}

function atLeastOne(name: string): string {
  return `wrong number of args for ${name}: want at least 1 got 0`;
}

function describe(value: Value): string {
  if (typeof value === 'string') return value;
  return `<${value === undefined ? 'invalid' : typeName(value)} Value>`;
}

function forget(state: State, declared: readonly Variable[]): void {
  for (const { slot } of declared) state.frame[slot] = unset;
}
