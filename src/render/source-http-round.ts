/** Queries read again in turn, each once in a period that may change. */
import { aborted } from '../lib/abort.ts';
import type { DueQueue } from './source-http-due.ts';
import type { Entry } from './source-http-entry.ts';

/** Every query is asked for again in this time where nothing tells of changes: with the read itself, within 2 s. */
export const sweepMs = 1500;
/** The same where something does: for what was missed. */
export const rereadMs = 300_000;

const tickMs = 100;

export class Round {
  readonly #deps: { readonly due: DueQueue; readonly signal: AbortSignal };
  readonly #periodMs: () => number;
  readonly #timer: NodeJS.Timeout;
  #entries: readonly Entry[] = [];
  #known: ReadonlySet<Entry> = new Set();
  #next = 0;
  /** Shares of queries that are due. */
  #owed = 0;

  constructor(
    deps: { readonly due: DueQueue; readonly signal: AbortSignal },
    periodMs: () => number = () => sweepMs,
  ) {
    this.#deps = deps;
    this.#periodMs = periodMs;
    this.#timer = setInterval(() => this.#tick(), tickMs);
    this.#timer.unref();
    deps.signal.addEventListener('abort', () => clearInterval(this.#timer), { once: true });
  }

  /** New ones are read at once, unless `quietly`. */
  update(entries: ReadonlySet<Entry>, quietly = false): void {
    if (!quietly) for (const entry of entries) if (!this.#known.has(entry)) this.#deps.due.urge(entry);
    this.#known = entries;
    this.#entries = [...entries];
  }

  async ended(): Promise<void> {
    await aborted(this.#deps.signal);
  }

  #tick(): void {
    const { length } = this.#entries;
    this.#owed = Math.min(length, this.#owed + (length * tickMs) / this.#periodMs());
    for (; this.#owed >= 1; this.#owed--) {
      this.#next = (this.#next + 1) % length;
      this.#deps.due.add(this.#entries[this.#next]!);
    }
  }
}
