import type { NodeRow, ServiceRow } from '../catalog/rows.ts';
import { badRequest } from './errors.ts';
import { parseBool } from './read-options.ts';
import type { HttpRequest } from './request.ts';
import type { View } from '../watch/view.ts';

/** Which rows of a view a request wants: tags, node meta, passing; and in which order. */

/** True for services that have all of the request's `tag`s, in any case. undefined = no tag is asked for. */
export function tagFilter(request: HttpRequest): ((service: ServiceRow) => boolean) | undefined {
  if (!request.query.has('tag')) return undefined;
  const wanted = request.query.all('tag').map((tag) => tag.toLowerCase());
  return (service) => wanted.every((tag) => service.tags.some((own) => own.toLowerCase() === tag));
}

/** True for nodes that have all of the request's `node-meta` pairs; a name without a value wants an empty one. */
export function nodeMetaFilter(request: HttpRequest): ((node: NodeRow) => boolean) | undefined {
  if (!request.query.has('node-meta')) return undefined;
  const wanted = request.query.all('node-meta').map((pair) => {
    const at = pair.indexOf(':');
    return at < 0 ? ([pair, ''] as const) : ([pair.slice(0, at), pair.slice(at + 1)] as const);
  });
  return (node) => wanted.every(([key, value]) => node.meta !== null && node.meta[key] === value);
}

/** `?passing` alone means yes; throws 400 for a word that is no boolean. */
export function wantsPassing(request: HttpRequest): boolean {
  if (!request.query.has('passing')) return false;
  const word = request.query.get('passing');
  const passing = word === '' ? true : parseBool(word);
  if (passing === undefined) throw badRequest('Invalid value for ?passing');
  return passing;
}

/**
 * Rows with those of the `near` node first, the others in their order: without measured distances every other node is
 * as far as the next. `_agent` is this agent's node.
 */
export function sortNear<T>(
  request: HttpRequest,
  rows: readonly T[],
  ownNode: string,
  nodeOf: (row: T) => string,
): readonly T[] {
  const near = request.query.get('near');
  if (near === '' || near === '_ip') return rows;
  const origin = (near === '_agent' ? ownNode : near).toLowerCase();
  const isOrigin = (row: T): boolean => nodeOf(row).toLowerCase() === origin;
  const first = rows.filter(isOrigin);
  return first.length === 0 ? rows : [...first, ...rows.filter((row) => !isOrigin(row))];
}

/** Two views read as one: its index is the higher, either wakes it. */
export function joinViews<A, B>(a: View<A>, b: View<B>): View<readonly [A, B]> {
  return {
    topics: [...a.topics, ...b.topics],
    index: () => Math.max(a.index(), b.index()),
    read: () => [a.read(), b.read()],
  };
}
