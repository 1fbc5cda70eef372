/**
 * HCL 1 -> Tree. `key = value`, `key { … }` and `key "label" { … }`; a labelled block is an object in an object. A key
 * may be given several times, which the reader of the tree decides about. JSON is not read here.
 */
import { type HclToken, lexHcl } from './hcl-lex.ts';
import { type ObjectTree, type Position, SyntaxProblem, type Tree, type TreeEntry } from './tree.ts';

/** Deeper than any file; keeps a hostile one from overflowing the stack. */
const maxDepth = 200;

/** Throws SyntaxProblem with the position where reading stopped. */
export function parseHcl(source: string): ObjectTree {
  const parser = new Parser(lexHcl(source));
  return parser.file();
}

class Parser {
  readonly #tokens: readonly HclToken[];
  #next = 0;
  #depth = 0;

  constructor(tokens: readonly HclToken[]) {
    this.#tokens = tokens;
  }

  file(): ObjectTree {
    const entries = this.#entries('end');
    return { kind: 'object', entries, at: { line: 1, column: 1 } };
  }

  #peek(): HclToken {
    return this.#tokens[this.#next]!;
  }

  #take(): HclToken {
    return this.#tokens[this.#next++]!;
  }

  #fail(message: string, at: Position): never {
    throw new SyntaxProblem(message, at);
  }

  #entries(close: '}' | 'end'): TreeEntry[] {
    const entries: TreeEntry[] = [];
    for (;;) {
      const token = this.#peek();
      if (token.type === close) return entries;
      if (token.type === 'end') this.#fail('object is not closed: add }', token.at);
      entries.push(this.#entry());
      // Commas between entries are allowed in objects, as in `{ a = 1, b = 2 }`.
      if (this.#peek().type === ',') this.#take();
    }
  }

  #entry(): TreeEntry {
    const key = this.#take();
    if (key.type !== 'word' && key.type !== 'string' && key.type !== 'number') {
      this.#fail(`expected a key, found ${describe(key)}`, key.at);
    }
    const value = this.#peek().type === '=' ? this.#assigned() : this.#block();
    return { key: key.text, at: key.at, value };
  }

  #assigned(): Tree {
    this.#take();
    return this.#value();
  }

  #block(): Tree {
    const token = this.#peek();
    if (token.type === '{') return this.#object();
    if (token.type !== 'string' && token.type !== 'word') {
      this.#fail(`expected = or { after a key, found ${describe(token)}`, token.at);
    }
    const label = this.#take();
    const entry = { key: label.text, at: label.at, value: this.#nested(() => this.#block(), label.at) };
    return { kind: 'object', entries: [entry], at: label.at };
  }

  #value(): Tree {
    const token = this.#take();
    switch (token.type) {
      case 'string':
        return { kind: 'leaf', value: token.text, at: token.at };
      case 'number':
        return { kind: 'leaf', value: numberOf(token.text), at: token.at };
      case 'word':
        return this.#word(token);
      case '[':
        return this.#nested(() => this.#list(token.at), token.at);
      case '{':
        this.#next--;
        return this.#object();
      default:
        return this.#fail(`expected a value, found ${describe(token)}`, token.at);
    }
  }

  #word(token: HclToken): Tree {
    if (token.text === 'true' || token.text === 'false') {
      return { kind: 'leaf', value: token.text === 'true', at: token.at };
    }
    return this.#fail(`unknown value ${token.text}: put it in quotes`, token.at);
  }

  #object(): ObjectTree {
    const open = this.#take();
    const entries = this.#nested(() => this.#entries('}'), open.at);
    this.#take();
    return { kind: 'object', entries, at: open.at };
  }

  #list(at: Position): Tree {
    const items: Tree[] = [];
    for (;;) {
      if (this.#peek().type === ']') break;
      items.push(this.#value());
      const after = this.#peek();
      if (after.type === ',') this.#take();
      else if (after.type !== ']')
        this.#fail(`expected , or ] in a list, found ${describe(after)}`, after.at);
    }
    this.#take();
    return { kind: 'list', items, at };
  }

  #nested<T>(read: () => T, at: Position): T {
    if (++this.#depth > maxDepth) this.#fail(`nested deeper than ${maxDepth} levels`, at);
    const result = read();
    this.#depth--;
    return result;
  }
}

function describe(token: HclToken): string {
  if (token.type === 'end') return 'the end of the file';
  return token.type === 'string' ? JSON.stringify(token.text) : token.text;
}

/** Digits after a zero are octal. Source: hashicorp/hcl 1, token.go, which reads integers with base 0. */
function numberOf(text: string): number {
  return /^0[0-7]+$/.test(text) ? parseInt(text, 8) : Number(text);
}
