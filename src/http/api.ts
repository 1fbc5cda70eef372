import { AccessRules, type AccessOptions } from './access.ts';
import { textAnswer, type Answer } from './answer.ts';
import type { Authorize } from './authorize.ts';
import type { Deps } from './deps.ts';
import { HttpError, toHttpError } from './errors.ts';
import { brokenEscape, cleanPath, encodePath, isPrintable, percentDecode } from './path.ts';
import { Query } from './query.ts';
import { root } from './root.ts';
import { HttpRequest, type RequestHead, type RequestSource } from './request.ts';
import { allowed, Router, type Match, type Method, type Route } from './router.ts';

/**
 * One request in, one answer out; no sockets.
 *
 * Order of refusals, as clients of Consul know it: broken path 400, unprintable characters 400, unclean path 301,
 * unknown path 404, blocked endpoint 403, restricted writer 403, wrong verb 405, broken query 500.
 */
export interface ApiOptions extends AccessOptions {
  /** Indent every JSON answer, not only those that ask for it. */
  readonly alwaysPretty: boolean;
  readonly allowUnprintable: boolean;
  /** What a token may do; by default anything. */
  readonly authorize?: (token: string) => Authorize;
}

const unprintable: Answer = { status: 400, headers: [], body: '', bare: true };

export class Api {
  readonly #options: ApiOptions;
  readonly #deps: Deps;
  readonly #router: Router;
  readonly #access: AccessRules;

  constructor(options: ApiOptions, routes: readonly Route[], deps: Deps) {
    this.#options = options;
    this.#deps = deps;
    this.#router = new Router(routes);
    this.#access = new AccessRules(options);
  }

  /** An answer that needs no work, or undefined: then ask `handle`. */
  ready(head: RequestHead): Answer | undefined {
    // Who asks decides what is shown as soon as there are tokens: then every request goes the whole way.
    if (head.method !== 'GET' || this.#options.authorize !== undefined) return undefined;
    return this.#deps.views.ready(head.target, head.rawHeaders);
  }

  handle(head: RequestHead, source: RequestSource): Answer | Promise<Answer> {
    const target = originForm(head.target);
    const mark = target.indexOf('?');
    const rawPath = mark < 0 ? target : target.slice(0, mark);
    const rawQuery = mark < 0 ? '' : target.slice(mark + 1);
    const path = percentDecode(rawPath);
    if (path === undefined) return malformed(rawPath);
    if (!this.#options.allowUnprintable && !isPrintable(path)) return unprintable;
    const moved = this.#moved(head.method, path, rawQuery);
    if (moved !== undefined) return moved;
    const match = this.#router.find(path);
    if (match === undefined) return path === '/' ? root(this.#deps.options.uiPath) : notFound(path);
    return this.#dispatch(head, { path, target, rawQuery }, match, source);
  }

  #moved(method: string, path: string, rawQuery: string): Answer | undefined {
    const clean = cleanPath(path);
    const wanted = this.#router.lacksSlash(clean) ? `${clean}/` : clean;
    if (wanted === path) return undefined;
    const location = `${encodePath(wanted)}${rawQuery === '' ? '' : `?${rawQuery}`}`;
    if (method !== 'GET' && method !== 'HEAD') {
      return { status: 301, headers: ['Location', location], body: '', bare: true };
    }
    return {
      status: 301,
      headers: ['Content-Type', 'text/html; charset=utf-8', 'Location', location],
      body: `<a href="${escapeHtml(location)}">Moved Permanently</a>.\n\n`,
      bare: true,
    };
  }

  #dispatch(
    head: RequestHead,
    parts: { readonly path: string; readonly target: string; readonly rawQuery: string },
    match: Match,
    source: RequestSource,
  ): Answer | Promise<Answer> {
    const { route } = match;
    const refusal = this.#access.refuses(head.method, parts.path, head.remoteAddress);
    if (refusal !== undefined) return textAnswer(403, refusal);
    const allow = ['Allow', allowed(route)];
    if (head.method === 'OPTIONS') return { status: 200, headers: allow, body: '' };
    const handler = route.methods[head.method as Method];
    if (handler === undefined) {
      const answer = textAnswer(405, `method ${head.method} not allowed`);
      return { ...answer, headers: [...answer.headers, ...allow] };
    }
    const query = Query.parse(parts.rawQuery);
    if (query === undefined) return { status: 500, headers: [], body: '' };
    const request = this.#request(head, parts, match.tail, query, source);
    try {
      if (route.ignoresNamespace !== true) refuseTenants(request);
      if (head.method !== 'GET' && !parts.path.startsWith('/v1/agent/')) {
        // What this agent itself holds goes on and is synchronised later; all else would wait in vain.
        this.#deps.views.freshness.requireWritable();
      }
      const answer = handler(request, this.#deps);
      return answer instanceof Promise ? answer.catch(errorAnswer) : answer;
    } catch (error) {
      return errorAnswer(error);
    }
  }

  #request(
    head: RequestHead,
    parts: { readonly path: string; readonly target: string; readonly rawQuery: string },
    tail: string,
    query: Query,
    source: RequestSource,
  ): HttpRequest {
    const pretty = this.#options.alwaysPretty || query.has('pretty');
    const request = new HttpRequest(head, { ...parts, tail, query, pretty }, source);
    const { authorize } = this.#options;
    if (authorize === undefined) return request;
    const asker = authorize(token(request));
    return new HttpRequest(head, { ...parts, tail, query, pretty, authorize: asker }, source);
  }
}

/** The token of a request: `?token`, then X-Consul-Token, then a Bearer authorization; '' = anonymous. */
export function token(request: HttpRequest): string {
  const named = request.query.get('token') || request.header('x-consul-token');
  if (named !== '') return named;
  const [scheme = '', value = ''] = request.header('authorization').split(' ');
  return scheme.toLowerCase() === 'bearer' ? value : '';
}

/** Drops scheme and host of a target in absolute form (RFC 9112 3.2.2). */
function originForm(target: string): string {
  if (target.startsWith('/')) return target;
  const rest = /^https?:\/\/[^/?]*(.*)$/i.exec(target)?.[1];
  if (rest === undefined) return target;
  return rest.startsWith('/') ? rest : `/${rest}`;
}

function malformed(rawPath: string): Answer {
  const broken = brokenEscape(rawPath);
  const body = broken === undefined ? '400 Bad Request' : `400 Bad Request: invalid URL escape "${broken}"`;
  return {
    status: 400,
    headers: ['Content-Type', 'text/plain; charset=utf-8'],
    body,
    bare: true,
    close: true,
  };
}

function notFound(path: string): Answer {
  const body = path.startsWith('/v1/')
    ? 'Invalid URL path: not a recognized HTTP API endpoint'
    : "Invalid URL path: if attempting to use the HTTP API, ensure the path starts with '/v1/'";
  return { status: 404, headers: ['Content-Type', 'text/plain; charset=utf-8'], body, bare: true };
}

const tenants = [
  ['ns', 'X-Consul-Namespace', 'Namespaces'],
  ['partition', 'X-Consul-Partition', 'Partitions'],
] as const;

/** Namespaces and partitions do not exist here: naming the default one is fine, any other is refused. */
function refuseTenants(request: HttpRequest): void {
  for (const [parameter, header, feature] of tenants) {
    const because = `${feature} are a Consul Enterprise feature`;
    if (isForeign(request.header(header.toLowerCase()))) {
      throw new HttpError(400, `Invalid header: "${header}" - ${because}`);
    }
    if (isForeign(request.query.get(parameter))) {
      throw new HttpError(400, `Invalid query parameter: "${parameter}" - ${because}`);
    }
  }
}

function isForeign(name: string): boolean {
  return name !== '' && name !== 'default';
}

function errorAnswer(error: unknown): Answer {
  const known = toHttpError(error);
  if (known === undefined) throw error;
  const answer = textAnswer(known.status, known.message);
  return { ...answer, headers: [...answer.headers, ...known.headers], close: known.status === 413 };
}

function escapeHtml(text: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replace(/["']/g, (char) => `&#${char.charCodeAt(0)};`);
}
