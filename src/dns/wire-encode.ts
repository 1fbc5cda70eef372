import { encodeName } from './wire-name.ts';
import { EncodeError, headerBytes, recordTypes, typeCode } from './wire.ts';
import type { Edns, Message, RecordData, ResourceRecord } from './wire.ts';

/** A name cut into its suffixes, each with a number of its own, so that a writer can look up what it wrote before. */
export interface Name {
  /** Uncompressed, ending in the root's 0. */
  readonly wire: Uint8Array;
  /** For each label, where it starts in `wire` and the number of the suffix that starts there. */
  readonly starts: readonly number[];
  readonly suffixes: readonly number[];
}

/** Numbers for the suffixes of all names of one message or one template. Case counts: names keep theirs. */
export class NameTable {
  readonly #ids = new Map<string, number>();
  readonly #names = new Map<string, Name>();

  /** Numbers given so far: 0 to size - 1. */
  get size(): number {
    return this.#ids.size;
  }

  /** Throws EncodeError when the name cannot be encoded. */
  intern(text: string): Name {
    const known = this.#names.get(text);
    if (known !== undefined) return known;
    const wire = encodeName(text);
    const starts: number[] = [];
    const suffixes: number[] = [];
    for (let at = 0; wire[at] !== 0; at += 1 + wire[at]!) {
      const suffix = Buffer.from(wire.buffer, wire.byteOffset + at, wire.length - at).toString('latin1');
      let id = this.#ids.get(suffix);
      if (id === undefined) this.#ids.set(suffix, (id = this.#ids.size));
      starts.push(at);
      suffixes.push(id);
    }
    const name = { wire, starts, suffixes };
    this.#names.set(text, name);
    return name;
  }
}

/** A record made ready for writing, apart from where it will stand. */
export interface PreparedRecord {
  /** Undefined: the name of the first question, as its asker spelled it. */
  readonly owner: Name | undefined;
  /** Type, class, TTL, data length, then the data up to the first name in them. */
  readonly head: Uint8Array;
  readonly names: readonly Name[];
  /** False for SRV: RFC 2782 forbids pointers in its target, though others may point at it. */
  readonly compressNames: boolean;
  /** Data after the last name. */
  readonly tail: Uint8Array;
  /** Size without any compression; without the owner when that is undefined. */
  readonly plainBytes: number;
  readonly type: number;
}

const none = new Uint8Array();

/** Prepares a record; `owner` undefined stands for the question's name. Throws EncodeError. */
export function prepareRecord(
  table: NameTable,
  record: ResourceRecord,
  ownedByQuestion: boolean,
): PreparedRecord {
  const { data } = record;
  const owner = ownedByQuestion ? undefined : table.intern(record.name);
  const before = bytesBeforeNames(data);
  const names = namesOf(data).map((name) => table.intern(name));
  const tail = data.type === 'SOA' ? soaNumbers(data) : none;
  const length = before.length + tail.length + names.reduce((sum, name) => sum + name.wire.length, 0);
  if (length > 0xffff) throw new EncodeError('too-large', `record data of ${length} bytes`);
  const head = Buffer.alloc(10 + before.length);
  head.writeUInt16BE(typeCode(data), 0);
  head.writeUInt16BE(record.class, 2);
  head.writeUInt32BE(record.ttl, 4);
  head.writeUInt16BE(length, 8);
  head.set(before, 10);
  return {
    owner,
    head,
    names,
    compressNames: data.type !== 'SRV',
    tail,
    plainBytes: (owner?.wire.length ?? 0) + 10 + length,
    type: typeCode(data),
  };
}

/** Writes one message after the other into one buffer that it keeps. */
export class MessageWriter {
  readonly bytes: Buffer;
  /** Where the next byte goes; the size of the message so far. */
  at = 0;
  /** Where the last SOA's serial stands, 0 if there is none. */
  serialAt = 0;
  readonly #compress: boolean;
  /** Suffix number -> where it stands in this message, 0 if not yet or too far for a pointer. */
  #offsets = new Uint16Array(256);
  #questionName: Uint8Array = none;

  constructor(options: { readonly compress: boolean; readonly capacity?: number }) {
    this.#compress = options.compress;
    this.bytes = Buffer.allocUnsafeSlow(options.capacity ?? 0xffff);
  }

  /** Starts a message whose header and questions, `start` bytes, are already in `bytes` or will be put there. */
  begin(start: number, suffixes: number, questionName: Uint8Array): void {
    if (suffixes > this.#offsets.length) this.#offsets = new Uint16Array(2 * suffixes);
    this.#offsets.fill(0, 0, suffixes);
    this.#questionName = questionName;
    this.at = start;
    this.serialAt = 0;
  }

  /** Says that `name` stands at `offset`, so that others may point at it and its suffixes. */
  seed(name: Name, offset: number): void {
    for (let i = 0; i < name.starts.length; i++) this.#remember(name.suffixes[i]!, offset + name.starts[i]!);
  }

  /** False, with nothing written, when there might be no room for it. */
  record(record: PreparedRecord): boolean {
    if (this.at + record.plainBytes + this.#questionName.length > this.bytes.length) return false;
    if (record.owner !== undefined) this.name(record.owner, true);
    else this.#ownedByQuestion();
    const headAt = this.at;
    this.#put(record.head);
    if (record.names.length === 0) return true;
    for (const name of record.names) this.name(name, record.compressNames);
    if (record.tail.length > 0) {
      this.serialAt = this.at;
      this.#put(record.tail);
    }
    this.bytes.writeUInt16BE(this.at - headAt - 10, headAt + 8);
    return true;
  }

  name(name: Name, compress: boolean): void {
    const { wire, starts, suffixes } = name;
    let label = 0;
    for (; label < starts.length; label++) {
      const offset = compress && this.#compress ? this.#offsets[suffixes[label]!]! : 0;
      if (offset !== 0) break;
    }
    const plain = label < starts.length ? starts[label]! : wire.length;
    for (let i = 0; i < label; i++) this.#remember(suffixes[i]!, this.at + starts[i]!);
    for (let i = 0; i < plain; i++) this.bytes[this.at++] = wire[i]!;
    if (label === starts.length) return;
    const offset = this.#offsets[suffixes[label]!]!;
    this.bytes[this.at++] = 0xc0 | (offset >> 8);
    this.bytes[this.at++] = offset & 255;
  }

  #remember(suffix: number, offset: number): void {
    if (offset < 0x4000 && this.#offsets[suffix] === 0) this.#offsets[suffix] = offset;
  }

  #ownedByQuestion(): void {
    if (!this.#compress || this.#questionName.length <= 1) return this.#put(this.#questionName);
    this.bytes[this.at++] = 0xc0;
    this.bytes[this.at++] = headerBytes;
  }

  #put(bytes: Uint8Array): void {
    // Below some thirty bytes a loop is faster than the call into native code.
    if (bytes.length > 32) this.bytes.set(bytes, this.at);
    else for (let i = 0; i < bytes.length; i++) this.bytes[this.at + i] = bytes[i]!;
    this.at += bytes.length;
  }
}

/** Message -> bytes. Throws EncodeError when it cannot be said in 65,535 bytes. */
export function encodeMessage(
  message: Message,
  options: { readonly compress: boolean } = { compress: true },
): Buffer {
  const table = new NameTable();
  const questions = message.questions.map((question) => ({ ...question, name: table.intern(question.name) }));
  const sections = [message.answers, message.authorities, message.additionals];
  const prepared = sections.map((records) => records.map((record) => prepareRecord(table, record, false)));
  const writer = new MessageWriter(options);
  writer.begin(headerBytes, table.size, none);
  for (const { name, type, class: questionClass } of questions) {
    writer.name(name, true);
    writer.at = writer.bytes.writeUInt16BE(type, writer.at);
    writer.at = writer.bytes.writeUInt16BE(questionClass, writer.at);
  }
  const fits = prepared.every((records) => records.every((record) => writer.record(record)));
  const opt = message.edns === undefined ? none : encodeEdns(message.edns);
  if (!fits || writer.at + opt.length > writer.bytes.length)
    throw new EncodeError('too-large', 'message above 64 KiB');
  writer.bytes.set(opt, writer.at);
  const counts = [questions.length, ...prepared.map((records) => records.length)];
  if (opt.length > 0) counts[3]! += 1;
  writer.bytes.writeUInt16BE(message.id, 0);
  writer.bytes.writeUInt16BE(message.flags | (message.opcode << 11) | message.rcode, 2);
  counts.forEach((count, i) => writer.bytes.writeUInt16BE(count, 4 + 2 * i));
  return Buffer.from(writer.bytes.subarray(0, writer.at + opt.length));
}

/** An OPT record, its root owner included. */
export function encodeEdns(edns: Edns): Buffer {
  const length = edns.options.reduce((sum, option) => sum + 4 + option.bytes.length, 0);
  if (length > 0xffff) throw new EncodeError('too-large', `EDNS options of ${length} bytes`);
  const bytes = Buffer.alloc(11 + length);
  bytes.writeUInt16BE(recordTypes.OPT, 1);
  bytes.writeUInt16BE(edns.udpSize, 3);
  bytes.writeUInt8(edns.version, 6);
  bytes.writeUInt16BE(edns.dnssecOk ? 0x8000 : 0, 7);
  bytes.writeUInt16BE(length, 9);
  let at = 11;
  for (const option of edns.options) {
    bytes.writeUInt16BE(option.code, at);
    bytes.writeUInt16BE(option.bytes.length, at + 2);
    bytes.set(option.bytes, at + 4);
    at += 4 + option.bytes.length;
  }
  return bytes;
}

function bytesBeforeNames(data: RecordData): Uint8Array {
  switch (data.type) {
    case 'A':
    case 'AAAA':
      return data.address;
    case 'SRV':
      return Uint8Array.from(
        [data.priority, data.weight, data.port].flatMap((word) => [word >> 8, word & 255]),
      );
    case 'TXT':
      return Buffer.concat(data.strings.flatMap((string) => [Uint8Array.of(string.length), string]));
    case 'other':
      return data.bytes;
    case 'CNAME':
    case 'NS':
    case 'PTR':
    case 'SOA':
      return none;
  }
}

function namesOf(data: RecordData): readonly string[] {
  if (data.type === 'SOA') return [data.ns, data.mailbox];
  return 'target' in data ? [data.target] : [];
}

function soaNumbers(data: RecordData & { readonly type: 'SOA' }): Uint8Array {
  const bytes = Buffer.alloc(20);
  [data.serial, data.refresh, data.retry, data.expire, data.minTtl].forEach((word, i) =>
    bytes.writeUInt32BE(word, 4 * i),
  );
  return bytes;
}
