import { decodeMessage } from './wire-decode.ts';
import { encodeEdns } from './wire-encode.ts';
import { DecodeError, headerBytes, headerFlags, opcodes, rcodes, recordTypes } from './wire.ts';
import type { Edns, Question } from './wire.ts';

/** A packet that came to us: a question, something to refuse, or nothing to answer at all. */
export type Incoming =
  | {
      readonly kind: 'question';
      readonly question: Question;
      readonly end: number;
      readonly edns: Edns | undefined;
    }
  /** Answered with a header alone. */
  | { readonly kind: 'refuse'; readonly rcode: number }
  | { readonly kind: 'drop' };

const ednsClientSubnet = 8;

/** Source: RFC 1035 section 4.1, and what Consul's library accepts: up to one answer and two additional records. */
export function readQuery(packet: Uint8Array): Incoming {
  if (packet.length < headerBytes) return { kind: 'drop' };
  if ((packet[2]! & 0x80) !== 0) return { kind: 'drop' };
  const opcode = (packet[2]! >> 3) & 15;
  if (opcode !== opcodes.QUERY && opcode !== opcodes.NOTIFY) return { kind: 'refuse', rcode: rcodes.NOTIMP };
  const count = (at: number): number => (packet[at]! << 8) | packet[at + 1]!;
  if (count(4) !== 1 || count(6) > 1 || count(8) > 1 || count(10) > 2)
    return { kind: 'refuse', rcode: rcodes.FORMERR };
  // The question is announced but the packet ends before it.
  if (packet.length === headerBytes) return { kind: 'refuse', rcode: rcodes.REFUSED };
  const end = questionEnd(packet);
  if (end === 0) return { kind: 'refuse', rcode: rcodes.FORMERR };
  try {
    const { questions, edns } = decodeMessage(packet);
    return { kind: 'question', question: questions[0]!, end, edns };
  } catch (error) {
    if (error instanceof DecodeError) return { kind: 'refuse', rcode: rcodes.FORMERR };
    throw error;
  }
}

/** Where the first question ends, 0 when it is cut short or its name is not spelled out. */
export function questionEnd(packet: Uint8Array): number {
  let at = headerBytes;
  for (;;) {
    const length = packet[at];
    if (length === undefined || length > 63) return 0;
    at += 1 + length;
    if (length === 0) break;
  }
  return at + 4 <= packet.length ? at + 4 : 0;
}

/**
 * Where the question of the usual query ends: opcode QUERY, one question, no other records but perhaps an OPT record
 * without options. 0 for any other packet, which readQuery must then look at.
 */
export function plainQueryEnd(packet: Uint8Array): number {
  if (packet.length < headerBytes + 5 || (packet[2]! & 0xfe) !== 0) return 0;
  const lone = packet[4] === 0 && packet[5] === 1 && packet[6] === 0 && packet[7] === 0;
  if (!lone || packet[8] !== 0 || packet[9] !== 0 || packet[10] !== 0 || packet[11]! > 1) return 0;
  const end = questionEnd(packet);
  if (end === 0 || packet[11] === 0) return end;
  const isOpt = packet[end] === 0 && packet[end + 1] === 0 && packet[end + 2] === recordTypes.OPT;
  return isOpt && packet.length >= end + 11 && packet[end + 9] === 0 && packet[end + 10] === 0 ? end : 0;
}

/** A reply of a header alone. */
export function headerReply(packet: Uint8Array, rcode: number): Buffer {
  const reply = Buffer.alloc(headerBytes);
  const recursion = (packet[2]! & 1) === 1 ? headerFlags.RD : 0;
  reply[0] = packet[0]!;
  reply[1] = packet[1]!;
  reply.writeUInt16BE(headerFlags.QR | recursion | rcode, 2);
  return reply;
}

/**
 * The OPT record for a reply: the asker's size again, version 0, no flags. A client subnet comes back with scope 0,
 * which says that the answer is the same for all (RFC 7871 section 7.2.1); other options are not answered.
 */
export function replyOpt({ udpSize, options }: Edns): Buffer {
  const subnets = options.filter(({ code, bytes }) => code === ednsClientSubnet && bytes.length >= 4);
  return encodeEdns({
    udpSize,
    version: 0,
    dnssecOk: false,
    options: subnets.slice(0, 1).map(({ code, bytes }) => ({ code, bytes: withScope(bytes, 0) })),
  });
}

function withScope(subnet: Uint8Array, scope: number): Uint8Array {
  const copy = Uint8Array.from(subnet);
  copy[3] = scope;
  return copy;
}
