import { LRUCache } from 'lru-cache';
import type { View } from '../watch/view.ts';

/** An answer of one view at one index, encoded; shared by all who ask the same. */
export interface Body {
  readonly view: View<unknown>;
  readonly index: number;
  /** Shown to who asks without an index; nearly always the same. */
  readonly firstIndex: number;
  readonly status: number;
  /** Content-Type and the like, flat. */
  readonly headers: readonly string[];
  readonly bytes: Buffer;
  /** What is sent: short text goes out in one write together with its head, bytes would take two. */
  readonly content: Buffer | string;
  /** Ready header lists by the way of asking. */
  readonly wires: Map<string, readonly string[]>;
  /** Ready to send to whoever asks with no index, no compression and no conditions; set when first used. */
  plain: readonly string[] | undefined;
  gzip: Promise<Buffer> | undefined;
  /** The compressed bytes once they are there, with their ready headers. */
  zipped: { readonly bytes: Buffer; readonly headers: readonly string[] | undefined } | undefined;
}

/** Encoded bodies by question, least recently used first out, bounded by bytes. */
export class Bodies {
  readonly #lru: LRUCache<string, Body>;
  readonly #pending = new Map<string, Promise<Body>>();

  constructor(options: { readonly maxBytes: number }) {
    this.#lru = new LRUCache({ maxSize: Math.max(1, options.maxBytes), sizeCalculation: size });
  }

  /** The body for `question`, if it is still what its view says. */
  fresh(question: string): Body | undefined {
    const body = this.#lru.get(question);
    return body !== undefined && body.index === body.view.index() ? body : undefined;
  }

  keep(question: string, body: Body): void {
    this.#lru.set(question, body);
  }

  /** Runs `make` once for all who ask for (question, index) while it is running. */
  share(question: string, index: number, make: () => Body | Promise<Body>): Body | Promise<Body> {
    const key = this.#pending.size === 0 ? '' : `${index} ${question}`;
    const running = this.#pending.get(key);
    if (running !== undefined) return running;
    const made = make();
    if (!(made instanceof Promise)) return made;
    const pendingKey = `${index} ${question}`;
    const started = made.finally(() => this.#pending.delete(pendingKey));
    this.#pending.set(pendingKey, started);
    return started;
  }

  /** Forgets all: after the store was restored, an index may mean something else. */
  clear(): void {
    this.#lru.clear();
  }
}

/** What a body costs: its bytes twice, as a compressed copy may join it, and its bookkeeping. */
function size(body: Body, question: string): number {
  return 600 + 2 * question.length + body.bytes.length + (body.bytes.length >> 2);
}
