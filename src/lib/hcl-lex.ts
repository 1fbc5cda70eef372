/**
 * Tokens of HCL 1, the language of HashiCorp's configuration files before HCL 2.
 * Source: the hcl v1 specification and the files of Consul and consul-template.
 */
import { type Position, SyntaxProblem } from './tree.ts';

export interface HclToken {
  readonly type: 'word' | 'string' | 'number' | '{' | '}' | '[' | ']' | '=' | ',' | 'end';
  /** Decoded text of a string or heredoc; the source of a word or number. */
  readonly text: string;
  readonly at: Position;
}

const escapes: Readonly<Record<string, string>> = {
  a: '\x07',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
  v: '\v',
  '\\': '\\',
  '"': '"',
};

/** Throws SyntaxProblem. */
export function lexHcl(source: string): HclToken[] {
  return new Lexer(source).run();
}

class Lexer {
  readonly #source: string;
  readonly #tokens: HclToken[] = [];
  #pos = 0;
  #line = 1;
  #lineStart = 0;

  constructor(source: string) {
    this.#source = source.startsWith('\uFEFF') ? source.slice(1) : source;
  }

  run(): HclToken[] {
    for (;;) {
      this.#skipBlanks();
      if (this.#pos >= this.#source.length) break;
      this.#token();
    }
    this.#tokens.push({ type: 'end', text: '', at: this.#here() });
    return this.#tokens;
  }

  #here(): Position {
    return { line: this.#line, column: this.#pos - this.#lineStart + 1 };
  }

  #fail(message: string, at = this.#here()): never {
    throw new SyntaxProblem(message, at);
  }

  /** Moves on by `count` characters, counting lines. */
  #advance(count: number): void {
    for (let i = 0; i < count; i++) {
      if (this.#source[this.#pos++] === '\n') {
        this.#line++;
        this.#lineStart = this.#pos;
      }
    }
  }

  #skipBlanks(): void {
    for (;;) {
      const rest = this.#source.slice(this.#pos, this.#pos + 2);
      if (rest === '') return;
      if (/^\s/.test(rest)) this.#advance(1);
      else if (rest.startsWith('#') || rest === '//') this.#skipTo('\n');
      else if (rest === '/*') this.#skipComment();
      else return;
    }
  }

  #skipTo(mark: string): void {
    const end = this.#source.indexOf(mark, this.#pos);
    this.#advance((end < 0 ? this.#source.length : end) - this.#pos);
  }

  #skipComment(): void {
    const at = this.#here();
    const end = this.#source.indexOf('*/', this.#pos + 2);
    if (end < 0) this.#fail('comment is not closed: add */', at);
    this.#advance(end + 2 - this.#pos);
  }

  #token(): void {
    const at = this.#here();
    const char = this.#source[this.#pos]!;
    if (char === '{' || char === '}' || char === '[' || char === ']' || char === '=' || char === ',') {
      this.#advance(1);
      this.#tokens.push({ type: char, text: char, at });
    } else if (char === '"') {
      this.#tokens.push({ type: 'string', text: this.#string(at), at });
    } else if (this.#source.startsWith('<<', this.#pos)) {
      this.#tokens.push({ type: 'string', text: this.#heredoc(at), at });
    } else {
      this.#wordOrNumber(at);
    }
  }

  #wordOrNumber(at: Position): void {
    const rest = this.#source.slice(this.#pos, this.#pos + 512);
    const number = /^[+-]?(?:0[xX][0-9a-fA-F]+|(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)(?![\w.])/.exec(rest);
    const word = /^[\p{L}_][\p{L}\p{N}_.:-]*/u.exec(rest);
    const match = number ?? word;
    if (match === null) this.#fail(`unexpected character ${JSON.stringify(rest[0])}`, at);
    this.#advance(match[0].length);
    this.#tokens.push({ type: number === null ? 'word' : 'number', text: match[0], at });
  }

  #string(at: Position): string {
    this.#advance(1);
    let text = '';
    for (;;) {
      const char = this.#source[this.#pos];
      if (char === undefined || char === '\n') this.#fail('string is not closed: add "', at);
      if (char === '"') break;
      if (char === '\\') text += this.#escape();
      else if (char === '$' && this.#source[this.#pos + 1] === '{') text += this.#interpolation(at);
      else {
        text += char;
        this.#advance(1);
      }
    }
    this.#advance(1);
    return text;
  }

  /** HCL 1 hands `${…}` through as it stands, quotes inside it included. */
  #interpolation(at: Position): string {
    const start = this.#pos;
    let depth = 0;
    do {
      const char = this.#source[this.#pos];
      if (char === undefined) this.#fail('${ is not closed: add }', at);
      if (char === '{') depth++;
      if (char === '}') depth--;
      this.#advance(1);
    } while (depth > 0 || this.#pos === start + 1);
    return this.#source.slice(start, this.#pos);
  }

  #escape(): string {
    const at = this.#here();
    const rest = this.#source.slice(this.#pos + 1, this.#pos + 10);
    const coded = /^(?:x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|([0-7]{3}))/.exec(rest);
    if (coded !== null) {
      this.#advance(1 + coded[0].length);
      const code =
        coded[4] === undefined ? parseInt((coded[1] ?? coded[2] ?? coded[3])!, 16) : parseInt(coded[4], 8);
      if (code > 0x10ffff) this.#fail('escape is not a Unicode character', at);
      return String.fromCodePoint(code);
    }
    const simple = escapes[rest[0] ?? ''];
    if (simple === undefined) this.#fail(`unknown escape \\${rest[0] ?? ''}: write \\\\ for a backslash`, at);
    this.#advance(2);
    return simple;
  }

  #heredoc(at: Position): string {
    const head = /^<<(-?)([\p{L}\p{N}_]+)\r?\n/u.exec(this.#source.slice(this.#pos, this.#pos + 256));
    if (head === null) this.#fail('heredoc needs a word and a line end after <<', at);
    this.#advance(head[0].length);
    const lines: string[] = [];
    for (;;) {
      if (this.#pos >= this.#source.length) this.#fail(`heredoc is not closed: add a line ${head[2]}`, at);
      const end = this.#source.indexOf('\n', this.#pos);
      const line = this.#source.slice(this.#pos, end < 0 ? undefined : end);
      if (line.trim() === head[2]) {
        // Up to the mark only, so that what follows it on its line is read.
        this.#advance(line.indexOf(head[2]) + head[2].length);
        return (head[1] === '-' ? unindent(lines) : lines).map((text) => `${text}\n`).join('');
      }
      lines.push(line);
      this.#advance(line.length + (end < 0 ? 0 : 1));
    }
  }
}

/** `<<-`: takes the shortest indentation from every line, as HCL does. */
function unindent(lines: readonly string[]): string[] {
  const indents = lines.filter((line) => line.trim() !== '').map((line) => /^[ \t]*/.exec(line)![0].length);
  const shortest = indents.length === 0 ? 0 : Math.min(...indents);
  return lines.map((line) => line.slice(Math.min(shortest, /^[ \t]*/.exec(line)![0].length)));
}
