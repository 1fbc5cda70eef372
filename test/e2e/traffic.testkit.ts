import { request } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';

export interface Outcome {
  /** Wall clock, milliseconds. */
  readonly beganMs: number;
  readonly endedMs: number;
  /** 'ok', or what went wrong: `status 502`, `ECONNRESET`. */
  readonly result: string;
  /** Without the last newline. */
  readonly body: string;
}

/** One GET on a connection of its own; never rejects. */
export function get(port: number, timeoutMs = 3000, host?: string): Promise<Outcome> {
  const beganMs = Date.now();
  return new Promise((resolve) => {
    const end = (result: string, body = ''): void =>
      resolve({ beganMs, endedMs: Date.now(), result, body: body.trimEnd() });
    const headers = host === undefined ? {} : { host };
    const to = { host: '127.0.0.1', port, agent: false, timeout: timeoutMs, headers } as const;
    const asked = request(to, (answer) => {
      let body = '';
      answer.on('data', (chunk: Buffer) => (body += chunk.toString()));
      answer.on('error', (error) => end(error.message));
      answer.on('end', () => end(answer.statusCode === 200 ? 'ok' : `status ${answer.statusCode}`, body));
    });
    asked.on('timeout', () => asked.destroy(new Error('timed out')));
    asked.on('error', (error: NodeJS.ErrnoException) => end(error.code ?? error.message));
    asked.end();
  });
}

/** Clients that ask without pause for longer than a few milliseconds, until they are stopped. */
export class Traffic {
  readonly outcomes: Outcome[] = [];
  readonly #stop = new AbortController();
  readonly #clients: readonly Promise<void>[];

  /** `host`: the Host header; left out, the address. */
  constructor(port: number, clients = 3, host?: string) {
    this.#clients = Array.from({ length: clients }, () => this.#run(port, host));
  }

  /** Failures but for those begun within [from, to] of one of `windows`, wall-clock milliseconds. */
  failures(windows: readonly (readonly [number, number])[] = []): readonly Outcome[] {
    return this.outcomes.filter(
      ({ result, beganMs }) =>
        result !== 'ok' && !windows.some(([from, to]) => beganMs >= from && beganMs <= to),
    );
  }

  async stop(): Promise<void> {
    this.#stop.abort();
    await Promise.all(this.#clients);
  }

  async #run(port: number, host: string | undefined): Promise<void> {
    while (!this.#stop.signal.aborted) {
      this.outcomes.push(await get(port, 3000, host));
      await delay(4);
    }
  }
}
