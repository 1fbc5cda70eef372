import type { SessionEntry } from '@portolan/sdk/wire';
import { KvError } from '../kv/kv.ts';
import type { SessionRequest, SessionRow, ServiceCheckRef } from '../kv/sessions.ts';
import { durationProblem, parseDurationNs } from '../lib/duration.ts';
import { requireAccess } from './authorize.ts';
import { jsonAnswer, type Answer } from './answer.ts';
import { visible } from './authorize.ts';
import { DecodeError, decodeBody, list, object, text, type Decoder } from './decode.ts';
import type { Deps } from './deps.ts';
import { badRequest, HttpError } from './errors.ts';
import { renderRows } from './render.ts';
import type { HttpRequest } from './request.ts';
import { checkDatacenter, type Family, type ViewSpec } from './views.ts';

/** /v1/session. */

const family: Family = {
  effectiveConsistency: false,
  failuresHaveMeta: true,
  cacheable: false,
  streaming: false,
};

const defaultLockDelayNs = 15e9;
const serfHealth = 'serfHealth';
/** Smaller numbers are seconds, as people write them; others are nanoseconds. */
const smallestLockDelayNs = 1000;

/** A duration as text or number, or, when it is small, seconds. Anything else counts as 0. */
const lockDelay: Decoder<number> = (value) => {
  const ns = typeof value === 'string' ? parseDurationNs(value) : typeof value === 'number' ? value : 0;
  if (ns === undefined) throw new DecodeError(durationProblem(String(value)));
  return Math.trunc(ns < smallestLockDelayNs ? ns * 1e9 : ns);
};

const sessionFields = {
  Name: text,
  Node: text,
  LockDelay: lockDelay,
  Behavior: text,
  TTL: text,
  Checks: list(text),
  NodeChecks: list(text),
  ServiceChecks: list(known({ ID: text, Namespace: text })),
};

const sessionBody = known(sessionFields);

/** Lists that make a difference when they are empty; null is an empty one. */
const emptyLists: ReadonlySet<string> = new Set(['checks', 'nodechecks']);

/** An object whose other fields are ignored, unlike elsewhere. */
function known<F extends Readonly<Record<string, Decoder<unknown>>>>(
  fields: F,
): ReturnType<typeof object<F>> {
  const decode = object(fields);
  const names = new Set(Object.keys(fields).map((name) => name.toLowerCase()));
  return (value, field) => {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return decode(value, field);
    const kept: Record<string, unknown> = {};
    for (const [key, item] of Object.entries(value)) {
      const name = key.toLowerCase().replaceAll('_', '');
      if (names.has(name)) kept[name] = item === null && emptyLists.has(name) ? [] : item;
    }
    return decode(kept, field);
  };
}

type SessionBody = ReturnType<typeof sessionBody>;

export async function create(request: HttpRequest, deps: Deps): Promise<Answer> {
  checkDatacenter(request, deps.options.datacenter);
  const bytes = await request.body(deps.options.maxBodyBytes);
  const wanted = sessionOf(bytes.length === 0 ? {} : decodeBody(bytes, sessionBody), deps.agent.nodeName);
  if (wanted.node !== '') requireAccess(request, 'session', wanted.node, 'write');
  const id = await applied(deps.sessions.create(wanted));
  return jsonAnswer({ ID: id }, request.pretty);
}

/** Without a word about checks a session hangs on its node's serfHealth; `Checks` is the old name of `NodeChecks`. */
function sessionOf(body: SessionBody, ownNode: string): SessionRequest {
  const { Checks: old, NodeChecks: given = [serfHealth] } = body;
  const none = given.length === 0 || old?.length === 0;
  const isDefault = old === undefined || (old.length === 1 && old[0] === serfHealth);
  return {
    name: body.Name ?? '',
    node: body.Node ?? ownNode,
    lockDelayNs: body.LockDelay ?? defaultLockDelayNs,
    behavior: body.Behavior ?? '',
    ttl: body.TTL ?? '',
    nodeChecks: none ? [] : given,
    serviceChecks: body.ServiceChecks?.map(serviceCheck) ?? null,
    checks: none || isDefault ? [] : old,
  };
}

function serviceCheck(check: { readonly ID?: string; readonly Namespace?: string }): ServiceCheckRef {
  return { id: check.ID ?? '', namespace: check.Namespace ?? '' };
}

export async function destroy(request: HttpRequest, deps: Deps): Promise<Answer> {
  checkDatacenter(request, deps.options.datacenter);
  const id = tailOf(request, 'Missing session');
  const session = await applied(() => deps.sessions.info(id).read());
  if (session !== undefined) requireAccess(request, 'session', session.node, 'write');
  await applied(deps.sessions.destroy(id));
  return jsonAnswer(true, request.pretty);
}

export async function renew(request: HttpRequest, deps: Deps): Promise<Answer> {
  checkDatacenter(request, deps.options.datacenter);
  const id = tailOf(request, 'Missing session');
  const session = deps.sessions.info(id).read();
  if (session !== undefined) requireAccess(request, 'session', session.node, 'write');
  const renewed = await deps.sessions.renew(id);
  if (renewed === undefined) throw new HttpError(404, `Session id '${id}' not found`);
  return jsonAnswer([wireSession(renewed)], request.pretty);
}

export function info(request: HttpRequest, deps: Deps): Answer | Promise<Answer> {
  const id = tailOf(request, 'Missing session');
  return deps.views.answer(request, family, () => {
    const { topics, index, read } = deps.sessions.info(id);
    const view = {
      topics,
      index,
      read: (): readonly SessionRow[] => {
        const session = read();
        return session === undefined ? [] : [session];
      },
    };
    return sessions(request, view);
  });
}

export function ofNode(request: HttpRequest, deps: Deps): Answer | Promise<Answer> {
  const node = tailOf(request, 'Missing node name');
  return deps.views.answer(request, family, () => sessions(request, deps.sessions.ofNode(node)));
}

export function all(request: HttpRequest, deps: Deps): Answer | Promise<Answer> {
  return deps.views.answer(request, family, () => sessions(request, deps.sessions.list()));
}

function sessions(
  request: HttpRequest,
  view: ViewSpec<readonly SessionRow[]>['view'],
): ViewSpec<readonly SessionRow[]> {
  return {
    view,
    render: (rows) => {
      const seen = visible(request.authorize, rows, (authorize, row) =>
        authorize.allows('session', row.node, 'read'),
      );
      return renderRows(seen, wireSession, request.pretty);
    },
  };
}

function wireSession(session: SessionRow): SessionEntry {
  return {
    ID: session.id,
    Name: session.name,
    Node: session.node,
    LockDelay: session.lockDelayNs,
    Behavior: session.behavior,
    TTL: session.ttl,
    NodeChecks: session.nodeChecks,
    ServiceChecks:
      session.serviceChecks &&
      session.serviceChecks.map(({ id, namespace }) => ({ ID: id, Namespace: namespace })),
    ...(session.checks.length === 0 ? {} : { Checks: session.checks }),
    CreateIndex: session.createIndex,
    ModifyIndex: session.modifyIndex,
  };
}

/** Consul says of what its store refused that it could not be applied. */
async function applied<T>(work: Promise<T> | (() => T)): Promise<T> {
  try {
    return await (typeof work === 'function' ? work() : work);
  } catch (error) {
    if (!(error instanceof KvError) || (error.code !== 'refused' && error.code !== 'session')) throw error;
    throw new HttpError(500, `apply failed: ${error.message}`);
  }
}

function tailOf(request: HttpRequest, missing: string): string {
  if (request.tail === '') throw badRequest(missing);
  return request.tail;
}
