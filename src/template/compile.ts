/** In: the tree of a definition. Out: a closure that runs it. */
import type { Eval } from './call.ts';
import type { FunctionTable } from './evaluate.ts';
import { PipelineCompiler } from './evaluate.ts';
import { elementsAreInterfaces } from './field.ts';
import { printNode } from './nodes.ts';
import type { ActionNode, BranchNode, ListNode, StatementNode, TemplateNode, Tree } from './nodes.ts';
import { followed, printable, printText } from './print.ts';
import { quote } from './quote.ts';
import { Scope } from './scope.ts';
import type { State } from './state.ts';
import { isTrue } from './truth.ts';
import type { Value } from './values.ts';
import { Chan, int, Int, Struct, typeName } from './values.ts';

/** How a statement ends: normally, or on the way out of the innermost range. */
type Outcome = 'next' | 'break' | 'continue';
type Run = (state: State, dot: Value) => Outcome;

export interface Definition {
  readonly name: string;
  /** Runs it in a frame of its own. */
  readonly run: (state: State, dot: Value) => void;
}

export interface Definitions {
  get(name: string): Definition | undefined;
}

/** Compiles one definition; the others are looked up when it runs. */
export function compileDefinition(
  tree: Tree,
  definitions: Definitions,
  functions: FunctionTable,
): Definition {
  const scope = new Scope();
  const statements = new StatementCompiler(new PipelineCompiler(scope, functions), definitions);
  const list = statements.list(tree.root);
  return { name: tree.name, run: (state, dot) => runDefinition(state, dot, tree.name, list, scope.size) };
}

function runDefinition(state: State, dot: Value, name: string, list: Run, size: number): void {
  const { frame, definition } = state;
  state.frame = new Array<Value>(size).fill(undefined);
  state.frame[0] = dot;
  state.definition = name;
  list(state, dot);
  state.frame = frame;
  state.definition = definition;
}

class StatementCompiler {
  readonly #pipelines: PipelineCompiler;
  readonly #definitions: Definitions;

  constructor(pipelines: PipelineCompiler, definitions: Definitions) {
    this.#pipelines = pipelines;
    this.#definitions = definitions;
  }

  list(list: ListNode): Run {
    const runs = list.nodes.map((node) => this.#statement(node));
    const [only] = runs;
    if (only !== undefined && runs.length === 1) return only;
    return (state, dot) => {
      for (let i = 0; i < runs.length; i++) {
        const outcome = runs[i]!(state, dot);
        if (outcome !== 'next') return outcome;
      }
      return 'next';
    };
  }

  #statement(node: StatementNode): Run {
    switch (node.type) {
      case 'text':
        return (state) => {
          state.write(node.text);
          return 'next';
        };
      case 'action':
        return this.#action(node);
      case 'if':
      case 'with':
        return this.#ifOrWith(node);
      case 'range':
        return this.#range(node);
      case 'template':
        return this.#template(node);
      case 'break':
      case 'continue': {
        const outcome = node.type;
        return () => outcome;
      }
    }
  }

  #action(node: ActionNode): Run {
    const value = this.#pipelines.pipeline(node.pipe);
    if (node.pipe.variables.length > 0) {
      return (state, dot) => {
        state.step();
        value(state, dot);
        return 'next';
      };
    }
    return (state, dot) => {
      state.step();
      const result = value(state, dot);
      state.write(typeof result === 'string' ? result : this.#print(state, node, result));
      return 'next';
    };
  }

  #print(state: State, node: ActionNode, value: Value): string {
    state.node = node;
    return printable(value) ?? state.fail(`can't print ${printNode(node)} of type ${typeName(value)}`);
  }

  #ifOrWith(node: BranchNode): Run {
    const { scope } = this.#pipelines;
    const mark = scope.mark();
    const condition = this.#pipelines.pipeline(node.pipe);
    const inside = scope.mark();
    const isWith = node.type === 'with';
    const then = isWith ? this.#underDot(undefined, node.list) : this.list(node.list);
    // What the first branch declares is not there in the other.
    scope.pop(inside);
    const otherwise = node.elseList === undefined ? undefined : this.list(node.elseList);
    scope.pop(mark);
    return (state, dot) => {
      state.step();
      const value = condition(state, dot);
      if (isTrue(value)) return then(state, isWith ? value : dot);
      return otherwise === undefined ? 'next' : otherwise(state, dot);
    };
  }

  /** Compiles a list whose dot is another; the flag says where to see whether that is typed as an interface. */
  #underDot(flag: number | undefined, list: ListNode): Run {
    const outer = this.#pipelines.dotFlag;
    this.#pipelines.dotFlag = flag;
    const run = this.list(list);
    this.#pipelines.dotFlag = outer;
    return run;
  }

  #range(node: BranchNode): Run {
    const { scope } = this.#pipelines;
    const mark = scope.mark();
    const { pipe } = node;
    const value = this.#pipelines.pipeline(pipe);
    const flag = scope.reserve();
    const set = pipe.variables.map(({ name }) => this.#pipelines.assign(name));
    const inside = scope.mark();
    const body = this.#underDot(flag, node.list);
    scope.pop(inside);
    const otherwise = node.elseList === undefined ? undefined : this.list(node.elseList);
    scope.pop(mark);
    const loop = new Loop(body, set, flag);
    return (state, dot) => {
      state.step();
      const outcome = loop.over(state, value(state, dot));
      if (outcome !== 'empty') return 'next';
      return otherwise === undefined ? 'next' : otherwise(state, dot);
    };
  }

  #template(node: TemplateNode): Run {
    const { name } = node;
    const argument: Eval = node.pipe === undefined ? () => undefined : this.#pipelines.pipeline(node.pipe);
    return (state, dot) => {
      state.step();
      state.node = node;
      const definition = this.#definitions.get(name);
      if (definition === undefined) return state.fail(`template ${quote(name)} not defined`);
      const { depth } = state.budget;
      if (state.depth >= depth) return state.fail(`exceeded maximum template depth (${depth})`);
      const value = argument(state, dot);
      state.invoking = node;
      state.invoker = state.definition;
      state.depth++;
      definition.run(state, value);
      state.depth--;
      return 'next';
    };
  }
}

type Assign = (state: State, value: Value, isInterface: boolean) => void;

/** The iterations of one range. */
class Loop {
  readonly #body: Run;
  readonly #index: Assign | undefined;
  readonly #element: Assign | undefined;
  readonly #flag: number;

  constructor(body: Run, set: readonly Assign[], flag: number) {
    this.#body = body;
    this.#index = set.length > 1 ? set[0] : undefined;
    this.#element = set.at(-1);
    this.#flag = flag;
  }

  /** Runs the body for each element; `empty` when there was none. */
  over(state: State, value: Value): 'empty' | 'done' {
    if (typeof value === 'number' || value instanceof Int) return this.#integers(state, value);
    if (value === undefined || value === null) return 'empty';
    if (typeof value === 'object') {
      state.frame[this.#flag] = elementsAreInterfaces(value);
      if (value.kind === 'slice') return this.#items(state, value.items);
      if (value.kind === 'map') return this.#map(state, value);
      if (value instanceof Chan) return this.#received(state, value);
    }
    return state.fail(`range can't iterate over ${text(value)}`);
  }

  #items(state: State, items: readonly Value[]): 'empty' | 'done' {
    for (let i = 0; i < items.length; i++) {
      if (this.#iterate(state, i, items[i])) break;
    }
    return items.length === 0 ? 'empty' : 'done';
  }

  #map(state: State, map: Extract<Value, { kind: 'map' }>): 'empty' | 'done' {
    const keys = map.sortedKeys();
    for (const key of keys) {
      if (this.#iterate(state, key, map.get(key), map.type.key.kind === 'interface')) break;
    }
    return keys.length === 0 ? 'empty' : 'done';
  }

  #received(state: State, channel: Chan): 'empty' | 'done' {
    let count = 0;
    for (let next = channel.receive(); next.done !== true; next = channel.receive()) {
      if (this.#iterate(state, count++, next.value)) return 'done';
    }
    return count === 0 ? 'empty' : 'done';
  }

  #integers(state: State, count: number | Int): 'empty' | 'done' {
    if (this.#index !== undefined) {
      return state.fail(`can't use ${printText(count)} to iterate over more than one variable`);
    }
    state.frame[this.#flag] = false;
    const end = typeof count === 'number' ? count : count.value;
    for (let i = 0; i < end; i++) {
      const element =
        typeof count === 'number' ? i : count.kind === 'int' ? int(i) : new Int(count.kind, BigInt(i));
      if (this.#iterate(state, undefined, element)) return 'done';
    }
    return end > 0 ? 'done' : 'empty';
  }

  /** One iteration; true: a break. */
  #iterate(state: State, index: Value, element: Value, indexIsInterface = false): boolean {
    state.step();
    if (this.#element !== undefined) {
      this.#index?.(state, index, indexIsInterface);
      this.#element(state, element, state.frame[this.#flag] === true);
    }
    return this.#body(state, element) === 'break';
  }
}

function text(value: Value): string {
  if (value instanceof Struct && value.isNil) return '<nil>';
  return printText(followed(value));
}
