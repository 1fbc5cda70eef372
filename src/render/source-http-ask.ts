/**
 * Reads of a Consul API that are fresh enough and come to an end: answers that are too stale are asked for again from the
 * leader, and a server that has died without a word is given up.
 */
import { setMaxListeners } from 'node:events';
import { ClientError } from '@portolan/sdk';
import type { ReadOptions } from '@portolan/sdk';
import { aborted } from '../lib/abort.ts';
import { serverError } from './source-http-transport.ts';
import type { Query } from './source.ts';

export interface AskOptions {
  /** How long the server may hold a query. */
  readonly waitMs: number;
  /** 0: every answer comes from the leader. */
  readonly maxStaleMs: number;
}

/** What an answer says of itself. */
export interface Fresh {
  readonly index: number;
  readonly knownLeader: boolean;
  readonly lastContactMs: number;
}

type Read<A> = (options: ReadOptions) => Promise<A>;

/** Of one read's end. */
const mostListeners = 1000;
/** A plain request may take this long, the body included. */
const plainLimitMs = 30_000;

/** One read; it blocks while `index` (above 0) is its view's. Rejects with the signal's reason when that aborts. */
export async function askFresh<A extends Fresh>(
  read: Read<A>,
  index: number,
  options: AskOptions,
  signal: AbortSignal,
): Promise<A> {
  return (await askFreshest(read, index, options, signal)).answer;
}

export interface Asked<A> {
  readonly answer: A;
  /** The server that was asked first is, and the answer is the leader's. */
  readonly isBehind: boolean;
}

/** The same, with where it comes from; an answer below `least` is behind. */
export async function askFreshest<A extends Fresh>(
  read: Read<A>,
  index: number,
  { waitMs, maxStaleMs }: AskOptions,
  signal: AbortSignal,
  least = index,
): Promise<Asked<A>> {
  if (maxStaleMs <= 0) {
    return { answer: await askBounded(read, 'default', index, waitMs, signal), isBehind: false };
  }
  const answer = await askBounded(read, 'stale', index, waitMs, signal);
  // An index that goes back is a server behind the others, or all were restored: the leader knows.
  const isFresh = answer.lastContactMs <= maxStaleMs && answer.knownLeader && answer.index >= least;
  if (isFresh) return { answer, isBehind: false };
  return { answer: await askBounded(read, 'default', 0, waitMs, signal), isBehind: true };
}

async function askBounded<A>(
  read: Read<A>,
  consistency: 'default' | 'stale',
  index: number,
  waitMs: number,
  signal: AbortSignal,
): Promise<A> {
  const own = new AbortController();
  // Not 0, for no limit: undici's fetch asks for the number, and Node 20 then says that there is none.
  setMaxListeners(mostListeners, own.signal);
  // The server adds up to a sixteenth to the wait; whatever takes much longer has died.
  const limitMs = index > 0 ? waitMs * (17 / 16) + 10_000 : plainLimitMs;
  const timer = setTimeout(
    () => own.abort(new ClientError('network', `no answer within ${limitMs} ms`)),
    limitMs,
  );
  const stop = (): void => own.abort(signal.reason);
  signal.addEventListener('abort', stop, { once: true });
  if (signal.aborted) stop();
  try {
    return await Promise.race([
      read({ index, waitMs, consistency, signal: own.signal }),
      rejectOn(own.signal),
    ]);
  } finally {
    clearTimeout(timer);
    signal.removeEventListener('abort', stop);
  }
}

async function rejectOn(signal: AbortSignal): Promise<never> {
  await aborted(signal);
  throw signal.reason;
}

/** A failure in the words of who reads it: what could not be read, and what would help. */
export function explain(error: unknown, what: string): Error {
  if (!(error instanceof ClientError)) return error instanceof Error ? error : new Error(String(error));
  if (error.status === 401 || error.status === 403) {
    const said = error.text.trim().slice(0, 200);
    return new Error(`the access token may not read ${what} (${error.status}: ${said})`, { cause: error });
  }
  const server = serverError(error);
  return server === undefined ? error : new Error(`${what}: ${server.message}`, { cause: error });
}

/** A query as people name it. */
export function describeQuery(query: Query): string {
  switch (query.type) {
    case 'service':
      return `service ${JSON.stringify(query.name)}`;
    case 'node':
      return query.name === '' ? 'the own node' : `node ${JSON.stringify(query.name)}`;
    case 'key':
      return `key ${JSON.stringify(query.key)}`;
    case 'prefix':
      return `keys below ${JSON.stringify(query.prefix)}`;
    case 'services':
      return 'the list of services';
    case 'nodes':
      return 'the list of nodes';
    case 'datacenters':
      return 'the list of datacenters';
    case 'document':
      return query.path;
  }
}

/** Whether the server, rather than this one query, is the trouble: then nobody should ask for a while. */
export function isServerTrouble(error: unknown): boolean {
  const server = serverError(error);
  if (server !== undefined) return server.code !== 'too-large';
  return error instanceof ClientError && error.code === 'network';
}

/** A connection that ended while the server held it: proxies do that to idle ones, and restarts. */
export function isCutOff(error: unknown): boolean {
  const server = serverError(error);
  if (server !== undefined) return [408, 502, 504].includes(server.status);
  return error instanceof ClientError && error.code === 'network' && !/no answer within/.test(error.message);
}
