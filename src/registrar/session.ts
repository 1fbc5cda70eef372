import { DockerError } from '../docker/docker.ts';
import type { Inspector } from './inspector.ts';

/** One connection to Docker: what it began ends with it. */
export class Session {
  readonly signal: AbortSignal;
  /** Resolves when the session is over. */
  readonly over: Promise<Error>;
  inspector!: Inspector;
  /** Ids that started since the last list was asked for, which may not know them. */
  started = new Set<string>();
  isRechecking = false;
  readonly #stop = new AbortController();

  constructor(signal: AbortSignal) {
    this.signal = AbortSignal.any([signal, this.#stop.signal]);
    this.over = new Promise((resolve) => {
      this.signal.addEventListener('abort', () => resolve(new DockerError('absent', 'stopped')), {
        once: true,
      });
    });
  }

  end(): void {
    this.#stop.abort();
    // info() may have failed before there was one.
    (this.inspector as Inspector | undefined)?.close();
  }
}
