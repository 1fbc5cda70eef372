import type { Commit, CommitResult, LeaseId, Operation } from '../store.ts';
import { touchesOf } from './footprint.ts';
import type { Touch } from './footprint.ts';

/** What the writer is asked to do: a commit, or the beginning or the end of a lease. */
export type RequestBody =
  | { readonly kind: 'commit'; readonly commit: Commit }
  | { readonly kind: 'grant'; readonly lease: LeaseId; readonly ttlSeconds: number }
  | { readonly kind: 'end'; readonly lease: LeaseId };

export interface Request {
  readonly body: RequestBody;
  readonly resolve: (result: CommitResult) => void;
  readonly reject: (error: unknown) => void;
}

/** A copy of the commit with buffers of its own: the caller may use its own again at once. */
export function ownCommit(commit: Commit): Commit {
  const own: Commit = { ...commit, then: commit.then.map(ownOperation) };
  return commit.else === undefined ? own : { ...own, else: commit.else.map(ownOperation) };
}

function ownOperation(operation: Operation): Operation {
  if (!('put' in operation)) return operation;
  // A small Buffer is a slice of a shared pool: one allocation less than an Uint8Array of its own.
  const value = Buffer.from(operation.value);
  return operation.lease === undefined
    ? { put: operation.put, value }
    : { put: operation.put, value, lease: operation.lease };
}

export function touches(body: RequestBody, boundKeys: (lease: LeaseId) => readonly string[]): Touch[] {
  switch (body.kind) {
    case 'commit':
      return touchesOf(body.commit.when, body.commit.then, body.commit.else);
    case 'grant':
      return [];
    case 'end':
      return boundKeys(body.lease).map((key) => ({ on: { key }, writes: true }));
  }
}

/** The prefixes whose entries must be known to evaluate the request. */
export function prefixesOf(body: RequestBody): string[] {
  if (body.kind !== 'commit') return [];
  const { when, then: applied, else: otherwise } = body.commit;
  const prefixes: string[] = [];
  for (const compare of when ?? []) if ('prefix' in compare) prefixes.push(compare.prefix);
  for (const operation of applied) if ('deletePrefix' in operation) prefixes.push(operation.deletePrefix);
  for (const operation of otherwise ?? [])
    if ('deletePrefix' in operation) prefixes.push(operation.deletePrefix);
  return prefixes;
}
