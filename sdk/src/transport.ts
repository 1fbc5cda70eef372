import { ClientError } from './errors.ts';
import { headers as names, parameters } from './wire/mod.ts';

export type Fetch = (url: string, init: RequestInit) => Promise<Response>;

export interface ClientOptions {
  /** `http://127.0.0.1:8500`; a missing scheme means http, a path is kept as a prefix. */
  readonly address: string;
  /** Sent as X-Consul-Token. */
  readonly token?: string;
  readonly datacenter?: string;
  /** Default: the runtime's own. */
  readonly fetch?: Fetch;
}

/** How fresh an answer must be: `default` by a leader, `stale` by anyone, `consistent` after asking a quorum. */
export type Consistency = 'default' | 'stale' | 'consistent';

export interface RequestOptions {
  readonly signal?: AbortSignal;
  readonly datacenter?: string;
  readonly token?: string;
}

/** Options of a read. With `index` > 0 the server holds its answer until the view is newer or `waitMs` is over. */
export interface ReadOptions extends RequestOptions {
  readonly index?: number;
  /** Default: the server's 5 minutes; it adds up to a sixteenth. */
  readonly waitMs?: number;
  readonly consistency?: Consistency;
  readonly filter?: string;
  readonly near?: string;
  readonly nodeMeta?: Readonly<Record<string, string>>;
}

/** A read's answer with what its headers say. */
export interface Answer<T> {
  readonly data: T;
  /** Ask again with it to wait for the next change; at least 1, or 0 where the endpoint has none. */
  readonly index: number;
  readonly knownLeader: boolean;
  /** Since the answering server last heard of its leader. */
  readonly lastContactMs: number;
}

export type Query = readonly (readonly [string, string | number | undefined])[];

/** Sends requests and turns statuses into values and errors; knows no endpoint. */
export class Transport {
  readonly #base: string;
  readonly #options: ClientOptions;
  readonly #fetch: Fetch;

  constructor(options: ClientOptions) {
    const address = /^https?:\/\//.test(options.address) ? options.address : `http://${options.address}`;
    this.#base = address.replace(/\/+$/, '');
    this.#options = options;
    this.#fetch = options.fetch ?? ((url, init) => fetch(url, init));
  }

  /** The address it talks to, without a trailing slash. */
  get address(): string {
    return this.#base;
  }

  /** Reads JSON. A 404 is undefined when `missing` allows it. */
  async read<T>(
    path: string,
    query: Query,
    options: ReadOptions = {},
    missing = false,
    decode: (text: string) => unknown = JSON.parse,
  ): Promise<Answer<T | undefined>> {
    const response = await this.send('GET', path, [...query, ...readQuery(options)], options);
    if (missing && response.status === 404) {
      await bodyOf(response, options);
      return { ...meta(response), data: undefined };
    }
    const text = await this.#success(response, options);
    return { ...meta(response), data: parse<T>(text, decode) };
  }

  /** Sends a body and returns the text of the answer. */
  async write(
    method: string,
    path: string,
    query: Query,
    body: unknown,
    options: RequestOptions = {},
  ): Promise<string> {
    return this.#success(await this.send(method, path, query, options, body), options);
  }

  /** One exchange; throws `network` only. An object is sent as JSON, bytes and text as they are. */
  async send(
    method: string,
    path: string,
    query: Query,
    options: RequestOptions,
    body?: unknown,
  ): Promise<Response> {
    const dc = options.datacenter ?? this.#options.datacenter;
    const token = options.token ?? this.#options.token;
    const url = `${this.#base}${path}${queryText([...query, [parameters.dc, dc]])}`;
    const init: RequestInit = { method, redirect: 'manual' };
    if (token !== undefined) init.headers = { [names.token]: token };
    if (options.signal !== undefined) init.signal = options.signal;
    if (body !== undefined) init.body = encodeBody(body);
    try {
      return await this.#fetch(url, init);
    } catch (error) {
      if (options.signal?.aborted === true) throw options.signal.reason;
      throw new ClientError('network', `${method} ${this.#base}${path}: ${reason(error)}`, { cause: error });
    }
  }

  async #success(response: Response, options: RequestOptions): Promise<string> {
    const text = await bodyOf(response, options);
    if (response.status >= 200 && response.status < 300) return text;
    const message = `Unexpected response code: ${response.status} (${text.trim()})`;
    throw new ClientError('status', message, { status: response.status, text });
  }
}

/** Throws `network` when the connection ends before the body does. */
async function bodyOf(response: Response, { signal }: RequestOptions): Promise<string> {
  try {
    return await response.text();
  } catch (error) {
    if (signal?.aborted === true) throw signal.reason;
    throw new ClientError('network', `the answer broke off: ${reason(error)}`, { cause: error });
  }
}

function readQuery(options: ReadOptions): Query {
  const { index, waitMs, consistency, filter, near, nodeMeta } = options;
  const query: [string, string | number | undefined][] = [
    [parameters.index, index === undefined || index <= 0 ? undefined : index],
    [parameters.wait, waitMs === undefined ? undefined : `${Math.round(waitMs)}ms`],
    [parameters.filter, filter],
    [parameters.near, near],
  ];
  if (consistency === 'stale') query.push([parameters.stale, '']);
  if (consistency === 'consistent') query.push([parameters.consistent, '']);
  for (const [key, value] of Object.entries(nodeMeta ?? {}))
    query.push([parameters.nodeMeta, `${key}:${value}`]);
  return query;
}

function queryText(query: Query): string {
  const pairs = query
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => (value === '' ? name : `${name}=${encodeURIComponent(String(value))}`));
  return pairs.length === 0 ? '' : `?${pairs.join('&')}`;
}

function encodeBody(body: unknown): NonNullable<RequestInit['body']> {
  if (typeof body === 'string') return body;
  if (body instanceof Uint8Array) return body as Uint8Array<ArrayBuffer>;
  return JSON.stringify(body);
}

function meta(response: Response): { index: number; knownLeader: boolean; lastContactMs: number } {
  return {
    index: Number(response.headers.get(names.index) ?? 0),
    knownLeader: response.headers.get(names.knownLeader) !== 'false',
    lastContactMs: Number(response.headers.get(names.lastContact) ?? 0),
  };
}

function parse<T>(text: string, decode: (text: string) => unknown): T {
  try {
    return decode(text) as T;
  } catch (error) {
    throw new ClientError('decode', `The answer is not JSON: ${text.slice(0, 80)}`, { text, cause: error });
  }
}

function reason(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause instanceof Error ? `${error.message}: ${error.cause.message}` : error.message;
}
