/** A small listener of `portolan template`: its templates as JSON and its metrics, where an agent has them. */
import { createServer, type ServerResponse } from 'node:http';
import { paths } from '@portolan/sdk/wire';
import { HttpMetrics } from '../http/metrics.ts';
import { systemClock } from '../lib/clock.ts';
import type { Logger } from '../lib/log.ts';
import { AgentError } from './errors.ts';
import type { TemplateGauges } from './template-gauges.ts';

export interface StatusServer {
  close(): Promise<void>;
}

/** `address`: `host:port`, `[::1]:port`, `:port` or a port; without a host it is loopback. '' opens nothing. */
export async function openStatusServer(
  address: string,
  gauges: TemplateGauges,
  log: Logger,
): Promise<StatusServer> {
  if (address === '') return { close: () => Promise.resolve() };
  const { host, port } = parseAddress(address);
  const server = createServer({ requestTimeout: 10_000 });
  const metrics = new HttpMetrics({
    clock: systemClock,
    gauges: () => gauges.read(),
    labelledGauges: gauges.telling.labelledGauges,
  });
  server.on('request', ({ method, url = '' }, response) => {
    void answer(method, url, { gauges, metrics }).then((given) => send(response, given));
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', (cause) => {
      const text = `-status-addr ${address}: ${cause.message}; choose another address`;
      reject(new AgentError('listen', text, { cause }));
    });
    server.listen({ host, port }, resolve);
  });
  log.info({ address: `${host}:${port}` }, 'status listens');
  return {
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function parseAddress(address: string): { readonly host: string; readonly port: number } {
  const found = /^(?:(?:\[([^\]]+)\]|([^:]*)):)?(\d{1,5})$/.exec(address);
  const port = Number(found?.[3]);
  if (found === null || port < 1 || port > 65_535) {
    throw new AgentError('listen', `-status-addr ${address}: not an address; try 127.0.0.1:8599`);
  }
  return { host: found[1] || found[2] || '127.0.0.1', port };
}

interface Given {
  readonly status: number;
  readonly type: string;
  readonly body: string;
}

interface Parts {
  readonly gauges: TemplateGauges;
  readonly metrics: HttpMetrics;
}

async function answer(method: string | undefined, url: string, { gauges, metrics }: Parts): Promise<Given> {
  if (method !== 'GET' && method !== 'HEAD') return text(405, 'method not allowed\n');
  const [path, query = ''] = url.split('?');
  const wantsText = new URLSearchParams(query).get('format') === 'prometheus';
  if (path === paths.agentTemplates) return json(gauges.telling.templates());
  if (path === paths.agentMetrics && !wantsText) return json(metrics.snapshot());
  if (path === '/metrics' || path === paths.agentMetrics) {
    return {
      status: 200,
      type: 'text/plain; version=0.0.4; charset=utf-8',
      body: await metrics.prometheus(),
    };
  }
  return text(404, `there are ${paths.agentTemplates}, ${paths.agentMetrics} and /metrics\n`);
}

function json(value: unknown): Given {
  return { status: 200, type: 'application/json', body: `${JSON.stringify(value, null, 4)}\n` };
}

function text(status: number, body: string): Given {
  return { status, type: 'text/plain; charset=utf-8', body };
}

function send(response: ServerResponse, { status, type, body }: Given): void {
  response.writeHead(status, { 'Content-Type': type, 'Content-Length': Buffer.byteLength(body) });
  response.end(response.req.method === 'HEAD' ? undefined : body);
}
