/** The parser's view of the tokens: looking ahead, putting back, and failing at the right line. */
import { TemplateError } from './errors.ts';
import type { LexerOptions, Token, TokenType } from './lex.ts';
import { describeToken, Lexer } from './lex.ts';

export class Tokens {
  /** Line on which the action at work began; 0 between actions. */
  actionLine = 0;
  readonly #name: string;
  readonly #lexer: Lexer;
  // Tokens put back, the next one last.
  readonly #ahead: Token[] = [];
  // Messages name the line of the newest token read, wherever the parser is.
  #latest: Token = { type: 'eof', position: 0, text: '', line: 1 };

  constructor(name: string, text: string, options: LexerOptions) {
    this.#name = name;
    this.#lexer = new Lexer(text, options);
  }

  next(): Token {
    const ahead = this.#ahead.pop();
    if (ahead !== undefined) return ahead;
    this.#latest = this.#lexer.next();
    return this.#latest;
  }

  putBack(token: Token): void {
    this.#ahead.push(token);
  }

  peek(): Token {
    const token = this.next();
    this.putBack(token);
    return token;
  }

  nextNonSpace(): Token {
    let token = this.next();
    while (token.type === 'space') token = this.next();
    return token;
  }

  /** Drops the space before it for good. */
  peekNonSpace(): Token {
    const token = this.nextNonSpace();
    this.putBack(token);
    return token;
  }

  expect(type: TokenType, context: string): Token {
    const token = this.nextNonSpace();
    return token.type === type ? token : this.unexpected(token, context);
  }

  /** Line of the newest token. */
  get line(): number {
    return this.#latest.line;
  }

  fail(message: string, line = this.line): never {
    throw new TemplateError(`template: ${this.#name}:${line}: ${message}`, {
      phase: 'parse',
      name: this.#name,
      line,
    });
  }

  /** An error of the lexer also tells where its action began, when that was on another line. */
  unexpected(token: Token, context: string): never {
    if (token.type !== 'error') this.fail(`unexpected ${describeToken(token)} in ${context}`);
    let started = '';
    if (this.actionLine !== 0 && this.actionLine !== token.line) {
      const action = token.text.endsWith(' action') ? '' : ' in action';
      started = `${action} started at ${this.#name}:${this.actionLine}`;
    }
    return this.fail(token.text + started);
  }
}
