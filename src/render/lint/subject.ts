/** A template as rules see it: every node with those that it stands in, and every call of a function. */
import type {
  BranchNode,
  CommandNode,
  IdentifierNode,
  ListNode,
  Node,
  OperandNode,
  PipeNode,
  StatementNode,
  Tree,
} from '../../template/nodes.ts';
import { parseTrees } from '../../template/parse.ts';

export interface LintOptions {
  /** Shown before each place: the file's path. */
  readonly name: string;
  readonly text: string;
  /** '' = `{{`. */
  readonly leftDelimiter: string;
  readonly rightDelimiter: string;
  readonly functionDenylist: readonly string[];
  /** '' = everywhere. */
  readonly sandboxPath: string;
}

export interface Subject extends LintOptions {
  readonly trees: ReadonlyMap<string, Tree>;
  readonly places: readonly Placed[];
  readonly calls: readonly Call[];
}

export interface Placed {
  readonly node: Node;
  /** From the outermost to the direct parent. */
  readonly parents: readonly Node[];
}

export interface Call {
  readonly name: string;
  readonly position: number;
  readonly args: readonly OperandNode[];
  /** What is piped in as the last argument. */
  readonly piped: CommandNode | undefined;
  readonly parents: readonly Node[];
}

/** Throws TemplateError. Unknown functions are no fault here: a rule finds all of them. */
export function parseSubject(options: LintOptions): Subject {
  const trees = parseTrees(options.name, options.text, {
    left: options.leftDelimiter || '{{',
    right: options.rightDelimiter || '}}',
    breakIsKeyword: true,
    continueIsKeyword: true,
    isFunction: () => true,
  });
  const places = [...trees.values()].flatMap(({ root }) => [...walk(root, [])]);
  return { ...options, trees, places, calls: places.flatMap(callsAt) };
}

function* walk(node: Node, parents: readonly Node[]): Generator<Placed> {
  yield { node, parents };
  const inside = [...parents, node];
  for (const child of children(node)) yield* walk(child, inside);
}

function children(node: Node): readonly Node[] {
  switch (node.type) {
    case 'list':
      return node.nodes;
    case 'action':
      return [node.pipe];
    case 'if':
    case 'range':
    case 'with':
      return [node.pipe, node.list, ...(node.elseList === undefined ? [] : [node.elseList])];
    case 'template':
      return node.pipe === undefined ? [] : [node.pipe];
    case 'pipe':
      return [...node.commands, ...node.variables];
    case 'command':
      return node.args;
    case 'chain':
      return [node.term];
    default:
      return [];
  }
}

// A function's name is a call wherever it stands: `len services` calls both.
function callsAt({ node, parents }: Placed): readonly Call[] {
  if (node.type !== 'identifier') return [];
  const command = parents.at(-1);
  const first = command?.type === 'command' && command.args[0] === node;
  return [
    {
      name: node.name,
      position: node.position,
      args: first ? command.args.slice(1) : [],
      piped: first ? before(command, parents.at(-2)) : undefined,
      parents,
    },
  ];
}

function before(command: CommandNode, pipe: Node | undefined): CommandNode | undefined {
  if (pipe?.type !== 'pipe') return undefined;
  return pipe.commands[pipe.commands.indexOf(command) - 1];
}

/** The text of a call's only argument, when that is a literal: `key "x"` and `"x" | key`. */
export function literal(call: Call): string | undefined {
  const [only, ...more] = [...call.args, ...(call.piped?.args ?? [])];
  return only?.type === 'string' && more.length === 0 ? only.text : undefined;
}

/** Names of the functions that a pipe calls anywhere inside. */
export function functionsIn(pipe: PipeNode): readonly string[] {
  return [...walk(pipe, [])]
    .map(({ node }) => node)
    .filter((node): node is IdentifierNode => node.type === 'identifier')
    .map(({ name }) => name);
}

/** Statements before and after a node in the list that it stands in. */
export function siblings({ node, parents }: Placed): {
  readonly before: readonly StatementNode[];
  readonly after: readonly StatementNode[];
} {
  const list = parents.at(-1) as ListNode;
  const at = list.nodes.indexOf(node as StatementNode);
  return { before: list.nodes.slice(0, at), after: list.nodes.slice(at + 1) };
}

/** The conditions and loops in whose bodies something stands, outermost first; an else is no such body. */
export function enclosing(parents: readonly Node[]): readonly BranchNode[] {
  return parents.filter(
    (parent, i): parent is BranchNode =>
      (parent.type === 'if' || parent.type === 'with' || parent.type === 'range') &&
      parents[i + 1] === parent.list,
  );
}
