/** A Consul of a test's own, with Consul's indexes: a global counter, table indexes for lists, blocking queries, and faults by request. */
import { createServer } from 'node:http';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import type { TestContext } from 'node:test';

export interface FakeInstance {
  readonly node: string;
  readonly id: string;
  readonly service: string;
  readonly port: number;
  readonly tags?: readonly string[];
  /** Left out: no check. */
  readonly status?: string;
}

interface Row extends FakeInstance {
  readonly index: number;
  readonly checkIndex: number;
}

/** What a request gets instead of its answer; `cut` ends the connection in the middle of the body. */
export type Fault = (
  url: URL,
  response: ServerResponse,
) => 'cut' | 'handled' | undefined | { readonly noIndex: true };

interface View {
  readonly index: number;
  readonly body: unknown;
  readonly status?: number;
}

export class FakeConsul {
  readonly seen: string[] = [];
  fault: Fault | undefined;
  /** Sockets open now and at most. */
  sockets = 0;
  mostSockets = 0;
  index = 10;
  #isTogether = false;
  #services = 10;
  #checks = 10;
  #nodes = 10;
  #keys = 10;
  readonly #rows = new Map<string, Row>();
  readonly #nodeAddresses = new Map<string, string>();
  /** By node, when one of its instances was taken away. */
  readonly #removals = new Map<string, number>();
  readonly #nodeChecks = new Map<string, { readonly status: string; readonly index: number }>();
  readonly #byService = new Map<string, { index: number; rows: Set<Row> }>();
  readonly #kv = new Map<string, { readonly value: string; readonly index: number }>();
  readonly #graves = new Map<string, number>();
  readonly #held = new Set<() => void>();
  readonly #server: Server = createServer((request, response) => this.#handle(request, response));

  constructor() {
    this.#server.keepAliveTimeout = 60_000;
    this.#server.on('connection', (socket: Socket) => {
      this.sockets++;
      this.mostSockets = Math.max(this.mostSockets, this.sockets);
      socket.on('close', () => this.sockets--);
    });
  }

  async listen(t?: TestContext, port = 0): Promise<string> {
    await new Promise<void>((resolve) => this.#server.listen(port, '127.0.0.1', resolve));
    t?.after(() => this.close());
    return `127.0.0.1:${this.port}`;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  close(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    this.#server.closeAllConnections();
    return closed;
  }

  /** Requests held now. */
  get holds(): number {
    return this.#held.size;
  }

  /** Everything as after a restore: indexes start low again. */
  restore(): void {
    this.index = this.#services = this.#checks = this.#nodes = this.#keys = 3;
    this.#removals.clear();
    for (const [key, row] of this.#rows) this.#rows.set(key, { ...row, index: 3, checkIndex: 3 });
    for (const entry of this.#byService.values()) entry.index = 3;
    for (const entry of this.#byService.values()) entry.rows.clear();
    for (const row of this.#rows.values()) this.#byService.get(row.service)!.rows.add(row);
    for (const [key, { value }] of this.#kv) this.#kv.set(key, { value, index: 3 });
    this.#wake();
  }

  /** All that `write` does has one index, as in a transaction. */
  together(write: () => void): void {
    this.index++;
    this.#isTogether = true;
    write();
    this.#isTogether = false;
    this.#wake();
  }

  register(instance: FakeInstance): void {
    this.#next();
    const key = `${instance.node} ${instance.id}`;
    const known = this.#rows.get(key);
    if (!this.#nodeAddresses.has(instance.node)) {
      this.#nodeAddresses.set(instance.node, '10.0.0.1');
      this.#nodes = this.index;
    }
    const isCheckNew = instance.status !== undefined && known?.status !== instance.status;
    if (isCheckNew) this.#checks = this.index;
    const { status: _a, index: _b, checkIndex: _c, ...was } = known ?? ({} as Partial<Row>);
    const { status: _d, ...is } = instance;
    if (JSON.stringify(was) !== JSON.stringify(is)) this.#services = this.index;
    const checkIndex = isCheckNew ? this.index : (known?.checkIndex ?? 0);
    const row = { ...instance, index: this.index, checkIndex };
    if (known !== undefined) this.#byService.get(known.service)!.rows.delete(known);
    this.#rows.set(key, row);
    const entry = this.#byService.get(instance.service) ?? { index: 0, rows: new Set<Row>() };
    entry.index = this.index;
    entry.rows.add(row);
    this.#byService.set(instance.service, entry);
    this.#wake();
  }

  deregister(node: string, id: string): void {
    this.#next();
    const row = this.#rows.get(`${node} ${id}`)!;
    this.#rows.delete(`${node} ${id}`);
    const entry = this.#byService.get(row.service)!;
    entry.rows.delete(row);
    entry.index = this.index;
    this.#services = this.index;
    this.#removals.set(node, this.index);
    if (row.status !== undefined) this.#checks = this.index;
    this.#wake();
  }

  checkNode(node: string, status: string): void {
    this.index++;
    this.#nodeChecks.set(node, { status, index: this.index });
    this.#checks = this.index;
    for (const { rows } of this.#byService.values()) {
      for (const row of rows) if (row.node === node) this.#byService.get(row.service)!.index = this.index;
    }
    this.#wake();
  }

  moveNode(node: string, address: string): void {
    this.index++;
    this.#nodeAddresses.set(node, address);
    this.#nodes = this.index;
    for (const entry of this.#byService.values()) {
      if ([...entry.rows].some((row) => row.node === node)) entry.index = this.index;
    }
    this.#wake();
  }

  put(key: string, value: string): void {
    this.index++;
    this.#keys = this.index;
    this.#kv.set(key, { value, index: this.index });
    this.#wake();
  }

  delete(key: string): void {
    this.index++;
    this.#keys = this.index;
    this.#kv.delete(key);
    this.#graves.set(key, this.index);
    this.#wake();
  }

  #next(): void {
    if (!this.#isTogether) this.index++;
  }

  #wake(): void {
    if (this.#isTogether) return;
    for (const look of Array.from(this.#held)) look();
  }

  #handle(request: IncomingMessage, response: ServerResponse): void {
    const url = new URL(request.url ?? '', 'http://x');
    this.seen.push(`${url.pathname}${url.search}`);
    const fault = this.fault?.(url, response);
    if (fault === 'handled') return;
    const wanted = Number(url.searchParams.get('index') ?? 0);
    const first = this.#view(url);
    if (wanted === 0 || first.index !== wanted || fault !== undefined)
      return this.#answer(response, first, fault);
    const end = (): void => {
      this.#held.delete(look);
      clearTimeout(timer);
    };
    const look = (): void => {
      const view = this.#view(url);
      if (view.index === wanted) return;
      end();
      this.#answer(response, view, undefined);
    };
    const timer = setTimeout(
      () => {
        end();
        this.#answer(response, this.#view(url), undefined);
      },
      Number.parseFloat(url.searchParams.get('wait') ?? '60000'),
    );
    timer.unref();
    this.#held.add(look);
    response.on('close', end);
  }

  #answer(response: ServerResponse, view: View, fault: ReturnType<Fault>): void {
    const body = JSON.stringify(view.body);
    const headers = {
      'Content-Type': 'application/json',
      'Content-Length': Buffer.byteLength(body),
      'X-Consul-KnownLeader': 'true',
      'X-Consul-LastContact': '0',
      ...(typeof fault === 'object' ? {} : { 'X-Consul-Index': view.index }),
    };
    response.writeHead(view.status ?? 200, headers);
    if (fault !== 'cut') {
      response.end(body);
      return;
    }
    response.write(body.slice(0, body.length >> 1), () => response.destroy());
  }

  #view(url: URL): View {
    const path = decodeURIComponent(url.pathname);
    const [, , area, kind, name = ''] = path.split('/');
    if (area === 'kv') return this.#keysView(path.slice('/v1/kv/'.length), url.searchParams);
    switch (`${area}/${kind}`) {
      case 'catalog/services':
        return { index: this.#services, body: this.#tagsByService() };
      case 'catalog/nodes':
        return {
          index: this.#nodes,
          body: [...this.#nodeAddresses.keys()].sort().map((one) => this.#node(one)),
        };
      case 'catalog/node':
        return this.#nodeView(name);
      case 'catalog/datacenters':
        return { index: 0, body: ['dc1'] };
      case 'health/state':
        return { index: this.#checks, body: this.#allChecks() };
      case 'health/service':
        return this.#serviceView(name, url.searchParams);
      default:
        return { index: 1, body: null, status: 404 };
    }
  }

  #tagsByService(): object {
    const tags = [...this.#byService].filter(([, { rows }]) => rows.size > 0);
    return Object.fromEntries(
      tags.map(([name, { rows }]) => [name, [...new Set([...rows].flatMap((row) => row.tags ?? []))].sort()]),
    );
  }

  #node(name: string): object {
    const address = this.#nodeAddresses.get(name);
    return { ID: '', Node: name, Address: address, Datacenter: 'dc1', TaggedAddresses: null, Meta: null };
  }

  #nodeView(name: string): View {
    if (!this.#nodeAddresses.has(name)) return { index: 1, body: null };
    const own = [...this.#rows.values()].filter((row) => row.node === name);
    const index = Math.max(this.#nodes, this.#removals.get(name) ?? 0, ...own.map((row) => row.index));
    return {
      index,
      body: {
        Node: this.#node(name),
        Services: Object.fromEntries(own.map((row) => [row.id, service(row)])),
      },
    };
  }

  #check(row: Row): object | undefined {
    if (row.status === undefined) return undefined;
    const { node, id, service: name, status, checkIndex } = row;
    return { ...check(node, `service:${id}`, status, checkIndex), ServiceID: id, ServiceName: name };
  }

  #nodeCheck(node: string): object[] {
    const found = this.#nodeChecks.get(node);
    return found === undefined ? [] : [check(node, 'serfHealth', found.status, found.index)];
  }

  #allChecks(): readonly object[] {
    const own = [...this.#rows.values()].map((row) => this.#check(row)).filter((one) => one !== undefined);
    return [...[...this.#nodeChecks.keys()].flatMap((node) => this.#nodeCheck(node)), ...own];
  }

  #serviceView(name: string, parameters: URLSearchParams): View {
    const entry = this.#byService.get(name);
    const tag = parameters.get('tag');
    const rows = [...(entry?.rows ?? [])].filter((row) => tag === null || row.tags?.includes(tag));
    const bodies = rows.map((row) => ({
      Node: this.#node(row.node),
      Service: service(row),
      Checks: [...this.#nodeCheck(row.node), this.#check(row)].filter((one) => one !== undefined),
    }));
    const passing = bodies.filter(({ Checks }) =>
      Checks.every((one) => (one as { Status: string }).Status === 'passing'),
    );
    return {
      index: Math.max(1, entry?.index ?? this.#services),
      body: parameters.has('passing') ? passing : bodies,
    };
  }

  #keysView(path: string, parameters: URLSearchParams): View {
    const isTree = parameters.has('recurse') || parameters.has('keys');
    const rows = [...this.#kv]
      .filter(([key]) => (isTree ? key.startsWith(path) : key === path))
      .sort(([a], [b]) => (a < b ? -1 : 1));
    const graves = [...this.#graves].filter(([key]) => (isTree ? key.startsWith(path) : key === path));
    const index = Math.max(1, ...rows.map(([, row]) => row.index), ...graves.map(([, at]) => at));
    if (rows.length === 0) return { index: index === 1 ? this.#keys : index, body: null, status: 404 };
    if (parameters.has('keys')) {
      const names = rows.map(([key]) => path + key.slice(path.length).replace(/\/.*/, '/'));
      return { index, body: [...new Set(names)] };
    }
    const body = rows.map(([Key, { value, index: at }]) => ({
      LockIndex: 0,
      Key,
      Flags: 0,
      Value: Buffer.from(value).toString('base64'),
      CreateIndex: at,
      ModifyIndex: at,
    }));
    return { index, body };
  }
}

function service(row: Row): object {
  const { id, service: name, port, tags = [], index } = row;
  return {
    ID: id,
    Service: name,
    Tags: tags,
    Address: '',
    Port: port,
    Meta: {},
    Weights: { Passing: 1, Warning: 1 },
    EnableTagOverride: false,
    CreateIndex: index,
    ModifyIndex: index,
  };
}

function check(Node: string, CheckID: string, Status: string, ModifyIndex: number): object {
  return {
    Node,
    CheckID,
    Name: CheckID,
    Status,
    Notes: '',
    Output: 'HTTP GET http://10.0.0.1:80/: 200 OK Output: ok',
    ServiceID: '',
    ServiceName: '',
    ServiceTags: [],
    Type: 'http',
    Definition: {},
    CreateIndex: ModifyIndex,
    ModifyIndex,
  };
}
