import { percentDecode } from './path.ts';

/** A query string, decoded as Go's url.ParseQuery does: `+` is a space, names may repeat, order is kept. */
export class Query {
  readonly #pairs: readonly (readonly [string, string])[];

  private constructor(pairs: readonly (readonly [string, string])[]) {
    this.#pairs = pairs;
  }

  static readonly empty = new Query([]);

  /** undefined when an escape is broken. */
  static parse(raw: string): Query | undefined {
    if (raw === '') return Query.empty;
    const pairs: [string, string][] = [];
    for (const part of raw.split('&')) {
      if (part === '') continue;
      const at = part.indexOf('=');
      const name = percentDecode(at < 0 ? part : part.slice(0, at), true);
      const value = at < 0 ? '' : percentDecode(part.slice(at + 1), true);
      if (name === undefined || value === undefined) return undefined;
      pairs.push([name, value]);
    }
    return new Query(pairs);
  }

  has(name: string): boolean {
    for (const pair of this.#pairs) if (pair[0] === name) return true;
    return false;
  }

  /** The first value, '' when there is none. */
  get(name: string): string {
    for (const pair of this.#pairs) if (pair[0] === name) return pair[1];
    return '';
  }

  all(name: string): string[] {
    return this.#pairs.filter((pair) => pair[0] === name).map((pair) => pair[1]);
  }

  /** `name=value&...` in the order of names, escaped: how Go's url.Values.Encode prints it. */
  encode(): string {
    const sorted = [...this.#pairs].sort((a, b) => (a[0] < b[0] ? -1 : a[0] > b[0] ? 1 : 0));
    return sorted.map(([name, value]) => `${queryEscape(name)}=${queryEscape(value)}`).join('&');
  }
}

function queryEscape(text: string): string {
  return encodeURIComponent(text)
    .replace(/[!'()*]/g, (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`)
    .replaceAll('%20', '+');
}
