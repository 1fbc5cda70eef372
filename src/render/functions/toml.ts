/**
 * toTOML: values as BurntSushi's toml writes them: plain keys first, then tables, each level indented by two spaces;
 * keys of maps sorted, fields of structs in their order, nil left out.
 * Source: github.com/BurntSushi/toml 1.5 encode.go.
 */
import { compareUtf8 } from '../../lib/bytes.ts';
import { formatFloat } from '../../template/float.ts';
import { isNil } from '../../template/truth.ts';
import { Chan, Float, Func, GoMap, Int, Slice, Struct, typeName } from '../../template/values.ts';
import type { Value } from '../../template/values.ts';
import { isTime, kindName, marshalled } from './reflect.ts';
import { writtenDuration } from './sprig/duration.ts';

/** The document, with its line breaks; not of nil. Throws with the library's texts. */
export function writeToml(value: Value): string {
  const writer = new TomlWriter();
  writer.value([], value);
  return writer.text;
}

type Key = readonly string[];
type Entry = readonly [string, Value];

class TomlWriter {
  text = '';

  value(key: Key, value: Value): void {
    if (isNil(value)) return;
    const isText = value instanceof Struct && marshalled(value) !== undefined;
    if (!isText && (value instanceof GoMap || value instanceof Struct)) return this.#table(key, value);
    if (value instanceof Slice && isTableArray(value)) return this.#tableArray(key, value);
    if (value instanceof Chan || value instanceof Func) {
      throw new Error(`unsupported type for key '${key.join('.')}': ${kindName(value)}`);
    }
    this.#keyValue(key, value);
  }

  #keyValue(key: Key, value: Value): void {
    if (key.length === 0) {
      this.text += inline(value);
      return;
    }
    this.text += `${indent(key)}${keyText(key.at(-1)!)} = ${inline(value)}\n`;
  }

  #table(key: Key, table: GoMap | Struct): void {
    if (key.length === 1) this.#newline();
    if (key.length > 0) this.text += `${indent(key)}[${path(key)}]\n`;
    this.#entries(key, table);
  }

  #tableArray(key: Key, list: Slice): void {
    if (key.length === 0) throw new Error('toml: top-level values must be Go maps or structs');
    for (const item of list.items) {
      this.#newline();
      this.text += `${indent(key)}[[${path(key)}]]\n`;
      this.#entries(key, item as GoMap | Struct);
    }
  }

  #entries(key: Key, table: GoMap | Struct): void {
    for (const [name, value] of ordered(table)) this.value([...key, name], value);
  }

  // Not before the very first line.
  #newline(): void {
    if (this.text !== '') this.text += '\n';
  }
}

function indent(key: Key): string {
  return '  '.repeat(key.length - 1);
}

function path(key: Key): string {
  return key.map(keyText).join('.');
}

function keyText(key: string): string {
  return /^[A-Za-z0-9_-]+$/.test(key) ? key : quoted(key);
}

/** What is no table comes first, since all that follows a table's head belongs to that table. */
function ordered(table: GoMap | Struct): readonly Entry[] {
  const entries = table instanceof GoMap ? mapEntries(table) : structEntries(table);
  const isTable = ([, value]: Entry): boolean => opensTable(value);
  return [...entries.filter((entry) => !isTable(entry)), ...entries.filter(isTable)].filter(
    ([, value]) => !isNil(value),
  );
}

function mapEntries(map: GoMap): readonly Entry[] {
  if (map.type.key.kind !== 'string') {
    throw new Error('toml: cannot encode a map with non-string key type');
  }
  return (Array.from(map.entries()) as Entry[]).sort(([a], [b]) => compareUtf8(a, b));
}

function structEntries(struct: Struct): readonly Entry[] {
  return struct.type.fields.map((field, i) => [field.name, struct.field(i)] as const);
}

function opensTable(value: Value): boolean {
  if (value instanceof Chan || value instanceof Func) throw new Error(`unsupported type: ${kindName(value)}`);
  if (value instanceof Slice) return isTableArray(value);
  if (value instanceof Struct && marshalled(value) !== undefined) return false;
  return (value instanceof GoMap || value instanceof Struct) && !value.isNil;
}

function isTableArray(list: Slice): boolean {
  if (list.items.length === 0) return false;
  if (list.items.some(isNil)) throw new Error('toml: cannot encode array with nil element');
  return list.items.every((item) => item instanceof GoMap || item instanceof Struct);
}

function inline(value: Value): string {
  if (typeof value === 'string') return quoted(value);
  if (typeof value === 'number' || typeof value === 'boolean') return String(value);
  if (value instanceof Int) return integer(value);
  if (value instanceof Float) return floatText(value.value);
  if (value instanceof Slice) return `[${checked(value).map(inline).join(', ')}]`;
  const text = value instanceof Struct ? marshalled(value) : undefined;
  if (text !== undefined) return isTime(value as Struct) ? text : quoted(text);
  if (value instanceof GoMap || value instanceof Struct) {
    return `{${ordered(value)
      .map(([key, item]) => `${keyText(key)} = ${inline(item)}`)
      .join(', ')}}`;
  }
  throw new Error(`unexpected type: ${typeName(value)}`);
}

function integer(value: Int): string {
  const duration = writtenDuration(value);
  return duration === undefined ? value.value.toString() : quoted(duration);
}

function checked(list: Slice): readonly Value[] {
  isTableArray(list);
  return list.items;
}

function floatText(value: number): string {
  if (Number.isNaN(value)) return 'nan';
  if (!Number.isFinite(value)) return value > 0 ? 'inf' : '-inf';
  const text = formatFloat(value, 'g', -1);
  return /[.e]/.test(text) ? text : `${text}.0`;
}

const escapes: Readonly<Record<string, string>> = {
  '"': '\\"',
  '\\': '\\\\',
  '\b': '\\b',
  '\t': '\\t',
  '\n': '\\n',
  '\f': '\\f',
  '\r': '\\r',
};

function quoted(text: string): string {
  const escaped = text.replace(
    // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what must be escaped
    /["\\\0-\x1f\x7f]/g,
    (char) => escapes[char] ?? `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
  return `"${escaped}"`;
}
