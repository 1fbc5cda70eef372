/**
 * HTTP from one port to a Consul API, with the faults of a bad network and the habits of other Consuls.
 *
 * Habits: `global-index`, every view has the newest index of all and any write wakes it (before 1.0.7, and lists still);
 * `no-row-index`, rows do not tell when they changed; `lagging`, plain stale reads come from a server that has heard
 * nothing of the last 150 ms.
 */
import { once } from 'node:events';
import { Agent, createServer, request } from 'node:http';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import type { Random } from '../chaos/random.testkit.ts';

export type Habit = 'none' | 'global-index' | 'no-row-index' | 'lagging';

/** Chances of each for a request while faults are on. */
const faultRates = { throttled: 0.08, broken: 0.08, cut: 0.08, stalled: 0.02, slow: 0.1 } as const;
type Fault = keyof typeof faultRates;

const lagMs = 150;

interface Reply {
  readonly status: number;
  readonly headers: Record<string, string>;
  readonly body: Buffer;
}

export class ConsulProxy {
  habit: Habit = 'none';
  hasFaults = false;
  /** Answers take up to so long on their way back, so that they overtake each other. */
  jitterMs = 0;
  requests = 0;
  /** Paths of the last requests. */
  readonly seen: string[] = [];
  mostSockets = 0;
  #sockets = 0;
  readonly #target: URL;
  readonly #random: Random;
  readonly #agent = new Agent({ keepAlive: true });
  readonly #server: Server = createServer((asked, response) => {
    this.#handle(asked, response).catch(() => response.destroy());
  });
  readonly #stalled = new Set<ServerResponse>();
  readonly #memory = new Map<string, { readonly reply: Reply; readonly atMs: number }>();
  readonly #writesMs: number[] = [];
  #index = 1000;
  /** Requests that wait for the next write. */
  readonly #held = new Set<() => void>();

  private constructor(target: string, random: Random) {
    this.#target = new URL(target);
    this.#random = random;
    this.#server.keepAliveTimeout = 60_000;
    this.#server.on('connection', (socket: Socket) => {
      this.#sockets++;
      socket.on('close', () => this.#sockets--);
      // The end of one whose place this takes is heard of a little later.
      setTimeout(() => (this.mostSockets = Math.max(this.mostSockets, this.#sockets)), 50).unref();
    });
  }

  static async open(target: string, random: Random): Promise<ConsulProxy> {
    const proxy = new ConsulProxy(target, random);
    proxy.#server.listen(0, '127.0.0.1');
    await once(proxy.#server, 'listening');
    return proxy;
  }

  get address(): string {
    return `127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  close(): void {
    this.#server.close();
    this.#server.closeAllConnections();
    this.#agent.destroy();
  }

  /** Something has been written behind it. */
  wrote(): void {
    this.#index++;
    this.#writesMs.push(performance.now());
    for (const wake of Array.from(this.#held)) wake();
  }

  /** The end of all faults: what is stalled is cut off. */
  heal(): void {
    this.hasFaults = false;
    for (const response of this.#stalled) response.destroy();
    this.#stalled.clear();
  }

  async #handle(asked: IncomingMessage, response: ServerResponse): Promise<void> {
    this.requests++;
    this.seen.push(asked.url ?? '');
    if (this.seen.length > 400) this.seen.shift();
    const fault = this.hasFaults ? this.#drawFault() : undefined;
    if (fault === 'throttled') return void response.writeHead(429).end('too many requests');
    if (fault === 'broken') return void response.writeHead(500).end('No cluster leader');
    if (fault === 'stalled') return void this.#stalled.add(response);
    const reply = await this.#reply(asked, response);
    if (reply === undefined || response.destroyed) return;
    if (this.jitterMs > 0) await delay(this.#random.between(0, this.jitterMs));
    if (fault === 'slow') await delay(this.#random.between(20, 300));
    response.writeHead(reply.status, { ...reply.headers, 'content-length': reply.body.length });
    if (fault === 'cut')
      response.write(reply.body.subarray(0, reply.body.length >> 1), () => response.destroy());
    else response.end(reply.body);
  }

  #drawFault(): Fault | undefined {
    let draw = this.#random.next();
    for (const [fault, rate] of Object.entries(faultRates)) {
      draw -= rate;
      if (draw < 0) return fault as Fault;
    }
    return undefined;
  }

  async #reply(asked: IncomingMessage, response: ServerResponse): Promise<Reply | undefined> {
    const url = new URL(asked.url ?? '/', this.#target);
    if (this.habit === 'global-index') return this.#replyGlobally(url, asked, response);
    if (this.habit === 'lagging') return this.#replyLate(url, asked, response);
    const reply = await this.#forward(url, asked, response);
    const isCatalog = /^\/v1\/(?:catalog|health)\//.test(url.pathname);
    if (this.habit !== 'no-row-index' || !isCatalog || reply === undefined) return reply;
    const text = reply.body.toString().replace(/,"(?:Create|Modify)Index":\d+/g, '');
    return { ...reply, body: Buffer.from(text) };
  }

  /** Holds by itself: the index is that of the last write. */
  async #replyGlobally(
    url: URL,
    asked: IncomingMessage,
    response: ServerResponse,
  ): Promise<Reply | undefined> {
    const wanted = Number(url.searchParams.get('index') ?? 0);
    const waitMs = Number.parseFloat(url.searchParams.get('wait') ?? '60000');
    if (wanted > 0 && wanted >= this.#index) await this.#written(waitMs, response);
    if (response.destroyed) return undefined;
    url.searchParams.delete('index');
    const index = this.#index;
    const reply = await this.#forward(url, asked, response);
    if (reply === undefined || !('x-consul-index' in reply.headers)) return reply;
    return { ...reply, headers: { ...reply.headers, 'x-consul-index': String(index) } };
  }

  #written(waitMs: number, response: ServerResponse): Promise<void> {
    return new Promise((resolve) => {
      const end = (): void => {
        clearTimeout(timer);
        this.#held.delete(end);
        resolve();
      };
      const timer = setTimeout(end, waitMs);
      this.#held.add(end);
      response.once('close', end);
    });
  }

  async #replyLate(url: URL, asked: IncomingMessage, response: ServerResponse): Promise<Reply | undefined> {
    const isPlain = url.searchParams.has('stale') && !url.searchParams.has('index');
    const known = this.#memory.get(url.href);
    if (isPlain && known !== undefined && this.#isStillThere(known.atMs) && this.#random.chance(0.7))
      return { ...known.reply, headers: { ...known.reply.headers, 'x-consul-lastcontact': '30' } };
    const atMs = performance.now();
    const reply = await this.#forward(url, asked, response);
    if (reply !== undefined && isPlain) this.#memory.set(url.href, { reply, atMs });
    return reply;
  }

  /** Whether a server that is behind may still say what was true then. */
  #isStillThere(atMs: number): boolean {
    const next = this.#writesMs.find((writtenMs) => writtenMs > atMs);
    return next === undefined || next > performance.now() - lagMs;
  }

  #forward(url: URL, asked: IncomingMessage, response: ServerResponse): Promise<Reply | undefined> {
    return new Promise((resolve, reject) => {
      const inner = request(
        url,
        { method: asked.method ?? 'GET', agent: this.#agent, headers: { ...asked.headers, host: url.host } },
        (answer) => {
          const chunks: Buffer[] = [];
          answer.on('data', (chunk: Buffer) => chunks.push(chunk));
          answer.on('error', reject);
          answer.on('end', () => {
            const { 'transfer-encoding': _, ...headers } = answer.headers as Record<string, string>;
            resolve({ status: answer.statusCode ?? 0, headers, body: Buffer.concat(chunks) });
          });
        },
      );
      inner.on('error', (error) => (response.destroyed ? resolve(undefined) : reject(error)));
      response.once('close', () => inner.destroy());
      inner.end();
    });
  }
}
