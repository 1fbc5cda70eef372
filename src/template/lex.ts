/**
 * In: template text. Out: tokens, one a call. Trimming of white space around actions and comments happens entirely here;
 * the parser never sees it. An error is a token too, and the last one.
 */
import { isPrint, quote } from './quote.ts';
import { byteLength, takeRunes } from './text.ts';

export type Keyword =
  | 'block'
  | 'break'
  | 'continue'
  | 'define'
  | 'else'
  | 'end'
  | 'if'
  | 'nil'
  | 'range'
  | 'template'
  | 'with';

export type TokenType =
  | Keyword
  | 'assign'
  | 'bool'
  | 'char'
  | 'charConstant'
  | 'complex'
  | 'declare'
  | 'dot'
  | 'eof'
  | 'error'
  | 'field'
  | 'identifier'
  | 'leftDelimiter'
  | 'leftParen'
  | 'number'
  | 'pipe'
  | 'rawString'
  | 'rightDelimiter'
  | 'rightParen'
  | 'space'
  | 'string'
  | 'text'
  | 'variable';

export interface Token {
  readonly type: TokenType;
  /** Where it starts, in UTF-16 units. */
  readonly position: number;
  readonly text: string;
  /** The line on which it starts, from 1. */
  readonly line: number;
}

const keywords: ReadonlySet<string> = new Set<Keyword>([
  'block',
  'break',
  'continue',
  'define',
  'else',
  'end',
  'if',
  'nil',
  'range',
  'template',
  'with',
]);

/** A token as messages name it. */
export function describeToken(token: Token): string {
  if (token.type === 'eof') return 'EOF';
  if (token.type === 'error') return token.text;
  if (token.type === 'dot' || keywords.has(token.type)) return `<${token.text}>`;
  return byteLength(token.text) > 10 ? `${quote(takeRunes(token.text, 10))}...` : quote(token.text);
}

export interface LexerOptions {
  readonly left: string;
  readonly right: string;
  /** Whether these words are keywords; not when functions of these names are installed. */
  readonly breakIsKeyword: boolean;
  readonly continueIsKeyword: boolean;
}

const leftComment = '/*';
const rightComment = '*/';
const wordCharacter = /[_\p{L}\p{Nd}]/u;
// Looser than Go's grammar, like Go's own scanner: what passes here and is no number fails in the parser.
const number =
  /[+-]?(?:0[xX][0-9a-fA-F_]*(?:\.[0-9a-fA-F_]*)?(?:[pP][+-]?[0-9_]*)?|0[oO][0-7_]*(?:\.[0-7_]*)?|0[bB][01_]*(?:\.[01_]*)?|[0-9_]*(?:\.[0-9_]*)?(?:[eE][+-]?[0-9_]*)?)i?/y;
const terminators = '.,|:)( \t\r\n';

export class Lexer {
  readonly #text: string;
  readonly #options: LexerOptions;
  #position = 0;
  #line = 1;
  #inAction = false;
  #parens = 0;
  #failed = false;

  constructor(text: string, options: LexerOptions) {
    this.#text = text;
    this.#options = options;
  }

  /** The next token; after `error` and `eof` only `eof` follows. */
  next(): Token {
    if (this.#failed) return { type: 'eof', position: this.#position, text: 'EOF', line: this.#line };
    return this.#inAction ? this.#insideAction() : this.#outsideAction();
  }

  #emit(type: TokenType, end: number): Token {
    const { position, line } = { position: this.#position, line: this.#line };
    const text = this.#text.slice(position, end);
    this.#skipTo(end);
    return { type, position, text, line };
  }

  #error(text: string): Token {
    this.#failed = true;
    return { type: 'error', position: this.#position, text, line: this.#line };
  }

  #skipTo(end: number): void {
    for (
      let i = this.#text.indexOf('\n', this.#position);
      i >= 0 && i < end;
      i = this.#text.indexOf('\n', i + 1)
    ) {
      this.#line++;
    }
    this.#position = end;
  }

  /** End of what a sticky pattern matches at a position; the position itself when it does not. */
  #match(pattern: RegExp, at: number): number {
    pattern.lastIndex = at;
    return pattern.test(this.#text) ? pattern.lastIndex : at;
  }

  #outsideAction(): Token {
    const text = this.#text;
    for (;;) {
      const start = this.#position;
      const found = text.indexOf(this.#options.left, start);
      if (found < 0) return this.#emit(start < text.length ? 'text' : 'eof', text.length);
      const end = this.#hasLeftTrim(found + this.#options.left.length)
        ? this.#trimmedEnd(start, found)
        : found;
      if (end > start) {
        const token = this.#emit('text', end);
        this.#skipTo(found);
        return token;
      }
      this.#skipTo(found);
      const opened = this.#open();
      if (opened !== undefined) return opened;
    }
  }

  // Just before a left delimiter: a comment is skipped (undefined), an action begins.
  #open(): Token | undefined {
    const { left } = this.#options;
    const after = this.#position + left.length;
    const marker = this.#hasLeftTrim(after) ? 2 : 0;
    if (this.#text.startsWith(leftComment, after + marker)) return this.#skipComment(after + marker);
    const token = this.#emit('leftDelimiter', after);
    this.#skipTo(after + marker);
    this.#inAction = true;
    this.#parens = 0;
    return token;
  }

  #skipComment(start: number): Token | undefined {
    this.#skipTo(start);
    const close = this.#text.indexOf(rightComment, start + leftComment.length);
    if (close < 0) return this.#error('unclosed comment');
    const end = close + rightComment.length;
    const marker = this.#hasRightTrim(end) ? 2 : 0;
    if (marker === 0 && !this.#text.startsWith(this.#options.right, end)) {
      return this.#error('comment ends before closing delimiter');
    }
    this.#leaveAction(end + marker + this.#options.right.length, marker > 0);
    return undefined;
  }

  #leaveAction(end: number, trim: boolean): void {
    this.#skipTo(trim ? this.#afterSpaces(end) : end);
  }

  #afterSpaces(at: number): number {
    let end = at;
    while (isSpace(this.#text[end])) end++;
    return end;
  }

  #hasLeftTrim(at: number): boolean {
    return this.#text[at] === '-' && isSpace(this.#text[at + 1]);
  }

  /** At white space, `-` and the right delimiter. */
  #hasRightTrim(at: number): boolean {
    return (
      isSpace(this.#text[at]) &&
      this.#text[at + 1] === '-' &&
      this.#text.startsWith(this.#options.right, at + 2)
    );
  }

  #trimmedEnd(start: number, end: number): number {
    let trimmed = end;
    while (trimmed > start && isSpace(this.#text[trimmed - 1])) trimmed--;
    return trimmed;
  }

  #insideAction(): Token {
    const at = this.#position;
    const trim = this.#hasRightTrim(at);
    if (trim || this.#text.startsWith(this.#options.right, at)) return this.#close(trim);
    const char = this.#text[at];
    if (char === undefined) return this.#error('unclosed action');
    if (isSpace(char)) return this.#space();
    // A number starts with an ASCII digit; the other digits are letters here.
    if (!isDigit(char) && this.#afterWord(at) > at) return this.#identifier();
    return this.#symbol(char, at);
  }

  #close(trim: boolean): Token {
    if (this.#parens > 0) return this.#error('unclosed left paren');
    if (trim) this.#skipTo(this.#position + 2);
    const token = this.#emit('rightDelimiter', this.#position + this.#options.right.length);
    this.#inAction = false;
    this.#leaveAction(this.#position, trim);
    return token;
  }

  #space(): Token {
    const start = this.#position;
    const end = this.#afterSpaces(start);
    // The last white space may belong to a trim marker.
    return this.#emit('space', this.#hasRightTrim(end - 1) ? end - 1 : end);
  }

  #symbol(char: string, at: number): Token {
    switch (char) {
      case '=':
        return this.#emit('assign', at + 1);
      case ':':
        return this.#text[at + 1] === '=' ? this.#emit('declare', at + 2) : this.#error('expected :=');
      case '|':
        return this.#emit('pipe', at + 1);
      case '"':
        return this.#quoted('string', char, 'unterminated quoted string');
      case '`':
        return this.#rawString(at);
      case "'":
        return this.#quoted('charConstant', char, 'unterminated character constant');
      case '$':
        return this.#fieldOrVariable('variable');
      case '.':
        // A dot at the very end is scanned as a number, which the parser then refuses.
        return isDigit(this.#text[at + 1]) || at + 1 === this.#text.length
          ? this.#number()
          : this.#fieldOrVariable('field');
      case '(':
        this.#parens++;
        return this.#emit('leftParen', at + 1);
      case ')':
        if (--this.#parens < 0) return this.#error('unexpected right paren');
        return this.#emit('rightParen', at + 1);
      default:
        return this.#otherSymbol(char, at);
    }
  }

  #otherSymbol(char: string, at: number): Token {
    if (char === '+' || char === '-' || isDigit(char)) return this.#number();
    if (char > ' ' && char <= '~') return this.#emit('char', at + 1);
    return this.#error(`unrecognized character in action: ${describeRune(this.#text, at)}`);
  }

  #quoted(type: TokenType, quote: string, unterminated: string): Token {
    for (let i = this.#position + 1; i < this.#text.length; i++) {
      const char = this.#text[i];
      if (char === '\n' || (char === '\\' && this.#text[++i] === '\n')) break;
      if (char === quote) return this.#emit(type, i + 1);
    }
    return this.#error(unterminated);
  }

  #rawString(at: number): Token {
    const close = this.#text.indexOf('`', at + 1);
    return close < 0 ? this.#error('unterminated raw quoted string') : this.#emit('rawString', close + 1);
  }

  #identifier(): Token {
    const end = this.#afterWord(this.#position);
    if (!this.#terminatedAt(end)) return this.#badCharacter(end);
    return this.#emit(this.#wordType(this.#text.slice(this.#position, end)), end);
  }

  #wordType(text: string): TokenType {
    if (text === 'true' || text === 'false') return 'bool';
    if (!keywords.has(text)) return 'identifier';
    if (text === 'break' && !this.#options.breakIsKeyword) return 'identifier';
    if (text === 'continue' && !this.#options.continueIsKeyword) return 'identifier';
    return text as Keyword;
  }

  // The dot or dollar alone is a token of its own.
  #fieldOrVariable(type: 'field' | 'variable'): Token {
    const start = this.#position + 1;
    if (this.#terminatedAt(start)) return this.#emit(type === 'field' ? 'dot' : 'variable', start);
    const end = this.#afterWord(start);
    return this.#terminatedAt(end) ? this.#emit(type, end) : this.#badCharacter(end);
  }

  #badCharacter(at: number): Token {
    return this.#error(`bad character ${describeRune(this.#text, at)}`);
  }

  /** Whether a name may end here: `.X.Y` is two tokens, `$x+2` is none. */
  #terminatedAt(at: number): boolean {
    const char = this.#text[at];
    return char === undefined || terminators.includes(char) || this.#text.startsWith(this.#options.right, at);
  }

  #number(): Token {
    const end = this.#match(number, this.#position);
    if (this.#continuesWord(end)) return this.#badNumber(end);
    const sign = this.#text[end];
    if (sign !== '+' && sign !== '-') return this.#emit('number', end);
    // A complex constant: 1+2i, without spaces.
    const last = this.#match(number, end);
    if (this.#continuesWord(last)) return this.#badNumber(last);
    if (this.#text[last - 1] === 'i') return this.#emit('complex', last);
    return this.#error(`bad number syntax: ${quote(this.#text.slice(this.#position, last))}`);
  }

  #continuesWord(at: number): boolean {
    return this.#afterWord(at) > at;
  }

  /** End of the letters, digits and underscores at a place. */
  #afterWord(at: number): number {
    let end = at;
    for (;;) {
      const code = this.#text.charCodeAt(end);
      if (code < 0x80) {
        if (!isAsciiWord(code)) return end;
        end++;
      } else {
        const rune = this.#text.codePointAt(end);
        if (rune === undefined || !wordCharacter.test(String.fromCodePoint(rune))) return end;
        end += rune > 0xffff ? 2 : 1;
      }
    }
  }

  #badNumber(end: number): Token {
    const next = String.fromCodePoint(this.#text.codePointAt(end)!);
    return this.#error(`bad number syntax: ${quote(this.#text.slice(this.#position, end) + next)}`);
  }
}

function isSpace(char: string | undefined): boolean {
  return char === ' ' || char === '\t' || char === '\r' || char === '\n';
}

function isDigit(char: string | undefined): boolean {
  return char !== undefined && char >= '0' && char <= '9';
}

function isAsciiWord(code: number): boolean {
  return (
    (code >= 97 && code <= 122) || (code >= 65 && code <= 90) || (code >= 48 && code <= 57) || code === 95
  );
}

/** Go's `%#U`: U+0041 'A', without the character when it is not printable. */
function describeRune(text: string, at: number): string {
  const rune = text.codePointAt(at) ?? 0xfffd;
  const code = `U+${rune.toString(16).toUpperCase().padStart(4, '0')}`;
  return isPrint(rune) ? `${code} '${String.fromCodePoint(rune)}'` : code;
}
