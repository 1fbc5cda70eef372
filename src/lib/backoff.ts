/** Delays between tries: exponential from `minMs` to `maxMs`, each with up to `jitter` of itself added. */
export interface BackoffOptions {
  readonly minMs: number;
  readonly maxMs: number;
  /** Share of the delay that chance may add; default 0.2. */
  readonly jitter?: number;
  /** Uniform in [0, 1); default Math.random. */
  readonly random?: () => number;
}

export class Backoff {
  readonly #options: BackoffOptions;
  #tries = 0;

  constructor(options: BackoffOptions) {
    this.#options = options;
  }

  /** Milliseconds to wait before the next try; grows until `reset`. */
  nextMs(): number {
    const { minMs, maxMs, jitter = 0.2, random = Math.random } = this.#options;
    const base = Math.min(maxMs, minMs * 2 ** Math.min(this.#tries++, 30));
    return base * (1 + jitter * random());
  }

  reset(): void {
    this.#tries = 0;
  }
}
