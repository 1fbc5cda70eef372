import { parseDurationMs } from '../lib/duration.ts';
import { badRequest, HttpError } from './errors.ts';
import type { HttpRequest } from './request.ts';

/** How fresh a read must be. `leader` is what a client gets that asks for nothing. */
export type ReadMode = 'leader' | 'stale' | 'consistent';

export interface ReadOptions {
  readonly mode: ReadMode;
  /** 0 = answer at once. */
  readonly index: number;
  /** Clamped, without jitter. */
  readonly waitMs: number;
  /** Oldest knowledge that may be served with `stale`; 0 = any age. */
  readonly maxStaleMs: number;
  readonly cached: boolean;
  /** Oldest knowledge that may be served with `cached` while the store is out of reach; 0 = none. */
  readonly staleIfErrorMs: number;
}

export interface ReadLimits {
  readonly defaultWaitMs: number;
  readonly maxWaitMs: number;
  /** Reads of catalog and health that name no mode become stale ones of this age; 0 = off. */
  readonly discoveryMaxStaleMs: number;
  readonly useCache: boolean;
}

/** Reads mode, index and wait; throws 400 with Consul's texts, in its order of precedence. */
export function readOptions(request: HttpRequest, limits: ReadLimits): ReadOptions {
  const { mode, maxStaleMs, cached } = readMode(request, limits);
  const staleIfErrorMs = readCacheControl(request.header('cache-control'));
  const { waitMs, index } = readWait(request, limits);
  return { mode, index, waitMs, maxStaleMs, cached, staleIfErrorMs: cached ? staleIfErrorMs : 0 };
}

function readMode(
  request: HttpRequest,
  limits: ReadLimits,
): { mode: ReadMode; maxStaleMs: number; cached: boolean } {
  const { query } = request;
  const consistent = query.has('consistent');
  const cached = query.has('cached') && limits.useCache;
  let stale = query.has('stale');
  let maxStaleMs = 0;
  const maxStale = query.get('max_stale');
  if (maxStale !== '') {
    const ms = parseDurationMs(maxStale);
    if (ms === undefined) throw badRequest(`Invalid max_stale value ${JSON.stringify(maxStale)}`);
    maxStaleMs = Math.max(0, ms);
    stale ||= ms > 0;
  }
  const named = stale || consistent || cached || query.has('leader');
  if (!named && limits.discoveryMaxStaleMs > 0 && isDiscovery(request.path)) {
    return { mode: 'stale', maxStaleMs: limits.discoveryMaxStaleMs, cached };
  }
  if (stale && consistent) throw conflict('stale');
  if (cached && consistent) throw conflict('cached');
  return { mode: consistent ? 'consistent' : stale ? 'stale' : 'leader', maxStaleMs, cached };
}

function isDiscovery(path: string): boolean {
  return path.startsWith('/v1/catalog') || path.startsWith('/v1/health');
}

function conflict(name: string): HttpError {
  return badRequest(`Cannot specify ?${name} with ?consistent, conflicting semantics.`);
}

/** Milliseconds of `stale-if-error`; 0 without it. */
function readCacheControl(header: string): number {
  let staleIfErrorMs = 0;
  if (header === '') return staleIfErrorMs;
  for (const part of header.toLowerCase().split(',')) {
    const [name = '', value = ''] = part.trim().split('=', 2);
    if ((name !== 'max-age' && name !== 'stale-if-error') || !part.includes('=')) continue;
    if (!/^[+-]?\d+$/.test(value)) throw badRequest('Invalid Cache-Control header.');
    if (name === 'stale-if-error') staleIfErrorMs = Math.max(0, Number(value) * 1000);
  }
  return staleIfErrorMs;
}

/** `index` and `wait` alone, for endpoints that know no consistency modes. */
export function readWait(request: HttpRequest, limits: ReadLimits): { waitMs: number; index: number } {
  const wait = request.query.get('wait');
  const asked = wait === '' ? 0 : parseDurationMs(wait);
  if (asked === undefined) throw badRequest('Invalid wait time');
  const text = request.query.get('index');
  if (text !== '' && !isUint64(text)) throw badRequest('Invalid index');
  const waitMs = asked <= 0 ? limits.defaultWaitMs : asked;
  return { waitMs: Math.min(waitMs, limits.maxWaitMs), index: text === '' ? 0 : Number(text) };
}

const maxUint64 = 18446744073709551615n;

/** Decimal digits that fit 64 bits: what Go's strconv.ParseUint(s, 10, 64) takes. */
export function isUint64(text: string): boolean {
  return /^\d+$/.test(text) && (text.length < 20 || BigInt(text) <= maxUint64);
}

/** Parses an unsigned 64-bit number; throws with the text of Go's strconv, which Consul answers as a 500. */
export function parseUint64(text: string): bigint {
  if (isUint64(text)) return BigInt(text);
  const why = /^\d+$/.test(text) ? 'value out of range' : 'invalid syntax';
  throw new HttpError(500, `strconv.ParseUint: parsing ${JSON.stringify(text)}: ${why}`);
}

/** Consul takes these words for booleans (Go's strconv.ParseBool); undefined for any other. */
export function parseBool(text: string): boolean | undefined {
  if (['1', 't', 'T', 'TRUE', 'true', 'True'].includes(text)) return true;
  if (['0', 'f', 'F', 'FALSE', 'false', 'False'].includes(text)) return false;
  return undefined;
}

/** The query without `index` and `wait`: what makes two reads of one view the same question. */
export function questionOf(request: HttpRequest): string {
  const { rawQuery, target } = request;
  if (!rawQuery.includes('index') && !rawQuery.includes('wait')) return target;
  const kept = rawQuery.split('&').filter((part) => part !== '' && !/^(index|wait)(=|$)/.test(part));
  const path = target.slice(0, target.length - rawQuery.length - 1);
  return kept.length === 0 ? path : `${path}?${kept.join('&')}`;
}
