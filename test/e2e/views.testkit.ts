import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { promisify } from 'node:util';
import packet from 'dns-packet';
import { Pool } from 'undici';

/** Rows are `id address:port`, those of DNS `address:port`; sorted. */
export interface Views {
  /** /v1/catalog/service */
  readonly catalog: readonly string[];
  /** /v1/health/service?passing */
  readonly passing: readonly string[];
  readonly dns: readonly string[];
  readonly file: readonly string[];
}

interface ServiceRow {
  readonly ServiceID: string;
  readonly ServiceAddress: string;
  readonly ServicePort: number;
  readonly Address: string;
}

interface HealthRow {
  readonly Node: { readonly Address: string };
  readonly Service: { readonly ID: string; readonly Address: string; readonly Port: number };
}

/** What one agent and its rendered file say of one service. Connections are kept: a look takes about a millisecond. */
export class AgentViews {
  readonly #service: string;
  readonly #file: string;
  readonly #dnsPort: number;
  readonly #http: Pool;
  readonly #dns: DnsClient;

  constructor(url: string, dnsPort: number, service: string, file: string) {
    this.#http = new Pool(url, { connections: 4 });
    this.#dns = new DnsClient(dnsPort);
    this.#dnsPort = dnsPort;
    this.#service = service;
    this.#file = file;
  }

  async look(): Promise<Views> {
    const [services, health, dns] = await Promise.all([
      this.get<ServiceRow[]>(`/v1/catalog/service/${this.#service}`),
      this.get<HealthRow[]>(`/v1/health/service/${this.#service}?passing`),
      this.#dns.places(`${this.#service}.service.consul`),
    ]);
    return {
      catalog: services.body
        .map((row) => `${row.ServiceID} ${row.ServiceAddress || row.Address}:${row.ServicePort}`)
        .sort(),
      passing: health.body
        .map(({ Node, Service }) => `${Service.ID} ${Service.Address || Node.Address}:${Service.Port}`)
        .sort(),
      dns,
      file: readUpstream(this.#file),
    };
  }

  /** Ports as dig reads them from SRV records over TCP. */
  async dig(): Promise<readonly number[]> {
    const name = `${this.#service}.service.consul`;
    const args = ['@127.0.0.1', '-p', String(this.#dnsPort), '+tcp', '+short', '+tries=1', name, 'SRV'];
    const { stdout } = await promisify(execFile)('dig', args);
    const lines = stdout.split('\n').filter((line) => line !== '');
    return lines.map((line) => Number(line.split(' ')[2])).sort((a, b) => a - b);
  }

  async get<T>(path: string): Promise<{ readonly body: T; readonly index: number }> {
    const answer = await this.#http.request({ method: 'GET', path });
    const text = await answer.body.text();
    if (answer.statusCode !== 200) throw new Error(`${path}: ${answer.statusCode} ${text}`);
    return { body: JSON.parse(text) as T, index: Number(answer.headers['x-consul-index']) };
  }

  async close(): Promise<void> {
    this.#dns.close();
    await this.#http.destroy();
  }
}

/** The servers of a rendered upstream, with the id that stands behind each as a comment. */
function readUpstream(path: string): readonly string[] {
  const lines = readFileSync(path, 'utf8').matchAll(/^\s*server (\S+); # (.+)$/gm);
  return [...lines].map(([, place, id]) => `${id} ${place}`).sort();
}

/** SRV questions over one TCP connection, which carries answers of any length. */
class DnsClient {
  readonly #port: number;
  #socket: Socket | undefined;

  constructor(port: number) {
    this.#port = port;
  }

  async places(name: string): Promise<readonly string[]> {
    const questions = [{ type: 'SRV', name }];
    const { answers = [], additionals = [] } = packet.decode(
      await this.#ask(packet.encode({ type: 'query', id: 1, flags: packet.RECURSION_DESIRED, questions })),
    );
    const addresses = new Map(
      additionals.filter(({ type }) => type === 'A').map((row) => [row.name, String(row.data)]),
    );
    return answers
      .filter(({ type }) => type === 'SRV')
      .map(({ data }) => data as { readonly target: string; readonly port: number })
      .map(({ target, port }) => `${addresses.get(target) ?? '?'}:${port}`)
      .sort();
  }

  close(): void {
    this.#socket?.destroy();
    this.#socket = undefined;
  }

  async #ask(query: Buffer): Promise<Buffer> {
    const socket = await this.#open();
    const length = Buffer.alloc(2);
    length.writeUInt16BE(query.length);
    return new Promise((resolve, reject) => {
      let bytes = Buffer.alloc(0);
      const onData = (chunk: Buffer): void => {
        bytes = Buffer.concat([bytes, chunk]);
        if (bytes.length < 2 || bytes.length < 2 + bytes.readUInt16BE()) return;
        socket.off('data', onData).off('close', onClose);
        resolve(bytes.subarray(2));
      };
      const onClose = (): void => reject(new Error('the DNS server closed the connection'));
      socket.on('data', onData).on('close', onClose);
      socket.write(Buffer.concat([length, query]));
    });
  }

  async #open(): Promise<Socket> {
    if (this.#socket?.writable === true && this.#socket.readable) return this.#socket;
    const socket = connect(this.#port, '127.0.0.1').setNoDelay();
    await once(socket, 'connect');
    // A reset closes it, which is what whoever asks waits for.
    socket.on('error', () => {});
    this.#socket = socket;
    return socket;
  }
}
