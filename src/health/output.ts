/** Limits on what checks say. Bytes are UTF-8. */

/** Keeps the last `maxBytes` of what is pushed. */
export class Tail {
  readonly #maxBytes: number;
  readonly #chunks: Buffer[] = [];
  #kept = 0;
  #total = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  get totalBytes(): number {
    return this.#total;
  }

  push(chunk: Buffer): void {
    this.#total += chunk.length;
    this.#chunks.push(chunk);
    this.#kept += chunk.length;
    while (this.#chunks.length > 1 && this.#kept - this.#chunks[0]!.length >= this.#maxBytes) {
      this.#kept -= this.#chunks.shift()!.length;
    }
  }

  text(): string {
    const all = Buffer.concat(this.#chunks);
    return all.subarray(Math.max(0, all.length - this.#maxBytes)).toString('utf8');
  }
}

/** What clients say about a TTL check: its first `maxBytes`, and a note when there was more (Consul's text). */
export function limitReported(output: string, maxBytes: number): string {
  if (fits(output, maxBytes)) return output;
  const bytes = Buffer.from(output);
  return `${bytes.subarray(0, maxBytes).toString('utf8')} ... (captured ${maxBytes} of ${bytes.length} bytes)`;
}

/** What a command said: its last `maxBytes`, after a note when there was more (Consul's text). */
export function limitCaptured(output: string, maxBytes: number): string {
  if (fits(output, maxBytes)) return output;
  const bytes = Buffer.from(output);
  const tail = bytes.subarray(bytes.length - maxBytes).toString('utf8');
  return `Captured ${maxBytes} of ${bytes.length} bytes\n...\n${tail}`;
}

function fits(text: string, maxBytes: number): boolean {
  // A UTF-16 unit is at most three bytes.
  return text.length * 3 <= maxBytes || Buffer.byteLength(text) <= maxBytes;
}

/** Most bytes of output that a check may keep: its own limit, if any, but never more than the agent's. */
export function outputLimit(ownBytes: number, agentBytes: number): number {
  return ownBytes > 0 ? Math.min(ownBytes, agentBytes) : agentBytes;
}
