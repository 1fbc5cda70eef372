import { Backoff } from '../lib/backoff.ts';
import type { Clock, Timer } from '../lib/clock.ts';
import { recordKey } from './persistence-codec.ts';
import type { PersistedChange, Persistence } from './persistence.ts';

/**
 * Writes to the persistence in call order, one write at a time: everything that came meanwhile goes together in the
 * next. Keyed by record, so it holds no more than there are records; an older change of a record is dropped.
 */
export class PersistQueue {
  readonly #persistence: Persistence;
  readonly #clock: Clock;
  readonly #onError: (error: unknown) => void;
  readonly #backoff = new Backoff({ minMs: 1000, maxMs: 60_000 });
  #pending = new Map<string, PersistedChange>();
  #isDurable = false;
  #running: Promise<void> | undefined;
  #next: Promise<void> | undefined;
  #retry: Timer | undefined;

  constructor(deps: {
    readonly persistence: Persistence;
    readonly clock: Clock;
    /** Told once for each failed write; the changes are tried again. */
    readonly onError: (error: unknown) => void;
  }) {
    this.#persistence = deps.persistence;
    this.#clock = deps.clock;
    this.#onError = deps.onError;
  }

  /** Resolves when the changes are written, rejects when the first try failed; they are tried again until they are. */
  push(changes: readonly PersistedChange[], options: { readonly durable: boolean }): Promise<void> {
    if (changes.length === 0) return Promise.resolve();
    for (const change of changes) this.#pending.set(recordKey(change), change);
    this.#isDurable ||= options.durable;
    return this.#start();
  }

  /** Writes what is waiting, once; for the end. */
  async close(): Promise<void> {
    this.#retry?.cancel();
    await this.#start().catch(() => {});
    this.#retry?.cancel();
  }

  #start(): Promise<void> {
    if (this.#running === undefined) return this.#write();
    this.#next ??= this.#running
      .catch(() => {})
      .then(() => {
        this.#next = undefined;
        return this.#write();
      });
    return this.#next;
  }

  #write(): Promise<void> {
    if (this.#pending.size === 0) return Promise.resolve();
    this.#retry?.cancel();
    const batch = this.#pending;
    const durable = this.#isDurable;
    this.#pending = new Map();
    this.#isDurable = false;
    const running = this.#persistence.write([...batch.values()], { durable }).then(
      () => {
        this.#running = undefined;
        this.#backoff.reset();
      },
      (error: unknown) => {
        this.#running = undefined;
        this.#keep(batch, durable);
        this.#onError(error);
        throw error;
      },
    );
    this.#running = running;
    return running;
  }

  #keep(batch: ReadonlyMap<string, PersistedChange>, durable: boolean): void {
    const newer = this.#pending;
    this.#pending = new Map(batch);
    for (const [key, change] of newer) this.#pending.set(key, change);
    this.#isDurable ||= durable;
    this.#retry = this.#clock.after(this.#backoff.nextMs(), () => void this.#start().catch(() => {}));
  }
}
