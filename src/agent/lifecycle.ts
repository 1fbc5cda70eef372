/** How parts run and how they end: shared by everything that builds a program out of them. */
import type { Logger } from '../lib/log.ts';

/** The long-lived parts; one that fails takes the agent down with its error. */
export class Loops {
  readonly #running: Promise<void>[] = [];
  readonly failed: Promise<never>;
  #fail: (error: unknown) => void = () => {};

  constructor() {
    this.failed = new Promise((_, reject) => (this.#fail = reject));
    // Whoever races it sees the error; nobody may be racing when it comes.
    this.failed.catch(() => {});
  }

  add(_name: string, loop: Promise<void>): void {
    this.#running.push(loop);
    loop.catch((error: unknown) => this.#fail(error));
  }

  async settled(): Promise<void> {
    await Promise.allSettled(this.#running);
  }
}

/** What was opened, closed in reverse; one that fails to close does not keep the others open. */
export class Closers {
  readonly #stack: { readonly name: string; readonly close: () => Promise<void> }[] = [];
  readonly #log: Logger;

  constructor(log: Logger) {
    this.#log = log;
  }

  add(name: string, close: () => Promise<void>): void {
    this.#stack.push({ name, close });
  }

  async close(): Promise<void> {
    for (const { name, close } of this.#stack.splice(0).reverse()) {
      try {
        await close();
      } catch (error) {
        this.#log.error({ part: name, err: error }, 'part did not close');
      }
    }
  }
}
