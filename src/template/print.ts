/** fmt's Sprint, Sprintln and the printing of any value under any verb. */
import { shortestFloat } from './float.ts';
import type { Flags } from './format.ts';
import {
  formatCharacter,
  formatHex,
  formatInteger,
  formatQuoted,
  formatQuotedRune,
  formatReal,
  formatString,
  formatUnicode,
  noFlags,
  pad,
} from './format.ts';
import type { GoType } from './types.ts';
import { isSigned } from './types.ts';
import type { Complex, GoMap, Slice, Value } from './values.ts';
import { Float, Int, Struct, typeName } from './values.ts';

// Where Go prints the address of a pointer, there is none to show; any will do, as in Go.
const address = 0xc000012000n;

/** `print`: a space between two operands when neither is a string. */
export function sprint(args: readonly Value[]): string {
  let text = '';
  let afterString = true;
  for (const arg of args) {
    const isString = typeof arg === 'string';
    if (!isString && !afterString) text += ' ';
    text += printText(arg);
    afterString = isString;
  }
  return text;
}

/** `println`: always a space between operands, and a newline. */
export function sprintln(args: readonly Value[]): string {
  return `${args.map(printText).join(' ')}\n`;
}

/** `%v` of a value. */
export function printText(value: Value): string {
  switch (typeof value) {
    case 'string':
      return value;
    case 'number':
    case 'boolean':
      return String(value);
    default:
      if (value instanceof Float) return shortestFloat(value.value);
      return new Printer(noFlags()).print(value, 'v');
  }
}

/** What a bare action and the escapers make of no value and of nil. */
export const noValue = '<no value>';

/** What a bare action prints. Undefined: functions and channels cannot be printed. */
export function printable(value: Value): string | undefined {
  if (value === undefined || value === null) return noValue;
  if (typeof value === 'object' && (value.kind === 'func' || value.kind === 'chan')) return undefined;
  // Go takes the address of what it prints, and so finds a String that only pointers have.
  const ownText = value instanceof Int ? value.type.methods?.get('String') : undefined;
  if (ownText !== undefined) return String(ownText.call(value));
  return printText(followed(value));
}

/** The value that a pointer points at. */
export function followed(value: Value): Value {
  return value instanceof Struct && value.pointer && !value.isNil
    ? new Struct(value.type, value.source, false)
    : value;
}

/** Prints values under one directive's flags. */
export class Printer {
  readonly #flags: Flags;
  // Set while the value inside a complaint is written: methods are not called there.
  #complaining = false;
  constructor(flags: Flags) {
    this.#flags = flags;
  }

  /** An operand of the directive. */
  print(value: Value, verb: string): string {
    if (value === undefined || value === null) {
      return verb === 'v' || verb === 'T' ? pad('<nil>', this.#flags) : `%!${verb}(<nil>)`;
    }
    if (verb === 'T') return formatString(typeName(value), this.#flags);
    if (verb === 'p') return this.#pointer(value, verb);
    return this.#value(value, verb, 0);
  }

  #value(value: Value, verb: string, depth: number): string {
    switch (typeof value) {
      case 'string':
        return this.#string(value, verb, value);
      case 'boolean':
        return verb === 't' || verb === 'v' ? pad(String(value), this.#flags) : this.#bad(value, verb);
      case 'number':
        return this.#integer(value, BigInt(value), verb, true);
      default:
        if (value !== null && value !== undefined) return this.#object(value, verb, depth);
        // A nil in an interface, inside something else: the verb does not matter.
        return this.#flags.sharpV ? 'interface {}(nil)' : '<nil>';
    }
  }

  #object(
    value: Exclude<Value, undefined | null | string | boolean | number>,
    verb: string,
    depth: number,
  ): string {
    switch (value.kind) {
      case 'float64':
        return this.#float(value, value.value, verb);
      case 'complex128':
        return this.#complex(value, verb);
      case 'slice':
        return verb === 'w' ? this.#bad(value, verb) : this.#slice(value, verb, depth);
      case 'map':
        return verb === 'w' ? this.#bad(value, verb) : this.#map(value, verb, depth);
      case 'struct':
        return this.#struct(value, verb, depth);
      case 'func':
      case 'chan':
        return this.#pointer(value, verb);
      default:
        return this.#named(value, verb) ?? this.#integer(value, value.value, verb, isSigned(value.kind));
    }
  }

  /** An integer of a defined type that has a text of its own. */
  #named(value: Int, verb: string): string | undefined {
    const { text } = value.type;
    if (text === undefined || !this.#callsMethods(verb)) return undefined;
    return this.#string(text(value.value), verb, value);
  }

  #callsMethods(verb: string): boolean {
    return !this.#complaining && !this.#flags.sharpV && 'vsxXq'.includes(verb);
  }

  /** Go's complaint about a verb that the operand does not know. */
  #bad(value: Value, verb: string): string {
    const outer = this.#complaining;
    this.#complaining = true;
    const text = `%!${verb}(${typeName(value)}=${this.#value(value, 'v', 0)})`;
    this.#complaining = outer;
    return text;
  }

  #string(text: string, verb: string, value: Value): string {
    switch (verb) {
      case 'v':
        return this.#flags.sharpV ? formatQuoted(text, this.#flags) : formatString(text, this.#flags);
      case 's':
        return formatString(text, this.#flags);
      case 'q':
        return formatQuoted(text, this.#flags);
      case 'x':
      case 'X':
        return formatHex(text, verb === 'X', this.#flags);
      default:
        return this.#bad(value, verb);
    }
  }

  #integer(value: Value, integer: bigint, verb: string, signed: boolean): string {
    const flags = this.#flags;
    switch (verb) {
      case 'v':
        if (flags.sharpV && !signed) return formatInteger(integer, 'x', { ...flags, sharp: true });
        return formatInteger(integer, 'd', flags);
      case 'd':
      case 'b':
      case 'o':
      case 'O':
      case 'x':
      case 'X':
        return formatInteger(integer, verb, flags);
      case 'c':
        return formatCharacter(integer, flags);
      case 'q':
        return formatQuotedRune(integer, flags);
      case 'U':
        return formatUnicode(integer, flags);
      default:
        return this.#bad(value, verb);
    }
  }

  #float(value: Value, float: number, verb: string): string {
    switch (verb) {
      case 'v':
        return formatReal(float, 'g', -1, this.#flags);
      case 'b':
      case 'g':
      case 'G':
      case 'x':
      case 'X':
        return formatReal(float, verb, -1, this.#flags);
      case 'e':
      case 'E':
      case 'f':
        return formatReal(float, verb, 6, this.#flags);
      case 'F':
        return formatReal(float, 'f', 6, this.#flags);
      default:
        return this.#bad(value, verb);
    }
  }

  #complex(value: Complex, verb: string): string {
    if (!/^[vbgGxXfFeE]$/.test(verb)) return this.#bad(value, verb);
    const real = this.#float(value, value.re, verb);
    const imaginary = new Printer({ ...this.#flags, plus: true }).#float(value, value.im, verb);
    return `(${real}${imaginary}i)`;
  }

  #slice(value: Slice, verb: string, depth: number): string {
    const items = value.items.map((item) => this.#value(item, verb, depth + 1));
    if (!this.#flags.sharpV) return `[${items.join(' ')}]`;
    return value.isNil ? `${value.type.name}(nil)` : `${value.type.name}{${items.join(', ')}}`;
  }

  #map(value: GoMap, verb: string, depth: number): string {
    const pairs = value
      .sortedKeys()
      .map((key) => `${this.#value(key, verb, depth + 1)}:${this.#value(value.get(key), verb, depth + 1)}`);
    if (!this.#flags.sharpV) return `map[${pairs.join(' ')}]`;
    return value.isNil ? `${value.type.name}(nil)` : `${value.type.name}{${pairs.join(', ')}}`;
  }

  #struct(value: Struct, verb: string, depth: number): string {
    const text = this.#methodText(value, verb);
    if (text !== undefined) return this.#string(text, verb, value);
    if (verb === 'w') return this.#bad(value, verb);
    if (!value.pointer) return this.#fields(value, verb, depth);
    // Only the outermost pointer is followed: deeper ones could run in circles.
    if (depth === 0 && !value.isNil) return `&${this.#fields(value, verb, depth)}`;
    return this.#pointer(value, verb);
  }

  #methodText(value: Struct, verb: string): string | undefined {
    if (value.type.text === undefined || value.isNil || !this.#callsMethods(verb)) return undefined;
    return value.type.text(value.source as never);
  }

  #fields(value: Struct, verb: string, depth: number): string {
    const { sharpV, plusV } = this.#flags;
    const fields = value.type.fields.map((field, i) => {
      const shown = this.#field(field.type, value.field(i), verb, depth + 1);
      return sharpV || plusV ? `${field.name}:${shown}` : shown;
    });
    return sharpV ? `${value.type.name}{${fields.join(', ')}}` : `{${fields.join(' ')}}`;
  }

  #field(type: GoType, value: Value, verb: string, depth: number): string {
    return value === null && type.kind !== 'interface'
      ? this.#nilPointer(type.name)
      : this.#value(value, verb, depth);
  }

  #nilPointer(type: string): string {
    return this.#flags.sharpV ? `(${type})(nil)` : pad('<nil>', this.#flags);
  }

  #pointer(value: Value, verb: string): string {
    const isNil = pointerIsNil(value);
    if (isNil === undefined) return this.#bad(value, verb);
    const flags = { ...this.#flags, sharp: !this.#flags.sharp };
    switch (verb) {
      case 'v':
        if (isNil) return this.#nilPointer(typeName(value));
        return this.#flags.sharpV
          ? `(${typeName(value)})(0x${address.toString(16)})`
          : formatInteger(address, 'x', flags);
      case 'p':
        return formatInteger(isNil ? 0n : address, 'x', flags);
      case 'b':
      case 'o':
      case 'd':
      case 'x':
      case 'X':
        return formatInteger(isNil ? 0n : address, verb, this.#flags);
      default:
        return this.#bad(value, verb);
    }
  }
}

// Undefined: not a kind that has an address.
function pointerIsNil(value: Value): boolean | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  switch (value.kind) {
    case 'func':
    case 'chan':
      return false;
    case 'slice':
    case 'map':
      return value.isNil;
    case 'struct':
      return value.pointer ? value.isNil : undefined;
    default:
      return undefined;
  }
}
