/**
 * How a Consul API is reached: sockets, TLS, who we are; and when to give up on it.
 *
 * In: settings. Out: a dispatcher for undici's requests, which adds the headers and counts failures. Errors of certificates
 * that can't be read are thrown at once, as system errors.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { rootCertificates } from 'node:tls';
import { Agent, type Dispatcher } from 'undici';
import { isRefusal } from './source-http-transport.ts';

export interface ConnectionOptions {
  /** `host:8500`, `https://host`, `unix:///path`. */
  readonly address: string;
  readonly namespace: string;
  readonly auth: { readonly username: string; readonly password: string } | null;
  readonly tls: TlsOptions | null;
  readonly transport: {
    readonly keepAliveMs: number;
    readonly connectTimeoutMs: number;
    readonly idleTimeoutMs: number;
    readonly reuse: boolean;
    /** 0, and below 16: 16. */
    readonly maxConnections: number;
  };
  /** Failures in a row of one question before `onGivenUp`; 0: never. */
  readonly attempts: number;
}

export interface TlsOptions {
  readonly verify: boolean;
  /** Paths; '' = none. A certificate without a key has both in one file. */
  readonly cert: string;
  readonly key: string;
  readonly caCert: string;
  readonly caCertBytes: string;
  readonly caPath: string;
  readonly serverName: string;
}

export interface Connection {
  /** With a scheme that TLS has decided about. */
  readonly address: string;
  readonly dispatcher: Dispatcher;
}

/** Sockets at most, unless more are asked for. */
const mostSockets = 16;

export function openConnection(options: ConnectionOptions, onGivenUp: (error: Error) => void): Connection {
  const { transport, tls, attempts } = options;
  const socketPath = /^unix:\/\/(.+)$/.exec(options.address)?.[1];
  const agent = new Agent({
    connect: {
      timeout: transport.connectTimeoutMs,
      keepAlive: transport.keepAliveMs > 0,
      keepAliveInitialDelay: transport.keepAliveMs,
      ...(socketPath === undefined ? {} : { socketPath }),
      ...(tls === null ? {} : tlsSettings(tls)),
    },
    // Fewer than the source shares among its queries would leave some of them unasked.
    connections: Math.max(mostSockets, transport.maxConnections),
    // Long polls are bounded by their caller.
    headersTimeout: 0,
    bodyTimeout: 0,
    keepAliveTimeout: Math.max(1, transport.idleTimeoutMs),
    pipelining: transport.reuse ? 1 : 0,
  });
  const failures = new Failures(attempts, onGivenUp);
  const dispatcher = agent.compose(headerAdder(options), (dispatch) => (request, handler) => {
    return dispatch(request, attempts === 0 ? handler : failures.watch(questionOf(request), handler));
  });
  return { address: addressOf(options, socketPath), dispatcher };
}

function addressOf({ address, tls }: ConnectionOptions, socketPath: string | undefined): string {
  if (socketPath !== undefined) return tls === null ? 'http://localhost' : 'https://localhost';
  // consul-template's ssl stanza decides about the scheme, whatever the address says.
  if (tls !== null) return `https://${address.replace(/^https?:\/\//, '')}`;
  return /^https?:\/\//.test(address) ? address : `http://${address}`;
}

function tlsSettings(tls: TlsOptions): Record<string, unknown> {
  const authorities = [
    ...(tls.caCert === '' ? [] : [readFileSync(tls.caCert, 'utf8')]),
    ...(tls.caCertBytes === '' ? [] : [tls.caCertBytes]),
    ...(tls.caPath === '' ? [] : filesIn(tls.caPath)),
  ];
  const cert = tls.cert === '' ? undefined : readFileSync(tls.cert, 'utf8');
  return {
    rejectUnauthorized: tls.verify,
    ca: authorities.length === 0 ? [...rootCertificates] : authorities,
    ...(cert === undefined ? {} : { cert, key: tls.key === '' ? cert : readFileSync(tls.key, 'utf8') }),
    ...(tls.serverName === '' ? {} : { servername: tls.serverName }),
  };
}

function filesIn(folder: string): readonly string[] {
  const entries = readdirSync(folder, { withFileTypes: true }).filter((entry) => !entry.isDirectory());
  return entries.map(({ name }) => readFileSync(join(folder, name), 'utf8'));
}

function headerAdder({ auth, namespace }: ConnectionOptions): Dispatcher.DispatcherComposeInterceptor {
  const added: Record<string, string> = {};
  if (auth !== null) {
    const text = Buffer.from(`${auth.username}:${auth.password}`).toString('base64');
    added['authorization'] = `Basic ${text}`;
  }
  if (namespace !== '') added['x-consul-namespace'] = namespace;
  return (dispatch) => (request, handler) =>
    dispatch({ ...request, headers: { ...(request.headers as Record<string, string>), ...added } }, handler);
}

/** The request without what changes from one attempt to the next. */
function questionOf({ path }: Dispatcher.DispatchOptions): string {
  const [pathname = '', search = ''] = path.split('?');
  const rest = search.split('&').filter((part) => !/^(index|wait|stale|consistent)\b/.test(part));
  return `${pathname}?${rest.join('&')}`;
}

/** Counts failures in a row by question; one answer begins anew. */
class Failures {
  readonly #attempts: number;
  readonly #onGivenUp: (error: Error) => void;
  readonly #counts = new Map<string, number>();

  constructor(attempts: number, onGivenUp: (error: Error) => void) {
    this.#attempts = attempts;
    this.#onGivenUp = onGivenUp;
  }

  watch(question: string, inner: Dispatcher.DispatchHandler): Dispatcher.DispatchHandler {
    const failed = (reason: string): void => {
      const count = (this.#counts.get(question) ?? 0) + 1;
      this.#counts.set(question, count);
      if (count < this.#attempts) return;
      const [path] = question.split('?');
      this.#onGivenUp(new Error(`${path} failed ${count} times in a row, at last: ${reason}`));
    };
    let found: 'answer' | 'refusal' | undefined;
    return {
      onRequestStart: (...args) => inner.onRequestStart?.(...args),
      onRequestUpgrade: (...args) => inner.onRequestUpgrade?.(...args),
      onResponseData: (...args) => inner.onResponseData?.(...args),
      onResponseEnd: (...args) => {
        if (found === 'answer') this.#counts.delete(question);
        return inner.onResponseEnd?.(...args);
      },
      onResponseStart: (controller, status, headers, message) => {
        found = isRefusal(status) ? 'refusal' : 'answer';
        if (found === 'refusal') failed(`status ${status}`);
        return inner.onResponseStart?.(controller, status, headers, message);
      },
      onResponseError: (controller, error) => {
        // A refusal whose text breaks off has been counted.
        const isOurs = error.name === 'AbortError' || error.name === 'TimeoutError';
        if (!isOurs && found !== 'refusal') failed(error.message);
        return inner.onResponseError?.(controller, error);
      },
    };
  }
}
