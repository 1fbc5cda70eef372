const newline = 0x0a;
/** RFC 7464 (json-seq) puts one before each text. */
const recordSeparator = 0x1e;

/**
 * Cuts a byte stream into lines. Works on bytes and decodes whole lines, so a chunk may end anywhere, within a
 * character too. Empty lines are dropped.
 */
export class LineDecoder {
  readonly #maxBytes: number;
  #parts: Uint8Array[] = [];
  #length = 0;

  /** A line longer than `maxBytes` makes `push` throw a RangeError: what keeps growing is not a line. */
  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** The lines that `chunk` completes. */
  push(chunk: Uint8Array): string[] {
    const lines: string[] = [];
    let start = 0;
    for (let end = chunk.indexOf(newline); end !== -1; end = chunk.indexOf(newline, start)) {
      this.#keep(chunk.subarray(start, end));
      const line = this.#take();
      if (line !== '') lines.push(line);
      start = end + 1;
    }
    if (start < chunk.length) this.#keep(chunk.slice(start));
    return lines;
  }

  #keep(part: Uint8Array): void {
    this.#length += part.length;
    if (this.#length > this.#maxBytes) throw new RangeError(`line longer than ${this.#maxBytes} bytes`);
    this.#parts.push(part);
  }

  #take(): string {
    const bytes = Buffer.concat(this.#parts, this.#length);
    this.#parts = [];
    this.#length = 0;
    return bytes.toString('utf8', bytes[0] === recordSeparator ? 1 : 0).trim();
  }
}
