/** Consul's sessions and KV locks, as far as they matter to those who share data: one counter, blocking reads of one key. */
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { TestContext } from 'node:test';
import { parseDurationMs } from '../lib/duration.ts';

interface Row {
  readonly value: Buffer;
  readonly session: string;
  readonly index: number;
}

export class LockServer {
  hasSessions = true;
  /** Answers everything with a 500. */
  isBroken = false;
  /** Paths that were read, in order. */
  readonly reads: string[] = [];
  #index = 1;
  #next = 1;
  readonly #sessions = new Set<string>();
  readonly #rows = new Map<string, Row>();
  readonly #waiting = new Set<() => void>();
  readonly #server = createServer((request, response) => void this.#handle(request, response));

  static async open(t: TestContext): Promise<LockServer> {
    const server = new LockServer();
    server.#server.listen(0, '127.0.0.1');
    await once(server.#server, 'listening');
    t.after(() => {
      server.#server.close();
      server.#server.closeAllConnections();
    });
    return server;
  }

  get address(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  keys(): readonly string[] {
    return [...this.#rows.keys()].sort();
  }

  sizes(): readonly number[] {
    return [...this.#rows.values()].map(({ value }) => value.length);
  }

  set(key: string, value: string): void {
    this.#wake();
    this.#rows.set(key, { value: Buffer.from(value), session: '', index: this.#index });
  }

  /** Every session ends, with what it holds (behaviour delete). */
  endSessions(): void {
    for (const id of this.#sessions) this.#endSession(id);
  }

  #endSession(id: string): void {
    this.#sessions.delete(id);
    for (const [key, row] of this.#rows) if (row.session === id) this.#delete(key);
  }

  #delete(key: string): void {
    if (this.#rows.delete(key)) this.#wake();
  }

  #wake(): void {
    this.#index++;
    for (const wake of Array.from(this.#waiting)) wake();
  }

  async #handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const url = new URL(request.url ?? '/', 'http://x');
    const body = Buffer.concat(chunks);
    if (request.method === 'GET') this.reads.push(url.pathname);
    if (this.isBroken) {
      response.statusCode = 500;
      response.end('broken');
      return;
    }
    if (url.pathname.startsWith('/v1/session/')) this.#session(url.pathname.slice(12), response);
    else
      await this.#kv(request.method ?? 'GET', decodeURIComponent(url.pathname.slice(7)), url, body, response);
  }

  #session(path: string, response: ServerResponse): void {
    const [verb, id = ''] = path.split('/');
    if (!this.hasSessions) {
      response.statusCode = 404;
      response.end('no such thing');
    } else if (verb === 'create') {
      const created = `session-${this.#next++}`;
      this.#sessions.add(created);
      response.end(JSON.stringify({ ID: created }));
    } else if (verb === 'renew') {
      response.statusCode = this.#sessions.has(id) ? 200 : 404;
      response.end(JSON.stringify([{ ID: id }]));
    } else {
      this.#endSession(id);
      response.end('true');
    }
  }

  async #kv(method: string, key: string, url: URL, body: Buffer, response: ServerResponse): Promise<void> {
    if (method === 'GET') {
      const index = Number(url.searchParams.get('index') ?? 0);
      await this.#changed(key, index, parseDurationMs(url.searchParams.get('wait') ?? '') ?? 1000, response);
      const row = this.#rows.get(key);
      response.setHeader('X-Consul-Index', row?.index ?? this.#index);
      response.statusCode = row === undefined ? 404 : 200;
      const shown = { Key: key, Value: row?.value.toString('base64'), Session: row?.session, Flags: 0 };
      response.end(
        row === undefined ? '' : JSON.stringify([{ ...shown, LockIndex: 1, CreateIndex: 1, ModifyIndex: 1 }]),
      );
    } else if (method === 'DELETE') {
      this.#delete(key);
      response.end('true');
    } else {
      const session = url.searchParams.get('acquire') ?? '';
      const held = this.#rows.get(key)?.session ?? '';
      const isAllowed = this.#sessions.has(session) && (held === '' || held === session);
      if (isAllowed) {
        this.#wake();
        this.#rows.set(key, { value: body, session, index: this.#index });
      }
      response.end(String(isAllowed));
    }
  }

  /** Resolves when the key's index is above `index`, when it is gone, or after `waitMs`. */
  #changed(key: string, index: number, waitMs: number, response: ServerResponse): Promise<void> {
    const isNew = (): boolean => index === 0 || (this.#rows.get(key)?.index ?? Number.MAX_VALUE) > index;
    return new Promise((resolve) => {
      if (isNew()) return resolve();
      const finish = (): void => {
        clearTimeout(timer);
        this.#waiting.delete(look);
        resolve();
      };
      const look = (): void => {
        // The row is set after the wake-up.
        queueMicrotask(() => {
          if (isNew()) finish();
        });
      };
      const timer = setTimeout(finish, waitMs);
      this.#waiting.add(look);
      response.once('close', finish);
    });
  }
}
