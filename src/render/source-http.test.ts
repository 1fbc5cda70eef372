import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import type { TestContext } from 'node:test';
import { HttpSource } from './source-http.ts';
import type { HttpSourceOptions } from './source-http.ts';
import type { Answers, Query, Subscription } from './source.ts';
import { until } from './until.testkit.ts';

/** An API whose views a test sets; a query with a view's own index is held until the view changes. */
class Api {
  readonly seen: string[] = [];
  readonly tokens = new Set<string | undefined>();
  lastContactMs = 0;
  failWith: number | undefined;
  readonly #views = new Map<string, { index: number; status: number; body: unknown }>();
  readonly #held: { path: string; answer: () => void }[] = [];
  readonly server: Server = createServer((request, response) => this.#handle(request, response));

  async listen(t: TestContext, path?: string): Promise<string> {
    await new Promise<void>((resolve) => this.server.listen(path ?? 0, resolve));
    t.after(() => {
      this.server.closeAllConnections();
      this.server.close();
    });
    return path === undefined ? `127.0.0.1:${(this.server.address() as AddressInfo).port}` : `unix://${path}`;
  }

  set(path: string, index: number, body: unknown, status = 200): void {
    this.#views.set(path, { index, status, body });
    for (const held of this.#held.splice(0)) {
      if (held.path === path) held.answer();
      else this.#held.push(held);
    }
  }

  get holds(): number {
    return this.#held.length;
  }

  #handle(request: IncomingMessage, response: ServerResponse): void {
    const url = new URL(request.url ?? '', 'http://x');
    this.seen.push(`${url.pathname}${url.search}`);
    this.tokens.add(request.headers['x-consul-token'] as string | undefined);
    const answer = (): void => {
      const view = this.#views.get(url.pathname) ?? { index: 1, status: 404, body: '' };
      const { failWith } = this;
      response.writeHead(failWith ?? view.status, {
        'X-Consul-Index': view.index,
        'X-Consul-KnownLeader': 'true',
        'X-Consul-LastContact': url.searchParams.has('stale') ? this.lastContactMs : 0,
      });
      response.end(failWith === undefined ? JSON.stringify(view.body) : 'no');
    };
    const index = Number(url.searchParams.get('index') ?? 0);
    const view = this.#views.get(url.pathname);
    if (index > 0 && view?.index === index && this.failWith === undefined)
      this.#held.push({ path: url.pathname, answer });
    else answer();
  }
}

const scope = { dc: '' };

interface Follow<Q extends Query> {
  readonly subscription: Subscription<Q>;
  readonly changes: (Answers[Q['type']] | undefined)[];
  readonly errors: Error[];
}

async function follow<Q extends Query>(
  t: TestContext,
  api: Api,
  query: Q,
  options: Partial<HttpSourceOptions> = {},
): Promise<Follow<Q>> {
  const address = options.address ?? (await api.listen(t));
  const source = new HttpSource({ address, retry: { minMs: 5, maxMs: 20 }, ...options });
  t.after(() => source.close());
  const changes: (Answers[Q['type']] | undefined)[] = [];
  const errors: Error[] = [];
  const subscription = source.subscribe(
    query,
    () => changes.push(subscription.current()?.data),
    (error) => errors.push(error),
  );
  return { subscription, changes, errors };
}

function entry(node: string, id: string, status: string, tags: readonly string[] | null = []): object {
  return {
    Node: { ID: 'u', Node: node, Address: '10.0.0.1', Datacenter: 'dc1', TaggedAddresses: null, Meta: null },
    Service: {
      ID: id,
      Service: 'web',
      Tags: tags,
      Address: '',
      Port: 80,
      Meta: { v: '1' },
      Weights: { Passing: 1, Warning: 1 },
    },
    Checks: [{ Node: node, CheckID: 'c', Name: 'c', Status: status, ServiceID: id, ServiceName: 'web' }],
  };
}

const service = { type: 'service', name: 'web', tag: '', near: '', filters: ['passing'], ...scope } as const;

test('instances come sorted, filtered and with the address of their node', async (t) => {
  const api = new Api();
  api.set('/v1/health/service/web', 7, [
    entry('b', 'x', 'passing', ['z', 'a']),
    entry('a', 'y', 'passing', null),
  ]);
  const { changes } = await follow(t, api, { ...service, dc: 'dc2', tag: 't' }, { token: 'secret' });
  await until(() => changes.length === 1);
  // The server has filtered by tag already; what it let through without one is dropped.
  assert.deepEqual(changes[0], []);
  assert.equal(api.seen[0], '/v1/health/service/web?tag=t&passing=1&wait=60000ms&stale&dc=dc2');
  assert.deepEqual([...api.tokens], ['secret']);
  const all = await follow(t, api, { ...service, filters: ['any'] }, { address: `127.0.0.1:${port(api)}` });
  await until(() => all.changes.length === 1);
  assert.deepEqual(
    all.changes[0]!.map(({ node, address, tags, status }) => ({ node, address, tags, status })),
    [
      { node: 'a', address: '10.0.0.1', tags: [], status: 'passing' },
      { node: 'b', address: '10.0.0.1', tags: ['a', 'z'], status: 'passing' },
    ],
  );
});

function port(api: Api): number {
  return (api.server.address() as AddressInfo).port;
}

test('a change wakes the follower, equal data do not, and an index that goes back starts over', async (t) => {
  const api = new Api();
  api.set('/v1/health/service/web', 7, [entry('a', 'x', 'passing')]);
  const { changes } = await follow(t, api, { ...service, filters: ['any'] });
  await until(() => changes.length === 1 && api.holds === 1);
  api.set('/v1/health/service/web', 8, [entry('a', 'x', 'critical')]);
  await until(() => changes.length === 2 && api.holds === 1);
  assert.equal(changes[1]![0]!.status, 'critical');
  api.set('/v1/health/service/web', 9, [entry('a', 'x', 'critical')]);
  await until(() => api.seen.some((url) => url.includes('index=9')));
  assert.equal(changes.length, 2);
  api.set('/v1/health/service/web', 3, [entry('a', 'x', 'warning')]);
  await until(() => changes.length === 3 && api.seen.some((url) => url.includes('index=3')));
  const back = api.seen.findIndex((url) => url.includes('index=9'));
  assert.ok(!api.seen[back + 1]!.includes('index='), api.seen.join('\n'));
});

test('keys: an absent one is null and is followed until it appears', async (t) => {
  const api = new Api();
  api.set('/v1/kv/a/b%20c', 5, '', 404);
  const { changes } = await follow(t, api, { type: 'key', key: 'a/b c', ...scope });
  await until(() => changes.length === 1 && api.holds === 1);
  const row = {
    LockIndex: 0,
    Key: 'a/b c',
    Flags: 0,
    Value: Buffer.from('hé').toString('base64'),
    CreateIndex: 6,
    ModifyIndex: 6,
  };
  api.set('/v1/kv/a/b%20c', 6, [row]);
  await until(() => changes.length === 2);
  assert.deepEqual(changes, [null, 'hé']);
});

test('a prefix lists pairs by path, with keys below the prefix', async (t) => {
  const api = new Api();
  const row = (Key: string): object => ({
    LockIndex: 1,
    Key,
    Flags: 3,
    Value: null,
    CreateIndex: 6,
    ModifyIndex: 7,
    Session: 's',
  });
  api.set('/v1/kv/p', 6, [row('p/b'), row('p/a/'), row('pq')]);
  const { changes } = await follow(t, api, { type: 'prefix', prefix: 'p', ...scope });
  await until(() => changes.length === 1);
  assert.deepEqual(
    changes[0]!.map(({ path, key }) => [path, key]),
    [
      ['p/a/', 'a/'],
      ['p/b', 'b'],
      ['pq', 'q'],
    ],
  );
  const { path: _path, key: _key, ...rest } = changes[0]![0]!;
  assert.deepEqual(rest, {
    value: '',
    createIndex: 6,
    modifyIndex: 7,
    lockIndex: 1,
    flags: 3n,
    session: 's',
  });
});

test('services, nodes and a node with its services have their orders', async (t) => {
  const api = new Api();
  const node = (Node: string): object => ({
    ID: '',
    Node,
    Address: '10.0.0.1',
    Datacenter: 'dc1',
    TaggedAddresses: null,
    Meta: { a: 'b' },
  });
  const listed = (ID: string): object => ({
    ID,
    Service: 'web',
    Tags: ['t'],
    Address: '',
    Port: 1,
    Meta: null,
    EnableTagOverride: true,
  });
  api.set('/v1/catalog/services', 2, { web: ['v2', 'v1'], consul: [] });
  api.set('/v1/catalog/nodes', 2, [node('b'), node('a')]);
  api.set('/v1/catalog/node/me', 2, { Node: node('me'), Services: { y: listed('y'), x: listed('x') } });
  api.set('/v1/agent/self', 0, { Config: { NodeName: 'me' } });
  const services = await follow(t, api, { type: 'services', ...scope });
  const address = `127.0.0.1:${port(api)}`;
  const nodes = await follow(t, api, { type: 'nodes', near: '', ...scope }, { address });
  const own = await follow(t, api, { type: 'node', name: '', ...scope }, { address });
  await until(() => services.changes.length + nodes.changes.length + own.changes.length === 3);
  assert.deepEqual(services.changes[0], [
    { name: 'consul', tags: [] },
    { name: 'web', tags: ['v1', 'v2'] },
  ]);
  assert.deepEqual(
    nodes.changes[0]!.map((record) => record.node),
    ['a', 'b'],
  );
  assert.deepEqual(
    own.changes[0]!.services.map(({ id }) => id),
    ['x', 'y'],
  );
});

test('a failure is told once, the last answer stands, and the next answer is taken', async (t) => {
  const api = new Api();
  api.set('/v1/kv/a', 5, [
    { LockIndex: 0, Key: 'a', Flags: 0, Value: 'MQ==', CreateIndex: 5, ModifyIndex: 5 },
  ]);
  const { changes, errors, subscription } = await follow(t, api, { type: 'key', key: 'a', ...scope });
  await until(() => api.holds === 1);
  api.failWith = 500;
  api.set('/v1/kv/a', 6, [
    { LockIndex: 0, Key: 'a', Flags: 0, Value: 'Mg==', CreateIndex: 5, ModifyIndex: 6 },
  ]);
  const asked = api.seen.length;
  await until(() => api.seen.length > asked + 3);
  assert.deepEqual([errors.length, subscription.current()?.data], [1, '1']);
  assert.match(errors[0]!.message, /500/);
  api.failWith = undefined;
  await until(() => changes.length === 2);
  assert.deepEqual(changes, ['1', '2']);
});

test('an answer that is too stale is asked for again from the leader, who then is waited for', async (t) => {
  const api = new Api();
  api.lastContactMs = 3000;
  api.set('/v1/catalog/services', 5, {});
  const { changes } = await follow(t, api, { type: 'services', ...scope });
  await until(() => changes.length === 1 && api.holds === 1);
  assert.deepEqual(
    api.seen.map((url) => [url.includes('stale'), url.includes('index=5')]),
    [
      [true, false],
      [false, false],
      [false, true],
    ],
  );
  api.set('/v1/catalog/services', 6, { web: [] });
  // Whether the other one is still behind is asked without waiting: it is.
  await until(() => changes.length === 2 && api.holds === 1);
  assert.deepEqual(
    api.seen.slice(3).map((url) => [url.includes('stale'), url.includes('index=6')]),
    [
      [true, false],
      [false, false],
      [false, true],
    ],
  );
  api.lastContactMs = 0;
  api.set('/v1/catalog/services', 7, {});
  await until(() => changes.length === 3 && api.holds === 1);
  assert.ok(api.seen.at(-1)!.includes('stale') && api.seen.at(-1)!.includes('index=7'));
});

test('a server that does not hold its answers is not asked in a tight loop', async (t) => {
  const api = new Api();
  api.set('/v1/catalog/services', 0, {});
  const { changes } = await follow(t, api, { type: 'services', ...scope });
  await until(() => changes.length === 1);
  await new Promise((resolve) => setTimeout(resolve, 100));
  assert.ok(api.seen.length <= 2, String(api.seen.length));
});

test('what a query string adds is sent along; a unix socket will do as an address', async (t) => {
  const api = new Api();
  const path = join(mkdtempSync(join(tmpdir(), 'portolan-api-')), 'sock');
  api.set('/v1/catalog/nodes', 5, []);
  const query = {
    type: 'nodes',
    dc: '',
    near: '_agent',
    scope: { namespace: 'n', partition: '', peer: '', samenessGroup: 'g' },
  } as const;
  const { changes } = await follow(t, api, query, { address: await api.listen(t, path) });
  await until(() => changes.length === 1);
  assert.equal(api.seen[0], '/v1/catalog/nodes?wait=60000ms&near=_agent&stale&ns=n&sameness-group=g');
});

test('closing ends every request', async (t) => {
  const api = new Api();
  api.set('/v1/catalog/services', 5, {});
  const source = new HttpSource({ address: await api.listen(t) });
  const { close } = source.subscribe(
    { type: 'services', dc: '' },
    () => {},
    () => {},
  );
  source.subscribe(
    { type: 'nodes', dc: '', near: '' },
    () => {},
    () => {},
  );
  await until(() => api.holds === 1);
  close();
  await source.close();
});
