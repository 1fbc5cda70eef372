import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Logger } from '../lib/log.ts';
import type { Answer } from './answer.ts';
import { Api, type ApiOptions } from './api.ts';
import { readBody } from './body.ts';
import { acceptsGzip, compress, gzipMinBytes } from './compress.ts';
import { Connections } from './connections.ts';
import { HttpMetrics, type LabelledGauge } from './metrics.ts';
import { findHeader, type RequestHead, type RequestSource } from './request.ts';
import { routes } from './routes.ts';
import type { Deps, HandlerOptions } from './deps.ts';
import { Views, type ViewDeps } from './views.ts';
import type { ReadLimits } from './read-options.ts';

/**
 * The HTTP edge: sockets on one side, `Api` on the other.
 *
 * In: connections. Out: answers, each with one header block, a Content-Length and one body.
 * Invariants: a client that goes away ends its parked query; `close` leaves no socket behind.
 * Not here: paths, parameters, rows.
 */
export interface HttpOptions {
  readonly host: string;
  /** 0 = any free port. */
  readonly port: number;
  readonly datacenter: string;
  /** Indent every JSON answer (-dev). Default false. */
  readonly alwaysPretty?: boolean;
  /** Default 300,000. */
  readonly defaultQueryTimeMs?: number;
  /** Default 600,000. */
  readonly maxQueryTimeMs?: number;
  /** Default 0 = off. */
  readonly discoveryMaxStaleMs?: number;
  /** Understand `?cached`. Default true. */
  readonly useCache?: boolean;
  /** Default reads ask the leader first (default_consistency = "leader"). Default false. */
  readonly leaderReads?: boolean;
  /** Default 524,288. */
  readonly kvMaxValueBytes?: number;
  /** Bodies other than KV values. Default 8 MiB. */
  readonly maxBodyBytes?: number;
  /** Default 200; 0 = no limit. */
  readonly maxConnectionsPerClient?: number;
  /** Sent with every API answer. */
  readonly responseHeaders?: Readonly<Record<string, string>>;
  readonly blockEndpoints?: readonly string[];
  /** CIDRs. */
  readonly allowWriteFrom?: readonly string[];
  readonly allowUnprintable?: boolean;
  /** Path of the user interface, if there is one. */
  readonly uiPath?: string;
  /** Default false. */
  readonly prometheus?: boolean;
  /** Bytes of encoded bodies that are kept. Default 32 MiB. */
  readonly cacheBytes?: number;
}

export interface HttpDeps extends Omit<Deps, 'options' | 'views' | 'metrics'>, ViewDeps {
  readonly log: Logger;
  /** More values for agent/metrics, by name below `portolan.`. */
  readonly gauges?: () => Readonly<Record<string, number>>;
  readonly labelledGauges?: () => readonly LabelledGauge[];
  /** What a token may do; by default anything. */
  readonly authorize?: ApiOptions['authorize'];
}

export class HttpServer {
  readonly #options: HttpOptions;
  readonly #log: Logger;
  readonly #api: Api;
  readonly #server: Server;
  readonly #connections: Connections;
  readonly #metrics: HttpMetrics;
  readonly #baseHeaders: readonly string[];

  constructor(options: HttpOptions, deps: HttpDeps) {
    this.#options = options;
    this.#log = deps.log;
    this.#connections = new Connections(options.maxConnectionsPerClient ?? 200);
    this.#baseHeaders = baseHeaders(options.responseHeaders ?? {});
    this.#metrics = new HttpMetrics({
      clock: deps.clock,
      gauges: () => this.#gauges(deps),
      labelledGauges: () => deps.labelledGauges?.() ?? [],
    });
    this.#api = buildApi(options, this.#baseHeaders, deps, this.#metrics);
    this.#server = createServer({ requestTimeout: 0, highWaterMark: 65_536 });
    // A query may be parked for 10 minutes and a sixteenth; idle connections stay until the client closes them.
    this.#server.keepAliveTimeout = keepAliveMs;
    this.#server.headersTimeout = headersTimeoutMs;
    this.#server.on('connection', (socket: Socket) => void this.#connections.accept(socket));
    this.#server.on('request', (message, response) => this.#onRequest(message, response));
    this.#server.on('checkContinue', (message, response) => this.#onRequest(message, response));
    this.#server.on('clientError', (error, socket) => onClientError(error, socket as Socket));
  }

  /** Binds; throws what the system says (EADDRINUSE ...). */
  listen(): Promise<{ host: string; port: number }> {
    const { host, port } = this.#options;
    return new Promise((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen({ host, port, backlog }, () => {
        this.#server.removeListener('error', reject);
        this.#server.on('error', (error) => this.#log.error({ err: error }, 'HTTP server failed'));
        const address = this.#server.address();
        resolve({ host, port: typeof address === 'object' && address !== null ? address.port : port });
      });
    });
  }

  /** Ends every connection, parked queries included. Resolves when the port is free. */
  close(): Promise<void> {
    return new Promise((resolve) => {
      this.#server.close(() => resolve());
      this.#connections.destroyAll();
    });
  }

  #onRequest(message: IncomingMessage, response: ServerResponse): void {
    const startedAt = performance.now();
    const head = new Head(message);
    const answer = this.#api.ready(head);
    if (answer !== undefined) return this.#send(head, response, answer, startedAt);
    const source = new Source(message, response);
    try {
      const made = this.#api.handle(head, source);
      if (!(made instanceof Promise)) return this.#finish(head, response, made, startedAt);
      made.then(
        (late) => this.#finish(head, response, late, startedAt),
        (error: unknown) => this.#fail(head, response, error, startedAt),
      );
    } catch (error) {
      this.#fail(head, response, error, startedAt);
    }
  }

  /** Compresses what is worth it and was not compressed with its body. */
  #finish(head: RequestHead, response: ServerResponse, answer: Answer, startedAt: number): void {
    const worth = answer.wire === undefined && answer.body.length >= gzipMinBytes;
    if (!worth || answer.bare === true || !acceptsGzip(findHeader(head.rawHeaders, 'accept-encoding'))) {
      return this.#send(head, response, answer, startedAt);
    }
    compress(Buffer.from(answer.body as string)).then(
      (body) => {
        const headers = [...answer.headers, 'Content-Encoding', 'gzip'];
        this.#send(head, response, { ...answer, headers, body }, startedAt);
      },
      (error: unknown) => this.#fail(head, response, error, startedAt),
    );
  }

  #send(head: RequestHead, response: ServerResponse, answer: Answer, startedAt: number): void {
    this.#metrics.answered(head.method, answer.status, performance.now() - startedAt);
    if (response.destroyed) return;
    const wire = answer.wire ?? this.#wire(answer);
    response.writeHead(answer.status, wire as string[]);
    if (answer.close === true && !response.req.complete) return endLater(response, answer.body);
    response.end(answer.body);
  }

  #wire(answer: Answer): readonly string[] {
    const headers = [...answer.headers, ...(answer.bare === true ? [] : this.#baseHeaders)];
    headers.push('Content-Length', String(Buffer.byteLength(answer.body)));
    if (answer.close === true) headers.push('Connection', 'close');
    return headers;
  }

  #fail(head: RequestHead, response: ServerResponse, error: unknown, startedAt: number): void {
    this.#log.error({ err: error, method: head.method, target: head.target }, 'request failed');
    const body = error instanceof Error ? error.message : String(error);
    const answer = { status: 500, headers: ['Content-Type', 'text/plain; charset=utf-8'], body };
    if (!response.headersSent) this.#send(head, response, answer, startedAt);
    else response.destroy();
  }

  #gauges(deps: HttpDeps): Readonly<Record<string, number>> {
    return {
      'http.connections': this.#connections.size,
      'http.parked_queries': deps.watches.parked,
      ...deps.gauges?.(),
    };
  }
}

/**
 * Closing a connection on which a body still arrives resets it, and the client would lose the answer that it has not read:
 * the answer goes out at once, and the connection stays until the body has ended, for a while at most.
 */
function endLater(response: ServerResponse, body: Answer['body']): void {
  response.write(body);
  const timer = setTimeout(() => response.end(), lingerMs);
  const end = (): void => {
    clearTimeout(timer);
    response.end();
  };
  response.req.once('end', end).once('close', end).resume();
}

// As Go's net/http, which gives such a client half a second.
const lingerMs = 500;

/** Clients such as load balancers keep connections idle for long; closing them under a request costs it a retry. */
const keepAliveMs = 15 * 60_000;
const headersTimeoutMs = 60_000;
const backlog = 16_384;

function baseHeaders(extra: Readonly<Record<string, string>>): readonly string[] {
  const common = ['Vary', 'Accept-Encoding', 'X-Consul-Default-Acl-Policy', 'allow'];
  return [...common, ...Object.entries(extra).flat()];
}

function buildApi(options: HttpOptions, base: readonly string[], deps: HttpDeps, metrics: HttpMetrics): Api {
  const limits: ReadLimits = {
    defaultWaitMs: options.defaultQueryTimeMs ?? 300_000,
    maxWaitMs: options.maxQueryTimeMs ?? 600_000,
    discoveryMaxStaleMs: options.discoveryMaxStaleMs ?? 0,
    useCache: options.useCache ?? true,
  };
  const handlerOptions: HandlerOptions = {
    datacenter: options.datacenter,
    kvMaxValueBytes: options.kvMaxValueBytes ?? 524_288,
    maxBodyBytes: options.maxBodyBytes ?? 8 * 1024 * 1024,
    uiPath: options.uiPath,
    prometheus: options.prometheus ?? false,
  };
  const views = new Views(
    {
      limits,
      datacenter: options.datacenter,
      leaderReads: options.leaderReads ?? false,
      baseHeaders: base,
      cacheBytes: options.cacheBytes ?? 32 * 1024 * 1024,
      random: Math.random,
    },
    deps,
  );
  return new Api(
    {
      alwaysPretty: options.alwaysPretty ?? false,
      allowUnprintable: options.allowUnprintable ?? false,
      blockEndpoints: options.blockEndpoints ?? [],
      allowWriteFrom: options.allowWriteFrom ?? [],
      ...(deps.authorize === undefined ? {} : { authorize: deps.authorize }),
    },
    routes,
    { ...deps, options: handlerOptions, views, metrics },
  );
}

class Head implements RequestHead {
  readonly #message: IncomingMessage;

  constructor(message: IncomingMessage) {
    this.#message = message;
  }

  get method(): string {
    return this.#message.method ?? 'GET';
  }

  get target(): string {
    return this.#message.url ?? '/';
  }

  get rawHeaders(): readonly string[] {
    return this.#message.rawHeaders;
  }

  get remoteAddress(): string {
    return this.#message.socket.remoteAddress ?? '';
  }
}

class Source implements RequestSource {
  readonly #message: IncomingMessage;
  readonly #response: ServerResponse;
  #controller: AbortController | undefined;

  constructor(message: IncomingMessage, response: ServerResponse) {
    this.#message = message;
    this.#response = response;
  }

  body(limit: number): Promise<Uint8Array> {
    return readBody(this.#message, this.#response, limit);
  }

  signal(): AbortSignal {
    if (this.#controller === undefined) {
      const controller = new AbortController();
      this.#controller = controller;
      // After an answer nobody listens any more, and an abort costs more than the answer did.
      this.#response.once('close', () => {
        if (!this.#response.writableFinished) controller.abort();
      });
    }
    return this.#controller.signal;
  }
}

function onClientError(error: Error & { code?: string }, socket: Socket): void {
  if (error.code === 'ECONNRESET' || !socket.writable) return void socket.destroy();
  const status =
    error.code === 'HPE_HEADER_OVERFLOW' ? '431 Request Header Fields Too Large' : '400 Bad Request';
  const length = status.length;
  socket.end(
    `HTTP/1.1 ${status}\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: ${length}\r\nConnection: close\r\n\r\n${status}`,
  );
}
