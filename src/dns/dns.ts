import { isIPv6 } from 'node:net';
import { systemClock } from '../lib/clock.ts';
import type { Clock } from '../lib/clock.ts';
import type { Logger } from '../lib/log.ts';
import type { DnsCatalog } from './catalog.ts';
import type { AnswerOptions, Authorize } from './options.ts';
import { parseServer, Recursor } from './recursor.ts';
import { Resolver } from './resolver.ts';
import type { Transport } from './resolver.ts';
import { TcpListener } from './tcp.ts';
import { UdpListener } from './udp.ts';

/**
 * The catalog as DNS, over UDP and TCP.
 *
 * The way of a packet: udp.ts / tcp.ts -> resolver.ts -> query.ts (bytes -> question) -> names.ts (name -> lookup) ->
 * answer.ts (lookup + catalog -> records) -> reply.ts (records -> bytes), with answer-cache.ts in front of all of it.
 */
export interface DnsOptions extends AnswerOptions {
  /** IP addresses to listen on. */
  readonly addresses: readonly string[];
  /** The same for UDP and TCP; 0 = any that is free. */
  readonly port: number;
  /** For encoded answers; default 32 MiB. */
  readonly cacheBytes?: number;
  /** Default 10 s. */
  readonly tcpIdleMs?: number;
  /** For each address; default 4096. */
  readonly maxTcpConnections?: number;
}

export interface DnsDeps {
  readonly catalog: DnsCatalog;
  readonly log: Logger;
  readonly clock?: Clock;
  readonly authorize?: Authorize;
  /** How often the store was found restored to an older state; by default never. */
  readonly restores?: () => number;
}

const defaultCacheBytes = 32 << 20;
const defaultTcpIdleMs = 10_000;
const defaultMaxTcpConnections = 4096;

export class DnsServer {
  readonly #options: DnsOptions;
  readonly #deps: DnsDeps;
  readonly #listeners: (UdpListener | TcpListener)[] = [];
  #resolver: Resolver;

  constructor(options: DnsOptions, deps: DnsDeps) {
    this.#options = options;
    this.#deps = deps;
    this.#resolver = this.#openResolver(options);
  }

  /** Opens all sockets or none; resolves to where they listen. Throws DnsError. */
  async listen(): Promise<readonly { readonly host: string; readonly port: number }[]> {
    try {
      const places: { host: string; port: number }[] = [];
      for (const host of this.#options.addresses) places.push({ host, port: await this.#open(host) });
      this.#deps.log.info(
        {
          addresses: places.map(({ host, port }) => (isIPv6(host) ? `[${host}]:${port}` : `${host}:${port}`)),
        },
        'DNS listens',
      );
      return places;
    } catch (error) {
      await this.close();
      throw error;
    }
  }

  /** From now on answers follow these options; the sockets stay as they are. */
  reload(answers: AnswerOptions): void {
    this.#resolver = this.#openResolver(answers);
  }

  async close(): Promise<void> {
    await Promise.all(this.#listeners.splice(0).map((listener) => listener.close()));
  }

  async #open(host: string): Promise<number> {
    const {
      port: wanted,
      tcpIdleMs = defaultTcpIdleMs,
      maxTcpConnections = defaultMaxTcpConnections,
    } = this.#options;
    const resolve = (transport: Transport) => (packet: Buffer) => this.#resolver.resolve(packet, transport);
    // Beside a socket for all of IPv4, one for all of IPv6 must not want IPv4 too.
    const ipv6Only = isIPv6(host) && this.#options.addresses.includes('0.0.0.0');
    const tcp = new TcpListener(
      { idleMs: tcpIdleMs, maxConnections: maxTcpConnections, ipv6Only },
      { resolve: resolve('tcp') },
    );
    const udp = new UdpListener({ host, ipv6Only }, { resolve: resolve('udp') });
    this.#listeners.push(tcp, udp);
    const port = await tcp.listen(host, wanted);
    return udp.listen(host, port);
  }

  #openResolver(answers: AnswerOptions): Resolver {
    const { addresses, port, cacheBytes = defaultCacheBytes } = this.#options;
    const { catalog, log, clock = systemClock, authorize, restores } = this.#deps;
    // A recursor that is this server would be asked for ever.
    const servers = answers.recursors.filter((text) => {
      const server = parseServer(text);
      const isSelf = server.port === port && addresses.includes(server.host);
      if (isSelf) log.warn({ recursor: text }, 'recursor is this server itself and is left out');
      return !isSelf;
    });
    const recursor = new Recursor(
      { servers, strategy: answers.recursorStrategy, timeoutMs: answers.recursorTimeoutMs },
      { log },
    );
    return new Resolver(
      { answers: { ...answers, recursors: servers }, cacheBytes },
      {
        catalog,
        clock,
        recursor,
        log,
        ...(authorize === undefined ? {} : { authorize }),
        ...(restores === undefined ? {} : { restores }),
      },
    );
  }
}
