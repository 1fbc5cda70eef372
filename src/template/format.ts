/** How fmt writes single values of the basic kinds under flags, width and precision. */
import { formatFloat } from './float.ts';
import type { FloatFormat } from './float.ts';
import { canBackquote, isPrint, quote, quoteRune } from './quote.ts';
import { runeCount, takeRunes, toBytes } from './text.ts';

/** The flags of one directive. Width and precision are undefined when not given. */
export interface Flags {
  width: number | undefined;
  precision: number | undefined;
  minus: boolean;
  plus: boolean;
  sharp: boolean;
  space: boolean;
  zero: boolean;
  /** `%+v` and `%#v`, which are formats of their own rather than flags. */
  plusV: boolean;
  sharpV: boolean;
}

export function noFlags(): Flags {
  return {
    width: undefined,
    precision: undefined,
    minus: false,
    plus: false,
    sharp: false,
    space: false,
    zero: false,
    plusV: false,
    sharpV: false,
  };
}

/** Padded to the width in runes, on the left or with `-` on the right. */
export function pad(text: string, flags: Flags, zero = flags.zero): string {
  const missing = (flags.width ?? 0) - (flags.width === undefined ? 0 : runeCount(text));
  if (missing <= 0) return text;
  if (flags.minus) return text + ' '.repeat(missing);
  return (zero ? '0' : ' ').repeat(missing) + text;
}

export type IntegerVerb = 'd' | 'b' | 'o' | 'O' | 'x' | 'X';

const bases: Readonly<Record<IntegerVerb, number>> = { d: 10, b: 2, o: 8, O: 8, x: 16, X: 16 };

export function formatInteger(value: bigint, verb: IntegerVerb, flags: Flags): string {
  const negative = value < 0n;
  const { precision } = flags;
  if (precision === 0 && value === 0n) return pad('', flags, false);
  const magnitude = (negative ? -value : value).toString(bases[verb]);
  const signed = negative || flags.plus || flags.space;
  const digits = magnitude.padStart(precision ?? zeroWidth(flags, signed), '0');
  const shown = verb === 'X' ? digits.toUpperCase() : digits;
  const sign = negative ? '-' : flags.plus ? '+' : flags.space ? ' ' : '';
  // Zeros were handled above, like a precision.
  return pad(sign + prefix(verb, shown, flags.sharp) + shown, flags, false);
}

function zeroWidth(flags: Flags, signed: boolean): number {
  if (!flags.zero || flags.minus || flags.width === undefined) return 0;
  return flags.width - (signed ? 1 : 0);
}

function prefix(verb: IntegerVerb, digits: string, sharp: boolean): string {
  if (verb === 'O') return sharp && !digits.startsWith('0') ? '0o0' : '0o';
  if (!sharp) return '';
  switch (verb) {
    case 'b':
      return '0b';
    case 'o':
      return digits.startsWith('0') ? '' : '0';
    case 'x':
      return '0x';
    case 'X':
      return '0X';
    default:
      return '';
  }
}

/** `%U`: U+0041, with `#` also the character. */
export function formatUnicode(value: bigint, flags: Flags): string {
  const code = BigInt.asUintN(64, value);
  const digits = code.toString(16).toUpperCase();
  const text = `U+${digits.padStart(Math.max(flags.precision ?? 4, 4), '0')}`;
  const shown = flags.sharp && code <= 0x10ffffn && isPrint(Number(code));
  return pad(shown ? `${text} '${String.fromCodePoint(Number(code))}'` : text, flags, false);
}

/** `%c`. */
export function formatCharacter(value: bigint, flags: Flags): string {
  const valid = value >= 0n && value <= 0x10ffffn && (value < 0xd800n || value > 0xdfffn);
  return pad(valid ? String.fromCodePoint(Number(value)) : '\ufffd', flags);
}

/** `%q` of an integer. */
export function formatQuotedRune(value: bigint, flags: Flags): string {
  const rune = value >= 0n && value <= 0x10ffffn ? Number(value) : 0xfffd;
  return pad(quoteRune(rune, flags.plus), flags);
}

function truncate(text: string, flags: Flags): string {
  return flags.precision === undefined ? text : takeRunes(text, flags.precision);
}

export function formatString(text: string, flags: Flags): string {
  return pad(truncate(text, flags), flags);
}

export function formatQuoted(text: string, flags: Flags): string {
  const shown = truncate(text, flags);
  if (flags.sharp && canBackquote(shown)) return pad(`\`${shown}\``, flags);
  return pad(quote(shown, flags.plus), flags);
}

/** `%x` of a string: its bytes. */
export function formatHex(text: string, upper: boolean, flags: Flags): string {
  const all = toBytes(text);
  const bytes = flags.precision === undefined ? all : all.subarray(0, flags.precision);
  if (bytes.length === 0) return pad('', flags);
  const mark = flags.sharp ? '0x' : '';
  const pairs = Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0'));
  const shown = flags.space ? pairs.map((pair) => mark + pair).join(' ') : mark + pairs.join('');
  return pad(upper ? shown.toUpperCase() : shown, flags);
}

/** Precision is that of the verb when the directive gives none: 6 for e and f, the shortest (-1) for the others. */
export function formatReal(value: number, verb: FloatFormat, standard: number, flags: Flags): string {
  const precision = flags.precision ?? standard;
  let text = formatFloat(value, verb, precision);
  let sign = '+';
  if (text.startsWith('-') || text.startsWith('+')) {
    sign = text[0]!;
    text = text.slice(1);
  }
  if (flags.space && sign === '+' && !flags.plus) sign = ' ';
  if (text === 'Inf') return pad(sign === '+' && !flags.plus ? `+${text}` : sign + text, flags, false);
  if (text === 'NaN') return pad(flags.space || flags.plus ? sign + text : text, flags, false);
  if (flags.sharp && verb !== 'b') text = withPoint(text, verb, precision);
  if (!flags.plus && sign === '+') return pad(text, flags);
  const missing = (flags.width ?? 0) - text.length - 1;
  if (flags.zero && !flags.minus && missing > 0) return sign + '0'.repeat(missing) + text;
  return pad(sign + text, flags);
}

// `#`: always a decimal point, and for g all the digits of the precision.
function withPoint(text: string, verb: FloatFormat, precision: number): string {
  const isHex = verb === 'x' || verb === 'X';
  const end = text.search(isHex ? /[pP]/ : /[eE]/);
  const mantissa = end < 0 ? text : text.slice(0, end);
  const tail = end < 0 ? '' : text.slice(end);
  let digits = verb === 'g' || verb === 'G' || verb === 'x' ? (precision === -1 ? 6 : precision) : 0;
  const significant = mantissa.replace('.', '').replace(/^0+/, '');
  digits -= significant.length;
  const dotted = mantissa.includes('.');
  if (!dotted && mantissa === '0') digits--;
  return `${mantissa}${dotted ? '' : '.'}${'0'.repeat(Math.max(digits, 0))}${tail}`;
}
