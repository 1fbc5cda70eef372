/** Reading numbers as Go's strconv does. */

/** A number, or why the text is not one of the kind: bad syntax, or too large for its type. */
export type Parsed<T> = T | 'syntax' | 'range';

const maxInt64 = 2n ** 63n - 1n;
const maxUint64 = 2n ** 64n - 1n;

/** `strconv.ParseInt(text, base, 64)`; base 0 goes by the prefix (0x, 0o, 0b, 0) and allows underscores. */
export function parseInteger(text: string, base: 0 | 10 = 10): Parsed<bigint> {
  const negative = text.startsWith('-');
  const parsed = parseMagnitude(text.replace(/^[+-]/, ''), base);
  if (typeof parsed !== 'bigint') return parsed;
  if (parsed > (negative ? maxInt64 + 1n : maxInt64)) return 'range';
  return negative ? -parsed : parsed;
}

/** `strconv.ParseUint(text, base, 64)`: no sign. */
export function parseUnsigned(text: string, base: 0 | 10 = 10): Parsed<bigint> {
  const parsed = parseMagnitude(text, base);
  return typeof parsed === 'bigint' && parsed > maxUint64 ? 'range' : parsed;
}

function parseMagnitude(text: string, base: 0 | 10): Parsed<bigint> {
  if (base === 10) return parseDecimal(text);
  const digits = text.replaceAll('_', '');
  if (digits !== text && !underscoresOk(text)) return 'syntax';
  if (/^0[xX][0-9a-fA-F]+$|^0[oO][0-7]+$|^0[bB][01]+$/.test(digits)) return BigInt(digits.toLowerCase());
  if (/^0[0-7]+$/.test(digits)) return BigInt(`0o${digits.slice(1)}`);
  return /^(0|[1-9][0-9]*)$/.test(digits) ? BigInt(digits) : 'syntax';
}

// Digits that are too many come before what is wrong behind them.
function parseDecimal(text: string): Parsed<bigint> {
  const [digits] = /^[0-9]*/.exec(text)!;
  const value = BigInt(digits);
  if (digits === text && text !== '') return value;
  return value > maxUint64 ? 'range' : 'syntax';
}

/** Underscores must stand between digits, or between a base prefix and a digit. */
function underscoresOk(text: string): boolean {
  const unsigned = text.replace(/^[+-]/, '');
  const prefixed = /^0[bBoOxX]/.test(unsigned);
  const digit = /^0[xX]/.test(unsigned) ? /[0-9a-fA-F]/ : /[0-9]/;
  const body = prefixed ? `0${unsigned.slice(2)}` : unsigned;
  for (let i = 0; i < body.length; i++) {
    if (body[i] !== '_') continue;
    if (!digit.test(body[i - 1] ?? '') || !digit.test(body[i + 1] ?? '')) return false;
  }
  return true;
}

const decimal = /^[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?$/;
const hexadecimal = /^([+-]?)0[xX]([0-9a-fA-F]*)\.?([0-9a-fA-F]*)[pP]([+-]?[0-9]+)$/;
const special = /^([+-]?)(?:(inf|infinity)|nan)$/i;

/** `strconv.ParseFloat(text, 64)`: decimal, hexadecimal with a `p` exponent, infinities and NaN. */
export function parseFloat64(text: string): Parsed<number> {
  const digits = text.replaceAll('_', '');
  // Underscores are Go's only with a base prefix or between decimal digits of a literal.
  if (digits !== text && !underscoresOk(text)) return 'syntax';
  const named = special.exec(text);
  if (named) {
    if (named[2] === undefined) return named[1] === '' ? Number.NaN : 'syntax';
    return named[1] === '-' ? -Infinity : Infinity;
  }
  const value = decimal.test(digits) ? Number(digits) : parseHexFloat(digits);
  if (typeof value !== 'number') return value;
  return Number.isFinite(value) ? value : 'range';
}

function parseHexFloat(digits: string): Parsed<number> {
  const match = hexadecimal.exec(digits);
  if (!match) return 'syntax';
  const [, sign = '', whole = '', fraction = '', power = ''] = match;
  if (whole + fraction === '') return 'syntax';
  const mantissa = BigInt(`0x${whole}${fraction}`);
  const exponent = Math.max(-1e7, Math.min(1e7, Number(power))) - 4 * fraction.length;
  const value = scale(mantissa, exponent);
  return sign === '-' ? -value : value;
}

// mantissa x 2^exponent, rounded once, half to even. Number() of a bigint rounds that way.
function scale(mantissa: bigint, exponent: number): number {
  if (mantissa === 0n) return 0;
  const bits = mantissa.toString(2).length;
  const top = bits + exponent;
  if (top > 1024) return Infinity;
  if (top < -1074) return 0;
  // Subnormal results have fewer than 53 bits: drop the rest here, with a sticky bit, so that only one rounding happens.
  const precision = top < -1021 ? 53 - (-1021 - top) : 53;
  const drop = bits - precision;
  if (drop <= 0) return Number(mantissa) * 2 ** Math.max(exponent, -1074) * 2 ** Math.min(0, exponent + 1074);
  const rounded = roundHalfEven(mantissa, BigInt(drop));
  const power = exponent + drop;
  return power < -1022 ? Number(rounded) * 2 ** -1000 * 2 ** (power + 1000) : scaleUp(Number(rounded), power);
}

function scaleUp(value: number, power: number): number {
  return power > 900 ? value * 2 ** 900 * 2 ** (power - 900) : value * 2 ** power;
}

function roundHalfEven(value: bigint, drop: bigint): bigint {
  const kept = value >> drop;
  const rest = value - (kept << drop);
  const half = 1n << (drop - 1n);
  return rest > half || (rest === half && (kept & 1n) === 1n) ? kept + 1n : kept;
}
