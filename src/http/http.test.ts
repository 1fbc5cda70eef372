import assert from 'node:assert/strict';
import { request as httpRequest, type IncomingMessage } from 'node:http';
import { connect, type Socket } from 'node:net';
import { after, before, test } from 'node:test';
import { gunzipSync } from 'node:zlib';
import type { Authorize } from './authorize.ts';
import { startHttp, type HttpKit } from './http.testkit.ts';

let kit: HttpKit;
before(async () => {
  kit = await startHttp({ http: { kvMaxValueBytes: 1000, responseHeaders: { 'X-Zone': 'a' } } });
});
after(() => kit.stop());

interface Reply {
  readonly status: number;
  readonly raw: readonly string[];
  readonly headers: IncomingMessage['headers'];
  readonly body: Buffer;
  readonly text: string;
}

interface Ask {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  /** Send the body without a length. */
  readonly chunked?: boolean;
}

function ask(path: string, options: Ask = {}, to: HttpKit = kit): Promise<Reply> {
  const { method = 'GET', headers = {}, body, chunked = false } = options;
  return new Promise((resolve, reject) => {
    const length = body === undefined || chunked ? {} : { 'Content-Length': String(Buffer.byteLength(body)) };
    const target = {
      host: '127.0.0.1',
      port: to.port,
      method,
      path,
      headers: { ...headers, ...length },
      agent: false,
    };
    const sent = httpRequest(target, (message) => {
      const chunks: Buffer[] = [];
      message.on('data', (chunk: Buffer) => chunks.push(chunk));
      message.on('end', () => {
        const whole = Buffer.concat(chunks);
        const { statusCode: status = 0, rawHeaders: raw, headers: named } = message;
        resolve({ status, raw, headers: named, body: whole, text: whole.toString() });
      });
    });
    sent.on('error', reject);
    sent.end(body);
  });
}

/** Sends bytes and collects what comes back until the server closes. */
function exchange(bytes: string, to: HttpKit = kit): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(to.port, '127.0.0.1');
    let text = '';
    socket.on('data', (chunk: Buffer) => (text += chunk.toString('latin1')));
    socket.on('error', reject);
    socket.on('close', () => resolve(text));
    socket.write(bytes);
  });
}

async function until(what: string, holds: () => boolean): Promise<void> {
  for (let i = 0; i < 500; i++) {
    if (holds()) return;
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  assert.fail(`not within 2.5 s: ${what}`);
}

async function registerInstances(count: number, name: string): Promise<void> {
  for (let i = 0; i < count; i++) {
    const Service = { ID: `${name}-${i}`, Service: name, Port: 80 + i };
    const body = JSON.stringify({ Node: `${name}-node`, Address: '192.0.2.1', Service });
    assert.equal((await ask('/v1/catalog/register', { method: 'PUT', body })).text, 'true');
  }
}

test('a repeated read is answered from one encoding, and anew after a change', async () => {
  await registerInstances(1, 'hot');
  const first = await ask('/v1/health/service/hot');
  const second = await ask('/v1/health/service/hot');
  assert.equal(second.text, first.text);
  assert.deepEqual(
    second.raw.filter((_, i, all) => all[i - (i % 2)] !== 'Date'),
    first.raw.filter((_, i, all) => all[i - (i % 2)] !== 'Date'),
  );
  await registerInstances(2, 'hot');
  const third = await ask('/v1/health/service/hot');
  assert.equal((JSON.parse(third.text) as unknown[]).length, 2);
  assert.ok(Number(third.headers['x-consul-index']) > Number(first.headers['x-consul-index']));
});

test('services and checks of this agent come sorted by id, as Go writes maps', async () => {
  for (const name of ['sorted-b', 'sorted-a']) {
    const body = JSON.stringify({ Name: name, Check: { TTL: '1h' } });
    assert.equal((await ask('/v1/agent/service/register', { method: 'PUT', body })).status, 200);
  }
  for (const path of ['/v1/agent/services', '/v1/agent/checks']) {
    const ids = Object.keys(JSON.parse((await ask(path)).text) as object);
    assert.deepEqual(ids, [...ids].sort(), path);
    assert.ok(ids.length >= 2);
  }
  for (const name of ['sorted-b', 'sorted-a']) {
    await ask(`/v1/agent/service/deregister/${name}`, { method: 'PUT' });
  }
});

test('header names are spelled as old clients look for them', async () => {
  const { raw } = await ask('/v1/catalog/nodes');
  for (const name of ['X-Consul-Index', 'X-Consul-Knownleader', 'X-Consul-Lastcontact', 'X-Zone']) {
    assert.ok(raw.includes(name), name);
  }
});

test('long bodies are compressed for those who ask, on the first read and on the next', async () => {
  await registerInstances(10, 'wide');
  const plain = await ask('/v1/catalog/service/wide');
  assert.equal(plain.headers['content-encoding'], undefined);
  for (let i = 0; i < 3; i++) {
    const zipped = await ask('/v1/catalog/service/wide', { headers: { 'Accept-Encoding': 'gzip' } });
    assert.equal(zipped.headers['content-encoding'], 'gzip');
    assert.equal(zipped.headers['content-length'], String(zipped.body.length));
    assert.equal(gunzipSync(zipped.body).toString(), plain.text);
  }
  const short = await ask('/v1/status/leader', { headers: { 'Accept-Encoding': 'gzip' } });
  assert.equal(short.headers['content-encoding'], undefined);
  const self = await ask('/v1/agent/metrics', { headers: { 'Accept-Encoding': 'gzip' } });
  assert.equal(self.status, 200);
});

test('an HTTP/1.0 client gets a length, no chunks, and the end of the connection', async () => {
  const reply = await exchange('GET /v1/catalog/services?recurse HTTP/1.0\r\n\r\n');
  assert.match(reply, /^HTTP\/1\.1 200 OK\r\n/);
  assert.match(reply, /\r\nContent-Length: \d+\r\n/);
  assert.doesNotMatch(reply, /Transfer-Encoding/i);
});

test('a target in absolute form is taken', async () => {
  const reply = await exchange(
    'GET http://any/v1/status/leader HTTP/1.1\r\nHost: any\r\nConnection: close\r\n\r\n',
  );
  assert.match(reply, /"127\.0\.0\.1:8300"/);
});

test('bytes that are no HTTP are refused and the connection is closed', async () => {
  assert.match(await exchange('\x16\x03\x01\x02\x00\x01\x00\x01\r\n\r\n'), /^HTTP\/1\.1 400 Bad Request/);
  const long = `GET / HTTP/1.1\r\nX: ${'a'.repeat(40_000)}\r\n\r\n`;
  assert.match(await exchange(long), /^HTTP\/1\.1 431 /);
});

test('a value that is too large is refused, also when it comes without a length', async () => {
  const body = 'a'.repeat(1001);
  const declared = await ask('/v1/kv/big', { method: 'PUT', body });
  assert.equal(declared.status, 413);
  assert.match(declared.text, /^Request body\(1001 bytes\) too large, max size: 1000 bytes\./);
  const chunked = await ask('/v1/kv/big', { method: 'PUT', body, chunked: true });
  assert.equal(chunked.status, 413);
  assert.equal(chunked.headers.connection, 'close');
  assert.equal((await ask('/v1/kv/big')).status, 404);
  assert.equal((await ask('/v1/kv/big', { method: 'PUT', body: body.slice(1), chunked: true })).text, 'true');
});

test('a client that goes away ends its parked query', async () => {
  const { raw } = await ask('/v1/catalog/nodes');
  const index = raw[raw.indexOf('X-Consul-Index') + 1];
  const socket: Socket = connect(kit.port, '127.0.0.1');
  socket.write(`GET /v1/catalog/nodes?index=${index} HTTP/1.1\r\nHost: kit\r\n\r\n`);
  await until('the query is parked', () => kit.watches.parked === 1);
  socket.destroy();
  await until('the query is gone', () => kit.watches.parked === 0);
});

test('a thousand parked queries are all woken by one write', async () => {
  const { headers } = await ask('/v1/kv/wake/me');
  const path = `/v1/kv/wake/me?index=${headers['x-consul-index'] as string}&wait=60s`;
  const parked = Array.from({ length: 1000 }, () => ask(path));
  await until('all are parked', () => kit.watches.parked === 1000);
  await ask('/v1/kv/wake/me', { method: 'PUT', body: 'now' });
  const replies = await Promise.all(parked);
  assert.ok(replies.every(({ status, text }) => status === 200 && text === replies[0]!.text));
});

test('closing the server ends parked queries and frees the port', async (t) => {
  const other = await startHttp();
  t.after(() => other.stop());
  const { headers } = await ask('/v1/catalog/nodes', {}, other);
  const parked = ask(`/v1/catalog/nodes?index=${headers['x-consul-index'] as string}`, {}, other);
  const ended = assert.rejects(parked);
  await until('the query is parked', () => other.watches.parked === 1);
  await other.server.close();
  await ended;
  await until('nothing is parked', () => other.watches.parked === 0);
  await assert.rejects(ask('/v1/status/leader', {}, other), /ECONNREFUSED/);
});

test('one connection too many of one client is answered with 429', async (t) => {
  const other = await startHttp({ http: { maxConnectionsPerClient: 2 } });
  t.after(() => other.stop());
  const held = [connect(other.port, '127.0.0.1'), connect(other.port, '127.0.0.1')];
  await Promise.all(held.map((socket) => new Promise((resolve) => socket.once('connect', resolve))));
  assert.match(await exchange('GET / HTTP/1.1\r\nHost: kit\r\n\r\n', other), /^HTTP\/1\.1 429 /);
  for (const socket of held) socket.destroy();
  await new Promise((resolve) => setTimeout(resolve, 50));
  assert.equal((await ask('/v1/status/leader', {}, other)).status, 200);
});

test('namespaces: none, an empty one and the default one are fine, any other is refused', async () => {
  for (const query of ['', '?ns=', '?ns=default', '?partition=default']) {
    assert.equal((await ask(`/v1/kv/?keys${query.replace('?', '&')}`)).status, 200, query);
  }
  assert.equal((await ask('/v1/kv/?keys', { headers: { 'X-Consul-Namespace': 'default' } })).status, 200);
  assert.equal((await ask('/v1/kv/?keys&ns=team')).status, 400);
  assert.equal((await ask('/v1/kv/?keys', { headers: { 'X-Consul-Namespace': 'team' } })).status, 400);
  assert.equal((await ask('/v1/catalog/nodes?ns=team')).status, 200);
});

test('a cached read says whether it was', async () => {
  const path = '/v1/catalog/service/never-seen?cached';
  assert.equal((await ask(path)).headers['x-cache'], 'MISS');
  const again = await ask(path);
  assert.equal(again.headers['x-cache'], 'HIT');
  assert.equal(again.headers.age, '0');
});

test('metrics count what was answered; the text format is off unless configured', async (t) => {
  const metrics = JSON.parse((await ask('/v1/agent/metrics')).text) as {
    readonly Samples: readonly { readonly Labels: { readonly status: string }; readonly Count: number }[];
  };
  assert.ok(metrics.Samples.some(({ Labels, Count }) => Labels.status === '200' && Count > 10));
  assert.equal((await ask('/v1/agent/metrics?format=prometheus')).status, 415);
  const other = await startHttp({ http: { prometheus: true } });
  t.after(() => other.stop());
  await ask('/v1/status/leader', {}, other);
  const text = await ask('/v1/agent/metrics?format=prometheus', {}, other);
  assert.match(text.text, /portolan_http_requests_total\{method="GET",status="200"\} 1/);
});

test('clients that look for a mesh are told that there is none', async () => {
  const rows: [string, number, string][] = [
    ['/v1/health/connect/x', 200, '[]'],
    ['/v1/catalog/connect/x', 200, '[]'],
    ['/v1/config/service-defaults', 200, '[]'],
    ['/v1/connect/intentions', 200, '[]'],
    ['/v1/connect/ca/roots', 500, 'Connect must be enabled in order to use this endpoint'],
    ['/v1/agent/connect/ca/roots', 500, 'Connect must be enabled in order to use this endpoint'],
    ['/v1/peerings', 404, 'Invalid URL path: not a recognized HTTP API endpoint'],
  ];
  for (const [path, status, text] of rows) {
    const reply = await ask(path);
    assert.deepEqual([reply.status, reply.text], [status, text], path);
  }
});

test('what a handler is not allowed to show is left out, and what it may not do is refused', async (t) => {
  const asker: Authorize = {
    visibility: 'half',
    allows: (resource, name, access) =>
      access !== 'write' && !(resource === 'service' && name === 'secret') && !name.startsWith('private/'),
  };
  const other = await startHttp({ deps: { authorize: (token) => (token === 'root' ? rootAsker : asker) } });
  t.after(() => other.stop());
  const asRoot = { headers: { 'X-Consul-Token': 'root' } };
  const body = JSON.stringify({ Node: 'n', Address: '192.0.2.1', Service: { Service: 'secret' } });
  assert.equal((await ask('/v1/catalog/register', { method: 'PUT', body }, other)).status, 403);
  assert.equal((await ask('/v1/catalog/register', { ...asRoot, method: 'PUT', body }, other)).status, 200);
  await ask('/v1/kv/private/a', { ...asRoot, method: 'PUT', body: 'x' }, other);
  await ask('/v1/kv/public/a', { ...asRoot, method: 'PUT', body: 'x' }, other);
  for (let i = 0; i < 2; i++) {
    assert.equal((await ask('/v1/catalog/service/secret', {}, other)).text, '[]');
    assert.notEqual((await ask('/v1/catalog/service/secret', asRoot, other)).text, '[]');
  }
  assert.deepEqual(JSON.parse((await ask('/v1/catalog/services', {}, other)).text), { consul: [] });
  assert.equal((await ask('/v1/kv/private/a', {}, other)).status, 403);
  assert.equal((await ask('/v1/kv/?keys', {}, other)).text, '["public/a"]');
  assert.equal((await ask('/v1/kv/public/a', { method: 'DELETE' }, other)).status, 403);
});

const rootAsker: Authorize = { visibility: '', allows: () => true };
