/** What a failed call tells: whether the request may have been carried out, and what the store's user should know. */
import { status } from '@grpc/grpc-js';

import { StoreError } from '../store.ts';
import type { StoreErrorCode } from '../store.ts';

/**
 * unsent: surely not carried out, may be sent again. lost: may have been carried out. auth: not carried out, for
 * want of a valid token. verdict: etcd's answer is no, again and again.
 */
export type FailureKind = 'unsent' | 'lost' | 'auth' | 'verdict';

export class CallFailure extends Error {
  readonly kind: FailureKind;
  /** What a verdict means for the store's user. */
  readonly code: StoreErrorCode;

  constructor(kind: FailureKind, message: string, code: StoreErrorCode = 'unavailable', cause?: unknown) {
    super(message, { cause });
    this.name = 'CallFailure';
    this.kind = kind;
    this.code = code;
  }

  toStoreError(): StoreError {
    return new StoreError(this.code, this.message, { cause: this });
  }
}

interface Row {
  readonly pattern: RegExp;
  readonly kind: FailureKind;
  readonly code?: StoreErrorCode;
  readonly hint?: string;
}

// By etcd's own texts (api/v3rpc/rpctypes/error.go): one gRPC code stands for several of them.
const rows: readonly Row[] = [
  { pattern: /etcdserver: (?:no leader|not leader|too many requests)/, kind: 'unsent' },
  { pattern: /No connection established|Name resolution failed/, kind: 'unsent' },
  { pattern: /invalid auth token|revision (?:of|in) auth store is old/, kind: 'auth' },
  {
    pattern: /database space exceeded/,
    kind: 'verdict',
    hint: 'etcd is full and refuses writes: compact and defragment it, then disarm its NOSPACE alarm (etcdctl alarm disarm)',
  },
  {
    pattern: /request is too large|too many operations|message larger than max/,
    kind: 'verdict',
    code: 'too-large',
  },
  { pattern: /lease not found/, kind: 'verdict', code: 'invalid', hint: 'the lease is gone: take a new one' },
  { pattern: /lease already exists/, kind: 'verdict', code: 'invalid' },
  { pattern: /required revision/, kind: 'verdict', code: 'compacted' },
  { pattern: /user name is empty/, kind: 'verdict', hint: 'etcd demands a user and a password' },
  {
    pattern: /invalid user ID or password/,
    kind: 'verdict',
    hint: 'etcd does not take this user and password',
  },
  {
    pattern: /permission denied/,
    kind: 'verdict',
    hint: "etcd does not let this user read and write the store's namespace",
  },
  { pattern: /unknown service|unknown method/, kind: 'verdict', hint: 'this is not etcd v3' },
];

/** `sent`: the request went out on a connection. */
export function failureOf(error: unknown, sent: boolean): CallFailure {
  if (error instanceof CallFailure) return error;
  const { code, details } = error as { readonly code?: number; readonly details?: string };
  const text = details || (error instanceof Error ? error.message : String(error));
  const row = rows.find(({ pattern }) => pattern.test(text));
  if (row !== undefined) {
    const message = row.hint === undefined ? text : `${row.hint} (${text})`;
    return new CallFailure(row.kind, message, row.code, error);
  }
  if (code === status.UNIMPLEMENTED)
    return new CallFailure('verdict', `this is not etcd v3 (${text})`, 'unavailable', error);
  return new CallFailure(sent ? 'lost' : 'unsent', text, 'unavailable', error);
}
