import { Agent, request } from 'undici';

/**
 * answer: any status. unsent: the request did not reach the server for sure, so it had no effect. lost: nobody knows what
 * became of it.
 */
export type Exchange =
  | { readonly kind: 'answer'; readonly status: number; readonly body: string; readonly index: number }
  | { readonly kind: 'unsent'; readonly why: string }
  | { readonly kind: 'lost'; readonly why: string };

export interface Asked {
  readonly method: 'GET' | 'PUT' | 'POST' | 'DELETE';
  /** With the query. */
  readonly path: string;
  readonly body?: string;
  /** Default 6 s. */
  readonly timeoutMs?: number;
}

const neverSent = new Set(['ECONNREFUSED', 'EHOSTUNREACH', 'ENETUNREACH', 'UND_ERR_CONNECT_TIMEOUT']);

/** Requests that never reject, on connections that are kept. */
export class Exchanges {
  readonly #dispatcher = new Agent({ connections: 32, connect: { timeout: 3000 } });

  async ask(url: string, asked: Asked): Promise<Exchange> {
    try {
      const { statusCode, headers, body } = await request(`${url}${asked.path}`, {
        method: asked.method,
        dispatcher: this.#dispatcher,
        signal: AbortSignal.timeout(asked.timeoutMs ?? 6000),
        ...(asked.body === undefined ? {} : { body: asked.body }),
      });
      const text = await body.text();
      return {
        kind: 'answer',
        status: statusCode,
        body: text,
        index: Number(headers['x-consul-index'] ?? 0),
      };
    } catch (error) {
      const { code, name, message } = error as NodeJS.ErrnoException;
      const why = code ?? `${name}: ${message}`;
      return { kind: neverSent.has(code ?? '') ? 'unsent' : 'lost', why };
    }
  }

  /** JSON of a 200; undefined otherwise. */
  async get<T>(url: string, path: string): Promise<T | undefined> {
    const reply = await this.ask(url, { method: 'GET', path });
    return reply.kind === 'answer' && reply.status === 200 ? (JSON.parse(reply.body) as T) : undefined;
  }

  close(): Promise<void> {
    return this.#dispatcher.destroy();
  }
}
