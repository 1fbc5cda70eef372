/**
 * What the asker of one request may do. Every handler is given one and filters by it, whatever the configuration.
 */

import { HttpError } from './errors.ts';

export type Access = 'read' | 'list' | 'write';
export type Resource =
  | 'acl'
  | 'agent'
  | 'event'
  | 'key'
  | 'keyring'
  | 'node'
  | 'operator'
  | 'query'
  | 'service'
  | 'session';

export interface Authorize {
  /** Askers with equal visibility are shown the same: cached bodies are kept by it. '' = everything. */
  readonly visibility: string;
  allows(resource: Resource, name: string, access: Access): boolean;
}

export const allowAll: Authorize = { visibility: '', allows: () => true };

/** The rows that may be shown; the same array when nothing is hidden. */
export function visible<T>(
  authorize: Authorize,
  rows: readonly T[],
  allowed: (authorize: Authorize, row: T) => boolean,
): readonly T[] {
  return authorize.visibility === '' ? rows : rows.filter((row) => allowed(authorize, row));
}

/** Throws the 403 that Consul answers. */
export function requireAccess(
  { authorize }: { readonly authorize: Authorize },
  resource: Resource,
  name: string,
  access: Access,
): void {
  if (!authorize.allows(resource, name, access)) throw new HttpError(403, 'Permission denied');
}
