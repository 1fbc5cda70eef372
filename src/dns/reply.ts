import type { Answer } from './answer.ts';
import { asked } from './draft.ts';
import type { ReplyLimits } from './limits.ts';
import { MessageWriter, NameTable, prepareRecord } from './wire-encode.ts';
import type { Name, PreparedRecord } from './wire-encode.ts';
import { headerBytes, headerFlags, recordTypes } from './wire.ts';

/**
 * Answer -> bytes, as often as it is asked for: records are prepared once, each reply puts them in an order of its own
 * and leaves out what does not fit.
 *
 * In: an answer, the limits of one transport, then the questions' bytes. Out: replies.
 * Invariants: a reply never has more than `maxBytes` bytes; what it says does not depend on the asker's spelling.
 * Not here: when an answer is stale.
 */
export interface ReplyOptions {
  readonly limits: ReplyLimits;
  /** Set TC when answers were left out. */
  readonly enableTruncate: boolean;
  /** Bits for every reply besides QR. */
  readonly flags: number;
  /** Bytes to keep for the OPT record. */
  readonly optBytes: number;
  readonly random: () => number;
}

/** A question as it came: `packet` up to `end` is its header and its only question, the name uncompressed. */
export interface QuestionBytes {
  readonly packet: Uint8Array;
  readonly end: number;
}

/** What a cache holds for one question, transport and size. */
export interface EncodedAnswer {
  /** False: every reply to the same bytes is the same, apart from ID, RD, CD and serial. */
  readonly varies: boolean;
  /** About what it holds on to. */
  readonly bytes: number;
  /** Where the SOA's serial stands in the reply that was written last, 0 if there is none. */
  readonly serialAt: number;
  /** The reply; `opt` is the OPT record to end it with, or empty. */
  write(question: QuestionBytes, opt: Uint8Array): Buffer;
}

interface PreparedUnit {
  readonly record: PreparedRecord;
  readonly additional: readonly PreparedRecord[];
  /** Those of `additional` that are kept when answers had to be left out: addresses, not texts. */
  readonly glue: readonly PreparedRecord[];
  /** Number of the name that the glue belongs to, -1 if there is none. */
  readonly target: number;
}

interface Counts {
  readonly answers: number;
  readonly authority: number;
  readonly additional: number;
}

export class Reply implements EncodedAnswer {
  serialAt = 0;
  readonly #options: ReplyOptions;
  readonly #writer: MessageWriter;
  readonly #names = new NameTable();
  readonly #questionName: Name;
  readonly #lowerQuestion: Buffer;
  readonly #rcode: number;
  readonly #units: PreparedUnit[];
  readonly #shuffle: boolean;
  readonly #count: number;
  readonly #authority: readonly PreparedRecord[];
  readonly #additional: readonly PreparedRecord[];
  readonly #seenTargets: Uint8Array;
  /** All units are there and too large together, in whatever order. */
  #neverWhole = false;
  #lastFit = 1;

  /** `question` is the name asked, in any case. Records that cannot be encoded must not be in `answer`. */
  constructor(
    answer: Answer,
    question: string,
    options: ReplyOptions,
    deps: { readonly writer: MessageWriter },
  ) {
    this.#options = options;
    this.#writer = deps.writer;
    this.#rcode = answer.rcode;
    this.#questionName = this.#names.intern(question.toLowerCase());
    this.#lowerQuestion = Buffer.from(this.#questionName.wire);
    const prepare = (record: Answer['additional'][number]): PreparedRecord =>
      prepareRecord(this.#names, record, record.name === asked);
    this.#units = answer.units.map(({ record, additional }) => {
      const all = additional.map(prepare);
      const prepared = prepare(record);
      const glue = all.filter(({ type }) => type !== recordTypes.TXT);
      return { record: prepared, additional: all, glue, target: prepared.names[0]?.suffixes[0] ?? -1 };
    });
    this.#shuffle = answer.shuffle && this.#units.length > 1;
    this.#count = Math.min(answer.pick, this.#units.length);
    this.#authority = answer.authority.map(prepare);
    this.#additional = answer.additional.map(prepare);
    this.#seenTargets = new Uint8Array(this.#names.size);
  }

  get varies(): boolean {
    return this.#shuffle;
  }

  get bytes(): number {
    const records = this.#units.reduce((sum, unit) => sum + 1 + unit.additional.length, 0);
    return 1000 + 400 * (records + this.#authority.length + this.#additional.length);
  }

  write(question: QuestionBytes, opt: Uint8Array): Buffer {
    this.#putInOrder();
    const { limits, enableTruncate } = this.#options;
    const several = this.#count > 1;
    const whole = this.#writeWhole(question, several ? limits.targetBytes : limits.maxBytes);
    if (whole !== undefined) return this.#finish(question, whole, opt, 0);
    const part = several ? this.#writeMost(question) : this.#writeSingle(question);
    if (part !== undefined)
      return this.#finish(question, part, opt, several && enableTruncate ? headerFlags.TC : 0);
    // Not even one record fits: the asker must come back over TCP.
    this.#begin(question);
    return this.#finish(question, { answers: 0, authority: 0, additional: 0 }, opt, headerFlags.TC);
  }

  /** True when nothing has to be left out for an asker who spells the name in lower case. */
  get fitsWhole(): boolean {
    const { maxBytes, targetBytes } = this.#options.limits;
    const end = headerBytes + this.#lowerQuestion.length + 4;
    const packet = Buffer.alloc(end);
    packet.set(this.#lowerQuestion, headerBytes);
    return this.#writeWhole({ packet, end }, this.#count > 1 ? targetBytes : maxBytes) !== undefined;
  }

  /** Puts a random choice of the units first, in random order (Fisher and Yates; any start will do). */
  #putInOrder(): void {
    if (!this.#shuffle) return;
    const units = this.#units;
    const { random } = this.#options;
    const last = Math.min(this.#count, units.length - 1);
    for (let i = 0; i < last; i++) {
      const j = i + Math.floor(random() * (units.length - i));
      const unit = units[i]!;
      units[i] = units[j]!;
      units[j] = unit;
    }
  }

  #writeWhole(question: QuestionBytes, limit: number): Counts | undefined {
    if (this.#neverWhole || this.#count > this.#options.limits.maxAnswers) return undefined;
    this.#begin(question);
    const writer = this.#writer;
    let fits = true;
    for (let i = 0; i < this.#count; i++) fits &&= writer.record(this.#units[i]!.record);
    for (const record of this.#authority) fits &&= writer.record(record);
    let additional = this.#additional.length;
    for (let i = 0; i < this.#count; i++) {
      const unit = this.#units[i]!;
      for (const record of unit.additional) fits &&= writer.record(record);
      additional += unit.additional.length;
    }
    for (const record of this.#additional) fits &&= writer.record(record);
    if (fits && writer.at + this.#options.optBytes <= limit) {
      return { answers: this.#count, authority: this.#authority.length, additional };
    }
    // Which names are spelled out and which are pointers varies with the order, their sum does not.
    this.#neverWhole = this.#count === this.#units.length;
    return undefined;
  }

  /** As many units as fit with their glue, at least one; undefined when even that one is too large. */
  #writeMost(question: QuestionBytes): Counts | undefined {
    const { maxAnswers, targetBytes, maxBytes, plainSizeOnceCut } = this.#options.limits;
    const most = Math.min(this.#count, maxAnswers);
    if (most < 1) return undefined;
    const plain = plainSizeOnceCut && this.#count > maxAnswers;
    const units = this.#largestFit(most, (count) => {
      if (plain && this.#plainSize(question, count) > targetBytes) return false;
      return this.#writeUnits(question, count, targetBytes) !== undefined;
    });
    const additional = this.#writeUnits(question, units, units > 1 ? targetBytes : maxBytes);
    if (additional !== undefined) return { answers: units, authority: 0, additional };
    this.#begin(question);
    const alone = this.#writer.record(this.#units[0]!.record) && this.#isWithin(maxBytes);
    return alone ? { answers: 1, authority: 0, additional: 0 } : undefined;
  }

  /** The largest count from 1 to `most` that fits, 1 if none does. Hardly varies, so the last one is tried first. */
  #largestFit(most: number, fits: (count: number) => boolean): number {
    let low = 0;
    let high = most + 1;
    const last = Math.min(this.#lastFit, most);
    for (let probe = Math.min(most, last + 1); high - low > 1; ) {
      if (fits(probe)) low = probe;
      else high = probe;
      probe = low === 0 && high === last + 1 ? last : (low + high) >> 1;
    }
    this.#lastFit = Math.max(low, 1);
    return this.#lastFit;
  }

  /** One answer or none, whose surroundings are too large: additional records are left out from the end. */
  #writeSingle(question: QuestionBytes): Counts | undefined {
    const { maxBytes } = this.#options.limits;
    const writer = this.#writer;
    this.#begin(question);
    const unit = this.#count === 1 ? this.#units[0]! : undefined;
    let fits = unit === undefined || writer.record(unit.record);
    for (const record of this.#authority) fits &&= writer.record(record);
    if (!fits || !this.#isWithin(maxBytes)) return undefined;
    let additional = 0;
    for (const record of [...(unit?.additional ?? []), ...this.#additional]) {
      const before = writer.at;
      if (!writer.record(record) || !this.#isWithin(maxBytes)) {
        writer.at = before;
        break;
      }
      additional += 1;
    }
    return { answers: unit === undefined ? 0 : 1, authority: this.#authority.length, additional };
  }

  /** Writes some units and the glue of their targets, once each; its number of records, or undefined if too large. */
  #writeUnits(question: QuestionBytes, units: number, limit: number): number | undefined {
    this.#begin(question);
    const writer = this.#writer;
    for (let i = 0; i < units; i++) if (!writer.record(this.#units[i]!.record)) return undefined;
    let additional = 0;
    const seen = this.#seenTargets;
    seen.fill(0);
    for (let i = 0; i < units; i++) {
      const { glue, target } = this.#units[i]!;
      if (target === -1 || seen[target] === 1) continue;
      seen[target] = 1;
      for (const record of glue) if (!writer.record(record)) return undefined;
      additional += glue.length;
    }
    return this.#isWithin(limit) ? additional : undefined;
  }

  #plainSize(question: QuestionBytes, units: number): number {
    const nameBytes = this.#questionName.wire.length;
    const plain = (record: PreparedRecord): number =>
      record.plainBytes + (record.owner === undefined ? nameBytes : 0);
    let size = question.end + this.#options.optBytes;
    const seen = this.#seenTargets;
    seen.fill(0);
    for (let i = 0; i < units; i++) {
      const { record, glue, target } = this.#units[i]!;
      size += plain(record);
      if (target === -1 || seen[target] === 1) continue;
      seen[target] = 1;
      for (const each of glue) size += plain(each);
    }
    return size;
  }

  #isWithin(limit: number): boolean {
    return this.#writer.at + this.#options.optBytes <= limit;
  }

  #begin({ packet, end }: QuestionBytes): void {
    const writer = this.#writer;
    const { bytes } = writer;
    for (let i = headerBytes; i < end; i++) bytes[i] = packet[i]!;
    const name = bytes.subarray(headerBytes, end - 4);
    writer.begin(end, this.#names.size, name);
    // Pointers into a question in mixed case would give the names of others that mix.
    if (name.equals(this.#lowerQuestion)) writer.seed(this.#questionName, headerBytes);
  }

  #finish({ packet }: QuestionBytes, counts: Counts, opt: Uint8Array, flags: number): Buffer {
    const { bytes, at } = this.#writer;
    this.serialAt = this.#writer.serialAt;
    const reply = Buffer.allocUnsafe(at + opt.length);
    bytes.copy(reply, 0, 0, at);
    reply.set(opt, at);
    reply[0] = packet[0]!;
    reply[1] = packet[1]!;
    reply.writeUInt16BE(replyFlags(packet, this.#options.flags | flags | this.#rcode), 2);
    reply.writeUInt16BE(1, 4);
    reply.writeUInt16BE(counts.answers, 6);
    reply.writeUInt16BE(counts.authority, 8);
    reply.writeUInt16BE(counts.additional + (opt.length > 0 ? 1 : 0), 10);
    return reply;
  }
}

/** QR and `flags`, with what is copied from a question: the opcode and, for plain queries, RD and CD. */
export function replyFlags(packet: Uint8Array, flags: number): number {
  const word = (packet[2]! << 8) | packet[3]!;
  const opcode = word & 0x7800;
  const copied = opcode === 0 ? word & (headerFlags.RD | headerFlags.CD) : 0;
  return headerFlags.QR | opcode | copied | flags;
}

/** The header of a reply without authority records. */
export function putHeader(
  reply: Uint8Array,
  packet: Uint8Array,
  flags: number,
  answers: number,
  additional: number,
): void {
  const word = replyFlags(packet, flags);
  reply[0] = packet[0]!;
  reply[1] = packet[1]!;
  reply[2] = word >> 8;
  reply[3] = word & 255;
  reply[4] = 0;
  reply[5] = 1;
  reply[6] = answers >> 8;
  reply[7] = answers & 255;
  reply[8] = 0;
  reply[9] = 0;
  reply[10] = additional >> 8;
  reply[11] = additional & 255;
}
