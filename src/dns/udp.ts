import { createSocket } from 'node:dgram';
import type { RemoteInfo, Socket } from 'node:dgram';
import { isIPv6 } from 'node:net';
import { listenError } from './dns-error.ts';

export type ResolvePacket = (packet: Buffer) => Buffer | undefined | Promise<Buffer>;

/** One UDP socket that answers queries. */
export class UdpListener {
  readonly #socket: Socket;
  readonly #resolve: ResolvePacket;
  #open = false;

  constructor(
    options: { readonly host: string; readonly ipv6Only: boolean },
    deps: { readonly resolve: ResolvePacket },
  ) {
    this.#resolve = deps.resolve;
    this.#socket = createSocket({
      type: isIPv6(options.host) ? 'udp6' : 'udp4',
      ipv6Only: options.ipv6Only,
      // Room for a burst; the kernel may give less.
      recvBufferSize: 4 << 20,
      sendBufferSize: 1 << 20,
      // Peers come as addresses: nothing to look up, so no detour through the event loop.
      lookup: (address, _options, done) => done(null, address, isIPv6(address) ? 6 : 4),
    });
  }

  /** Resolves to the port. Throws DnsError. */
  listen(host: string, port: number): Promise<number> {
    return new Promise((resolve, reject) => {
      this.#socket.once('error', (error) => reject(listenError(error, 'udp', host, port)));
      this.#socket.bind({ port, address: host }, () => {
        this.#open = true;
        this.#socket.removeAllListeners('error');
        // A reply that could not be sent; its asker asks again.
        this.#socket.on('error', () => {});
        this.#socket.on('message', (packet, from) => this.#answer(packet, from));
        resolve(this.#socket.address().port);
      });
    });
  }

  close(): Promise<void> {
    if (!this.#open) return Promise.resolve();
    this.#open = false;
    return new Promise((resolve) => this.#socket.close(() => resolve()));
  }

  #answer(packet: Buffer, from: RemoteInfo): void {
    const reply = this.#resolve(packet);
    if (reply === undefined) return;
    if (reply instanceof Promise) void reply.then((late) => this.#send(late, from));
    else this.#send(reply, from);
  }

  #send(reply: Buffer, from: RemoteInfo): void {
    // Port 0 can be forged into a packet, and send() throws on it.
    if (this.#open && from.port > 0) this.#socket.send(reply, from.port, from.address);
  }
}
