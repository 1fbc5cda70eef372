/** JSON as Go's encoder writes it: `<`, `>` and `&` escaped; pretty means four spaces and a newline at the end. */
export function encodeJson(value: unknown, pretty: boolean): string {
  const text = pretty ? `${JSON.stringify(value, undefined, 4)}\n` : JSON.stringify(value);
  return escapeHtml(text);
}

const special = /[<>&\u2028\u2029]/;
const specials = /[<>&\u2028\u2029]/g;

function escapeHtml(text: string): string {
  return special.test(text) ? text.replace(specials, escapeUnit) : text;
}

function escapeUnit(unit: string): string {
  return `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`;
}

/** How long rows are encoded in one go before the event loop gets its turn. */
const sliceMs = 8;
const rowsBetweenLooks = 32;

/** The JSON text of one row, indented by so many spaces a level. */
export type RowText<T> = (row: T, indent: 0 | 4) => string;

/**
 * A JSON array of rows, encoded a row at a time. Short lists come back at once; a long one gives way to the event loop
 * every few milliseconds. `rows` must not change meanwhile.
 */
export function encodeRows<T>(
  rows: readonly T[],
  rowText: RowText<T>,
  pretty: boolean,
): string | Promise<string> {
  if (rows.length === 0) return pretty ? '[]\n' : '[]';
  const writer = new RowWriter(rows, rowText, pretty);
  return writer.slice() ? writer.end() : finishLater(writer);
}

async function finishLater<T>(writer: RowWriter<T>): Promise<string> {
  do await new Promise<void>((resolve) => void setImmediate(resolve));
  while (!writer.slice());
  return writer.end();
}

class RowWriter<T> {
  readonly #rows: readonly T[];
  readonly #rowText: RowText<T>;
  readonly #pretty: boolean;
  readonly #parts: string[] = [];

  constructor(rows: readonly T[], rowText: RowText<T>, pretty: boolean) {
    this.#rows = rows;
    this.#rowText = rowText;
    this.#pretty = pretty;
  }

  /** Encodes for a while; true when all rows are done. */
  slice(): boolean {
    const until = performance.now() + sliceMs;
    while (this.#parts.length < this.#rows.length) {
      const end = Math.min(this.#rows.length, this.#parts.length + rowsBetweenLooks);
      for (let i = this.#parts.length; i < end; i++) this.#parts.push(this.#row(this.#rows[i]!));
      if (performance.now() > until) break;
    }
    return this.#parts.length === this.#rows.length;
  }

  end(): string {
    return this.#pretty ? `[\n    ${this.#parts.join(',\n    ')}\n]\n` : `[${this.#parts.join(',')}]`;
  }

  #row(row: T): string {
    const text = this.#pretty ? this.#rowText(row, 4).replaceAll('\n', '\n    ') : this.#rowText(row, 0);
    return escapeHtml(text);
  }
}
