/**
 * What one evaluation asks the world for: a source's query or a local file, under the id that consul-template shows.
 * In: the query strings of template functions (`tag.name?ns=x@dc~near|filter`). Out: dependencies, or DependencyError.
 * Two dependencies are the same when their ids are. Not here: fetching.
 * Source: consul-template dependency/*.go.
 */
import { quote } from '../template/quote.ts';
import type { Query, QueryScope } from './source.ts';

export type Dependency = SourceDependency | FileDependency;

export interface SourceDependency {
  readonly kind: 'query';
  readonly id: string;
  readonly query: Query;
  /** Tells dependencies apart that show the same id. */
  readonly key?: string;
  /** An absent key is no answer yet (`key`), rather than an answer (`keyExists`). */
  readonly blocking: boolean;
}

export interface FileDependency {
  readonly kind: 'file';
  readonly id: string;
  readonly key?: never;
  readonly path: string;
}

/** A query string that no template may use; `message` is consul-template's. */
export class DependencyError extends Error {
  override readonly name = 'DependencyError';
  readonly code = 'bad-query';
}

// In quotes, which consul-template refuses, a tag or a name may hold any character.
const tag = "(?:(?:'(?<quotedTag>[^']+)'|(?<tag>[\\w=:.-]+))\\.)?";
const name = "(?:'(?<quotedName>[^']+)'|(?<name>[\\w-]+))";
const scope = '(?:\\?(?<scope>[\\w=&-]+))?';
const dc = '(?:@(?<dc>[\\w.-]+))?';
const near = '(?:~(?<near>[\\w.-]+))?';
const filter = '(?:\\|(?<filter>[\\w,]+))?';

const servicePattern = new RegExp(`^${tag}${name}${scope}${dc}${near}${filter}$`);
const servicesPattern = new RegExp(`^${scope}${dc}$`);
const nodePattern = new RegExp(`^(?<name>[\\w.-]+)?${scope}${dc}$`);
const nodesPattern = new RegExp(`^${scope}${dc}${near}$`);
const peeringsPattern = new RegExp(`^${scope}$`);
const pathPattern = new RegExp(`^/?(?<path>[^@?]+)${scope}${dc}$`);

const statusFilters: ReadonlySet<string> = new Set(['any', 'passing', 'warning', 'critical', 'maintenance']);

/**
 * `[tag.]name[?query][@dc][~near][|filter]`; without a filter, passing instances only. Of several dots the last one divides
 * tag and name, unless the name is quoted: `'a.b'`, `tag.'a.b'`.
 */
export function serviceDependency(text: string, kind: 'service' | 'connect' = 'service'): SourceDependency {
  const label = `health.${kind}`;
  const parts = match(servicePattern, label, text);
  const filters = parts.filter === undefined ? ['passing'] : parseFilters(parts.filter, text, label);
  const scoped = parseScope(label, parts.scope);
  if (scoped?.peer && scoped.samenessGroup) {
    throw new DependencyError(`${label}: cannot specify both peer and sameness-group`);
  }
  const wantedTag = parts.quotedTag ?? parts.tag ?? '';
  const shownTag = parts.quotedTag === undefined ? wantedTag : `'${wantedTag}'`;
  const shownName = parts.name ?? `'${parts.quotedName}'`;
  const tail = `${suffix('~', parts.near)}${suffix('|', filters.join(','))}`;
  return {
    kind: 'query',
    id: `${label}(${shownTag === '' ? '' : `${shownTag}.`}${shownName}${place(parts, scoped)}${tail})`,
    query: {
      type: 'service',
      name: parts.name ?? parts.quotedName ?? '',
      tag: wantedTag,
      dc: parts.dc ?? '',
      near: parts.near ?? '',
      filters,
      ...(kind === 'connect' ? { connect: true as const } : {}),
      ...scopeOf(scoped),
    },
    blocking: false,
  };
}

/** `[?query][@dc]`. */
export function servicesDependency(text: string): SourceDependency {
  const parts = match(servicesPattern, 'catalog.services', text);
  const scoped = parseScope('catalog.services', parts.scope);
  return {
    kind: 'query',
    id: `catalog.services${parenthesised(place(parts, scoped))}`,
    query: { type: 'services', dc: parts.dc ?? '', ...scopeOf(scoped) },
    blocking: false,
  };
}

/** `[?query][@dc][~near]`. */
export function nodesDependency(text: string): SourceDependency {
  const parts = match(nodesPattern, 'catalog.nodes', text);
  const scoped = parseScope('catalog.nodes', parts.scope);
  return {
    kind: 'query',
    id: `catalog.nodes${parenthesised(place(parts, scoped) + suffix('~', parts.near))}`,
    query: { type: 'nodes', dc: parts.dc ?? '', near: parts.near ?? '', ...scopeOf(scoped) },
    blocking: false,
  };
}

/** `[name][?query][@dc]`; no name is the node of the asked agent. */
export function nodeDependency(text: string): SourceDependency {
  const parts = match(nodePattern, 'catalog.node', text);
  const scoped = parseScope('catalog.node', parts.scope);
  return {
    kind: 'query',
    id: `catalog.node${parenthesised((parts.name ?? '') + place(parts, scoped))}`,
    query: { type: 'node', name: parts.name ?? '', dc: parts.dc ?? '', ...scopeOf(scoped) },
    blocking: false,
  };
}

/** `[/]path[?query][@dc]`; blocking: rendering waits until the key exists. */
export function keyDependency(text: string, options: { readonly blocking: boolean }): SourceDependency {
  const parts = match(pathPattern, 'kv.get', text);
  const scoped = parseScope('kv.get', parts.scope);
  const key = parts.path ?? '';
  return {
    kind: 'query',
    id: `kv.${options.blocking ? 'block' : 'get'}(${key}${place(parts, scoped)})`,
    query: { type: 'key', key, dc: parts.dc ?? '', ...scopeOf(scoped) },
    blocking: options.blocking,
  };
}

/** `[/]prefix[?query][@dc]`. */
export function prefixDependency(text: string): SourceDependency {
  const parts = match(pathPattern, 'kv.list', text);
  const scoped = parseScope('kv.list', parts.scope);
  const prefix = parts.path ?? '';
  return {
    kind: 'query',
    id: `kv.list(${prefix}${place(parts, scoped)})`,
    query: { type: 'prefix', prefix, dc: parts.dc ?? '', ...scopeOf(scoped) },
    blocking: false,
  };
}

/** What another endpoint of Consul's says. */
export function documentDependency(id: string, path: string, partition = ''): SourceDependency {
  return {
    kind: 'query',
    id,
    ...(partition === '' ? {} : { key: `${id}?partition=${partition}` }),
    query: { type: 'document', path, dc: '', ...(partition === '' ? {} : { partition }) },
    blocking: false,
  };
}

/** `[?partition=name]`. */
export function peeringsDependency(text: string): SourceDependency {
  const parts = match(peeringsPattern, 'list.peering', text);
  const partition = parseScope('list.peering', parts.scope)?.partition ?? '';
  const id = `list.peerings${partition === '' ? '' : `?partition=${partition}`}`;
  return documentDependency(id, '/v1/peerings', partition);
}

/** All datacenters, or those that answer: both show the same id. */
export function datacentersDependency(onlyReachable: boolean): SourceDependency {
  return {
    kind: 'query',
    id: 'catalog.datacenters',
    ...(onlyReachable ? { key: 'catalog.datacenters(reachable)' } : {}),
    query: { type: 'datacenters', dc: '', onlyReachable },
    blocking: false,
  };
}

export function fileDependency(path: string): FileDependency {
  return { kind: 'file', id: `file(${path})`, path };
}

type Parts = Readonly<Record<string, string | undefined>>;
type Scope = NonNullable<QueryScope['scope']>;

function match(pattern: RegExp, label: string, text: string): Parts {
  const found = pattern.exec(text);
  if (found === null) throw new DependencyError(`${label}: invalid format: ${quote(text)}`);
  return found.groups ?? {};
}

function parseFilters(text: string, whole: string, label: string): readonly string[] {
  const filters = text.split(',').filter((part) => part !== '');
  for (const part of filters) {
    if (statusFilters.has(part)) continue;
    throw new DependencyError(`${label}: invalid filter: ${quote(part)} in ${quote(whole)}`);
  }
  return filters.sort();
}

const scopeKeys = ['ns', 'partition', 'peer', 'sameness-group'];

function parseScope(label: string, text: string | undefined): Scope | undefined {
  if (text === undefined) return undefined;
  const values = new URLSearchParams(text);
  for (const key of values.keys()) {
    if (scopeKeys.includes(key)) continue;
    const known = scopeKeys.join(',');
    throw new DependencyError(
      `${label}: invalid query parameter key ${quote(key)} in query ${quote(text)}: supported keys: ${known}`,
    );
  }
  return {
    namespace: values.get('ns') ?? '',
    partition: values.get('partition') ?? '',
    peer: values.get('peer') ?? '',
    samenessGroup: values.get('sameness-group') ?? '',
  };
}

function scopeOf(scoped: Scope | undefined): QueryScope {
  return scoped === undefined ? {} : { scope: scoped };
}

// `@dc@partition=p@ns=n@peer=..@sameness-group=..`, the part that ids have in common.
function place(parts: Parts, scoped: Scope | undefined): string {
  return (
    suffix('@', parts.dc) +
    suffix('@partition=', scoped?.partition) +
    suffix('@ns=', scoped?.namespace) +
    suffix('@peer=', scoped?.peer) +
    suffix('@sameness-group=', scoped?.samenessGroup)
  );
}

function suffix(mark: string, value: string | undefined): string {
  return value === undefined || value === '' ? '' : mark + value;
}

function parenthesised(text: string): string {
  return text === '' ? '' : `(${text})`;
}
