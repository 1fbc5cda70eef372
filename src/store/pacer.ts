/**
 * Answers at once, but every so often only in the next phase of the event loop: whoever commits in a loop that is
 * always answered at once would else keep everyone else from running.
 */
export class Pacer {
  readonly #burst: number;
  #answered = 0;

  /** `burst`: how many are answered at once before one is put off; default 64. */
  constructor(burst = 64) {
    this.#burst = burst;
  }

  answer(run: () => void): void {
    if (++this.#answered % this.#burst === 0) setImmediate(run);
    else run();
  }
}
