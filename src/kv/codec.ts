import { KvRow } from './row.ts';

/**
 * A KV row as bytes: one byte that says which fields follow, the fields, then the value as it is.
 * 1: flags, 8 bytes. 2: lock index, 8 bytes. 4: session, one byte of length and as many of ASCII. Little endian.
 */
const hasFlags = 1;
const hasLockIndex = 2;
const hasSession = 4;
const known = hasFlags | hasLockIndex | hasSession;

export interface KvFields {
  readonly value: Uint8Array;
  readonly flags: bigint;
  readonly lockIndex: number;
  /** '' if none; at most 255 bytes. */
  readonly session: string;
}

export function encodeKv({ value, flags, lockIndex, session }: KvFields): Uint8Array {
  const head = headOf(flags, lockIndex, session);
  const length = 1 + (head & hasFlags ? 8 : 0) + (head & hasLockIndex ? 8 : 0);
  const bytes = Buffer.allocUnsafe(length + (head & hasSession ? 1 + session.length : 0) + value.byteLength);
  let at = bytes.writeUInt8(head, 0);
  if (head & hasFlags) at = bytes.writeBigUInt64LE(flags, at);
  if (head & hasLockIndex) at = bytes.writeBigUInt64LE(BigInt(lockIndex), at);
  if (head & hasSession) {
    at = bytes.writeUInt8(session.length, at);
    at += bytes.write(session, at, 'latin1');
  }
  bytes.set(value, at);
  return bytes;
}

/** A row that keeps nothing of a larger buffer alive. Throws KvCodecError. */
export function decodeKv(key: string, stored: Uint8Array, createIndex: number, modifyIndex: number): KvRow {
  const head = stored[0];
  if (head === undefined || (head & ~known) !== 0) throw new KvCodecError('a KV row of a newer format');
  const bytes = Buffer.isBuffer(stored)
    ? stored
    : Buffer.from(stored.buffer, stored.byteOffset, stored.byteLength);
  if (head === 0) return new KvRow(key, own(bytes, 1), plain, createIndex, modifyIndex);
  const { at, ...fields } = decodeFields(bytes, head);
  if (at > bytes.byteLength) throw new KvCodecError('a KV row that is cut off');
  return new KvRow(key, own(bytes, at), fields, createIndex, modifyIndex);
}

const plain = { flags: 0n, lockIndex: 0, session: '' };

function decodeFields(
  bytes: Buffer,
  head: number,
): { at: number; flags: bigint; lockIndex: number; session: string } {
  let at = 1;
  let flags = 0n;
  let lockIndex = 0;
  let session = '';
  try {
    if (head & hasFlags) flags = bytes.readBigUInt64LE(at);
    if (head & hasFlags) at += 8;
    if (head & hasLockIndex) lockIndex = Number(bytes.readBigUInt64LE(at));
    if (head & hasLockIndex) at += 8;
    if (head & hasSession) {
      const length = bytes.readUInt8(at);
      session = bytes.toString('latin1', at + 1, at + 1 + length);
      at += 1 + length;
    }
  } catch (cause) {
    throw new KvCodecError('a KV row that is cut off', { cause });
  }
  return { at, flags, lockIndex, session };
}

export class KvCodecError extends Error {
  override readonly name = 'KvCodecError';
  readonly code = 'bad-row';
}

function headOf(flags: bigint, lockIndex: number, session: string): number {
  return (
    (flags === 0n ? 0 : hasFlags) | (lockIndex === 0 ? 0 : hasLockIndex) | (session === '' ? 0 : hasSession)
  );
}

/** Short values as text, since a buffer of its own costs far more than their bytes; long ones in their own buffer. */
function own(bytes: Buffer, from: number): Uint8Array | string {
  if (bytes.byteLength <= shortBytes) return bytes.toString('latin1', from);
  if (bytes.buffer.byteLength <= bytes.byteLength + 64) {
    return new Uint8Array(bytes.buffer, bytes.byteOffset + from, bytes.byteLength - from);
  }
  return new Uint8Array(bytes.subarray(from));
}

const shortBytes = 1024;
