/**
 * A Source that remembers its answers on disk, so that templates can be rendered at a start without the server.
 *
 * - Used only while a query has had no answer since the start and the server cannot be reached; the first real answer takes
 *   its place, and wakes templates only when it is another. A refusal (403) is an answer of the server's: nothing is used.
 * - Saved within seconds of a change, and when the source closes; what can't be written is tried again.
 * - Remembered answers say since when they are old: `savedAtMs` of `current()`.
 */
import { isEqualData } from './equal-data.ts';
import { ClientError } from '@portolan/sdk';
import type { Clock, Timer } from '../lib/clock.ts';
import { systemClock } from '../lib/clock.ts';
import type { Logger } from '../lib/log.ts';
import { LastGoodStore } from './last-good-store.ts';
import type { LastGoodStoreOptions, SavedAnswer } from './last-good-store.ts';
import type { Answers, Query, Source, Subscription } from './source.ts';

export interface LastGoodOptions extends LastGoodStoreOptions {
  /** A server that says nothing for so long cannot be reached; default 5 s. */
  readonly patienceMs?: number;
  /** Changes are gathered for so long before they are written; default 5 s. */
  readonly saveMs?: number;
}

export interface LastGoodDeps {
  readonly source: Source;
  readonly log: Logger;
  readonly clock?: Clock;
}

const defaultPatienceMs = 5000;
const defaultSaveMs = 5000;
/** What could not be written is tried again after so long. */
const retryMs = 60_000;

export class LastGoodSource implements Source {
  readonly name: string;
  readonly #options: Required<Pick<LastGoodOptions, 'patienceMs' | 'saveMs'>>;
  readonly #deps: Required<LastGoodDeps>;
  readonly #store: LastGoodStore;
  readonly #dirty = new Map<string, () => { readonly data: unknown } | undefined>();
  readonly #remembered = new Set<object>();
  #timer: Timer | undefined;
  #saving: Promise<void> = Promise.resolve();
  #isFailing = false;
  #isClosing = false;
  #isTold = false;

  constructor(options: LastGoodOptions, deps: LastGoodDeps) {
    this.name = deps.source.name;
    this.#deps = { clock: systemClock, ...deps };
    this.#store = new LastGoodStore(options);
    this.#options = {
      patienceMs: options.patienceMs ?? defaultPatienceMs,
      saveMs: options.saveMs ?? defaultSaveMs,
    };
  }

  subscribe<Q extends Query>(
    query: Q,
    onChange: () => void,
    onError: (error: Error) => void,
  ): Subscription<Q> {
    const question = JSON.stringify([this.name, query]);
    const token = {};
    let old: SavedAnswer | undefined;
    let isClosed = false;
    let isAsked = false;
    const recall = async (): Promise<void> => {
      if (isAsked) return;
      isAsked = true;
      const found = await this.#store.load(question);
      if (isClosed || inner.current() !== undefined || found === 'missing') return;
      if ('problem' in found) {
        this.#deps.log.warn({ problem: found.problem }, 'a last good answer was left out');
        return;
      }
      old = found;
      this.#tell(token, found);
      onChange();
    };
    const inner = this.#deps.source.subscribe(
      query,
      () => {
        const known = old;
        this.#forget(token);
        old = undefined;
        this.#save(question, () => inner.current());
        if (known === undefined || !isEqualData(known.data, inner.current()?.data)) onChange();
      },
      (error) => {
        onError(error);
        if (isUnreachable(error)) void recall();
      },
    );
    const patience = this.#deps.clock.after(this.#options.patienceMs, () => {
      if (inner.current() === undefined) void recall();
    });
    return {
      current: () => inner.current() ?? (old as { data: Answers[Q['type']]; savedAtMs: number } | undefined),
      close: () => {
        isClosed = true;
        patience.cancel();
        this.#remembered.delete(token);
        inner.close();
      },
    };
  }

  async close(): Promise<void> {
    this.#isClosing = true;
    this.#timer?.cancel();
    this.#flush();
    await this.#saving;
    await this.#deps.source.close();
  }

  #tell(token: object, { savedAtMs }: SavedAnswer): void {
    this.#remembered.add(token);
    if (this.#isTold) return;
    this.#isTold = true;
    const fields = { source: this.name, savedAt: new Date(savedAtMs).toISOString() };
    this.#deps.log.warn(fields, 'the source cannot be reached: templates use its last good answers');
  }

  #forget(token: object): void {
    if (!this.#remembered.delete(token) || this.#remembered.size > 0) return;
    this.#isTold = false;
    this.#deps.log.info({ source: this.name }, 'no template uses old answers any more');
  }

  #save(question: string, read: () => { readonly data: unknown } | undefined): void {
    this.#dirty.set(question, read);
    this.#flushIn(this.#options.saveMs);
  }

  #flushIn(ms: number): void {
    this.#timer ??= this.#deps.clock.after(ms, () => this.#flush());
  }

  #flush(): void {
    this.#timer = undefined;
    const dirty = [...this.#dirty];
    this.#dirty.clear();
    this.#saving = this.#saving.then(() => this.#write(dirty));
  }

  async #write(
    dirty: readonly (readonly [string, () => { readonly data: unknown } | undefined])[],
  ): Promise<void> {
    for (const [at, [question, read]] of dirty.entries()) {
      const answer = read();
      if (answer === undefined) continue;
      try {
        await this.#store.save(question, answer.data, this.#deps.clock.wallMs());
        this.#isFailing = false;
      } catch (error) {
        this.#failed(error);
        // A full or read-only disk is no reason to render less; the others would fare no better now.
        if (!this.#isClosing) for (const [one, again] of dirty.slice(at)) this.#saveLater(one, again);
        return;
      }
    }
  }

  #saveLater(question: string, read: () => { readonly data: unknown } | undefined): void {
    if (!this.#dirty.has(question)) this.#dirty.set(question, read);
    this.#flushIn(retryMs);
  }

  #failed(error: unknown): void {
    if (!this.#isFailing) this.#deps.log.warn({ err: error }, 'last good answers cannot be kept');
    this.#isFailing = true;
  }
}

/** False when the server has answered and refused: old answers are no way around that. */
function isUnreachable(error: unknown): boolean {
  for (let at = error; at instanceof Error; at = at.cause) {
    if (at instanceof ClientError && at.status >= 400 && at.status < 500) return false;
  }
  return true;
}
