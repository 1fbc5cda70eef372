/** Writing floats as Go's strconv.FormatFloat does, for 64 bits. */

export type FloatFormat = 'e' | 'E' | 'f' | 'g' | 'G' | 'b' | 'x' | 'X';

/** Decimal digits without leading or trailing zeros, and the position of the point: 0.d1d2... x 10^point. */
interface Digits {
  readonly digits: string;
  readonly point: number;
}

/** Precision -1 asks for the fewest digits that read back as the same number. */
export function formatFloat(value: number, format: FloatFormat, precision: number): string {
  if (Number.isNaN(value)) return 'NaN';
  const sign = value < 0 || Object.is(value, -0) ? '-' : '';
  const size = Math.abs(value);
  if (size === Infinity) return sign === '' ? '+Inf' : '-Inf';
  return sign + formatSize(size, format, precision);
}

/** `%v` of a float64. */
export function shortestFloat(value: number): string {
  // The shape that both languages print alike, and by far the most frequent.
  if (Number.isInteger(value) && value > -1e6 && value < 1e6 && !Object.is(value, -0)) return String(value);
  return formatFloat(value, 'g', -1);
}

function formatSize(size: number, format: FloatFormat, precision: number): string {
  switch (format) {
    case 'f':
      return precision < 0 ? plainForm(shortest(size)) : fixed(size, precision);
    case 'e':
    case 'E':
      return precision < 0
        ? scientific(shortest(size), Math.max(shortest(size).digits.length - 1, 0), format)
        : scientific(rounded(size, precision + 1), precision, format);
    case 'g':
    case 'G':
      return general(size, precision, format === 'g' ? 'e' : 'E');
    case 'b':
      return binary(size);
    case 'x':
      return hexadecimal(size, precision);
    case 'X':
      return hexadecimal(size, precision).toUpperCase();
  }
}

function general(size: number, precision: number, exponentLetter: 'e' | 'E'): string {
  const isShortest = precision < 0;
  const wanted = precision === 0 ? 1 : precision;
  const number = isShortest ? shortest(size) : rounded(size, wanted);
  const count = number.digits.length;
  // A large precision is used only as far as there are digits, unless the number is a whole one.
  const limit = isShortest ? 6 : wanted > count && count >= number.point ? count : wanted;
  const exponent = number.point - 1;
  if (exponent < -4 || exponent >= limit) {
    const digits = isShortest ? count : Math.min(wanted, count);
    return scientific(number, Math.max(digits - 1, 0), exponentLetter);
  }
  return plainForm(number);
}

function plainForm({ digits, point }: Digits): string {
  if (digits === '') return '0';
  if (point <= 0) return `0.${'0'.repeat(-point)}${digits}`;
  const whole = digits.slice(0, point).padEnd(point, '0');
  const fraction = digits.slice(point);
  return fraction === '' ? whole : `${whole}.${fraction}`;
}

function scientific({ digits, point }: Digits, decimals: number, letter: 'e' | 'E'): string {
  const padded = (digits === '' ? '0' : digits).padEnd(decimals + 1, '0');
  const fraction = decimals > 0 ? `.${padded.slice(1, decimals + 1)}` : '';
  return `${padded[0]}${fraction}${letter}${exponentText(digits === '' ? 0 : point - 1)}`;
}

function exponentText(exponent: number): string {
  return `${exponent < 0 ? '-' : '+'}${String(Math.abs(exponent)).padStart(2, '0')}`;
}

// JavaScript's shortest digits are Go's: both pick the closest of the shortest.
function shortest(size: number): Digits {
  if (size === 0) return { digits: '', point: 0 };
  const [mantissa = '', exponent = '0'] = size.toExponential().split('e');
  return { digits: mantissa.replace('.', ''), point: Number(exponent) + 1 };
}

interface Binary {
  readonly mantissa: bigint;
  readonly exponent: number;
}

/** The exact value: mantissa x 2^exponent. */
function exact(size: number): Binary {
  const view = new DataView(new ArrayBuffer(8));
  view.setFloat64(0, size);
  const bits = view.getBigUint64(0);
  const biased = Number((bits >> 52n) & 0x7ffn);
  const fraction = bits & 0xfffffffffffffn;
  if (biased === 0) return { mantissa: fraction, exponent: -1074 };
  return { mantissa: fraction | 0x10000000000000n, exponent: biased - 1075 };
}

// size x 10^power as an integer, half to even on the exact value: toFixed and toExponential would round a tie up.
function scaled(size: number, power: number): bigint {
  const { mantissa, exponent } = exact(size);
  let numerator = mantissa;
  let denominator = 1n;
  if (power >= 0) numerator *= 10n ** BigInt(power);
  else denominator *= 10n ** BigInt(-power);
  if (exponent >= 0) numerator <<= BigInt(exponent);
  else denominator <<= BigInt(-exponent);
  const quotient = numerator / denominator;
  const twice = (numerator - quotient * denominator) * 2n;
  const up = twice > denominator || (twice === denominator && (quotient & 1n) === 1n);
  return up ? quotient + 1n : quotient;
}

// No double has more than 1,074 decimals, nor more than 767 significant digits.
const mostDecimals = 1074;
const mostDigits = 770;

function fixed(size: number, decimals: number): string {
  const counted = Math.min(decimals, mostDecimals);
  const digits = scaled(size, counted)
    .toString()
    .padStart(counted + 1, '0');
  if (decimals === 0) return digits;
  const point = digits.length - counted;
  return `${digits.slice(0, point)}.${digits.slice(point)}${'0'.repeat(decimals - counted)}`;
}

function rounded(size: number, count: number): Digits {
  if (size === 0) return { digits: '', point: 0 };
  const wanted = Math.min(count, mostDigits);
  let exponent = shortest(size).point - 1;
  let digits = scaled(size, wanted - 1 - exponent).toString();
  // The shortest form may have been rounded up to the next power of ten.
  if (digits.length < wanted) {
    exponent--;
    digits = scaled(size, wanted - 1 - exponent).toString();
  }
  if (digits.length > wanted) exponent++;
  return { digits: digits.replace(/0+$/, ''), point: exponent + 1 };
}

function binary(size: number): string {
  const { mantissa, exponent } = exact(size);
  return `${mantissa}p${exponent < 0 ? '' : '+'}${exponent}`;
}

// 0x1.hhhp+dd: one bit before the point, trailing zeros dropped when no precision is given.
function hexadecimal(size: number, precision: number): string {
  if (size === 0) return `0x0${precision > 0 ? `.${'0'.repeat(precision)}` : ''}p+00`;
  const normal = exact(size);
  const shift = 53 - normal.mantissa.toString(2).length;
  let mantissa = normal.mantissa << BigInt(shift);
  let exponent = normal.exponent - shift + 52;
  if (precision >= 0 && precision < 13) {
    mantissa = dropBits(mantissa, BigInt(52 - 4 * precision));
    if (mantissa >> 53n !== 0n) {
      mantissa >>= 1n;
      exponent++;
    }
  }
  const fraction = (mantissa & 0xfffffffffffffn).toString(16).padStart(13, '0');
  const shown =
    precision < 0 ? fraction.replace(/0+$/, '') : fraction.padEnd(precision, '0').slice(0, precision);
  return `0x1${shown === '' ? '' : `.${shown}`}p${exponentText(exponent)}`;
}

function dropBits(mantissa: bigint, drop: bigint): bigint {
  const kept = mantissa >> drop;
  const rest = mantissa - (kept << drop);
  const half = 1n << (drop - 1n);
  const up = rest > half || (rest === half && (kept & 1n) === 1n);
  return (up ? kept + 1n : kept) << drop;
}
