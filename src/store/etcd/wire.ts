/**
 * Protocol buffers' wire format, as far as etcd's messages need it (protobuf.dev/programming-guides/encoding).
 *
 * In: fields in any order. Out: bytes, and back. Zero values are left out when writing, as proto3 does.
 * Not here: which fields a message has (messages.ts).
 */

/** A 64-bit identifier (member, cluster, lease) is kept as a bigint: it exceeds 2^53. */
export type Id = bigint;

export class WireWriter {
  #buffer: Buffer;
  #at = 0;

  constructor(sizeHint = 256) {
    this.#buffer = Buffer.allocUnsafe(sizeHint);
  }

  finish(): Buffer {
    return this.#buffer.subarray(0, this.#at);
  }

  /** A non-negative integer, or a bool. */
  number(field: number, value: number): this {
    if (value === 0) return this;
    this.#room(20);
    this.#varint(field << 3);
    this.#varint(value);
    return this;
  }

  /** A signed 64-bit integer. */
  id(field: number, value: Id): this {
    if (value === 0n) return this;
    this.#room(20);
    this.#varint(field << 3);
    let rest = BigInt.asUintN(64, value);
    while (rest >= 0x80n) {
      this.#buffer[this.#at++] = Number(rest & 0x7fn) | 0x80;
      rest >>= 7n;
    }
    this.#buffer[this.#at++] = Number(rest);
    return this;
  }

  bytes(field: number, value: Uint8Array): this {
    if (value.byteLength === 0) return this;
    this.#room(20 + value.byteLength);
    this.#varint((field << 3) | 2);
    this.#varint(value.byteLength);
    this.#buffer.set(value, this.#at);
    this.#at += value.byteLength;
    return this;
  }

  text(field: number, value: string): this {
    return this.bytes(field, Buffer.from(value));
  }

  /** A nested message, also when it is empty: its presence may mean something. */
  message(field: number, write: (writer: this) => void): this {
    this.#room(20);
    this.#varint((field << 3) | 2);
    const start = ++this.#at;
    write(this);
    const length = this.#at - start;
    const extra = varintLength(length) - 1;
    if (extra > 0) {
      this.#room(extra);
      this.#buffer.copyWithin(start + extra, start, this.#at);
    }
    this.#at = start - 1;
    this.#varint(length);
    this.#at += length;
    return this;
  }

  #room(size: number): void {
    const need = this.#at + size;
    if (need <= this.#buffer.byteLength) return;
    const larger = Buffer.allocUnsafe(Math.max(need, this.#buffer.byteLength * 2));
    this.#buffer.copy(larger, 0, 0, this.#at);
    this.#buffer = larger;
  }

  #varint(value: number): void {
    let rest = value;
    // Above 2^31 the bit operators fail; division does not.
    while (rest >= 0x80) {
      this.#buffer[this.#at++] = (rest % 0x80) | 0x80;
      rest = Math.floor(rest / 0x80);
    }
    this.#buffer[this.#at++] = rest;
  }
}

function varintLength(value: number): number {
  let length = 1;
  for (let rest = value; rest >= 0x80; rest = Math.floor(rest / 0x80)) length++;
  return length;
}

/** Thrown for bytes that are no message: whoever answered is not etcd. */
export class WireError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'WireError';
  }
}

/** Walks the fields of one message: `while (reader.next()) switch (reader.field) ...`; what is not read is skipped. */
export class WireReader {
  field = 0;
  readonly #buffer: Buffer;
  readonly #end: number;
  #at: number;
  #type = 0;
  #pending = false;

  constructor(buffer: Buffer, start = 0, end = buffer.byteLength) {
    this.#buffer = buffer;
    this.#at = start;
    this.#end = end;
  }

  next(): boolean {
    if (this.#pending) this.#skip();
    if (this.#at >= this.#end) return false;
    const key = this.#varint();
    this.field = key >>> 3;
    this.#type = key & 7;
    this.#pending = true;
    return true;
  }

  /** An integer of at most 53 bits. */
  number(): number {
    this.#expect(0);
    return this.#varint();
  }

  bool(): boolean {
    return this.number() !== 0;
  }

  id(): Id {
    this.#expect(0);
    let value = 0n;
    for (let shift = 0n; shift < 70n; shift += 7n) {
      const byte = this.#byte();
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return BigInt.asIntN(64, value);
    }
    throw new WireError('an integer has more than ten bytes');
  }

  /** A view into the message's buffer. */
  bytes(): Buffer {
    const end = this.#span();
    const start = this.#at;
    this.#at = end;
    return this.#buffer.subarray(start, end);
  }

  text(): string {
    return this.bytes().toString('utf8');
  }

  message<T>(decode: (reader: WireReader) => T): T {
    const end = this.#span();
    const nested = new WireReader(this.#buffer, this.#at, end);
    this.#at = end;
    return decode(nested);
  }

  #span(): number {
    this.#expect(2);
    const length = this.#varint();
    const end = this.#at + length;
    if (end > this.#end) throw new WireError('a field is longer than its message');
    return end;
  }

  #expect(type: number): void {
    if (this.#type !== type) throw new WireError(`field ${this.field} has wire type ${this.#type}`);
    this.#pending = false;
  }

  #skip(): void {
    if (this.#type === 0) this.id();
    else if (this.#type === 2) this.bytes();
    else if (this.#type === 1) this.#advance(8);
    else if (this.#type === 5) this.#advance(4);
    else throw new WireError(`unknown wire type ${this.#type}`);
  }

  #advance(size: number): void {
    this.#pending = false;
    this.#at += size;
    if (this.#at > this.#end) throw new WireError('a field is longer than its message');
  }

  #varint(): number {
    let value = 0;
    let scale = 1;
    for (let i = 0; i < 10; i++) {
      const byte = this.#byte();
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) return value;
      scale *= 0x80;
    }
    throw new WireError('an integer has more than ten bytes');
  }

  #byte(): number {
    if (this.#at >= this.#end) throw new WireError('a message ends in the middle of a field');
    return this.#buffer[this.#at++]!;
  }
}
