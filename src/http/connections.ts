import type { Socket } from 'node:net';

const text = 'Your IP is issuing too many concurrent connections, please rate limit your calls\n';
const refusal =
  'HTTP/1.1 429 Too Many Requests\r\nContent-Type: text/plain\r\n' +
  `Content-Length: ${text.length}\r\nConnection: close\r\n\r\n${text}`;

/** Open connections, counted by client address. */
export class Connections {
  readonly #mostPerClient: number;
  readonly #counts = new Map<string, number>();
  readonly #open = new Set<Socket>();

  /** `mostPerClient` 0 = no limit. */
  constructor(mostPerClient: number) {
    this.#mostPerClient = mostPerClient;
  }

  get size(): number {
    return this.#open.size;
  }

  /** Counts a connection until it closes; one too many is answered with 429 and closed, and false returned. */
  accept(socket: Socket): boolean {
    const client = socket.remoteAddress ?? '';
    const count = (this.#counts.get(client) ?? 0) + 1;
    if (this.#mostPerClient > 0 && count > this.#mostPerClient) {
      socket.on('error', () => socket.destroy());
      socket.end(refusal);
      return false;
    }
    this.#counts.set(client, count);
    this.#open.add(socket);
    socket.once('close', () => {
      this.#open.delete(socket);
      const left = (this.#counts.get(client) ?? 1) - 1;
      if (left === 0) this.#counts.delete(client);
      else this.#counts.set(client, left);
    });
    return true;
  }

  destroyAll(): void {
    for (const socket of this.#open) socket.destroy();
  }
}
