/** In: tokens. Out: the trees of a text and of what it defines. One method a production; the first error ends it. */
import { parseConstant } from './constants.ts';
import type { LexerOptions, Token, TokenType } from './lex.ts';
import type {
  ActionNode,
  BranchNode,
  ChainNode,
  CommandNode,
  JumpNode,
  ListNode,
  OperandNode,
  PipeNode,
  StatementNode,
  TemplateNode,
  Tree,
  VariableNode,
} from './nodes.ts';
import { isEmptyList, printNode } from './nodes.ts';
import { quote, unquote } from './quote.ts';
import { Tokens } from './tokens.ts';

export interface ParseOptions extends LexerOptions {
  readonly isFunction: (name: string) => boolean;
}

/** The definitions of a text by name; the text itself is there under its own. Throws TemplateError. */
export function parseTrees(name: string, text: string, options: ParseOptions): Map<string, Tree> {
  return new Parser(name, text, options).parse();
}

type Ending =
  | { readonly type: 'else'; readonly position: number }
  | { readonly type: 'end'; readonly position: number };

const parenthesized = 'parenthesized pipeline';
const mostParens = 10_000;
const notExecutable: ReadonlySet<string> = new Set(['bool', 'dot', 'nil', 'number', 'string']);
const operandStarts: ReadonlySet<TokenType> = new Set<TokenType>([
  'bool',
  'charConstant',
  'complex',
  'dot',
  'field',
  'identifier',
  'number',
  'nil',
  'rawString',
  'string',
  'variable',
  'leftParen',
]);

class Parser {
  readonly #name: string;
  readonly #tokens: Tokens;
  readonly #isFunction: (name: string) => boolean;
  readonly #trees = new Map<string, Tree>();
  #variables: string[] = ['$'];
  #rangeDepth = 0;
  #parenDepth = 0;

  constructor(name: string, text: string, options: ParseOptions) {
    this.#name = name;
    this.#tokens = new Tokens(name, text, options);
    this.#isFunction = options.isFunction;
  }

  parse(): Map<string, Tree> {
    const position = this.#tokens.peek().position;
    const nodes: StatementNode[] = [];
    while (this.#tokens.peek().type !== 'eof') {
      if (this.#atDefine()) this.#define();
      else nodes.push(this.#statement());
    }
    this.#add({ name: this.#name, root: { type: 'list', position, nodes } });
    return this.#trees;
  }

  // Definitions

  #add(tree: Tree): void {
    const known = this.#trees.get(tree.name);
    if (known === undefined || isEmptyList(known.root)) {
      this.#trees.set(tree.name, tree);
    } else if (!isEmptyList(tree.root)) {
      this.#tokens.fail(`template: multiple definition of template ${quote(tree.name)}`);
    }
  }

  #atDefine(): boolean {
    const delimiter = this.#tokens.next();
    const keyword = delimiter.type === 'leftDelimiter' ? this.#tokens.nextNonSpace() : undefined;
    if (keyword?.type === 'define') return true;
    if (keyword !== undefined) this.#tokens.putBack(keyword);
    this.#tokens.putBack(delimiter);
    return false;
  }

  #define(): void {
    const context = 'define clause';
    const name = this.#definitionName(this.#tokens.nextNonSpace(), context);
    this.#tokens.expect('rightDelimiter', context);
    this.#add({ name, root: this.#ownScope(context) });
  }

  /** A body that sees no variables of its surroundings and whose `break` reaches no outer range. */
  #ownScope(context: string, line?: number): ListNode {
    const outer = { variables: this.#variables, rangeDepth: this.#rangeDepth };
    this.#variables = ['$'];
    this.#rangeDepth = 0;
    this.#tokens.actionLine = 0;
    const [list, ending] = this.#list();
    if (ending.type !== 'end') this.#tokens.fail(`unexpected {{${ending.type}}} in ${context}`, line);
    this.#variables = outer.variables;
    this.#rangeDepth = outer.rangeDepth;
    return list;
  }

  #definitionName(token: Token, context: string): string {
    if (token.type !== 'string' && token.type !== 'rawString') return this.#tokens.unexpected(token, context);
    return unquote(token.text) ?? this.#tokens.fail('invalid syntax');
  }

  // Statements

  #statement(): StatementNode {
    const node = this.#textOrAction();
    if (node.type === 'end' || node.type === 'else') return this.#tokens.fail(`unexpected {{${node.type}}}`);
    return node;
  }

  /** Statements up to an `end` or `else`, which is returned beside them. */
  #list(): [ListNode, Ending] {
    const position = this.#tokens.peekNonSpace().position;
    const nodes: StatementNode[] = [];
    while (this.#tokens.peekNonSpace().type !== 'eof') {
      const node = this.#textOrAction();
      if (node.type === 'end' || node.type === 'else') return [{ type: 'list', position, nodes }, node];
      nodes.push(node);
    }
    return this.#tokens.fail('unexpected EOF');
  }

  #textOrAction(): StatementNode | Ending {
    const token = this.#tokens.nextNonSpace();
    if (token.type === 'text') return { type: 'text', position: token.position, text: token.text };
    if (token.type !== 'leftDelimiter') return this.#tokens.unexpected(token, 'input');
    this.#tokens.actionLine = token.line;
    const node = this.#action();
    this.#tokens.actionLine = 0;
    return node;
  }

  #action(): StatementNode | Ending {
    const token = this.#tokens.nextNonSpace();
    switch (token.type) {
      case 'block':
        return this.#block();
      case 'break':
      case 'continue':
        return this.#jump(token.type, token.position);
      case 'else':
        return this.#else();
      case 'end':
        return { type: 'end', position: this.#tokens.expect('rightDelimiter', 'end').position };
      case 'if':
      case 'range':
      case 'with':
        return this.#branch(token.type);
      case 'template':
        return this.#template();
      default:
        this.#tokens.putBack(token);
        return this.#pipelineAction(token.position);
    }
  }

  #pipelineAction(position: number): ActionNode {
    return { type: 'action', position, pipe: this.#pipeline('command') };
  }

  #jump(type: 'break' | 'continue', position: number): JumpNode {
    const token = this.#tokens.nextNonSpace();
    if (token.type !== 'rightDelimiter') this.#tokens.unexpected(token, `{{${type}}}`);
    if (this.#rangeDepth === 0) this.#tokens.fail(`{{${type}}} outside {{range}}`);
    return { type, position };
  }

  // `{{else if` and `{{else with` leave the second keyword for #branch.
  #else(): Ending {
    const next = this.#tokens.peekNonSpace();
    if (next.type === 'if' || next.type === 'with') return { type: 'else', position: next.position };
    return { type: 'else', position: this.#tokens.expect('rightDelimiter', 'else').position };
  }

  #branch(type: BranchNode['type']): BranchNode {
    const mark = this.#variables.length;
    const pipe = this.#pipeline(type);
    if (type === 'range') this.#rangeDepth++;
    const [list, ending] = this.#list();
    if (type === 'range') this.#rangeDepth--;
    const elseList = ending.type === 'else' ? this.#elseList(type, ending.position) : undefined;
    this.#variables.length = mark;
    return { type, position: pipe.position, pipe, list, elseList };
  }

  #elseList(type: BranchNode['type'], position: number): ListNode {
    // A chained branch needs only one {{end}} for the whole chain.
    if (type !== 'range' && this.#tokens.peek().type === type) {
      this.#tokens.next();
      return { type: 'list', position, nodes: [this.#branch(type)] };
    }
    const [list, ending] = this.#list();
    if (ending.type !== 'end') this.#tokens.fail(`expected end; found {{${ending.type}}}`);
    return list;
  }

  #block(): TemplateNode {
    const context = 'block clause';
    const token = this.#tokens.nextNonSpace();
    const name = this.#definitionName(token, context);
    const pipe = this.#pipeline(context);
    // Go's message about the end of a block names the line on which the block began.
    this.#add({ name, root: this.#ownScope(context, this.#tokens.line) });
    return { type: 'template', position: token.position, name, pipe };
  }

  #template(): TemplateNode {
    const context = 'template clause';
    const token = this.#tokens.nextNonSpace();
    const name = this.#definitionName(token, context);
    const next = this.#tokens.nextNonSpace();
    if (next.type === 'rightDelimiter') {
      return { type: 'template', position: token.position, name, pipe: undefined };
    }
    this.#tokens.putBack(next);
    return { type: 'template', position: token.position, name, pipe: this.#pipeline(context) };
  }

  // Pipelines

  #pipeline(context: string): PipeNode {
    const position = this.#tokens.peekNonSpace().position;
    const { variables, isAssign } = this.#declarations(context);
    const end = context === parenthesized ? 'rightParen' : 'rightDelimiter';
    const commands: CommandNode[] = [];
    for (;;) {
      const token = this.#tokens.nextNonSpace();
      if (token.type === end) break;
      if (!operandStarts.has(token.type)) this.#tokens.unexpected(token, context);
      this.#tokens.putBack(token);
      commands.push(this.#command());
    }
    this.#checkPipeline(commands, context);
    return { type: 'pipe', position, isAssign, variables, commands };
  }

  #checkPipeline(commands: readonly CommandNode[], context: string): void {
    if (commands.length === 0) this.#tokens.fail(`missing value for ${context}`);
    const constant = commands.findIndex((command, i) => i > 0 && notExecutable.has(command.args[0].type));
    if (constant > 0) this.#tokens.fail(`non executable command in pipeline stage ${constant + 1}`);
  }

  /** `$x :=`, `$x =`, and in a range `$i, $x :=`; whatever else begins with a variable is put back. */
  #declarations(context: string): { variables: VariableNode[]; isAssign: boolean } {
    const variables: VariableNode[] = [];
    for (;;) {
      const token = this.#tokens.peekNonSpace();
      if (token.type !== 'variable') return { variables, isAssign: false };
      this.#tokens.next();
      const after = this.#tokens.peek();
      const next = this.#tokens.peekNonSpace();
      if (next.type === 'assign' || next.type === 'declare') {
        this.#tokens.nextNonSpace();
        variables.push(this.#declare(token));
        return { variables, isAssign: next.type === 'assign' };
      }
      if (next.type !== 'char' || next.text !== ',') {
        if (after.type === 'space') this.#tokens.putBack(after);
        this.#tokens.putBack(token);
        return { variables, isAssign: false };
      }
      this.#tokens.nextNonSpace();
      variables.push(this.#declare(token));
      this.#checkComma(context, variables.length);
    }
  }

  #checkComma(context: string, declared: number): void {
    if (context !== 'range' || declared >= 2) this.#tokens.fail(`too many declarations in ${context}`);
    const next = this.#tokens.peekNonSpace().type;
    if (next !== 'variable' && next !== 'rightDelimiter' && next !== 'rightParen') {
      this.#tokens.fail('range can only initialize variables');
    }
  }

  #declare(token: Token): VariableNode {
    this.#variables.push(token.text);
    return { type: 'variable', position: token.position, name: token.text, fields: [] };
  }

  /** Operands up to a `|`, which is consumed, or the end of the pipeline, which is not. */
  #command(): CommandNode {
    const position = this.#tokens.peekNonSpace().position;
    const args: OperandNode[] = [];
    for (;;) {
      this.#tokens.peekNonSpace();
      const operand = this.#operand();
      if (operand !== undefined) args.push(operand);
      const token = this.#tokens.next();
      if (token.type === 'space') continue;
      if (token.type === 'rightDelimiter' || token.type === 'rightParen') this.#tokens.putBack(token);
      else if (token.type !== 'pipe') this.#tokens.unexpected(token, 'operand');
      break;
    }
    const [first, ...rest] = args;
    if (first === undefined) return this.#tokens.fail('empty command');
    return { type: 'command', position, args: [first, ...rest] };
  }

  /** A term and the fields that follow it without a space; undefined when what comes is no operand. */
  #operand(): OperandNode | undefined {
    const term = this.#term();
    if (term === undefined) return undefined;
    const { type, position } = this.#tokens.peek();
    if (type !== 'field') return term;
    const fields: string[] = [];
    while (this.#tokens.peek().type === 'field') fields.push(this.#tokens.next().text.slice(1));
    return this.#chain(term, position, fields);
  }

  #chain(term: OperandNode, position: number, fields: readonly string[]): OperandNode {
    switch (term.type) {
      case 'field':
        return { ...term, position, names: [...term.names, ...fields] };
      case 'variable':
        return { ...term, position, fields: [...term.fields, ...fields] };
      case 'bool':
      case 'string':
      case 'number':
      case 'nil':
      case 'dot':
        return this.#tokens.fail(`unexpected . after term ${quote(printNode(term))}`);
      default:
        return { type: 'chain', position, term, fields } satisfies ChainNode;
    }
  }

  #term(): OperandNode | undefined {
    const token = this.#tokens.nextNonSpace();
    const { position, text } = token;
    switch (token.type) {
      case 'identifier':
        if (!this.#isFunction(text)) this.#tokens.fail(`function ${quote(text)} not defined`);
        return { type: 'identifier', position, name: text };
      case 'dot':
      case 'nil':
        return { type: token.type, position };
      case 'variable':
        if (!this.#variables.includes(text)) this.#tokens.fail(`undefined variable ${quote(text)}`);
        return { type: 'variable', position, name: text, fields: [] };
      case 'field':
        return { type: 'field', position, names: [text.slice(1)] };
      case 'bool':
        return { type: 'bool', position, value: text === 'true' };
      case 'charConstant':
      case 'complex':
      case 'number':
        return this.#number(token, token.type);
      case 'leftParen':
        return this.#parenthesized();
      case 'string':
      case 'rawString':
        return {
          type: 'string',
          position,
          quoted: text,
          text: unquote(text) ?? this.#tokens.fail('invalid syntax'),
        };
      default:
        this.#tokens.putBack(token);
        return undefined;
    }
  }

  #number(token: Token, type: 'charConstant' | 'complex' | 'number'): OperandNode {
    const constant = parseConstant(token.position, token.text, type);
    return typeof constant === 'string' ? this.#tokens.fail(constant) : constant;
  }

  #parenthesized(): PipeNode {
    if (this.#parenDepth >= mostParens) this.#tokens.fail('max expression depth exceeded');
    this.#parenDepth++;
    const pipe = this.#pipeline(parenthesized);
    this.#parenDepth--;
    return pipe;
  }
}
