import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';

type Body = Record<string, unknown>;

/** The part of a Consul agent that a registrar talks to: agent services and checks, and the KV store with waiting. */
export class ConsulAgent {
  readonly services = new Map<string, Body>();
  readonly checks = new Map<string, Body>();
  readonly requests: string[] = [];
  readonly #kv = new Map<string, { value: string; index: number }>();
  readonly #waiting = new Set<() => void>();
  readonly #server: Server;
  #index = 1;
  /** Status answered to every request for the KV store; 0 = it works. */
  kvStatus = 0;

  private constructor(server: Server) {
    this.#server = server;
    server.on('request', (request: IncomingMessage, response) => {
      void this.#answer(request).then(([status, body]) => {
        response.writeHead(status, {
          'content-type': 'application/json',
          'X-Consul-Index': String(this.#index),
        });
        response.end(typeof body === 'string' ? body : JSON.stringify(body));
      });
    });
  }

  static async open(): Promise<ConsulAgent> {
    const agent = new ConsulAgent(createServer());
    await new Promise<void>((resolve) => agent.#server.listen(0, '127.0.0.1', resolve));
    return agent;
  }

  get address(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async close(): Promise<void> {
    this.#wake();
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  async #answer(request: IncomingMessage): Promise<readonly [number, unknown]> {
    const url = new URL(request.url ?? '', 'http://x');
    const path = decodeURIComponent(url.pathname);
    const body = await readBody(request);
    this.requests.push(`${request.method} ${path}`);
    if (path === '/v1/agent/services') return [200, Object.fromEntries(this.services)];
    if (path === '/v1/agent/checks') return [200, Object.fromEntries(this.checks)];
    if (path === '/v1/agent/service/register') return this.#register(JSON.parse(body) as Body);
    const removed = /^\/v1\/agent\/service\/deregister\/(.*)$/.exec(path)?.[1];
    if (removed !== undefined) return this.#deregister(removed);
    const updated = /^\/v1\/agent\/check\/update\/(.*)$/.exec(path)?.[1];
    if (updated !== undefined) return this.#update(updated, JSON.parse(body) as Body);
    const key = /^\/v1\/kv\/(.*)$/.exec(path)?.[1];
    if (key === undefined) return [404, ''];
    return this.kvStatus === 0
      ? this.#keyValue(request.method ?? '', key, url.searchParams, body)
      : [this.kvStatus, 'no'];
  }

  #register(body: Body): readonly [number, unknown] {
    const { Checks, Name, ...service } = body as { Checks: readonly Body[]; Name: string; ID: string };
    if (Name === '') return [400, 'Missing service name'];
    this.services.set(service.ID, { ...service, Service: Name });
    for (const [id, check] of this.checks) {
      if (check['ServiceID'] === service.ID && !Checks.some(({ CheckID }) => CheckID === id))
        this.checks.delete(id);
    }
    for (const check of Checks) {
      const id = String(check['CheckID']);
      const before = this.checks.get(id);
      const status = before?.['Status'] ?? check['Status'] ?? 'critical';
      this.checks.set(id, {
        ...check,
        ServiceID: service.ID,
        Status: status,
        Output: before?.['Output'] ?? '',
      });
    }
    return [200, ''];
  }

  #deregister(id: string): readonly [number, unknown] {
    for (const [checkId, check] of this.checks) if (check['ServiceID'] === id) this.checks.delete(checkId);
    return this.services.delete(id) ? [200, ''] : [404, `Unknown service ID "${id}"`];
  }

  #update(id: string, { Status, Output }: Body): readonly [number, unknown] {
    const check = this.checks.get(id);
    if (check?.['TTL'] === undefined) return [404, `Unknown check ID "${id}"`];
    this.checks.set(id, { ...check, Status, Output });
    return [200, ''];
  }

  async #keyValue(
    method: string,
    key: string,
    query: URLSearchParams,
    body: string,
  ): Promise<readonly [number, unknown]> {
    const cas = Number(query.get('cas') ?? 0);
    const row = this.#kv.get(key);
    if (method !== 'GET') {
      if ((row?.index ?? 0) !== cas) return [200, false];
      this.#index++;
      if (method === 'PUT') this.#kv.set(key, { value: body, index: this.#index });
      else this.#kv.delete(key);
      this.#wake();
      return [200, true];
    }
    if (Number(query.get('index') ?? 0) >= this.#index)
      await this.#wait(Number.parseInt(query.get('wait') ?? '60000', 10));
    const now = this.#kv.get(key);
    if (now === undefined) return [404, ''];
    const Value = Buffer.from(now.value).toString('base64');
    return [
      200,
      [{ Key: key, Value, Flags: 0, LockIndex: 0, CreateIndex: now.index, ModifyIndex: now.index }],
    ];
  }

  #wait(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, ms);
      this.#waiting.add(() => {
        clearTimeout(timer);
        resolve();
      });
    });
  }

  #wake(): void {
    for (const wake of this.#waiting) wake();
    this.#waiting.clear();
  }
}

async function readBody(request: IncomingMessage): Promise<string> {
  let text = '';
  for await (const chunk of request.setEncoding('utf8')) text += String(chunk);
  return text;
}
