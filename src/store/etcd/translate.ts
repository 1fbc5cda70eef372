/** The seam's commits, entries and events in etcd's messages, and back. Pure. */
import { StoreError } from '../store.ts';
import type { Commit, Compare, Entry, LeaseId, Operation, StoreEvent } from '../store.ts';
import type { Keys } from './keys.ts';
import {
  type CompareMessage,
  encodeTxn,
  type KeyValue,
  type OperationMessage,
  type WatchAnswer,
} from './messages.ts';
import type { Id } from './wire.ts';

/**
 * One transaction. A branch that may change something puts the head, with `mark` as its value; one that does not
 * reads it.
 */
export function encodeCommit(commit: Commit, keys: Keys, mark: string): Buffer {
  const branch = (operations: readonly Operation[]): OperationMessage[] => {
    if (operations.length === 0) return [{ range: { key: keys.head } }];
    const messages = operations.map((operation) => operationMessage(operation, keys));
    return [...messages, { put: keys.head, value: Buffer.from(mark) }];
  };
  return encodeTxn({
    compare: (commit.when ?? []).map((compare) => compareMessage(compare, keys)),
    success: branch(commit.then),
    failure: branch(commit.else ?? []),
  });
}

function compareMessage(compare: Compare, keys: Keys): CompareMessage {
  if ('prefix' in compare) {
    const range = keys.range({ prefix: compare.prefix });
    // A range without keys is compared as one absent key, whose revisions are 0.
    if ('modRevisionBelow' in compare && compare.modRevisionBelow > 0) {
      return { range, result: 'less', target: { mod: compare.modRevisionBelow } };
    }
    return { range, result: 'equal', target: { create: 0 } };
  }
  const range = keys.range({ key: compare.key });
  if ('modRevision' in compare) return { range, result: 'equal', target: { mod: compare.modRevision } };
  if ('createRevision' in compare)
    return { range, result: 'equal', target: { create: compare.createRevision } };
  if ('value' in compare) return { range, result: 'equal', target: { value: compare.value } };
  return { range, result: compare.exists ? 'greater' : 'equal', target: { create: 0 } };
}

function operationMessage(operation: Operation, keys: Keys): OperationMessage {
  if ('put' in operation) {
    const put = keys.bytes(operation.put);
    if (operation.lease === undefined) return { put, value: operation.value };
    const lease = parseLeaseId(operation.lease);
    if (lease === undefined) {
      throw new StoreError('invalid', `The lease ${operation.lease} is not of this store: take a new one.`);
    }
    return { put, value: operation.value, lease };
  }
  if ('delete' in operation) return { delete: keys.range({ key: operation.delete }) };
  return { delete: keys.range({ prefix: operation.deletePrefix }) };
}

/** Undefined for an id that etcd never gave. */
export function parseLeaseId(id: LeaseId): Id | undefined {
  if (!/^[1-9]\d{0,18}$/.test(id)) return undefined;
  const value = BigInt(id);
  return value < 2n ** 63n ? value : undefined;
}

/**
 * True when a second application is impossible after a first, whatever others do in between: a row is changed that must be
 * at one modRevision, and no row ever is at one again. (An absent row may be absent again.)
 */
export function appliesOnce(commit: Commit): boolean {
  const named = new Set(
    commit.then.map((operation) =>
      'put' in operation ? operation.put : 'delete' in operation ? operation.delete : undefined,
    ),
  );
  if ((commit.else ?? []).length > 0) return false;
  return (commit.when ?? []).some(
    (compare) =>
      'key' in compare && 'modRevision' in compare && compare.modRevision > 0 && named.has(compare.key),
  );
}

export function entryOf(kv: KeyValue, keys: Keys): Entry {
  const { createRevision, modRevision, lease } = kv;
  const key = keys.key(kv.key);
  // A copy: a view would keep the whole answer in memory.
  const value = new Uint8Array(kv.value);
  if (lease === 0n) return { key, value, createRevision, modRevision };
  return { key, value, createRevision, modRevision, lease: String(lease) };
}

export function eventOf({ deleted, kv }: WatchAnswer['events'][number], keys: Keys): StoreEvent {
  if (deleted) return { type: 'delete', key: keys.key(kv.key) };
  return { type: 'put', entry: entryOf(kv, keys) };
}
