import type { Commit, CommitResult, Compare, LeaseId, Operation } from '../store.ts';
import { touchesOf } from './footprint.ts';
import type { Touch } from './footprint.ts';

/** What the writer is asked to do: a commit, or the beginning or the end of a lease. */
export type RequestBody =
  | { readonly kind: 'commit'; readonly hasPrefixes: boolean; readonly commit: Commit }
  | {
      readonly kind: 'grant';
      readonly hasPrefixes: false;
      readonly lease: LeaseId;
      readonly ttlSeconds: number;
    }
  | { readonly kind: 'end'; readonly hasPrefixes: false; readonly lease: LeaseId };

export interface Request {
  readonly body: RequestBody;
  readonly resolve: (result: CommitResult) => void;
  readonly reject: (error: unknown) => void;
}

/** A commit with buffers of its own: the caller may use its own again at once, unless it handed them over. */
export function commitRequest(commit: Commit): RequestBody {
  if (commit.handsOver === true) return { kind: 'commit', hasPrefixes: hasPrefixes(commit), commit };
  const then = commit.then.map(ownOperation);
  const { when, else: otherwise, rederivable = false } = commit;
  // Most commits are plain.
  const own: Commit =
    when === undefined && otherwise === undefined
      ? { then, rederivable }
      : {
          when: (when ?? []).map(ownCompare),
          then,
          else: (otherwise ?? []).map(ownOperation),
          rederivable,
        };
  return { kind: 'commit', hasPrefixes: hasPrefixes(commit), commit: own };
}

function ownCompare(compare: Compare): Compare {
  return 'value' in compare ? { key: compare.key, value: Buffer.from(compare.value) } : compare;
}

function ownOperation(operation: Operation): Operation {
  if (!('put' in operation)) return operation;
  const { put, lease } = operation;
  // A small Buffer is a slice of a shared pool: one allocation less than an Uint8Array of its own.
  const value = Buffer.from(operation.value);
  return lease === undefined ? { put, value } : { put, value, lease };
}

function hasPrefixes({ when, then, else: otherwise }: Commit): boolean {
  return (
    then.some((operation) => 'deletePrefix' in operation) ||
    (when?.some((compare) => 'prefix' in compare) ?? false) ||
    (otherwise?.some((operation) => 'deletePrefix' in operation) ?? false)
  );
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
  const { when, then, else: otherwise } = body.commit;
  const prefixes: string[] = [];
  for (const compare of when ?? []) if ('prefix' in compare) prefixes.push(compare.prefix);
  for (const operation of then) if ('deletePrefix' in operation) prefixes.push(operation.deletePrefix);
  for (const operation of otherwise ?? [])
    if ('deletePrefix' in operation) prefixes.push(operation.deletePrefix);
  return prefixes;
}
