import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

type Handler = (request: IncomingMessage, response: ServerResponse) => void;

/** Speaks the protocol of a Docker engine on a socket of its own; a test says what each path answers. */
export class EngineServer {
  readonly socketPath: string;
  readonly requests: string[] = [];
  /** Path without version and query -> handler. */
  readonly handlers = new Map<string, Handler>();
  readonly streams: ServerResponse[] = [];
  readonly #folder: string;
  readonly #server: Server;

  private constructor(folder: string) {
    this.#folder = folder;
    this.socketPath = join(folder, 'd.sock');
    this.#server = createServer((request, response) => this.#answer(request, response));
    this.handlers.set('/_ping', (_, response) =>
      response.writeHead(200, { 'Api-Version': '1.41' }).end('OK'),
    );
    this.json('/info', { ID: 'ABCD', Name: 'host', SystemTime: '2026-11-22T19:31:06.765328688Z' });
    this.json('/containers/json', []);
    this.handlers.set('/events', (_, response) => {
      response.writeHead(200, { 'content-type': 'application/json' });
      response.flushHeaders();
      this.streams.push(response);
    });
  }

  static async open(): Promise<EngineServer> {
    const server = new EngineServer(mkdtempSync(join(tmpdir(), 'portolan-engine-')));
    await new Promise<void>((resolve) => server.#server.listen(server.socketPath, resolve));
    return server;
  }

  json(path: string, body: unknown, status = 200): void {
    this.handlers.set(path, (_, response) => response.writeHead(status).end(JSON.stringify(body)));
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
    rmSync(this.#folder, { recursive: true, force: true });
  }

  #answer(request: IncomingMessage, response: ServerResponse): void {
    const url = request.url ?? '';
    this.requests.push(url);
    const path = url.replace(/^\/v[\d.]+/, '').replace(/\?.*$/, '');
    const handler = this.handlers.get(path);
    if (handler === undefined) response.writeHead(404).end('{"message":"No such container"}');
    else handler(request, response);
  }
}
