/** ASN.1 in DER, as far as certificates and keys need it: writing values, and walking what others wrote. */

const tags = {
  boolean: 0x01,
  integer: 0x02,
  bitString: 0x03,
  octetString: 0x04,
  null: 0x05,
  oid: 0x06,
  utf8: 0x0c,
  printable: 0x13,
  utcTime: 0x17,
  generalizedTime: 0x18,
  sequence: 0x30,
  set: 0x31,
} as const;

export function tlv(tag: number, content: Uint8Array): Buffer {
  const size = content.length;
  if (size < 0x80) return Buffer.concat([Buffer.of(tag, size), content]);
  const hex = size.toString(16);
  const length = Buffer.from(hex.padStart(hex.length + (hex.length % 2), '0'), 'hex');
  return Buffer.concat([Buffer.of(tag, 0x80 | length.length), length, content]);
}

export function sequence(...items: readonly Uint8Array[]): Buffer {
  return tlv(tags.sequence, Buffer.concat(items));
}

export function set(...items: readonly Uint8Array[]): Buffer {
  return tlv(tags.set, Buffer.concat(items));
}

/** Not negative. */
export function integer(value: bigint): Buffer {
  const hex = value.toString(16);
  const bytes = Buffer.from(hex.padStart(hex.length + (hex.length % 2), '0'), 'hex');
  return tlv(tags.integer, bytes[0]! >= 0x80 ? Buffer.concat([Buffer.of(0), bytes]) : bytes);
}

export function boolean(value: boolean): Buffer {
  return tlv(tags.boolean, Buffer.of(value ? 0xff : 0));
}

export function nothing(): Buffer {
  return tlv(tags.null, Buffer.alloc(0));
}

export function octetString(bytes: Uint8Array): Buffer {
  return tlv(tags.octetString, bytes);
}

export function bitString(bytes: Uint8Array, unusedBits = 0): Buffer {
  return tlv(tags.bitString, Buffer.concat([Buffer.of(unusedBits), bytes]));
}

/** From its dotted form. */
export function oid(dotted: string): Buffer {
  const [first = 0, second = 0, ...rest] = dotted.split('.').map(Number);
  return tlv(tags.oid, Buffer.from([first * 40 + second, ...rest].flatMap(base128)));
}

function base128(value: number): number[] {
  const digits = [value & 0x7f];
  for (let rest = value >>> 7; rest > 0; rest >>>= 7) digits.unshift(0x80 | (rest & 0x7f));
  return digits;
}

/** PrintableString where that will do. */
export function text(value: string): Buffer {
  const isPrintable = /^[A-Za-z0-9 '()+,\-./:=?]*$/.test(value);
  return tlv(isPrintable ? tags.printable : tags.utf8, Buffer.from(value));
}

/** To the second; UTCTime until 2049. */
export function time(date: Date): Buffer {
  const digits = date.toISOString().replace(/[-:T]|\.\d+/g, '');
  const year = date.getUTCFullYear();
  return year >= 1950 && year < 2050
    ? tlv(tags.utcTime, Buffer.from(digits.slice(2)))
    : tlv(tags.generalizedTime, Buffer.from(digits));
}

/** `[n]`, constructed unless told otherwise. */
export function context(n: number, content: Uint8Array, constructed = true): Buffer {
  return tlv((constructed ? 0xa0 : 0x80) | n, content);
}

export interface Tlv {
  readonly tag: number;
  readonly content: Buffer;
  /** With its head. */
  readonly whole: Buffer;
}

export class DerError extends Error {
  override readonly name = 'DerError';
  readonly code = 'bad-der';
}

/** The values that follow one another in some bytes. Throws DerError. */
export function readAll(bytes: Buffer): readonly Tlv[] {
  const values: Tlv[] = [];
  for (let at = 0; at < bytes.length; ) {
    const value = readOne(bytes.subarray(at));
    values.push(value);
    at += value.whole.length;
  }
  return values;
}

function readOne(bytes: Buffer): Tlv {
  const first = bytes[1];
  if (first === undefined) throw new DerError('truncated value');
  const extra = first < 0x80 ? 0 : first & 0x7f;
  const head = 2 + extra;
  if (extra > 4 || bytes.length < head) throw new DerError('bad length');
  const size = extra === 0 ? first : bytes.readUIntBE(2, extra);
  if (bytes.length < head + size) throw new DerError('truncated value');
  return {
    tag: bytes[0]!,
    content: bytes.subarray(head, head + size),
    whole: bytes.subarray(0, head + size),
  };
}
