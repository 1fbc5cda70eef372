/** toJSON and its variants: values as Go's encoding/json writes them. */
import { defineFunction } from '../../template/functions.ts';
import type { GoFunction } from '../../template/functions.ts';
import { compareUtf8 } from '../../lib/bytes.ts';
import type { StructField } from '../../template/types.ts';
import { Float, GoMap, Int, Slice, Struct, typeName } from '../../template/values.ts';
import type { Value } from '../../template/values.ts';
import { marshalled } from './reflect.ts';
import { durationText, durationType } from './sprig/duration.ts';
import { checkDefinition } from './check.ts';

export const jsonFunctions: readonly GoFunction[] = [
  jsonFunction('toJSON', { pretty: false, escapeHtml: true }),
  jsonFunction('toJSONPretty', { pretty: true, escapeHtml: true }),
  jsonFunction('toUnescapedJSON', { pretty: false, escapeHtml: false }),
  jsonFunction('toUnescapedJSONPretty', { pretty: true, escapeHtml: false }),
];

export interface JsonStyle {
  /** Two spaces a level. */
  readonly pretty: boolean;
  /** `<`, `>` and `&` as \u00XX. */
  readonly escapeHtml: boolean;
}

function jsonFunction(name: string, style: JsonStyle): GoFunction {
  return defineFunction(name, { params: ['any'], result: 'string' }, (value) => {
    try {
      return writeJson(value, style);
    } catch (error) {
      throw new Error(`${name}: ${(error as Error).message}`, { cause: error });
    }
  });
}

/** Throws for what JSON has no form for. */
export function writeJson(value: Value, style: JsonStyle): string {
  return new JsonWriter(style).write(value, '\n');
}

class JsonWriter {
  readonly #style: JsonStyle;

  constructor(style: JsonStyle) {
    this.#style = style;
  }

  /**
   * `newline` is the line break and indentation of the value's own level; addressable: a field of what a pointer points at,
   * so that encoders of pointers are used.
   */
  write(value: Value, newline: string, addressable = false): string {
    if (value === null || value === undefined) return 'null';
    if (typeof value === 'string') return this.#string(value);
    if (typeof value === 'boolean' || typeof value === 'number') return String(value);
    if (value instanceof Int) return value.value.toString();
    if (value instanceof Float) return number(value.value);
    if (value instanceof Slice) return value.isNil ? 'null' : this.#list(value.items, newline);
    if (value instanceof GoMap) return value.isNil ? 'null' : this.#map(value, newline);
    if (value instanceof Struct) {
      return value.isNil ? 'null' : this.#struct(value, newline, addressable || value.pointer);
    }
    throw new Error(`json: unsupported type: ${typeName(value)}`);
  }

  #list(items: readonly Value[], newline: string): string {
    const inner = `${newline}  `;
    return this.#wrap(
      '[',
      items.map((item) => this.write(item, inner)),
      ']',
      newline,
    );
  }

  #map(map: GoMap, newline: string): string {
    const entries: (readonly [string, Value])[] = [];
    for (const [key, value] of map.entries()) entries.push([mapKey(map, key), value]);
    return this.#object(
      entries.sort(([a], [b]) => compareUtf8(a, b)),
      newline,
    );
  }

  #struct(struct: Struct, newline: string, addressable: boolean): string {
    const text = marshalled(struct);
    if (text !== undefined) return this.#string(text);
    const fields = jsonFields(struct);
    const isDefinition = struct.type === checkDefinition && addressable;
    return this.#object(isDefinition ? asDefinition(fields) : fields, newline, addressable);
  }

  #object(entries: Entries, newline: string, addressable = false): string {
    const inner = `${newline}  `;
    const colon = this.#style.pretty ? ': ' : ':';
    const parts = entries.map(
      ([key, value]) => this.#string(key) + colon + this.write(value, inner, addressable),
    );
    return this.#wrap('{', parts, '}', newline);
  }

  #wrap(open: string, parts: readonly string[], close: string, newline: string): string {
    if (!this.#style.pretty || parts.length === 0) return open + parts.join(',') + close;
    const inner = `${newline}  `;
    return open + inner + parts.join(`,${inner}`) + newline + close;
  }

  #string(text: string): string {
    const special = this.#style.escapeHtml ? htmlSpecial : plainSpecial;
    return `"${special.test(text) ? text.replace(new RegExp(special, 'gu'), escape) : text}"`;
  }
}

type Entries = readonly (readonly [string, Value])[];

function jsonFields(struct: Struct): Entries {
  return struct.type.fields.flatMap((field, i) => {
    const value = struct.field(i);
    return omitted(field, value) ? [] : [[field.name, value] as const];
  });
}

// `json:",omitempty"` in the API's structs; `json:"-"` for durations.
const omitEmpty: ReadonlySet<string> = new Set(['Namespace', 'Partition', 'PeerName', 'SessionName']);

function omitted(field: StructField, value: Value): boolean {
  return field.type === durationType || (value === '' && omitEmpty.has(field.name));
}

const definitionDurations: ReadonlySet<string> = new Set([
  'Interval',
  'Timeout',
  'DeregisterCriticalServiceAfter',
]);

/** The API's own encoder of a check's definition: durations first, as texts. */
function asDefinition(fields: Entries): Entries {
  const isDuration = ([name]: Entries[number]): boolean => definitionDurations.has(name);
  const durations = fields
    .filter(isDuration)
    .map(([name, value]) => [name, durationText((value as Int).value)] as const);
  return [...durations, ...fields.filter((entry) => !isDuration(entry))];
}

const htmlSpecial = /["\\<>&\p{Cc}\u2028\u2029\p{Surrogate}]/u;
const plainSpecial = /["\\\p{Cc}\u2028\u2029\p{Surrogate}]/u;
const short: Readonly<Record<string, string>> = {
  '"': '\\"',
  '\\': '\\\\',
  '\b': '\\b',
  '\f': '\\f',
  '\n': '\\n',
  '\r': '\\r',
  '\t': '\\t',
};

function escape(char: string): string {
  const known = short[char];
  if (known !== undefined) return known;
  const code = char.charCodeAt(0);
  // DEL and the C1 controls are left as they are; a byte that is no UTF-8 is a replacement character.
  if (code >= 0x7f && code <= 0x9f) return char;
  return code >= 0xd800 && code <= 0xdfff ? '\\ufffd' : `\\u${code.toString(16).padStart(4, '0')}`;
}

function number(value: number): string {
  if (!Number.isFinite(value)) {
    const name = Number.isNaN(value) ? 'NaN' : value > 0 ? '+Inf' : '-Inf';
    throw new Error(`json: unsupported value: ${name}`);
  }
  return Object.is(value, -0) ? '-0' : String(value);
}

function mapKey(map: GoMap, key: Value): string {
  if (typeof key === 'string' && map.type.key.kind === 'string') return key;
  if (typeof key === 'number' && map.type.key.kind !== 'interface') return String(key);
  if (key instanceof Int && map.type.key.kind !== 'interface') return key.value.toString();
  throw new Error(`json: unsupported type: ${map.type.name}`);
}
