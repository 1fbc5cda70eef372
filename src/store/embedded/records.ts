/**
 * How the embedded engine lays out its keys and values in LevelDB (data format 1).
 *
 *     e<key>            entry: flags u8, createRevision u64, modRevision u64, value, [lease, its length u8]
 *     k<lease>/<key>    empty: the key is bound to the lease
 *     l<lease>          JSON {"ttlSeconds": n}
 *     m<name>           decimal text: `ceiling` (no revision above it was ever shown), `group` (last batch)
 *
 * Numbers are big-endian; keys are UTF-8, so LevelDB's order is the store's.
 */
import type { Entry, Key, LeaseId, Revision } from '../store.ts';
import type { Revisions } from '../transaction.ts';

const headBytes = 17;
const withLease = 1;
const twoTo32 = 2 ** 32;

export const entryKey = (key: Key): string => `e${key}`;
export const bindingKey = (lease: LeaseId, key: Key): string => `k${lease}/${key}`;
export const leaseKey = (lease: LeaseId): string => `l${lease}`;
export const metaKey = (name: 'ceiling' | 'group'): string => `m${name}`;

/** The least string above all that begin with `prefix`, which must not be empty. */
export function prefixEnd(prefix: string): string {
  const points = Array.from(prefix, (character) => character.codePointAt(0)!);
  const last = points.pop()!;
  if (last === 0x10ffff) return prefixEnd(String.fromCodePoint(...points));
  // The code points between are halves of surrogate pairs, which no key has.
  return String.fromCodePoint(...points, last === 0xd7ff ? 0xe000 : last + 1);
}

export function encodeEntry(entry: Entry): Buffer {
  const { value, lease } = entry;
  const leaseBytes = lease === undefined ? 0 : lease.length + 1;
  const record = Buffer.allocUnsafe(headBytes + value.byteLength + leaseBytes);
  record[0] = lease === undefined ? 0 : withLease;
  writeRevision(record, 1, entry.createRevision);
  writeRevision(record, 9, entry.modRevision);
  record.set(value, headBytes);
  if (lease !== undefined) {
    record.write(lease, headBytes + value.byteLength, 'latin1');
    record[record.length - 1] = lease.length;
  }
  return record;
}

/** Throws RangeError when the record is not one of ours. The value is a view of the record. */
export function decodeEntry(key: Key, record: Buffer): Entry {
  if (record.length < headBytes) throw new RangeError(`The record of ${JSON.stringify(key)} is cut short.`);
  const createRevision = readRevision(record, 1);
  const modRevision = readRevision(record, 9);
  if (record[0] === 0) return { key, value: record.subarray(headBytes), createRevision, modRevision };
  const leaseStart = record.length - 1 - record[record.length - 1]!;
  if (record[0] !== withLease || leaseStart < headBytes) {
    throw new RangeError(`The record of ${JSON.stringify(key)} has unknown flags.`);
  }
  const lease = record.toString('latin1', leaseStart, record.length - 1);
  return { key, value: record.subarray(headBytes, leaseStart), createRevision, modRevision, lease };
}

export function decodeRevisions(record: Buffer): Revisions {
  return { createRevision: readRevision(record, 1), modRevision: readRevision(record, 9) };
}

export function encodeNumber(value: number): Buffer {
  return Buffer.from(String(value), 'latin1');
}

export function decodeNumber(record: Buffer | undefined): number {
  return record === undefined ? 0 : Number(record.toString('latin1'));
}

function writeRevision(record: Buffer, offset: number, revision: Revision): void {
  record.writeUInt32BE(Math.floor(revision / twoTo32), offset);
  record.writeUInt32BE(revision % twoTo32, offset + 4);
}

function readRevision(record: Buffer, offset: number): Revision {
  return record.readUInt32BE(offset) * twoTo32 + record.readUInt32BE(offset + 4);
}
