/**
 * One HTTP exchange with a Consul API, for the sdk's client: few sockets, bounded bodies, and errors that say what to do.
 *
 * In: a URL. Out: the parts of a Response that the client reads, or ServerError. undici's `request` in place of `fetch`: a
 * third of the time for a small answer.
 */
import type { Fetch } from '@portolan/sdk';
import { Agent, type Dispatcher, request } from 'undici';

export type ServerErrorCode =
  /** 429: the server asks for patience. */
  | 'throttled'
  /** Any 5xx, or a proxy's 408: it may work later. */
  | 'unavailable'
  /** The answer is longer than the caller can use. */
  | 'too-large';

export class ServerError extends Error {
  override readonly name = 'ServerError';
  readonly code: ServerErrorCode;
  readonly status: number;
  /** What the server asked for, else 0. */
  readonly retryAfterMs: number;

  constructor(
    code: ServerErrorCode,
    message: string,
    detail: { status?: number; retryAfterMs?: number } = {},
  ) {
    super(message);
    this.code = code;
    this.status = detail.status ?? 0;
    this.retryAfterMs = detail.retryAfterMs ?? 0;
  }
}

/** Sockets at most, whatever asks. */
const mostSockets = 16;
/** No server makes a client wait longer than this by a Retry-After. */
const mostRetryAfterMs = 120_000;

export function openAgent(socketPath: string | undefined): Agent {
  // Long polls are bounded by their caller; an idle connection is kept for the next one.
  return new Agent({
    connect: { timeout: 5000, ...(socketPath === undefined ? {} : { socketPath }) },
    connections: mostSockets,
    headersTimeout: 0,
    bodyTimeout: 0,
    keepAliveTimeout: 30_000,
  });
}

/** Sends by the agent; `extra` is added to each query string. Bodies of more than `mostBytes` end as `too-large`. */
export function sender(agent: Dispatcher, extra: string, mostBytes = Number.POSITIVE_INFINITY): Fetch {
  return async (url, init) => {
    const target = extra === '' ? url : url + (url.includes('?') ? '&' : '?') + extra;
    const { statusCode, headers, body } = await request(target, {
      method: 'GET',
      dispatcher: agent,
      headers: (init.headers ?? {}) as Record<string, string>,
      ...(init.signal ? { signal: init.signal } : {}),
    });
    const length = Number(headers['content-length'] ?? 0);
    if (length > mostBytes) {
      body.on('error', () => {}).destroy();
      throw tooLarge(mostBytes);
    }
    if (isRefusal(statusCode)) throw await readRefusal(statusCode, headers, body);
    const response = {
      status: statusCode,
      headers: { get: (name: string) => first(headers[name.toLowerCase()]) ?? null },
      text: () => readText(body, mostBytes),
      arrayBuffer: () => body.arrayBuffer(),
    };
    return response as unknown as Response;
  };
}

async function readText(body: AsyncIterable<Buffer>, mostBytes: number): Promise<string> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of body) {
    length += chunk.length;
    // Leaving the loop destroys the body, and its connection with it.
    if (length > mostBytes) throw tooLarge(mostBytes);
    chunks.push(chunk);
  }
  return (chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks, length)).toString('utf8');
}

function tooLarge(mostBytes: number): ServerError {
  return new ServerError('too-large', `the answer is longer than ${mostBytes} bytes`);
}

/** Whether the server says that it can't answer now. */
export function isRefusal(status: number): boolean {
  return status === 429 || status === 408 || status >= 500;
}

export async function readRefusal(
  status: number,
  headers: Readonly<Record<string, string | string[] | undefined>>,
  body: AsyncIterable<Buffer>,
): Promise<ServerError> {
  const text = await readText(body, 64 * 1024).catch(() => '');
  return refusal(status, text, first(headers['retry-after']));
}

function refusal(status: number, text: string, retryAfter: string | undefined): ServerError {
  // A proxy's page says nothing that its title does not.
  const title = /<title>([^<]*)<\/title>/i.exec(text)?.[1];
  const shown = (title ?? text).trim().slice(0, 200);
  return new ServerError(
    status === 429 ? 'throttled' : 'unavailable',
    `Unexpected response code: ${status} (${shown})`,
    { status, retryAfterMs: parseRetryAfter(retryAfter) },
  );
}

/** Seconds or a date; anything else is 0. */
function parseRetryAfter(text: string | undefined): number {
  if (text === undefined) return 0;
  const ms = /^\s*\d+(\.\d+)?\s*$/.test(text) ? Number(text) * 1000 : Date.parse(text) - Date.now();
  return ms > 0 ? Math.min(ms, mostRetryAfterMs) : 0;
}

function first(header: string | string[] | undefined): string | undefined {
  return Array.isArray(header) ? header[0] : header;
}

/** The ServerError in an error or among its causes. */
export function serverError(error: unknown): ServerError | undefined {
  for (let at = error; at instanceof Error; at = at.cause) if (at instanceof ServerError) return at;
  return undefined;
}
