import { allowAll, type Authorize } from './authorize.ts';
import { Query } from './query.ts';

/** What the network gives a request besides its head. */
export interface RequestSource {
  /** Reads the whole body, at most `limit` bytes; throws HttpError 413 before it takes in more. */
  body(limit: number): Promise<Uint8Array>;
  /** Aborts when the client is gone. */
  signal(): AbortSignal;
}

export interface RequestHead {
  readonly method: string;
  /** The request target as it came: path and query. */
  readonly target: string;
  /** name, value, name, value ... as they came. */
  readonly rawHeaders: readonly string[];
  readonly remoteAddress: string;
}

/** One request whose path was found in the route table. */
export class HttpRequest {
  readonly method: string;
  /** Path and query as they came. */
  readonly target: string;
  /** Decoded once, clean. */
  readonly path: string;
  /** What follows a route's prefix; '' for exact routes. */
  readonly tail: string;
  readonly query: Query;
  readonly rawQuery: string;
  readonly rawHeaders: readonly string[];
  readonly remoteAddress: string;
  readonly pretty: boolean;
  readonly authorize: Authorize;
  readonly #source: RequestSource;

  constructor(
    head: RequestHead,
    parts: {
      readonly target: string;
      readonly path: string;
      readonly tail: string;
      readonly query: Query;
      readonly rawQuery: string;
      readonly pretty: boolean;
      readonly authorize?: Authorize;
    },
    source: RequestSource,
  ) {
    this.method = head.method;
    this.target = parts.target;
    this.rawHeaders = head.rawHeaders;
    this.remoteAddress = head.remoteAddress;
    this.path = parts.path;
    this.tail = parts.tail;
    this.query = parts.query;
    this.rawQuery = parts.rawQuery;
    this.pretty = parts.pretty;
    this.authorize = parts.authorize ?? allowAll;
    this.#source = source;
  }

  /** The first value of a header, '' if absent. `name` in lower case. */
  header(name: string): string {
    return findHeader(this.rawHeaders, name);
  }

  body(limit: number): Promise<Uint8Array> {
    return this.#source.body(limit);
  }

  get signal(): AbortSignal {
    return this.#source.signal();
  }
}

export function findHeader(rawHeaders: readonly string[], name: string): string {
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const header = rawHeaders[i]!;
    if (header.length === name.length && header.toLowerCase() === name) return rawHeaders[i + 1]!;
  }
  return '';
}
