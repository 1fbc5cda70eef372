/**
 * What a commit means, for every engine that evaluates it by itself.
 *
 * In: compares or operations, and a Lookup of the state before them. Out: a verdict, or the events.
 * Invariants: pure; events are in the order of the operations, those of one deletePrefix in key order.
 * Not here: limits and self-contradiction (check-commit.ts), revisions, storage.
 */
import { StoreError } from './store.ts';
import type { Compare, Entry, Key, LeaseId, Operation, Revision, StoreEvent } from './store.ts';

/** What range compares and range deletes need of an entry. */
export type Head = Pick<Entry, 'key' | 'modRevision'>;

export type Revisions = Pick<Entry, 'createRevision' | 'modRevision'>;

/** 0 is no revision. */
export const absent: Revisions = Object.freeze({ createRevision: 0, modRevision: 0 });

/** The state that a commit is evaluated against. */
export interface Lookup {
  get(key: Key): Entry | undefined;
  /** The entry's revisions; both 0 when the key is absent. */
  revisions(key: Key): Revisions;
  /** Heads of the entries whose keys begin with `prefix`, in key order. */
  heads(prefix: string): Iterable<Head>;
  leaseExists(id: LeaseId): boolean;
}

/** True when every compare holds; an absent key has the revisions 0 and no value. */
export function holds(compares: readonly Compare[] | undefined, lookup: Lookup): boolean {
  return compares === undefined || compares.every((compare) => compareHolds(compare, lookup));
}

function compareHolds(compare: Compare, lookup: Lookup): boolean {
  if ('prefix' in compare) {
    for (const head of lookup.heads(compare.prefix)) {
      if (!('modRevisionBelow' in compare) || head.modRevision >= compare.modRevisionBelow) return false;
    }
    return true;
  }
  if ('modRevision' in compare) return lookup.revisions(compare.key).modRevision === compare.modRevision;
  if ('exists' in compare) return exists(compare.key, lookup) === compare.exists;
  if ('createRevision' in compare)
    return lookup.revisions(compare.key).createRevision === compare.createRevision;
  const entry = lookup.get(compare.key);
  return entry !== undefined && Buffer.compare(entry.value, compare.value) === 0;
}

function exists(key: Key, lookup: Lookup): boolean {
  return lookup.revisions(key).modRevision !== 0;
}

/**
 * What the operations change at `revision`; deleting what is absent changes nothing. Values are not copied.
 * Throws StoreError `invalid` when a put names a lease that is gone.
 */
export function eventsOf(operations: readonly Operation[], lookup: Lookup, revision: Revision): StoreEvent[] {
  const events: StoreEvent[] = [];
  for (const operation of operations) {
    if ('put' in operation) {
      events.push({ type: 'put', entry: putEntry(operation, lookup, revision) });
    } else if ('delete' in operation) {
      if (exists(operation.delete, lookup)) events.push({ type: 'delete', key: operation.delete });
    } else {
      pushPrefixDeletes(events, operation.deletePrefix, lookup);
    }
  }
  return events;
}

function putEntry(put: Extract<Operation, { put: Key }>, lookup: Lookup, revision: Revision): Entry {
  const createRevision = lookup.revisions(put.put).createRevision || revision;
  const { put: key, value, lease } = put;
  if (lease === undefined) return { key, value, createRevision, modRevision: revision };
  if (!lookup.leaseExists(lease))
    throw new StoreError('invalid', `The lease ${lease} is gone: take a new one.`);
  return { key, value, createRevision, modRevision: revision, lease };
}

function pushPrefixDeletes(events: StoreEvent[], prefix: string, lookup: Lookup): void {
  const deleted = new Set<Key>();
  // Two prefixes of one commit may overlap; a key is deleted once.
  for (const event of events) if (event.type === 'delete') deleted.add(event.key);
  for (const { key } of lookup.heads(prefix)) if (!deleted.has(key)) events.push({ type: 'delete', key });
}

/** The key that an event is about. */
export function eventKey(event: StoreEvent): Key {
  return event.type === 'put' ? event.entry.key : event.key;
}
