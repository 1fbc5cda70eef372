import { decodeName } from './wire-name.ts';
import { DecodeError, headerBytes, recordTypes } from './wire.ts';
import type { Edns, Message, Question, RecordData, ResourceRecord } from './wire.ts';

/**
 * Bytes -> message. Every length is checked; throws only DecodeError. Bytes after the last record are ignored, as every
 * server in use does. Two OPT records are an error (RFC 6891 section 6.1.1).
 */
export function decodeMessage(bytes: Uint8Array): Message {
  if (bytes.length < headerBytes) throw new DecodeError('truncated', 'no whole header');
  const reader = new Reader(bytes);
  const flags = reader.uint16At(2);
  const questions = Array.from({ length: reader.uint16At(4) }, () => reader.question());
  const answers = Array.from({ length: reader.uint16At(6) }, () => reader.record());
  const authorities = Array.from({ length: reader.uint16At(8) }, () => reader.record());
  const additionals = Array.from({ length: reader.uint16At(10) }, () => reader.record());
  const isOpt = ({ data }: ResourceRecord): boolean => data.type === 'other' && data.code === recordTypes.OPT;
  const opts = additionals.filter(isOpt);
  if (opts.length > 1) throw new DecodeError('bad-record', 'two OPT records');
  return {
    id: reader.uint16At(0),
    opcode: (flags >> 11) & 15,
    rcode: flags & 15,
    flags: flags & 0x87b0,
    questions,
    answers,
    authorities,
    additionals: additionals.filter((record) => !isOpt(record)),
    edns: opts[0] === undefined ? undefined : decodeEdns(opts[0]),
  };
}

class Reader {
  readonly #bytes: Uint8Array;
  #at = headerBytes;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  uint16At(at: number): number {
    return (this.#bytes[at]! << 8) | this.#bytes[at + 1]!;
  }

  question(): Question {
    const name = this.#name();
    return { name, type: this.#uint16(), class: this.#uint16() };
  }

  record(): ResourceRecord {
    const name = this.#name();
    const type = this.#uint16();
    const recordClass = this.#uint16();
    const ttl = this.#uint32();
    const length = this.#uint16();
    this.#need(length);
    const end = this.#at + length;
    const data = this.#data(type, end);
    if (this.#at !== end)
      throw new DecodeError('bad-record', `data of type ${type} do not end where they should`);
    return { name, class: recordClass, ttl, data };
  }

  #data(type: number, end: number): RecordData {
    switch (type) {
      case recordTypes.A:
        return { type: 'A', address: this.#exactly(4, end) };
      case recordTypes.AAAA:
        return { type: 'AAAA', address: this.#exactly(16, end) };
      case recordTypes.CNAME:
        return { type: 'CNAME', target: this.#name() };
      case recordTypes.NS:
        return { type: 'NS', target: this.#name() };
      case recordTypes.PTR:
        return { type: 'PTR', target: this.#name() };
      case recordTypes.SRV:
        return {
          type: 'SRV',
          priority: this.#uint16(),
          weight: this.#uint16(),
          port: this.#uint16(),
          target: this.#name(),
        };
      case recordTypes.SOA:
        return this.#soa();
      case recordTypes.TXT:
        return { type: 'TXT', strings: this.#strings(end) };
      default:
        return { type: 'other', code: type, bytes: this.#exactly(end - this.#at, end) };
    }
  }

  #soa(): RecordData {
    const ns = this.#name();
    const mailbox = this.#name();
    return {
      type: 'SOA',
      ns,
      mailbox,
      serial: this.#uint32(),
      refresh: this.#uint32(),
      retry: this.#uint32(),
      expire: this.#uint32(),
      minTtl: this.#uint32(),
    };
  }

  #strings(end: number): Uint8Array[] {
    const strings: Uint8Array[] = [];
    while (this.#at < end) {
      const length = this.#bytes[this.#at]!;
      this.#at += 1;
      if (this.#at + length > end) throw new DecodeError('bad-record', 'TXT string runs past its record');
      strings.push(copy(this.#bytes, this.#at, this.#at + length));
      this.#at += length;
    }
    return strings;
  }

  #exactly(length: number, end: number): Uint8Array {
    if (this.#at + length !== end)
      throw new DecodeError('bad-record', `data of ${end - this.#at} bytes, not ${length}`);
    this.#at = end;
    return copy(this.#bytes, end - length, end);
  }

  #name(): string {
    const { name, end } = decodeName(this.#bytes, this.#at);
    this.#at = end;
    return name;
  }

  #uint16(): number {
    this.#need(2);
    this.#at += 2;
    return this.uint16At(this.#at - 2);
  }

  #uint32(): number {
    return this.#uint16() * 0x10000 + this.#uint16();
  }

  #need(length: number): void {
    if (this.#at + length > this.#bytes.length) throw new DecodeError('truncated', 'message ends too early');
  }
}

function decodeEdns(opt: ResourceRecord): Edns {
  const bytes = opt.data.type === 'other' ? opt.data.bytes : new Uint8Array();
  const options: { code: number; bytes: Uint8Array }[] = [];
  for (let at = 0; at < bytes.length; ) {
    if (at + 4 > bytes.length) throw new DecodeError('bad-record', 'EDNS option without a length');
    const length = (bytes[at + 2]! << 8) | bytes[at + 3]!;
    if (at + 4 + length > bytes.length)
      throw new DecodeError('bad-record', 'EDNS option runs past its record');
    options.push({ code: (bytes[at]! << 8) | bytes[at + 1]!, bytes: copy(bytes, at + 4, at + 4 + length) });
    at += 4 + length;
  }
  return {
    udpSize: opt.class,
    version: Math.floor(opt.ttl / 0x10000) & 255,
    dnssecOk: (opt.ttl & 0x8000) !== 0,
    options,
  };
}

// Not slice: on a Buffer that is a view, and would keep the packet alive or change with it.
function copy(bytes: Uint8Array, start: number, end: number): Uint8Array {
  return new Uint8Array(bytes.subarray(start, end));
}
