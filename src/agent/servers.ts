/** The agent's listeners: all of them, or none and a clear error. */
import type { Config } from '../config/config.ts';
import { type DnsDeps, DnsServer } from '../dns/dns.ts';
import { DnsError } from '../dns/dns-error.ts';
import { type HttpDeps, HttpServer } from '../http/http.ts';
import { AgentError } from './errors.ts';

export interface Servers {
  /** `http://127.0.0.1:8500`, the first of all; undefined when HTTP is off. */
  readonly httpUrl: string | undefined;
  close(): Promise<void>;
}

export async function openServers(
  config: Config,
  deps: { readonly http: HttpDeps; readonly dns: DnsDeps },
): Promise<Servers> {
  const opened: { close(): Promise<void> }[] = [];
  const close = async (): Promise<void> => void (await Promise.all(opened.map((server) => server.close())));
  try {
    const urls: string[] = [];
    for (const host of config.ports.http < 0 ? [] : config.addresses.http) {
      const server = new HttpServer(httpOptions(config, host), deps.http);
      urls.push(await listenHttp(server, host, config.ports.http));
      opened.push(server);
    }
    if (urls.length > 0) deps.http.log.info({ urls }, 'HTTP listens');
    if (config.ports.dns >= 0) {
      const dns = new DnsServer(dnsOptions(config), deps.dns);
      opened.push(dns);
      await listenDns(dns);
    }
    return { httpUrl: urls[0], close };
  } catch (error) {
    await close();
    throw error;
  }
}

async function listenDns(server: DnsServer): Promise<void> {
  try {
    await server.listen();
  } catch (cause) {
    throw cause instanceof DnsError ? new AgentError('listen', cause.message, { cause }) : cause;
  }
}

async function listenHttp(server: HttpServer, host: string, port: number): Promise<string> {
  try {
    const bound = await server.listen();
    return `http://${bound.host.includes(':') ? `[${bound.host}]` : bound.host}:${bound.port}`;
  } catch (cause) {
    throw new AgentError('listen', listenText(host, port, cause as NodeJS.ErrnoException), { cause });
  }
}

function listenText(host: string, port: number, error: NodeJS.ErrnoException): string {
  const place = `HTTP can't listen on ${host} port ${port}`;
  switch (error.code) {
    case 'EADDRINUSE':
      return `${place}: the port is taken; stop who has it, or choose another with -http-port`;
    case 'EACCES':
      return `${place}: no permission; ports below 1024 need root, choose another with -http-port`;
    case 'EADDRNOTAVAIL':
      return `${place}: this host has no such address; choose one with -client`;
    default:
      return `${place}: ${error.message}`;
  }
}

function httpOptions(config: Config, host: string): ConstructorParameters<typeof HttpServer>[0] {
  const { http } = config;
  return {
    host,
    port: config.ports.http,
    datacenter: config.datacenter,
    alwaysPretty: config.dev,
    defaultQueryTimeMs: http.defaultQueryMs,
    maxQueryTimeMs: http.maxQueryMs,
    discoveryMaxStaleMs: http.discoveryMaxStaleMs,
    leaderReads: http.leaderReads,
    kvMaxValueBytes: http.kvMaxValueBytes,
    maxConnectionsPerClient: http.maxConnsPerClient,
    responseHeaders: http.responseHeaders,
    blockEndpoints: http.blockEndpoints,
    allowWriteFrom: http.allowWriteFrom,
    allowUnprintable: !http.refuseUnprintable,
    cacheBytes: http.bodyCacheBytes,
  };
}

function dnsOptions(config: Config): ConstructorParameters<typeof DnsServer>[0] {
  const { domain, altDomain, addresses, ports, dns } = config;
  return { ...dns, domain, altDomain, addresses: addresses.dns, port: ports.dns };
}
