/** Reading JSON as Go's encoding/json reads it into an `interface {}`: the same documents, the same error texts. */

export class GoJsonError extends Error {
  override readonly name = 'GoJsonError';
  readonly code = 'bad-json';
}

/** Throws GoJsonError with Go's text. Lone surrogates become U+FFFD; numbers beyond a float64 are refused. */
export function decodeGoJson(text: string): unknown {
  let value: unknown;
  try {
    value = JSON.parse(text, /\p{Surrogate}|\\u[dD]/u.test(text) ? wellFormed : undefined);
  } catch (error) {
    throw new GoJsonError(new Scanner(text).firstError(), { cause: error });
  }
  if (/[eE]\+?\d{2}|\d{300}/.test(text)) checkRange(text);
  return value;
}

function wellFormed(_key: string, value: unknown): unknown {
  if (typeof value === 'string') return replaceLone(value);
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [replaceLone(key), item as unknown]));
}

function replaceLone(text: string): string {
  return text.replace(/\p{Surrogate}/gu, '\ufffd');
}

function checkRange(text: string): void {
  for (const [token] of text.matchAll(/"(?:[^"\\]|\\.)*"|-?\d[\d.eE+-]*/g)) {
    if (token.startsWith('"') || Number.isFinite(Number(token))) continue;
    throw new GoJsonError(`json: cannot unmarshal number ${token} into Go value of type float64`);
  }
}

const space = /[ \t\r\n]*/y;

/** Walks a document that is known to be wrong, as Go's scanner does, up to its first bad character. */
class Scanner {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  firstError(): string {
    try {
      this.#value();
      this.#skipSpace();
      if (this.#at < this.#text.length) this.#fail('after top-level value');
      return 'unexpected end of JSON input';
    } catch (error) {
      if (error instanceof GoJsonError) return error.message;
      // Deeper than the stack: Go stops at a depth, too.
      return 'exceeded max depth';
    }
  }

  #value(): void {
    this.#skipSpace();
    const char = this.#text[this.#at];
    if (char === '{') this.#object();
    else if (char === '[') this.#array();
    else if (char === '"') this.#string();
    else if (char === 't') this.#literal('true');
    else if (char === 'f') this.#literal('false');
    else if (char === 'n') this.#literal('null');
    else if (char !== undefined && /[-\d]/.test(char)) this.#number();
    else this.#fail('looking for beginning of value');
  }

  #object(): void {
    this.#at++;
    this.#skipSpace();
    if (this.#take('}')) return;
    for (;;) {
      this.#skipSpace();
      if (this.#text[this.#at] !== '"') this.#fail('looking for beginning of object key string');
      this.#string();
      this.#skipSpace();
      if (!this.#take(':')) this.#fail('after object key');
      this.#value();
      this.#skipSpace();
      if (this.#take('}')) return;
      if (!this.#take(',')) this.#fail('after object key:value pair');
    }
  }

  #array(): void {
    this.#at++;
    this.#skipSpace();
    if (this.#take(']')) return;
    for (;;) {
      this.#value();
      this.#skipSpace();
      if (this.#take(']')) return;
      if (!this.#take(',')) this.#fail('after array element');
    }
  }

  #string(): void {
    this.#at++;
    for (;;) {
      const char = this.#text[this.#at];
      if (char === undefined || char < ' ') this.#fail('in string literal');
      this.#at++;
      if (char === '"') return;
      if (char === '\\') this.#escape();
    }
  }

  #escape(): void {
    const char = this.#text[this.#at];
    if (char === undefined || !'"\\/bfnrtu'.includes(char)) this.#fail('in string escape code');
    this.#at++;
    if (char !== 'u') return;
    for (let i = 0; i < 4; i++, this.#at++) {
      if (!/[0-9a-fA-F]/.test(this.#text[this.#at] ?? '')) this.#fail('in \\u hexadecimal character escape');
    }
  }

  #number(): void {
    this.#take('-');
    if (!this.#take('0')) this.#digits('in numeric literal');
    if (this.#take('.')) this.#digits('after decimal point in numeric literal');
    if (this.#take('e') || this.#take('E')) {
      if (!this.#take('+')) this.#take('-');
      this.#digits('in exponent of numeric literal');
    }
  }

  #digits(context: string): void {
    if (!/\d/.test(this.#text[this.#at] ?? '')) this.#fail(context);
    while (/\d/.test(this.#text[this.#at] ?? '')) this.#at++;
  }

  #literal(word: string): void {
    for (const char of word) {
      if (!this.#take(char)) this.#fail(`in literal ${word} (expecting '${char}')`);
    }
  }

  #take(char: string): boolean {
    if (this.#text[this.#at] !== char) return false;
    this.#at++;
    return true;
  }

  #skipSpace(): void {
    space.lastIndex = this.#at;
    this.#at += space.exec(this.#text)?.[0].length ?? 0;
  }

  #fail(context: string): never {
    const char = this.#text.codePointAt(this.#at);
    if (char === undefined) throw new GoJsonError(endProblem(context));
    throw new GoJsonError(`invalid character ${quoteByte(char)} ${context}`);
  }
}

// At the end Go tries a space, which literals, numbers and escapes mind.
function endProblem(context: string): string {
  return /literal [a-z]|numeric|escape/.test(context)
    ? `invalid character ' ' ${context}`
    : 'unexpected end of JSON input';
}

// Go looks at bytes: of a longer character it shows the first one, as if it were Latin-1.
function quoteByte(codePoint: number): string {
  const byte = Buffer.from(String.fromCodePoint(codePoint))[0]!;
  const char = String.fromCharCode(byte);
  if (char === "'") return "'\\''";
  if (char === '"') return `'"'`;
  const short = {
    '\n': '\\n',
    '\t': '\\t',
    '\r': '\\r',
    '\f': '\\f',
    '\b': '\\b',
    '\v': '\\v',
    '\\': '\\\\',
  }[char];
  if (short !== undefined) return `'${short}'`;
  if (char === '\x07') return "'\\a'";
  if (byte < 0x20 || byte === 0x7f) return `'\\x${byte.toString(16).padStart(2, '0')}'`;
  return byte >= 0x80 && (byte < 0xa1 || byte === 0xad) ? `'\\u00${byte.toString(16)}'` : `'${char}'`;
}
