import type { Clock } from '../lib/clock.ts';
import type { Logger } from '../lib/log.ts';
import { AddressReply } from './address-reply.ts';
import { AnswerCache, CachedAnswer } from './answer-cache.ts';
import { answerQuestion } from './answer.ts';
import type { Answer } from './answer.ts';
import type { DnsCatalog } from './catalog.ts';
import { tcpLimits, udpLimits } from './limits.ts';
import type { ReplyLimits } from './limits.ts';
import { allowAll } from './options.ts';
import type { AnswerOptions, Authorize } from './options.ts';
import { headerReply, plainQueryEnd, readQuery, replyOpt } from './query.ts';
import type { Incoming } from './query.ts';
import { PlaceReply } from './place-reply.ts';
import type { Recursor } from './recursor.ts';
import { Reply, replyFlags } from './reply.ts';
import type { EncodedAnswer, QuestionBytes } from './reply.ts';
import { MessageWriter } from './wire-encode.ts';
import { headerBytes, headerFlags, rcodes } from './wire.ts';
import type { ResourceRecord } from './wire.ts';

export type Transport = 'udp' | 'tcp';

type AskedPacket = Incoming & { readonly kind: 'question' };

/**
 * Packet -> packet, whatever socket they came from.
 *
 * In: the bytes of a query. Out: the bytes of the reply; a promise of them when recursors must be asked; undefined when
 * there is nothing to say. Never throws because of what a packet holds.
 */
export class Resolver {
  readonly #answers: AnswerOptions;
  readonly #deps: ResolverDeps;
  readonly #cache: AnswerCache;
  readonly #writer: MessageWriter;
  readonly #nowSeconds: () => number;
  #restores = 0;

  constructor(options: { readonly answers: AnswerOptions; readonly cacheBytes: number }, deps: ResolverDeps) {
    this.#answers = options.answers;
    this.#deps = deps;
    this.#cache = new AnswerCache({ maxBytes: options.cacheBytes });
    this.#writer = new MessageWriter({ compress: !options.answers.disableCompression });
    this.#nowSeconds = () => Math.floor(deps.clock.wallMs() / 1000);
  }

  resolve(packet: Buffer, transport: Transport): Buffer | undefined | Promise<Buffer> {
    try {
      const reply = this.#resolve(packet, transport);
      return reply instanceof Promise ? reply.catch((error: unknown) => this.#fail(packet, error)) : reply;
    } catch (error) {
      return this.#fail(packet, error);
    }
  }

  /** No packet may end the program, not even by a fault of ours. */
  #fail(packet: Buffer, err: unknown): Buffer {
    this.#deps.log.error({ err, packet: packet.toString('hex', 0, 300) }, 'question could not be answered');
    return headerReply(packet, rcodes.SERVFAIL);
  }

  #resolve(packet: Buffer, transport: Transport): Buffer | undefined | Promise<Buffer> {
    this.#forgetRestored();
    const end = plainQueryEnd(packet);
    if (end === 0) return this.#resolveAny(packet, transport, '');
    // Question, root, type OPT and size stand one after the other, so one slice is the whole key.
    const bytes = packet.toString('latin1', headerBytes, packet[11] === 0 ? end : end + 5);
    const key = transport === 'udp' ? bytes : `\xff${bytes}`;
    const cached = this.#cache.get(key);
    if (cached !== undefined) return cached.write({ packet, end }, this.#nowSeconds);
    return this.#resolveAny(packet, transport, key);
  }

  /** After a restoration of the store an index may mean something else than it did. */
  #forgetRestored(): void {
    const restores = this.#deps.restores?.() ?? 0;
    if (restores === this.#restores) return;
    this.#restores = restores;
    this.#cache.clear();
  }

  /** `key`: where replies to these very bytes may be kept, '' if nowhere. */
  #resolveAny(packet: Buffer, transport: Transport, key: string): Buffer | undefined | Promise<Buffer> {
    const incoming = readQuery(packet);
    if (incoming.kind === 'drop') return undefined;
    if (incoming.kind === 'refuse') return headerReply(packet, incoming.rcode);
    const opt = incoming.edns === undefined ? none : replyOpt(incoming.edns);
    const limits =
      transport === 'udp'
        ? udpLimits(incoming.edns?.udpSize, this.#answers.udpAnswerLimit)
        : tcpLimits(incoming.question.type);
    const meaning = [
      transport,
      limits.maxBytes,
      opt.length,
      incoming.question.type,
      incoming.question.name.toLowerCase(),
    ].join(' ');
    let entry = this.#cache.get(`\0${meaning}`);
    if (entry === undefined) {
      const answer = this.#answer(incoming, noneResolved);
      if (answer === 'outside') return this.#forward(packet, incoming, transport, opt);
      if (answer.wanted.length > 0) return this.#answerAsked(packet, incoming, limits, opt, answer.wanted);
      entry = new CachedAnswer(this.#encode(answer, incoming, limits, opt), answer.sources);
      if (!answer.cacheable) return this.#write(entry.encoded, { packet, end: incoming.end }, opt);
      this.#cache.set(`\0${meaning}`, entry);
    }
    const reply = this.#write(entry.encoded, { packet, end: incoming.end }, opt);
    if (key !== '') this.#cache.set(key, entry.spelled(opt, reply));
    return reply;
  }

  #answer(
    { question, edns }: AskedPacket,
    resolved: ReadonlyMap<string, readonly ResourceRecord[]>,
  ): Answer | 'outside' {
    const { catalog, authorize = allowAll, random = Math.random } = this.#deps;
    return answerQuestion(
      { name: question.name, type: question.type, edns: edns !== undefined },
      { catalog, options: this.#answers, authorize, random, resolved },
    );
  }

  #encode(answer: Answer, { question }: AskedPacket, limits: ReplyLimits, opt: Uint8Array): EncodedAnswer {
    const { disableCompression, enableTruncate, recursors } = this.#answers;
    const options = {
      limits,
      enableTruncate,
      optBytes: opt.length,
      random: this.#deps.random ?? Math.random,
      flags: headerFlags.AA | (recursors.length > 0 ? headerFlags.RA : 0),
    };
    const general = new Reply(answer, question.name, options, { writer: this.#writer });
    if (disableCompression) return general;
    return (
      AddressReply.from(answer, question.name, options) ??
      PlaceReply.from(answer, question.name, options, general.fitsWhole) ??
      general
    );
  }

  #write(encoded: EncodedAnswer, question: QuestionBytes, opt: Uint8Array): Buffer {
    const reply = encoded.write(question, opt);
    if (encoded.serialAt > 0) reply.writeUInt32BE(this.#nowSeconds(), encoded.serialAt);
    return reply;
  }

  /** Asks recursors for the names that the answer leads to, then answers again with what they said. */
  async #answerAsked(
    packet: Buffer,
    incoming: AskedPacket,
    limits: ReplyLimits,
    opt: Uint8Array,
    wanted: readonly string[],
  ): Promise<Buffer> {
    const pairs = await Promise.all(
      wanted.map(async (name) => [name, await this.#deps.recursor.lookUp(name)] as const),
    );
    const answer = this.#answer(incoming, new Map(pairs));
    if (answer === 'outside') return plainReply(packet, incoming.end, rcodes.SERVFAIL, headerFlags.RA, opt);
    return this.#write(this.#encode(answer, incoming, limits, opt), { packet, end: incoming.end }, opt);
  }

  #forward(
    packet: Buffer,
    { end }: AskedPacket,
    transport: Transport,
    opt: Uint8Array,
  ): Buffer | Promise<Buffer> {
    if (this.#answers.recursors.length === 0) return plainReply(packet, end, rcodes.REFUSED, 0, none);
    return this.#deps.recursor
      .forward(packet, transport)
      .then((reply) => reply ?? plainReply(packet, end, rcodes.SERVFAIL, headerFlags.RA, opt));
  }
}

export interface ResolverDeps {
  readonly catalog: DnsCatalog;
  readonly clock: Clock;
  readonly recursor: Recursor;
  readonly log: Logger;
  readonly authorize?: Authorize;
  readonly restores?: () => number;
  /** Math.random unless a test wants to know. */
  readonly random?: () => number;
}

const none = new Uint8Array();
const noneResolved: ReadonlyMap<string, readonly ResourceRecord[]> = new Map();

/** The question again and a code. */
function plainReply(packet: Buffer, end: number, rcode: number, flags: number, opt: Uint8Array): Buffer {
  const reply = Buffer.alloc(end + opt.length);
  packet.copy(reply, 0, 0, end);
  reply.set(opt, end);
  reply.writeUInt16BE(replyFlags(packet, flags | rcode), 2);
  reply.fill(0, 4, headerBytes);
  reply[5] = 1;
  reply[11] = opt.length > 0 ? 1 : 0;
  return reply;
}
