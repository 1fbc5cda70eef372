/**
 * Filter expressions: text -> tree. The grammar is Consul's, tried with backtracking as its own parser does, so that a
 * syntax error is reported where the longest attempt failed. Source: consul.md 2.3.
 *
 *   or := and ("or" or)?    and := not ("and" and)?    not := "not" not | "(" or ")" | match
 *   match := selector operator value? | value ("in" | "not in") selector
 */

export type Operator =
  | 'Equal'
  | 'Not Equal'
  | 'In'
  | 'Not In'
  | 'Is Empty'
  | 'Is Not Empty'
  | 'Matches'
  | 'Not Matches';

export type Expression =
  | { readonly type: 'and' | 'or'; readonly left: Expression; readonly right: Expression }
  | { readonly type: 'not'; readonly operand: Expression }
  | {
      readonly type: 'match';
      readonly selector: readonly string[];
      readonly operator: Operator;
      /** undefined only for `is empty`. */
      readonly value: string | undefined;
    };

/** Where and why a text is no expression: `1:14 (13): no match found, expected: ...`. */
export class FilterSyntaxError extends Error {
  override readonly name = 'FilterSyntaxError';
  readonly code = 'syntax';
}

/** Throws FilterSyntaxError. */
export function parseExpression(text: string): Expression {
  return new Parser(text).parse();
}

const identifier = /[a-zA-Z][a-zA-Z0-9_]*/y;
const number = /-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?=[ \t\r\n)]|$)/y;
const whitespace = /[ \t\r\n]+/y;
/** Deeper nesting is refused: the parser calls itself. */
const maxDepth = 500;

interface Infix {
  readonly operator: Operator;
  readonly words: readonly string[];
}

const comparisons: readonly Infix[] = [
  { operator: 'In', words: ['contains'] },
  { operator: 'Not In', words: ['not', 'contains'] },
  { operator: 'Matches', words: ['matches'] },
  { operator: 'Not Matches', words: ['not', 'matches'] },
];
const memberships: readonly Infix[] = [
  { operator: 'In', words: ['in'] },
  { operator: 'Not In', words: ['not', 'in'] },
];
const emptiness: readonly Infix[] = [
  { operator: 'Is Empty', words: ['is', 'empty'] },
  { operator: 'Is Not Empty', words: ['is', 'not', 'empty'] },
];

class Parser {
  readonly #text: string;
  #at = 0;
  #depth = 0;
  /** Farthest place where something else was expected, and what. */
  #failedAt = 0;
  readonly #expected = new Set<string>();

  constructor(text: string) {
    this.#text = text;
  }

  parse(): Expression {
    this.#space();
    const expression = this.#or();
    this.#space();
    if (expression !== undefined && this.#at === this.#text.length) return expression;
    if (expression !== undefined) this.#fail('EOF');
    throw this.#error(`no match found, expected: ${this.#wanted()}`, this.#failedAt);
  }

  #or(): Expression | undefined {
    return this.#binary('or', () => this.#and());
  }

  #and(): Expression | undefined {
    return this.#binary('and', () => this.#not());
  }

  /** A chain of one operator; what follows it must be an operand, or the operator belongs to nobody. */
  #binary(type: 'and' | 'or', operand: () => Expression | undefined): Expression | undefined {
    const operands: Expression[] = [];
    let end = this.#at;
    for (let next = operand(); next !== undefined; next = operand()) {
      operands.push(next);
      end = this.#at;
      if (!this.#words([type])) break;
    }
    this.#at = end;
    return operands.reduceRight<Expression | undefined>(
      (right, left) => (right === undefined ? left : { type, left, right }),
      undefined,
    );
  }

  #not(): Expression | undefined {
    if (++this.#depth > maxDepth) throw this.#error('the expression is nested too deeply', this.#at);
    const start = this.#at;
    let found: Expression | undefined;
    if (this.#literal('not') && this.#space()) {
      const operand = this.#not();
      found = operand && { type: 'not', operand };
    }
    if (found === undefined) {
      this.#at = start;
      found = this.#group() ?? this.#match();
    }
    this.#depth -= 1;
    return found;
  }

  #group(): Expression | undefined {
    const start = this.#at;
    if (this.#literal('(')) {
      this.#space();
      const inner = this.#or();
      this.#space();
      if (inner !== undefined && this.#literal(')')) return inner;
    }
    this.#at = start;
    return undefined;
  }

  #match(): Expression | undefined {
    const start = this.#at;
    const selector = this.#selector();
    if (selector !== undefined) {
      const found = this.#selectorMatch(selector);
      if (found !== undefined) return found;
    }
    this.#at = start;
    const value = this.#value();
    const operator = value === undefined ? undefined : this.#infix(memberships, true);
    const container = operator === undefined ? undefined : this.#selector();
    if (value !== undefined && operator !== undefined && container !== undefined) {
      return { type: 'match', selector: container, operator, value };
    }
    this.#at = start;
    return undefined;
  }

  #selectorMatch(selector: readonly string[]): Expression | undefined {
    const start = this.#at;
    const operator = this.#symbol() ?? this.#infix(comparisons, true);
    const value = operator === undefined ? undefined : this.#value();
    if (operator !== undefined && value !== undefined) return { type: 'match', selector, operator, value };
    this.#at = start;
    const unary = this.#infix(emptiness, false);
    return unary && { type: 'match', selector, operator: unary, value: undefined };
  }

  #symbol(): Operator | undefined {
    const start = this.#at;
    this.#space();
    const operator = this.#literal('==') ? 'Equal' : this.#literal('!=') ? 'Not Equal' : undefined;
    if (operator === undefined) this.#at = start;
    else this.#space();
    return operator;
  }

  #infix(choices: readonly Infix[], spaceAfter: boolean): Operator | undefined {
    return choices.find(({ words }) => this.#words(words, spaceAfter))?.operator;
  }

  /** Words with space before each and, unless told otherwise, after the last. */
  #words(words: readonly string[], spaceAfter = true): boolean {
    const start = this.#at;
    const found =
      words.every((word) => this.#space() && this.#literal(word)) && (!spaceAfter || this.#space());
    if (!found) this.#at = start;
    return found;
  }

  #selector(): readonly string[] | undefined {
    const first = this.#pattern(identifier, 'selector');
    if (first === undefined) return undefined;
    const path = [first];
    for (;;) {
      const start = this.#at;
      const next = this.#literal('.') ? this.#pattern(identifier, '[a-zA-Z]') : this.#index();
      if (next === undefined) {
        this.#at = start;
        return path;
      }
      path.push(next);
    }
  }

  #index(): string | undefined {
    if (!this.#literal('[')) return undefined;
    this.#space();
    const index = this.#string();
    if (index === undefined) throw this.#error('rule "index": Invalid index', this.#at);
    this.#space();
    if (!this.#literal(']')) throw this.#error('rule "index": Unclosed index expression', this.#at);
    return index;
  }

  #value(): string | undefined {
    return this.#selector()?.join('.') ?? this.#pattern(number, 'number') ?? this.#string();
  }

  #string(): string | undefined {
    const quote = this.#text[this.#at];
    if (quote !== '"' && quote !== '`') {
      this.#fail('string');
      return undefined;
    }
    const end = this.#text.indexOf(quote, this.#at + 1);
    if (end < 0) throw this.#error('rule "string": Unterminated string literal', this.#at);
    const inner = this.#text.slice(this.#at + 1, end);
    const value = quote === '`' ? inner.replaceAll('\r', '') : unquote(inner);
    if (value === undefined) throw this.#error('rule "string": invalid syntax', this.#at);
    this.#at = end + 1;
    return value;
  }

  #space(): boolean {
    return this.#pattern(whitespace, '[ \\t\\r\\n]') !== undefined;
  }

  #literal(literal: string): boolean {
    if (this.#text.startsWith(literal, this.#at)) {
      this.#at += literal.length;
      return true;
    }
    this.#fail(JSON.stringify(literal));
    return false;
  }

  #pattern(pattern: RegExp, what: string): string | undefined {
    pattern.lastIndex = this.#at;
    const found = pattern.exec(this.#text)?.[0];
    if (found === undefined) this.#fail(what);
    else this.#at += found.length;
    return found;
  }

  #fail(expected: string): void {
    if (this.#at > this.#failedAt) this.#expected.clear();
    if (this.#at >= this.#failedAt) this.#expected.add(expected);
    this.#failedAt = Math.max(this.#failedAt, this.#at);
  }

  #wanted(): string {
    const [last, ...others] = [...this.#expected].sort().reverse();
    return others.length === 0 ? `${last}` : `${others.reverse().join(', ')} or ${last}`;
  }

  #error(message: string, at: number): FilterSyntaxError {
    const lines = this.#text.slice(0, at).split('\n');
    const column = Array.from(lines.at(-1)!).length + 1;
    const offset = Buffer.byteLength(this.#text.slice(0, at));
    return new FilterSyntaxError(`${lines.length}:${column} (${offset}): ${message}`);
  }
}

const simpleEscapes: Readonly<Record<string, string>> = {
  a: '\x07',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
  v: '\v',
  '\\': '\\',
};
const escape = /\\(?:x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|([0-7]{3})|(.))/gsu;

/** The inside of a double-quoted Go string; undefined if Go would refuse it. `\x80` to `\xff` stand for that character. */
function unquote(inner: string): string | undefined {
  if (inner.includes('\n') || /(?:^|[^\\])(?:\\\\)*\\$/.test(inner)) return undefined;
  let bad = false;
  const text = inner.replace(
    escape,
    (_, hex?: string, u?: string, long?: string, octal?: string, simple?: string) => {
      const code = hex ?? u ?? long;
      const point = code !== undefined ? Number.parseInt(code, 16) : octal && Number.parseInt(octal, 8);
      const value =
        typeof point === 'number' ? character(point, octal !== undefined) : simpleEscapes[simple ?? ''];
      bad ||= value === undefined;
      return value ?? '';
    },
  );
  return bad ? undefined : text;
}

function character(point: number, octal: boolean): string | undefined {
  const surrogate = point >= 0xd800 && point <= 0xdfff;
  return surrogate || point > (octal ? 0xff : 0x10ffff) ? undefined : String.fromCodePoint(point);
}
