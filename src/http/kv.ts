import { KvError, type KvRow } from '../kv/kv.ts';
import { requireAccess } from './authorize.ts';
import { jsonAnswer, type Answer } from './answer.ts';
import { visible } from './authorize.ts';
import type { Deps } from './deps.ts';
import { badRequest, HttpError } from './errors.ts';
import { parseUint64 } from './read-options.ts';
import { renderMissing, renderRows, renderTexts } from './render.ts';
import type { HttpRequest } from './request.ts';
import { checkDatacenter, type Family, type Rendered, type ViewSpec } from './views.ts';

/** /v1/kv. Keys are the rest of the path, decoded once. */

const family: Family = {
  effectiveConsistency: false,
  failuresHaveMeta: false,
  cacheable: false,
  streaming: false,
};

export function get(request: HttpRequest, deps: Deps): Answer | Promise<Answer> {
  const key = request.tail;
  if (request.query.has('keys')) return deps.views.answer(request, family, () => keyList(request, deps));
  if (request.query.has('recurse')) return deps.views.answer(request, family, () => tree(request, deps));
  if (key === '') throw badRequest('Missing key name');
  return deps.views.answer(request, family, () => one(request, deps));
}

function one(request: HttpRequest, deps: Deps): ViewSpec<KvRow | undefined> {
  requireAccess(request, 'key', request.tail, 'read');
  return {
    view: deps.kv.get(request.tail),
    render: (row) => {
      if (row === undefined) return renderMissing;
      return request.query.has('raw') ? rawValue(row) : rows([row], request.pretty);
    },
  };
}

function tree(request: HttpRequest, deps: Deps): ViewSpec<readonly KvRow[]> {
  return {
    view: deps.kv.list(request.tail),
    render: (all) => {
      const seen = visible(request.authorize, all, (authorize, row) =>
        authorize.allows('key', row.key, 'read'),
      );
      return seen.length === 0 ? renderMissing : rows(seen, request.pretty);
    },
  };
}

function keyList(request: HttpRequest, deps: Deps): ViewSpec<readonly string[]> {
  const { query, tail } = request;
  const separator = query.get('separator') || query.get('seperator');
  return {
    view: deps.kv.keys(tail, separator),
    render: (all) => {
      const seen = visible(request.authorize, all, (authorize, key) => authorize.allows('key', key, 'list'));
      if (seen.length === 0 && tail !== '') return renderMissing;
      return renderRows(seen, (key) => key, request.pretty);
    },
  };
}

const rawHeaders: readonly string[] = [
  'Content-Type',
  'text/plain',
  'X-Content-Type-Options',
  'nosniff',
  'Content-Security-Policy',
  'sandbox',
];

function rawValue(row: KvRow): Rendered {
  return { status: 200, headers: rawHeaders, body: row.value };
}

function rows(list: readonly KvRow[], pretty: boolean): Rendered | Promise<Rendered> {
  return renderTexts(list, rowText, pretty);
}

function rowText(row: KvRow, indent: 0 | 4): string {
  const text = JSON.stringify(
    {
      LockIndex: row.lockIndex,
      Key: row.key,
      Flags: 0,
      Value: row.value.length === 0 ? null : base64(row.value),
      ...(row.session === '' ? {} : { Session: row.session }),
      CreateIndex: row.createIndex,
      ModifyIndex: row.modifyIndex,
    },
    undefined,
    indent,
  );
  if (row.flags === 0n) return text;
  // Flags have 64 bits, more than JSON.stringify prints. The unescaped quotes can't be part of a key.
  const field = indent === 0 ? '"Flags":' : '"Flags": ';
  return text.replace(`${field}0`, `${field}${row.flags}`);
}

function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('base64');
}

export async function put(request: HttpRequest, deps: Deps): Promise<Answer> {
  const { query, tail: key } = request;
  checkDatacenter(request, deps.options.datacenter);
  if (key === '') throw badRequest('Missing key name');
  refuseConflict(request, ['acquire', 'cas', 'release']);
  requireAccess(request, 'key', key, 'write');
  const flags = query.has('flags') ? parseUint64(query.get('flags')) : 0n;
  const cas = query.has('cas') ? { cas: parseUint64(query.get('cas')) } : {};
  const value = await request.body(deps.options.kvMaxValueBytes);
  if (query.has('acquire') || query.has('release'))
    return jsonAnswer(await lock(request, deps, value, flags), request.pretty);
  return jsonAnswer(await deps.kv.put(key, value, flags, cas), request.pretty);
}

/** Consul says of what its store refused that it could not be applied. */
async function lock(
  { query, tail: key }: HttpRequest,
  { kv }: Deps,
  value: Uint8Array,
  flags: bigint,
): Promise<boolean> {
  try {
    if (query.has('acquire')) return await kv.acquire(key, value, flags, query.get('acquire'));
    return await kv.release(key, value, flags, query.get('release'));
  } catch (error) {
    if (!(error instanceof KvError) || error.code !== 'session') throw error;
    throw new HttpError(500, `raft apply failed: ${error.message}`);
  }
}

export async function remove(request: HttpRequest, deps: Deps): Promise<Answer> {
  const { query, tail: key } = request;
  checkDatacenter(request, deps.options.datacenter);
  const recurse = query.has('recurse');
  if (key === '' && !recurse) throw badRequest('Missing key name');
  refuseConflict(request, ['cas', 'recurse']);
  if (recurse) {
    requireAccess(request, 'key', key, 'write');
    await deps.kv.deleteTree(key);
    return jsonAnswer(true, request.pretty);
  }
  requireAccess(request, 'key', key, 'write');
  const cas = query.has('cas') ? { cas: parseUint64(query.get('cas')) } : {};
  return jsonAnswer(await deps.kv.delete(key, cas), request.pretty);
}

/** At most one of these may be given; the refusal repeats the query. */
function refuseConflict(request: HttpRequest, names: readonly string[]): void {
  const given = names.filter((name) => request.query.has(name));
  if (given.length > 1) throw badRequest(`Conflicting flags: ${request.query.encode()}`);
}
