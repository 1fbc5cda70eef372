import { LRUCache } from 'lru-cache';
import type { Answer } from './answer.ts';
import type { EncodedAnswer, QuestionBytes } from './reply.ts';

/**
 * Replies that are made once and sent often, bounded by bytes.
 *
 * Two steps: under a question's own bytes whole replies (or how to write them), under its meaning (name in lower case,
 * type, size) what they are written from, so that askers who mix the case of names (0x20) share it.
 * Invariant: nothing is given out whose views have moved since; no timer, no subscription.
 */
export class AnswerCache {
  readonly #entries: LRUCache<string, CachedAnswer>;

  constructor(options: { readonly maxBytes: number }) {
    this.#entries = new LRUCache({ maxSize: Math.max(options.maxBytes, 1), maxEntrySize: options.maxBytes });
  }

  get(key: string): CachedAnswer | undefined {
    const entry = this.#entries.get(key);
    return entry === undefined || entry.isFresh() ? entry : undefined;
  }

  set(key: string, entry: CachedAnswer): void {
    this.#entries.set(key, entry, { size: entry.bytes + 2 * key.length });
  }

  clear(): void {
    this.#entries.clear();
  }
}

/** An encoded answer with the indexes of what it was made from. */
export class CachedAnswer {
  readonly encoded: EncodedAnswer;
  readonly #sources: Answer['sources'];
  /** A whole reply with its OPT record, when all replies are alike; its question is in the case of its key. */
  readonly #whole: Buffer | undefined;
  readonly #serialAt: number;
  readonly #opt: Uint8Array;

  constructor(encoded: EncodedAnswer, sources: Answer['sources'], opt: Uint8Array = none, whole?: Buffer) {
    this.encoded = encoded;
    this.#sources = sources;
    this.#opt = opt;
    this.#whole = whole;
    this.#serialAt = encoded.serialAt;
  }

  get bytes(): number {
    return this.#whole === undefined ? this.encoded.bytes : 400 + this.#whole.length;
  }

  /** The same answer for one spelling and one OPT record; `reply` was written for it just now. */
  spelled(opt: Uint8Array, reply: Buffer): CachedAnswer {
    return new CachedAnswer(
      this.encoded,
      this.#sources,
      opt,
      this.encoded.varies ? undefined : Buffer.from(reply),
    );
  }

  isFresh(): boolean {
    for (const { view, index } of this.#sources) if (view.index() !== index) return false;
    return true;
  }

  /** The reply to a plain query whose question has the bytes of this entry's key. */
  write(question: QuestionBytes, nowSeconds: () => number): Buffer {
    const whole = this.#whole;
    if (whole === undefined) return this.encoded.write(question, this.#opt);
    const { packet } = question;
    const reply = Buffer.allocUnsafe(whole.length);
    reply.set(whole);
    reply[0] = packet[0]!;
    reply[1] = packet[1]!;
    reply[2] = (whole[2]! & 0xfe) | (packet[2]! & 1);
    reply[3] = (whole[3]! & 0xef) | (packet[3]! & 0x10);
    if (this.#serialAt > 0) reply.writeUInt32BE(nowSeconds(), this.#serialAt);
    return reply;
  }
}

const none = new Uint8Array();
