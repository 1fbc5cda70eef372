import type { Answer, Unit } from './answer.ts';
import { asked } from './draft.ts';
import { putHeader } from './reply.ts';
import type { EncodedAnswer, QuestionBytes, ReplyOptions } from './reply.ts';
import { NameTable, prepareRecord } from './wire-encode.ts';
import { encodeName } from './wire-name.ts';
import { headerBytes, headerFlags } from './wire.ts';
import type { ResourceRecord } from './wire.ts';

/**
 * Places of many instances: SRV records, each with the address of its target. A reply is the blocks of the instances it
 * chose, one after the other; only the pointers from the addresses to their targets are new each time.
 */
export class PlaceReply implements EncodedAnswer {
  readonly varies: boolean;
  readonly serialAt = 0;
  readonly #options: ReplyOptions;
  readonly #places: Blocks;
  readonly #addresses: Blocks;
  /** What each instance counts towards the limit. */
  readonly #sizes: Uint32Array;
  readonly #order: Uint32Array;
  readonly #most: number;
  readonly #budget: number;

  private constructor(
    units: readonly PreparedUnit[],
    options: ReplyOptions,
    size: { readonly plainNameBytes: number; readonly budget: number; readonly most: number },
  ) {
    this.#options = options;
    this.#places = new Blocks(units.map(({ place }) => place));
    this.#addresses = new Blocks(units.map(({ address }) => address));
    this.#sizes = Uint32Array.from(units, ({ place, address, targetBytes }) => {
      // Spelled out, the two pointers would be the name asked and the target.
      const grown = size.plainNameBytes > 0 ? size.plainNameBytes + targetBytes - 4 : 0;
      return place.length + address.length + grown;
    });
    this.#order = Uint32Array.from(units.keys());
    this.varies = units.length > 1;
    this.#most = size.most;
    this.#budget = size.budget;
  }

  /**
   * Undefined when the answer is of another kind, or so large that pointers do not reach. `whole`: texts of nodes fit
   * too, so they may not be left out.
   */
  static from(
    answer: Answer,
    question: string,
    options: ReplyOptions,
    whole: boolean,
  ): PlaceReply | undefined {
    if (!answer.shuffle || answer.pick < answer.units.length) return undefined;
    if (answer.units.length === 0 || answer.authority.length > 0 || answer.additional.length > 0)
      return undefined;
    const table = new NameTable();
    const units: PreparedUnit[] = [];
    const targets = new Set<string>();
    for (const unit of answer.units) {
      const prepared = prepareUnit(table, unit, whole);
      if (prepared === undefined || targets.has(prepared.target)) return undefined;
      targets.add(prepared.target);
      units.push(prepared);
    }
    const { limits, optBytes } = options;
    const nameBytes = encodeName(question).length;
    const fixed = headerBytes + nameBytes + 4 + optBytes;
    const cut = units.length > limits.maxAnswers && limits.plainSizeOnceCut;
    const size = {
      plainNameBytes: cut ? nameBytes : 0,
      budget: limits.targetBytes - fixed,
      most: Math.min(units.length, limits.maxAnswers),
    };
    const all = units.reduce((sum, { place, address }) => sum + place.length + address.length, fixed);
    const reply = new PlaceReply(units, options, size);
    const anyFits = size.most >= 1 && reply.#sizes.every((bytes) => bytes <= size.budget);
    return anyFits && Math.min(all, limits.targetBytes) < pointerReach ? reply : undefined;
  }

  get bytes(): number {
    return 800 + this.#places.bytes.length + this.#addresses.bytes.length + 250 * this.#order.length;
  }

  write({ packet, end }: QuestionBytes, opt: Uint8Array): Buffer {
    const count = this.#choose();
    const places = this.#places;
    const addresses = this.#addresses;
    const order = this.#order;
    let addressAt = end;
    for (let i = 0; i < count; i++) addressAt += places.sizeOf(order[i]!);
    let size = addressAt + opt.length;
    for (let i = 0; i < count; i++) size += addresses.sizeOf(order[i]!);
    const reply = Buffer.allocUnsafe(size);
    for (let i = headerBytes; i < end; i++) reply[i] = packet[i]!;
    let placeAt = end;
    for (let i = 0; i < count; i++) {
      const unit = order[i]!;
      const target = placeAt + targetOffset;
      placeAt = places.put(unit, reply, placeAt);
      const next = addresses.put(unit, reply, addressAt);
      reply[addressAt] = 0xc0 | (target >> 8);
      reply[addressAt + 1] = target & 255;
      addressAt = next;
    }
    for (let i = 0; i < opt.length; i++) reply[addressAt + i] = opt[i]!;
    const truncated = count < order.length && this.#options.enableTruncate;
    const flags = this.#options.flags | (truncated ? headerFlags.TC : 0);
    putHeader(reply, packet, flags, count, count + (opt.length > 0 ? 1 : 0));
    return reply;
  }

  /** Puts a random choice first in `order`, in random order; returns how many of them fit. */
  #choose(): number {
    const order = this.#order;
    const { random } = this.#options;
    let left = this.#budget;
    for (let i = 0; i < this.#most; i++) {
      const j = i + Math.floor(random() * (order.length - i));
      const unit = order[j]!;
      order[j] = order[i]!;
      order[i] = unit;
      left -= this.#sizes[unit]!;
      if (left < 0) return i;
    }
    return this.#most;
  }
}

/** Pointers have 14 bits. */
const pointerReach = 0x4000;
/** Of an SRV record whose owner is a pointer: owner, type, class, TTL, length, priority, weight, port. */
const targetOffset = 2 + 8 + 2 + 6;

interface PreparedUnit {
  readonly target: string;
  readonly targetBytes: number;
  readonly place: Uint8Array;
  readonly address: Uint8Array;
}

function prepareUnit(
  table: NameTable,
  { record, additional }: Unit,
  whole: boolean,
): PreparedUnit | undefined {
  const { data } = record;
  if (data.type !== 'SRV' || record.name !== asked) return undefined;
  const texts = additional.filter((each) => each.data.type === 'TXT');
  const [address, ...others] = additional.filter((each) => each.data.type !== 'TXT');
  if (address === undefined || others.length > 0 || (whole && texts.length > 0)) return undefined;
  if (!isAddressOf(address, data.target)) return undefined;
  const prepared = prepareRecord(table, record, true);
  const target = prepared.names[0]!.wire;
  return {
    target: data.target,
    targetBytes: target.length,
    place: Buffer.concat([questionPointer, prepared.head, target]),
    address: Buffer.concat([questionPointer, prepareRecord(table, address, true).head]),
  };
}

const questionPointer = Uint8Array.of(0xc0, headerBytes);

function isAddressOf({ name, data }: ResourceRecord, target: string): boolean {
  return (data.type === 'A' || data.type === 'AAAA') && name === target;
}

/** Pieces of bytes, kept in one. */
class Blocks {
  readonly bytes: Uint8Array;
  readonly #pieces: readonly Uint8Array[];

  constructor(pieces: readonly Uint8Array[]) {
    this.bytes = new Uint8Array(Buffer.concat(pieces));
    let at = 0;
    this.#pieces = pieces.map((piece) => this.bytes.subarray(at, (at += piece.length)));
  }

  sizeOf(piece: number): number {
    return this.#pieces[piece]!.length;
  }

  /** Copies one to `at` and returns where it ends. */
  put(piece: number, to: Uint8Array, at: number): number {
    const from = this.#pieces[piece]!;
    // For few bytes a loop is faster than the call into native code.
    if (from.length > 20) to.set(from, at);
    else for (let i = 0; i < from.length; i++) to[at + i] = from[i]!;
    return at + from.length;
  }
}
