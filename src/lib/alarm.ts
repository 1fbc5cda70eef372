import type { Clock, Timer } from './clock.ts';

/** A loop's sleep: it ends at its time, on abort, or as soon as somebody says that there is something to do. */
export class Alarm {
  readonly #clock: Clock;
  #done: (() => void) | undefined;

  constructor(deps: { readonly clock: Clock }) {
    this.#clock = deps.clock;
  }

  /** Never rejects: callers look at the signal. One sleep at a time. */
  sleep(ms: number, signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      if (signal.aborted) return resolve();
      let timer: Timer | undefined;
      const done = (): void => {
        timer?.cancel();
        signal.removeEventListener('abort', done);
        this.#done = undefined;
        resolve();
      };
      this.#done = done;
      signal.addEventListener('abort', done, { once: true });
      timer = this.#clock.after(ms, done);
    });
  }

  /** Ends the sleep, if there is one. */
  wake(): void {
    this.#done?.();
  }
}
