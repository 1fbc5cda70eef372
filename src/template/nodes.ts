/**
 * The tree of a template. Every node knows where it stands and prints itself: the printing is Go's canonical source,
 * which messages quote, and parsing it again gives the same tree.
 */
import { trimSpace } from '../lib/go-text.ts';
import { quote } from './quote.ts';

export interface BoolNode {
  readonly type: 'bool';
  readonly position: number;
  readonly value: boolean;
}

export interface DotNode {
  readonly type: 'dot';
  readonly position: number;
}

export interface NilNode {
  readonly type: 'nil';
  readonly position: number;
}

/** Always a function's name. */
export interface IdentifierNode {
  readonly type: 'identifier';
  readonly position: number;
  readonly name: string;
}

/** `.X.Y` without the first dot. */
export interface FieldNode {
  readonly type: 'field';
  readonly position: number;
  readonly names: readonly string[];
}

/** `$x.Y.Z`: the variable's name with its dollar, then fields. */
export interface VariableNode {
  readonly type: 'variable';
  readonly position: number;
  readonly name: string;
  readonly fields: readonly string[];
}

/** A term in parentheses, or a function, and the fields taken from it. */
export interface ChainNode {
  readonly type: 'chain';
  readonly position: number;
  readonly term: OperandNode;
  readonly fields: readonly string[];
}

/** An untyped constant: it can be each of the kinds whose value is defined. */
export interface NumberNode {
  readonly type: 'number';
  readonly position: number;
  readonly text: string;
  readonly int: bigint | undefined;
  readonly uint: bigint | undefined;
  readonly float: number | undefined;
  readonly complex: { readonly re: number; readonly im: number } | undefined;
}

export interface StringNode {
  readonly type: 'string';
  readonly position: number;
  /** As written, with its quotes. */
  readonly quoted: string;
  readonly text: string;
}

export type OperandNode =
  | BoolNode
  | DotNode
  | NilNode
  | IdentifierNode
  | FieldNode
  | VariableNode
  | ChainNode
  | NumberNode
  | StringNode
  | PipeNode;

export interface CommandNode {
  readonly type: 'command';
  readonly position: number;
  readonly args: readonly [OperandNode, ...OperandNode[]];
}

export interface PipeNode {
  readonly type: 'pipe';
  readonly position: number;
  /** `$x = ...` rather than `$x := ...`. */
  readonly isAssign: boolean;
  readonly variables: readonly VariableNode[];
  readonly commands: readonly CommandNode[];
}

export interface TextNode {
  readonly type: 'text';
  readonly position: number;
  readonly text: string;
}

export interface ActionNode {
  readonly type: 'action';
  readonly position: number;
  readonly pipe: PipeNode;
}

export interface BranchNode {
  readonly type: 'if' | 'range' | 'with';
  readonly position: number;
  readonly pipe: PipeNode;
  readonly list: ListNode;
  readonly elseList: ListNode | undefined;
}

export interface TemplateNode {
  readonly type: 'template';
  readonly position: number;
  readonly name: string;
  readonly pipe: PipeNode | undefined;
}

export interface JumpNode {
  readonly type: 'break' | 'continue';
  readonly position: number;
}

export interface ListNode {
  readonly type: 'list';
  readonly position: number;
  readonly nodes: readonly StatementNode[];
}

export type StatementNode = TextNode | ActionNode | BranchNode | TemplateNode | JumpNode;
export type Node = OperandNode | CommandNode | StatementNode | ListNode;

/** One named definition: the text itself, a `define` or a `block`. */
export interface Tree {
  readonly name: string;
  readonly root: ListNode;
}

/** The canonical source of a node. */
export function printNode(node: Node): string {
  switch (node.type) {
    case 'bool':
      return String(node.value);
    case 'dot':
      return '.';
    case 'nil':
      return 'nil';
    case 'identifier':
      return node.name;
    case 'number':
      return node.text;
    case 'string':
      return node.quoted;
    case 'field':
      return node.names.map((name) => `.${name}`).join('');
    case 'variable':
      return [node.name, ...node.fields].join('.');
    case 'chain':
      return [printOperand(node.term), ...node.fields].join('.');
    case 'command':
      return node.args.map(printOperand).join(' ');
    case 'pipe':
      return printPipe(node);
    default:
      return printStatement(node);
  }
}

function printOperand(node: OperandNode): string {
  return node.type === 'pipe' ? `(${printPipe(node)})` : printNode(node);
}

function printPipe(node: PipeNode): string {
  const commands = node.commands.map(printNode).join(' | ');
  if (node.variables.length === 0) return commands;
  return `${node.variables.map(printNode).join(', ')} ${node.isAssign ? '=' : ':='} ${commands}`;
}

function printStatement(node: StatementNode | ListNode): string {
  switch (node.type) {
    case 'list':
      return node.nodes.map(printStatement).join('');
    case 'text':
      return node.text;
    case 'action':
      return `{{${printPipe(node.pipe)}}}`;
    case 'template':
      return `{{template ${quote(node.name)}${node.pipe ? ` ${printPipe(node.pipe)}` : ''}}}`;
    case 'break':
    case 'continue':
      return `{{${node.type}}}`;
    case 'if':
    case 'range':
    case 'with':
      return printBranch(node);
  }
}

function printBranch(node: BranchNode): string {
  const orElse = node.elseList ? `{{else}}${printStatement(node.elseList)}` : '';
  return `{{${node.type} ${printPipe(node.pipe)}}}${printStatement(node.list)}${orElse}{{end}}`;
}

/** Whether there is nothing but white space: such a definition never replaces another. */
export function isEmptyList(list: ListNode): boolean {
  return list.nodes.every((node) => node.type === 'text' && trimSpace(node.text) === '');
}
