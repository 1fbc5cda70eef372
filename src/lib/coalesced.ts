/**
 * One run at a time, shared: whoever asks while one is under way shares the next, which begins after all who share it
 * have asked.
 */
export class Coalesced<T> {
  readonly #run: () => Promise<T>;
  #current: Promise<T> | undefined;
  #next: Promise<T> | undefined;

  constructor(run: () => Promise<T>) {
    this.#run = run;
  }

  /** The outcome of a run that begins after this call. */
  next(): Promise<T> {
    if (this.#next !== undefined) return this.#next;
    if (this.#current === undefined) return this.#start();
    this.#next = this.#current.then(
      () => this.#start(),
      () => this.#start(),
    );
    return this.#next;
  }

  #start(): Promise<T> {
    this.#next = undefined;
    const run = this.#run();
    this.#current = run;
    const end = (): void => {
      if (this.#current === run) this.#current = undefined;
    };
    run.then(end, end);
    return run;
  }
}
