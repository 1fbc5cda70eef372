import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';

/**
 * pass: as if it were not there. hold: connections stay open and new ones are accepted, but nothing goes through, and
 * nobody is told (half-open). refuse: new connections are reset at once.
 */
export type ProxyMode = 'pass' | 'hold' | 'refuse';

/** TCP from one port to one place, with the faults of a bad network. What is held goes on when the mode is `pass` again. */
export class FaultProxy {
  readonly address: string;
  readonly #server: Server;
  readonly #target: { readonly host: string; readonly port: number };
  /** Both ends of every connection, each until it is closed. */
  readonly #sockets = new Set<Socket>();
  #mode: ProxyMode = 'pass';
  /** Of each chunk, in each direction. */
  delayMs = 0;

  private constructor(server: Server, target: { readonly host: string; readonly port: number }) {
    this.#server = server;
    this.#target = target;
    const { address, port } = server.address() as AddressInfo;
    this.address = `${address}:${port}`;
    server.on('connection', (client) => this.#accept(client));
  }

  /** Listens on a free port of `host`; `target` is `host:port`. */
  static async open(host: string, target: string): Promise<FaultProxy> {
    const server = createServer().listen(0, host);
    await once(server, 'listening');
    const [targetHost = '', port = ''] = target.split(':');
    return new FaultProxy(server, { host: targetHost, port: Number(port) });
  }

  get mode(): ProxyMode {
    return this.#mode;
  }

  set mode(mode: ProxyMode) {
    this.#mode = mode;
    for (const socket of this.#sockets) {
      if (mode === 'hold') socket.pause();
      else socket.resume();
    }
  }

  /** Ends every connection with a reset; new ones are as the mode says. */
  reset(): void {
    for (const socket of this.#sockets) reset(socket);
  }

  async close(): Promise<void> {
    this.reset();
    this.#server.close();
    await once(this.#server, 'close');
  }

  #accept(client: Socket): void {
    // An early reset of ours or theirs is no news to anybody but the other side.
    client.on('error', () => {});
    if (this.#mode === 'refuse') {
      reset(client);
      return;
    }
    const server = connect(this.#target.port, this.#target.host);
    this.#forward(client, server);
    this.#forward(server, client);
  }

  #forward(from: Socket, to: Socket): void {
    this.#sockets.add(from);
    const later = inOrder(() => this.delayMs);
    from.setNoDelay();
    from.on('data', (chunk) => later(() => to.writable && to.write(chunk)));
    from.on('end', () => later(() => to.end()));
    from.on('error', () => reset(to));
    from.on('close', () => {
      this.#sockets.delete(from);
      later(() => to.end());
    });
    if (this.#mode === 'hold') from.pause();
  }
}

/** A reset of a socket whose end is on its way fails, and Node 20 then waits for its handle at the end of the process for ever. */
function reset(socket: Socket): void {
  if (socket.writableEnded) socket.destroy();
  else socket.resetAndDestroy();
}

/**
 * Does steps one after the other, each when its delay is over. Bytes must keep their order also when the delay is made
 * shorter and when timers are late: swapped frames of HTTP/2 may be valid, and tell of a world that never was.
 */
function inOrder(delayMs: () => number): (step: () => void) => void {
  const waiting: { readonly dueMs: number; readonly step: () => void }[] = [];
  const pump = (): void => {
    for (let head = waiting[0]; head !== undefined; head = waiting[0]) {
      const leftMs = head.dueMs - performance.now();
      if (leftMs > 0) {
        setTimeout(pump, Math.ceil(leftMs));
        return;
      }
      head.step();
      waiting.shift();
    }
  };
  return (step) => {
    waiting.push({ dueMs: performance.now() + delayMs(), step });
    if (waiting.length === 1) pump();
  };
}
