/**
 * What DNS messages are made of (RFC 1035, 2782, 3596, 6891). Names are text in zone-file form with a trailing dot:
 * `web.service.consul.`, the root is `.`; bytes that are not plain are escaped (`\.`, `\032`).
 */

export const recordTypes = {
  A: 1,
  NS: 2,
  CNAME: 5,
  SOA: 6,
  PTR: 12,
  TXT: 16,
  AAAA: 28,
  SRV: 33,
  OPT: 41,
  IXFR: 251,
  AXFR: 252,
  ANY: 255,
} as const;

export const rcodes = { NOERROR: 0, FORMERR: 1, SERVFAIL: 2, NXDOMAIN: 3, NOTIMP: 4, REFUSED: 5 } as const;

export const opcodes = { QUERY: 0, NOTIFY: 4 } as const;

export const classIn = 1;

/** Bits of the second 16-bit word of a header. */
export const headerFlags = {
  QR: 0x8000,
  AA: 0x0400,
  TC: 0x0200,
  RD: 0x0100,
  RA: 0x0080,
  AD: 0x0020,
  CD: 0x0010,
} as const;

export const headerBytes = 12;

export type RecordData =
  | { readonly type: 'A' | 'AAAA'; readonly address: Uint8Array }
  | { readonly type: 'CNAME' | 'NS' | 'PTR'; readonly target: string }
  | {
      readonly type: 'SRV';
      readonly priority: number;
      readonly weight: number;
      readonly port: number;
      readonly target: string;
    }
  | {
      readonly type: 'SOA';
      readonly ns: string;
      readonly mailbox: string;
      readonly serial: number;
      readonly refresh: number;
      readonly retry: number;
      readonly expire: number;
      readonly minTtl: number;
    }
  /** Character strings of at most 255 bytes each. */
  | { readonly type: 'TXT'; readonly strings: readonly Uint8Array[] }
  /** Any other type, its data as they came. */
  | { readonly type: 'other'; readonly code: number; readonly bytes: Uint8Array };

export interface ResourceRecord {
  readonly name: string;
  readonly class: number;
  /** Seconds, unsigned 32 bits. */
  readonly ttl: number;
  readonly data: RecordData;
}

export interface Question {
  readonly name: string;
  readonly type: number;
  readonly class: number;
}

/** The OPT pseudo-record (RFC 6891). */
export interface Edns {
  readonly udpSize: number;
  readonly version: number;
  readonly dnssecOk: boolean;
  readonly options: readonly { readonly code: number; readonly bytes: Uint8Array }[];
}

export interface Message {
  readonly id: number;
  readonly opcode: number;
  /** The four low bits. */
  readonly rcode: number;
  /** A sum of headerFlags. */
  readonly flags: number;
  readonly questions: readonly Question[];
  readonly answers: readonly ResourceRecord[];
  readonly authorities: readonly ResourceRecord[];
  /** Without the OPT record. */
  readonly additionals: readonly ResourceRecord[];
  readonly edns: Edns | undefined;
}

/** The code of a record's type. */
export function typeCode(data: RecordData): number {
  return data.type === 'other' ? data.code : recordTypes[data.type];
}

/** Bytes that are no DNS message; the only thing that decoding throws. */
export class DecodeError extends Error {
  override readonly name = 'DecodeError';
  readonly code: 'truncated' | 'bad-name' | 'bad-record';

  constructor(code: DecodeError['code'], message: string) {
    super(message);
    this.code = code;
  }
}

/** A value that no DNS message can carry: a label above 63 bytes, a name above 255, data above 64 KiB. */
export class EncodeError extends Error {
  override readonly name = 'EncodeError';
  readonly code: 'bad-name' | 'too-large';

  constructor(code: EncodeError['code'], message: string) {
    super(message);
    this.code = code;
  }
}
