/** fmt's Sprintf. A mistake in the format never fails: it is written into the result, as in Go. */
import type { Flags } from './format.ts';
import { formatString, noFlags } from './format.ts';
import { Printer } from './print.ts';
import { rejoin, runeOf } from './text.ts';
import type { Value } from './values.ts';
import { integerOf, typeName } from './values.ts';

// Wider than this is taken for a mistake.
const widest = 1_000_000;

/** How operands print that have taken `%v` into their own hands (Go's fmt.Formatter). */
export interface OperandStyle {
  /** What `%T` and complaints call them. */
  readonly typeName: string;
  readonly print: (value: Value, flags: Flags) => string;
}

export function sprintf(format: string, args: readonly Value[], style?: OperandStyle): string {
  const text = new Formatter(format, args, style).run();
  // Two halves of a character may have come together.
  return rejoin(text);
}

class Formatter {
  readonly #format: string;
  readonly #args: readonly Value[];
  readonly #style: OperandStyle | undefined;
  #at = 0;
  #arg = 0;
  #reordered = false;
  #goodIndex = true;
  #afterIndex = false;
  #out = '';

  constructor(format: string, args: readonly Value[], style: OperandStyle | undefined) {
    this.#format = format;
    this.#args = args;
    this.#style = style;
  }

  run(): string {
    for (;;) {
      const percent = this.#format.indexOf('%', this.#at);
      this.#out += this.#format.slice(this.#at, percent < 0 ? undefined : percent);
      if (percent < 0) break;
      this.#at = percent + 1;
      if (!this.#directive()) break;
    }
    // With explicit indexes nobody knows which operands were meant to be left over.
    if (!this.#reordered && this.#arg < this.#args.length) this.#extra();
    return this.#out;
  }

  #extra(): void {
    const rest = this.#args.slice(this.#arg).map((arg) => this.#extraOperand(arg));
    this.#out += `%!(EXTRA ${rest.join(', ')})`;
  }

  #extraOperand(arg: Value): string {
    if (this.#style !== undefined) return `${this.#style.typeName}=${this.#style.print(arg, noFlags())}`;
    if (arg === null || arg === undefined) return '<nil>';
    return `${typeName(arg)}=${new Printer(noFlags()).print(arg, 'v')}`;
  }

  /** One directive; false when the format ends inside it. */
  #directive(): boolean {
    const flags = this.#readFlags();
    this.#goodIndex = true;
    this.#afterIndex = false;
    this.#argIndex();
    this.#width(flags);
    this.#precision(flags);
    if (!this.#afterIndex) this.#argIndex();
    const code = this.#format.codePointAt(this.#at);
    if (code === undefined) {
      this.#out += '%!(NOVERB)';
      return false;
    }
    this.#at += code > 0xffff ? 2 : 1;
    const verb = String.fromCodePoint(runeOf(String.fromCodePoint(code)));
    this.#out += this.#verb(verb, flags);
    return true;
  }

  #verb(verb: string, flags: Flags): string {
    if (verb === '%') return '%';
    if (!this.#goodIndex) return `%!${verb}(BADINDEX)`;
    if (this.#arg >= this.#args.length) return `%!${verb}(MISSING)`;
    if (verb === 'v' || verb === 'w') {
      flags.sharpV = flags.sharp;
      flags.plusV = flags.plus;
      flags.sharp = false;
      flags.plus = false;
    }
    const arg = this.#args[this.#arg++];
    if (this.#style !== undefined && verb === 'v') return this.#style.print(arg, flags);
    if (this.#style !== undefined && verb === 'T') return formatString(this.#style.typeName, flags);
    return new Printer(flags).print(arg, verb);
  }

  #readFlags(): Flags {
    const flags = noFlags();
    for (; ; this.#at++) {
      switch (this.#format[this.#at]) {
        case '#':
          flags.sharp = true;
          break;
        case '0':
          flags.zero = true;
          break;
        case '+':
          flags.plus = true;
          break;
        case '-':
          flags.minus = true;
          break;
        case ' ':
          flags.space = true;
          break;
        default:
          return flags;
      }
    }
  }

  #width(flags: Flags): void {
    if (this.#format[this.#at] === '*') {
      this.#at++;
      flags.width = this.#starArgument();
      if (flags.width === undefined) this.#out += '%!(BADWIDTH)';
      if (flags.width !== undefined && flags.width < 0) {
        flags.width = -flags.width;
        flags.minus = true;
        flags.zero = false;
      }
      this.#afterIndex = false;
      return;
    }
    flags.width = this.#number();
    if (this.#afterIndex && flags.width !== undefined) this.#goodIndex = false;
  }

  #precision(flags: Flags): void {
    // A dot that ends the format is taken for a verb, as in Go.
    if (this.#format[this.#at] !== '.' || this.#at + 1 === this.#format.length) return;
    this.#at++;
    if (this.#afterIndex) this.#goodIndex = false;
    this.#argIndex();
    if (this.#format[this.#at] === '*') {
      this.#at++;
      const precision = this.#starArgument();
      flags.precision = precision !== undefined && precision >= 0 ? precision : undefined;
      if (flags.precision === undefined) this.#out += '%!(BADPREC)';
      this.#afterIndex = false;
      return;
    }
    flags.precision = this.#number() ?? 0;
  }

  /** The operand that a `*` stands for: an integer of any kind, not too large. */
  #starArgument(): number | undefined {
    if (this.#arg >= this.#args.length) return undefined;
    const value = integerOf(this.#args[this.#arg++]);
    if (this.#style !== undefined || value === undefined || value > widest || value < -widest)
      return undefined;
    return Number(value);
  }

  /** Digits at the current place. A crazily long number ends the format. */
  #number(): number | undefined {
    let value: number | undefined;
    for (;;) {
      const digit = this.#format.charCodeAt(this.#at) - 48;
      if (!(digit >= 0 && digit <= 9)) return value;
      if ((value ?? 0) > widest) {
        this.#at = this.#format.length;
        return undefined;
      }
      value = (value ?? 0) * 10 + digit;
      this.#at++;
    }
  }

  /** `[n]`: the operand to take next, counted from 1. */
  #argIndex(): void {
    this.#afterIndex = false;
    if (this.#format[this.#at] !== '[') return;
    this.#reordered = true;
    const close = this.#format.indexOf(']', this.#at);
    if (close < 0 || this.#format.length - this.#at < 3) {
      this.#goodIndex = false;
      this.#at++;
      return;
    }
    const digits = this.#format.slice(this.#at + 1, close);
    this.#at = close + 1;
    const isNumber = /^[0-9]+$/.test(digits) && Number(digits) <= widest * 10;
    const index = Number(digits) - 1;
    this.#afterIndex = isNumber;
    if (isNumber && index >= 0 && index < this.#args.length) this.#arg = index;
    else this.#goodIndex = false;
  }
}
