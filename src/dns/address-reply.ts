import type { Answer } from './answer.ts';
import { asked } from './draft.ts';
import { putHeader } from './reply.ts';
import type { EncodedAnswer, QuestionBytes, ReplyOptions } from './reply.ts';
import { encodeName } from './wire-name.ts';
import { classIn, headerBytes, headerFlags, recordTypes } from './wire.ts';

/**
 * The most asked-for answer, addresses of one family under the question's name: all records are alike but for the
 * address, so a reply is one block copied and the addresses put in.
 */
export class AddressReply implements EncodedAnswer {
  readonly varies: boolean;
  readonly serialAt = 0;
  readonly #options: ReplyOptions;
  /** One after the other. */
  readonly #addresses: Uint8Array;
  readonly #addressBytes: number;
  readonly #order: Uint32Array;
  /** Records with room for addresses. */
  readonly #block: Buffer;
  readonly #count: number;
  readonly #truncated: boolean;

  private constructor(
    addresses: readonly Uint8Array[],
    ttl: number,
    pick: number,
    question: string,
    options: ReplyOptions,
  ) {
    this.#options = options;
    this.#addressBytes = addresses[0]!.length;
    this.#addresses = new Uint8Array(Buffer.concat(addresses));
    this.#order = Uint32Array.from(addresses.keys());
    this.varies = addresses.length > 1;
    const wanted = Math.min(pick, addresses.length);
    this.#count = countFitting(wanted, this.#addressBytes, encodeName(question).length, options);
    this.#truncated = this.#count < wanted;
    const record = recordBlock(this.#addressBytes, ttl);
    this.#block = Buffer.alloc(record.length * this.#count, record);
  }

  /** Undefined when the answer is of another kind. */
  static from(answer: Answer, question: string, options: ReplyOptions): AddressReply | undefined {
    const { units, authority, additional } = answer;
    const first = units[0]?.record;
    if (first === undefined || authority.length > 0 || additional.length > 0) return undefined;
    const addresses: Uint8Array[] = [];
    for (const { record, additional: own } of units) {
      const { data, name, ttl } = record;
      if (data.type !== 'A' && data.type !== 'AAAA') return undefined;
      if (data.type !== first.data.type || name !== asked || ttl !== first.ttl || own.length > 0)
        return undefined;
      addresses.push(data.address);
    }
    if (units.length > 1 && !answer.shuffle) return undefined;
    return new AddressReply(addresses, first.ttl, answer.pick, question, options);
  }

  get bytes(): number {
    return 500 + this.#addresses.length + 4 * this.#order.length + this.#block.length;
  }

  write({ packet, end }: QuestionBytes, opt: Uint8Array): Buffer {
    const block = this.#block;
    const reply = Buffer.allocUnsafe(end + block.length + opt.length);
    for (let i = headerBytes; i < end; i++) reply[i] = packet[i]!;
    reply.set(block, end);
    this.#putAddresses(reply, end);
    for (let i = 0; i < opt.length; i++) reply[end + block.length + i] = opt[i]!;
    const truncate = this.#truncated && (this.#options.enableTruncate || this.#count === 0);
    putHeader(
      reply,
      packet,
      this.#options.flags | (truncate ? headerFlags.TC : 0),
      this.#count,
      opt.length > 0 ? 1 : 0,
    );
    return reply;
  }

  /** A random choice in random order (Fisher and Yates; what the order was before does not matter). */
  #putAddresses(reply: Buffer, end: number): void {
    const order = this.#order;
    const size = this.#addressBytes;
    const addresses = this.#addresses;
    const { random } = this.#options;
    const step = recordHeadBytes + size;
    for (let i = 0, at = end + recordHeadBytes; i < this.#count; i++, at += step) {
      const j = i + Math.floor(random() * (order.length - i));
      const chosen = order[j]!;
      order[j] = order[i]!;
      order[i] = chosen;
      const from = chosen * size;
      for (let k = 0; k < size; k++) reply[at + k] = addresses[from + k]!;
    }
  }
}

const recordHeadBytes = 12;

function recordBlock(addressBytes: number, ttl: number): Buffer {
  const record = Buffer.alloc(recordHeadBytes + addressBytes);
  record.writeUInt16BE(0xc000 | headerBytes, 0);
  record.writeUInt16BE(addressBytes === 4 ? recordTypes.A : recordTypes.AAAA, 2);
  record.writeUInt16BE(classIn, 4);
  record.writeUInt32BE(ttl, 6);
  record.writeUInt16BE(addressBytes, 10);
  return record;
}

function countFitting(
  wanted: number,
  addressBytes: number,
  nameBytes: number,
  options: ReplyOptions,
): number {
  const { maxAnswers, targetBytes, maxBytes, plainSizeOnceCut } = options.limits;
  const most = Math.min(wanted, maxAnswers);
  const plain = plainSizeOnceCut && wanted > maxAnswers;
  const record = (plain ? nameBytes : 2) + 10 + addressBytes;
  const fixed = headerBytes + nameBytes + 4 + options.optBytes;
  const fitting = Math.min(most, Math.floor((targetBytes - fixed) / record));
  if (fitting >= 1 || most < 1) return fitting;
  return fixed + recordHeadBytes + addressBytes <= maxBytes ? 1 : 0;
}
