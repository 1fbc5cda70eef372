import { createServer } from 'node:net';
import type { AddressInfo, Server, Socket } from 'node:net';
import { listenError } from './dns-error.ts';
import type { ResolvePacket } from './udp.ts';

export interface TcpOptions {
  /** A connection without a query for this long is closed (RFC 7766 section 6.2.3). */
  readonly idleMs: number;
  readonly maxConnections: number;
  /** False: an IPv6 wildcard takes IPv4 connections too. */
  readonly ipv6Only: boolean;
}

/** One TCP socket that answers queries: each message behind its length, many on one connection, in any order. */
export class TcpListener {
  readonly #server: Server;
  readonly #options: TcpOptions;
  readonly #resolve: ResolvePacket;
  readonly #connections = new Set<Socket>();

  constructor(options: TcpOptions, deps: { readonly resolve: ResolvePacket }) {
    this.#options = options;
    this.#resolve = deps.resolve;
    this.#server = createServer({ allowHalfOpen: true }, (socket) => this.#serve(socket));
    this.#server.maxConnections = options.maxConnections;
  }

  /** Resolves to the port. Throws DnsError. */
  listen(host: string, port: number): Promise<number> {
    return new Promise((resolve, reject) => {
      this.#server.once('error', (error) => reject(listenError(error, 'tcp', host, port)));
      this.#server.listen({ host, port, ipv6Only: this.#options.ipv6Only, backlog: 1024 }, () => {
        this.#server.removeAllListeners('error');
        this.#server.on('error', () => {});
        resolve((this.#server.address() as AddressInfo).port);
      });
    });
  }

  close(): Promise<void> {
    if (!this.#server.listening) return Promise.resolve();
    return new Promise((resolve) => {
      this.#server.close(() => resolve());
      for (const socket of this.#connections) socket.destroy();
    });
  }

  #serve(socket: Socket): void {
    this.#connections.add(socket);
    socket.on('close', () => this.#connections.delete(socket));
    // Resets are how many resolvers end a connection.
    socket.on('error', () => socket.destroy());
    socket.setTimeout(this.#options.idleMs, () => socket.destroy());
    socket.setNoDelay(true);
    const connection = { socket, unanswered: 0, ended: false };
    // A peer may say that it has no more questions before it has our answers.
    socket.on('end', () => {
      connection.ended = true;
      if (connection.unanswered === 0) socket.end();
    });
    let pending: Buffer = Buffer.alloc(0);
    socket.on('data', (chunk: Buffer) => {
      pending = this.#answerAll(connection, pending.length === 0 ? chunk : Buffer.concat([pending, chunk]));
      // A peer that asks but does not read must not fill our memory.
      if (socket.writableNeedDrain) {
        socket.pause();
        socket.once('drain', () => socket.resume());
      }
    });
  }

  /** Answers the whole messages in `bytes` and returns the rest. */
  #answerAll(connection: Connection, bytes: Buffer): Buffer {
    const { socket } = connection;
    let at = 0;
    socket.cork();
    while (bytes.length - at >= 2) {
      const end = at + 2 + bytes.readUInt16BE(at);
      if (end > bytes.length) break;
      this.#answer(connection, bytes.subarray(at + 2, end));
      at = end;
    }
    socket.uncork();
    return bytes.subarray(at);
  }

  #answer(connection: Connection, packet: Buffer): void {
    const reply = this.#resolve(packet);
    if (reply === undefined) return;
    if (!(reply instanceof Promise)) return send(connection.socket, reply);
    connection.unanswered += 1;
    void reply.then((late) => {
      connection.unanswered -= 1;
      send(connection.socket, late);
      if (connection.ended && connection.unanswered === 0) connection.socket.end();
    });
  }
}

interface Connection {
  readonly socket: Socket;
  /** Questions of which recursors still think. */
  unanswered: number;
  /** No more questions will come. */
  ended: boolean;
}

function send(socket: Socket, reply: Buffer): void {
  if (!socket.writable) return;
  const length = Buffer.allocUnsafe(2);
  length.writeUInt16BE(reply.length);
  socket.write(length);
  socket.write(reply);
}
