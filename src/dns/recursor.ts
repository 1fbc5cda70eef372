import { randomInt } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { connect, isIPv6 } from 'node:net';
import type { Logger } from '../lib/log.ts';
import type { Transport } from './resolver.ts';
import { questionEnd } from './query.ts';
import { decodeMessage } from './wire-decode.ts';
import { encodeMessage } from './wire-encode.ts';
import { classIn, DecodeError, headerBytes, headerFlags, rcodes, recordTypes } from './wire.ts';
import type { ResourceRecord } from './wire.ts';

export interface RecursorOptions {
  /** `host` or `host:port`, IPv6 addresses with a port in brackets. */
  readonly servers: readonly string[];
  /** Sequential: the first that answers, in the order given. */
  readonly strategy: 'sequential' | 'random';
  /** For each server. */
  readonly timeoutMs: number;
}

const maxInFlight = 1024;
const maxReplyBytes = 0xffff;

/** Other servers that know the names outside the zone. */
export class Recursor {
  readonly #servers: readonly Server[];
  readonly #options: RecursorOptions;
  readonly #log: Logger;
  #inFlight = 0;

  constructor(options: RecursorOptions, deps: { readonly log: Logger }) {
    this.#options = options;
    this.#servers = options.servers.map(parseServer);
    this.#log = deps.log;
  }

  /**
   * Passes a query on and its reply back as it is, under the query's own ID; undefined when no server has an answer
   * (NOERROR or NXDOMAIN) or too many questions are on their way already.
   */
  async forward(packet: Uint8Array, transport: Transport): Promise<Buffer | undefined> {
    if (this.#inFlight >= maxInFlight) return undefined;
    this.#inFlight += 1;
    try {
      for (const server of this.#order()) {
        const reply = await this.#ask(server, packet, transport);
        if (reply === undefined) continue;
        reply[0] = packet[0]!;
        reply[1] = packet[1]!;
        return reply;
      }
      return undefined;
    } finally {
      this.#inFlight -= 1;
    }
  }

  /** The A records of a name with the CNAMEs that lead to them; [] when nobody knows. */
  async lookUp(name: string): Promise<readonly ResourceRecord[]> {
    const query = encodeMessage({
      id: 0,
      opcode: 0,
      rcode: 0,
      flags: headerFlags.RD,
      questions: [{ name, type: recordTypes.A, class: classIn }],
      answers: [],
      authorities: [],
      additionals: [],
      edns: undefined,
    });
    const short = await this.forward(query, 'udp');
    const cut = short !== undefined && (short[2]! & (headerFlags.TC >> 8)) !== 0;
    const reply = cut ? ((await this.forward(query, 'tcp')) ?? short) : short;
    try {
      return reply === undefined ? [] : decodeMessage(reply).answers;
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error;
      this.#log.debug({ name, err: error }, 'recursor sent a broken message');
      return [];
    }
  }

  #order(): readonly Server[] {
    if (this.#options.strategy === 'sequential') return this.#servers;
    const order = [...this.#servers];
    for (let i = order.length - 1; i > 0; i--) {
      const j = randomInt(i + 1);
      [order[i], order[j]] = [order[j]!, order[i]!];
    }
    return order;
  }

  async #ask(server: Server, packet: Uint8Array, transport: Transport): Promise<Buffer | undefined> {
    // An ID that nobody else can guess, so that nobody else can answer.
    const query = Buffer.from(packet);
    query.writeUInt16BE(randomInt(0x10000), 0);
    const exchange = transport === 'udp' ? exchangeUdp : exchangeTcp;
    const reply = await exchange(server, query, this.#options.timeoutMs);
    if (reply instanceof Error) {
      this.#log.debug({ server: server.host, port: server.port, err: reply }, 'recursor does not answer');
      return undefined;
    }
    const rcode = reply[3]! & 15;
    return rcode === rcodes.NOERROR || rcode === rcodes.NXDOMAIN ? reply : undefined;
  }
}

interface Server {
  readonly host: string;
  readonly port: number;
}

/** Port 53 unless it is named. */
export function parseServer(text: string): Server {
  const bracketed = /^\[(.+)\](?::(\d+))?$/.exec(text);
  if (bracketed !== null) return { host: bracketed[1]!, port: Number(bracketed[2] ?? 53) };
  const match = isIPv6(text) ? null : /^(.+):(\d+)$/.exec(text);
  return match === null ? { host: text, port: 53 } : { host: match[1]!, port: Number(match[2]) };
}

function exchangeUdp(server: Server, query: Buffer, timeoutMs: number): Promise<Buffer | Error> {
  return new Promise((resolve) => {
    const socket = createSocket(isIPv6(server.host) ? 'udp6' : 'udp4');
    const timer = setTimeout(() => finish(new Error(`no reply in ${timeoutMs} ms`)), timeoutMs);
    let done = false;
    const finish = (result: Buffer | Error): void => {
      if (done) return;
      done = true;
      clearTimeout(timer);
      socket.close();
      resolve(result);
    };
    socket.on('error', finish);
    socket.on('message', (reply) => {
      if (isReplyTo(reply, query)) finish(reply);
    });
    // Connected: the kernel drops what others send, and says when nobody listens there.
    socket.connect(server.port, server.host, () => {
      if (!done) socket.send(query);
    });
  });
}

function exchangeTcp(server: Server, query: Buffer, timeoutMs: number): Promise<Buffer | Error> {
  return new Promise((resolve) => {
    const socket = connect(server.port, server.host);
    const timer = setTimeout(() => finish(new Error(`no reply in ${timeoutMs} ms`)), timeoutMs);
    let received = Buffer.alloc(0);
    const finish = (result: Buffer | Error): void => {
      clearTimeout(timer);
      socket.destroy();
      resolve(result);
    };
    socket.on('error', finish);
    socket.on('close', () => finish(new Error('closed without a reply')));
    socket.on('data', (chunk: Buffer) => {
      received = Buffer.concat([received, chunk]);
      const length = received.length < 2 ? maxReplyBytes : received.readUInt16BE(0);
      if (received.length < 2 + length) return;
      const reply = received.subarray(2, 2 + length);
      finish(isReplyTo(reply, query) ? reply : new Error('reply to another question'));
    });
    const length = Buffer.alloc(2);
    length.writeUInt16BE(query.length);
    socket.write(Buffer.concat([length, query]));
  });
}

/** Same ID, same question in the same spelling (RFC 5452 section 9.1). */
function isReplyTo(reply: Buffer, query: Buffer): boolean {
  const end = questionEnd(query);
  if (reply.length < end || (reply[2]! & 0x80) === 0 || !reply.subarray(0, 2).equals(query.subarray(0, 2)))
    return false;
  return (
    reply.readUInt16BE(4) === 1 && reply.subarray(headerBytes, end).equals(query.subarray(headerBytes, end))
  );
}
