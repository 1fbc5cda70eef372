/** Go's quoted strings and characters, both ways (strconv's Quote and Unquote families). */
import { fromBytes, invalidByte, runeOf, toBytes } from './text.ts';

const printable = /^[\p{L}\p{M}\p{N}\p{P}\p{S} ]$/u;
const shortEscapes: Readonly<Record<string, string>> = {
  '\x07': '\\a',
  '\b': '\\b',
  '\f': '\\f',
  '\n': '\\n',
  '\r': '\\r',
  '\t': '\\t',
  '\v': '\\v',
};
const plain = /^[ !#-[\]-~]*$/;

/** Go's notion of a printable rune: letters, marks, numbers, punctuation, symbols and the ASCII space. */
export function isPrint(rune: number): boolean {
  if (rune < 0x7f) return rune >= 0x20;
  return rune <= 0x10ffff && printable.test(String.fromCodePoint(rune));
}

/** `"..."` with Go escapes; with `ascii`, nothing beyond ASCII is left as it is. */
export function quote(text: string, ascii = false): string {
  if (plain.test(text)) return `"${text}"`;
  let quoted = '"';
  for (const char of text) quoted += escapeChar(char, '"', ascii);
  return `${quoted}"`;
}

/** `'x'` of a code point; what is not one becomes U+FFFD. */
export function quoteRune(rune: number, ascii = false): string {
  const valid = rune >= 0 && rune <= 0x10ffff && (rune < 0xd800 || rune > 0xdfff);
  return `'${escapeChar(String.fromCodePoint(valid ? rune : 0xfffd), "'", ascii)}'`;
}

/** Whether the text can stand between backquotes: no control characters but tab, no backquote, no invalid byte. */
export function canBackquote(text: string): boolean {
  for (const char of text) {
    const rune = runeOf(char);
    if (invalidByte(char) !== undefined || rune === 0xfeff) return false;
    if ((rune < 0x20 && rune !== 0x09) || rune === 0x60 || rune === 0x7f) return false;
  }
  return true;
}

function escapeChar(char: string, delimiter: string, ascii: boolean): string {
  if (char === delimiter || char === '\\') return `\\${char}`;
  const byte = invalidByte(char);
  if (byte !== undefined) return `\\x${hex(byte, 2)}`;
  const rune = runeOf(char);
  if (isPrint(rune) && (rune < 0x80 || !ascii)) return rune === 0xfffd ? '\ufffd' : char;
  const short = shortEscapes[char];
  if (short !== undefined) return short;
  if (rune < 0x20 || rune === 0x7f) return `\\x${hex(rune, 2)}`;
  return rune < 0x10000 ? `\\u${hex(rune, 4)}` : `\\U${hex(rune, 8)}`;
}

function hex(value: number, width: number): string {
  return value.toString(16).padStart(width, '0');
}

const simpleEscapes: Readonly<Record<string, number>> = {
  a: 7,
  b: 8,
  f: 12,
  n: 10,
  r: 13,
  t: 9,
  v: 11,
  '\\': 92,
  "'": 39,
  '"': 34,
};

/** The value of a Go string literal with its quotes (`"` or a backquote); undefined when it is not one. */
export function unquote(literal: string): string | undefined {
  const delimiter = literal[0];
  if (literal.length < 2 || literal.at(-1) !== delimiter) return undefined;
  const body = literal.slice(1, -1);
  if (delimiter === '`') return body.includes('`') ? undefined : body.replaceAll('\r', '');
  if (delimiter !== '"' || body.includes('\n')) return undefined;
  if (!body.includes('\\')) return body.includes('"') ? undefined : body;
  return unescape(body, delimiter);
}

/** The code point of a Go character literal with its quotes; undefined for bad syntax, `'malformed'` when more follows it. */
export function unquoteChar(literal: string): number | 'malformed' | undefined {
  const body = literal.slice(1);
  if (body.startsWith("'") || body === '') return undefined;
  const escape = readEscape(body, 0, "'");
  if (escape === undefined) return undefined;
  if (body.slice(escape.next) !== "'") return 'malformed';
  return escape.rune;
}

interface Escape {
  readonly rune: number;
  /** `\xHH` and `\ooo` name a byte, the other forms a code point. */
  readonly isByte: boolean;
  readonly next: number;
}

function unescape(body: string, delimiter: string): string | undefined {
  let text = '';
  let hasBytes = false;
  for (let i = 0; i < body.length; ) {
    if (body[i] !== '\\') {
      if (body[i] === delimiter) return undefined;
      text += body[i++];
      continue;
    }
    const escape = readEscape(body, i, delimiter);
    if (escape === undefined) return undefined;
    if (escape.isByte && escape.rune >= 0x80) {
      hasBytes = true;
      text += String.fromCharCode(0xdc00 + escape.rune);
    } else {
      text += String.fromCodePoint(escape.rune);
    }
    i = escape.next;
  }
  return hasBytes ? fromBytes(toBytes(text)) : text;
}

// One character, escaped or not, at a position.
function readEscape(body: string, at: number, delimiter: string): Escape | undefined {
  if (body[at] !== '\\') {
    const rune = body.codePointAt(at)!;
    return { rune, isByte: false, next: at + (rune > 0xffff ? 2 : 1) };
  }
  const letter = body[at + 1] ?? '';
  if (letter === 'x') return numericEscape(body, at + 2, 2, 16, 0xff, true);
  if (letter === 'u') return numericEscape(body, at + 2, 4, 16, 0x10ffff, false);
  if (letter === 'U') return numericEscape(body, at + 2, 8, 16, 0x10ffff, false);
  if (letter >= '0' && letter <= '7') return numericEscape(body, at + 1, 3, 8, 0xff, true);
  if ((letter === "'" || letter === '"') && letter !== delimiter) return undefined;
  const rune = simpleEscapes[letter];
  return rune === undefined ? undefined : { rune, isByte: false, next: at + 2 };
}

function numericEscape(
  body: string,
  at: number,
  width: number,
  radix: 8 | 16,
  limit: number,
  isByte: boolean,
): Escape | undefined {
  const digits = body.slice(at, at + width);
  const valid = radix === 16 ? /^[0-9a-fA-F]+$/ : /^[0-7]+$/;
  if (digits.length !== width || !valid.test(digits)) return undefined;
  const rune = Number.parseInt(digits, radix);
  if (rune > limit || (!isByte && rune >= 0xd800 && rune <= 0xdfff)) return undefined;
  return { rune, isByte, next: at + width };
}
