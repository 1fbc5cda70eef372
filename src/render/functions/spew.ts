/**
 * spew_dump, spew_sdump, spew_printf, spew_sprintf: values with their types, for finding out what a template has.
 * Go shows maps in no order and addresses of pointers; here keys are sorted, and every address is the same.
 * Source: github.com/davecgh/go-spew.
 */
import { defineFunction } from '../../template/functions.ts';
import type { GoFunction } from '../../template/functions.ts';
import { formatFloat } from '../../template/float.ts';
import { printText } from '../../template/print.ts';
import { sprintf } from '../../template/printf.ts';
import type { OperandStyle } from '../../template/printf.ts';
import { quote } from '../../template/quote.ts';
import { byteLength } from '../../template/text.ts';
import { Chan, Float, Func, GoMap, Int, Slice, Struct, typeName } from '../../template/values.ts';
import type { Value } from '../../template/values.ts';

const address = '0xc000012000';

export const spewFunctions: readonly GoFunction[] = [
  defineFunction('spew_sdump', { params: ['...any'], result: 'string' }, (...values) => dumpAll(values)),
  defineFunction('spew_sprintf', { params: ['string', '...any'], result: 'string' }, formatAll),
  defineFunction('spew_dump', { params: ['...any'], result: 'string' }, (...values) => show(dumpAll(values))),
  defineFunction('spew_printf', { params: ['string', '...any'], result: 'string' }, (format, ...values) =>
    show(formatAll(format, ...values)),
  ),
];

function show(text: string): string {
  process.stdout.write(text);
  return '';
}

function dumpAll(values: readonly Value[]): string {
  return values.map((value) => `${dump(value, '')}\n`).join('');
}

function isNothing(value: Value): value is null | undefined {
  return value === null || value === undefined;
}

function dump(value: Value, indent: string): string {
  if (isNothing(value)) return '(interface {}) <nil>';
  if (value instanceof Struct && value.pointer) {
    const inner = value.isNil ? '<nil>' : content(new Struct(value.type, value.source, false), indent);
    return `(${typeName(value)})${value.isNil ? '' : `(${address})`}(${sizes(value)}${inner})`;
  }
  return `(${typeName(value)}) ${sizes(value)}${content(value, indent)}`;
}

/** `(len=2 cap=4) `, of what has a length. */
function sizes(value: Value): string {
  const length =
    typeof value === 'string'
      ? byteLength(value)
      : value instanceof Slice
        ? value.items.length
        : value instanceof GoMap
          ? value.size
          : 0;
  const capacity = value instanceof Slice ? length + value.spare.items.length + value.spare.zeros : 0;
  const parts = [...(length > 0 ? [`len=${length}`] : []), ...(capacity > 0 ? [`cap=${capacity}`] : [])];
  return parts.length === 0 ? '' : `(${parts.join(' ')}) `;
}

function content(value: Exclude<Value, null | undefined>, indent: string): string {
  const inner = `${indent} `;
  if (typeof value === 'string') return quote(value);
  if (value instanceof Slice) {
    if (value.isNil) return '<nil>';
    return block(
      value.items.map((item) => inner + dump(item, inner)),
      indent,
    );
  }
  if (value instanceof GoMap) {
    if (value.isNil) return '<nil>';
    const rows = value
      .sortedKeys()
      .map((key) => `${inner}${dump(key, inner)}: ${dump(value.get(key), inner)}`);
    return block(rows, indent);
  }
  if (value instanceof Struct) {
    if (value.type.text !== undefined) return printText(value);
    const rows = value.type.fields.map((field, i) => `${inner}${field.name}: ${dump(value.field(i), inner)}`);
    return block(rows, indent);
  }
  return scalar(value);
}

function block(rows: readonly string[], indent: string): string {
  return rows.length === 0 ? `{\n${indent}}` : `{\n${rows.join(',\n')}\n${indent}}`;
}

function scalar(value: Value): string {
  if (value instanceof Float) return formatFloat(value.value, 'g', -1);
  if (value instanceof Int) return integerText(value);
  return value instanceof Chan || value instanceof Func ? address : printText(value);
}

// Unlike printf, spew finds the methods of pointers on values too.
function integerText(value: Int): string {
  const text = value.type.methods?.get('String')?.call(value);
  return typeof text === 'string' ? text : printText(value);
}

/** `%v` is spew's, with `+` for addresses and `#` for types; other verbs are printf's. */
const spewStyle: OperandStyle = {
  typeName: '*spew.formatState',
  print: (value, { sharpV, plusV }) => compact(value, { types: sharpV, addresses: plusV }, false),
};

function formatAll(format: string, ...values: readonly Value[]): string {
  return sprintf(format, values, spewStyle);
}

interface Style {
  readonly types: boolean;
  readonly addresses: boolean;
}

function compact(value: Value, style: Style, typeKnown: boolean): string {
  if (isNothing(value)) return `${style.types && !typeKnown ? '(interface {})' : ''}<nil>`;
  if (value instanceof Struct && value.pointer) return pointer(value, style, typeKnown);
  const type = style.types && !typeKnown ? `(${typeName(value)})` : '';
  return type + body(value, style);
}

function pointer(value: Struct, style: Style, typeKnown: boolean): string {
  const showsType = style.types && !typeKnown;
  if (value.isNil && !showsType) return '<nil>';
  const head = showsType ? `(${typeName(value)})` : '<*>';
  const where = style.addresses && !value.isNil ? `(${address})` : '';
  return head + where + (value.isNil ? '<nil>' : body(new Struct(value.type, value.source, false), style));
}

function body(value: Exclude<Value, null | undefined>, style: Style): string {
  if (typeof value === 'string') return value;
  if (value instanceof Slice) {
    if (value.isNil) return '<nil>';
    const known = value.type.elem.kind !== 'interface';
    return `[${value.items.map((item) => compact(item, style, known)).join(' ')}]`;
  }
  if (value instanceof GoMap) {
    if (value.isNil) return '<nil>';
    const { key, elem } = value.type;
    const rows = value
      .sortedKeys()
      .map(
        (name) =>
          `${compact(name, style, key.kind !== 'interface')}:${compact(value.get(name), style, elem.kind !== 'interface')}`,
      );
    return `map[${rows.join(' ')}]`;
  }
  if (value instanceof Struct) {
    if (value.type.text !== undefined) return printText(value);
    const named = style.types || style.addresses;
    const rows = value.type.fields.map(
      (field, i) => (named ? `${field.name}:` : '') + compact(value.field(i), style, false),
    );
    return `{${rows.join(' ')}}`;
  }
  return scalar(value);
}
