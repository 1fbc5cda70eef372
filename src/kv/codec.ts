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

/** The row's own memory: nothing of a larger buffer is kept alive. Throws KvCodecError. */
export function decodeKv(stored: Uint8Array): KvFields {
  const bytes = Buffer.from(stored.buffer, stored.byteOffset, stored.byteLength);
  const head = bytes[0];
  if (head === undefined || (head & ~known) !== 0) throw new KvCodecError('a KV row of a newer format');
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
  if (at > bytes.byteLength) throw new KvCodecError('a KV row that is cut off');
  return { value: own(bytes, at), flags, lockIndex, session };
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

/** A view when the row has its buffer for itself, else a copy: a page of the store would stay alive for one row. */
function own(bytes: Buffer, from: number): Uint8Array {
  if (bytes.buffer.byteLength <= bytes.byteLength + 64) {
    return new Uint8Array(bytes.buffer, bytes.byteOffset + from, bytes.byteLength - from);
  }
  return new Uint8Array(bytes.subarray(from));
}
