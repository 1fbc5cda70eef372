/** What strangers send to a running agent: each gets a clear answer or none, the others notice nothing, nothing is lost. */
import assert from 'node:assert/strict';
import { createSocket } from 'node:dgram';
import { connect, type Socket } from 'node:net';
import { after, before, test } from 'node:test';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import packets from 'dns-packet';
import { type RunningAgent, startAgent } from './agent.testkit.ts';
import { stackTrace } from './command.testkit.ts';

let dataDir = '';
let agent: RunningAgent;

before(async () => {
  dataDir = mkdtempSync(join(tmpdir(), 'portolan-bad-input-'));
  agent = await startAgent({ dataDir });
  await put('/v1/kv/before', 'still here');
  await put(
    '/v1/agent/service/register',
    JSON.stringify({ Name: 'web', Port: 80, Address: '192.0.2.7', Check: { TTL: '1h', Status: 'passing' } }),
  );
});

// Every test has done its worst: what was there before is there, in the same process and in the next.
after(async () => {
  try {
    await isWhole();
    assert.doesNotMatch(agent.log(), stackTrace);
    assert.equal(await agent.stop(), 0);
    agent = await startAgent({ dataDir });
    await isWhole();
  } finally {
    await agent.stop();
    rmSync(dataDir, { recursive: true, force: true });
  }
});

async function put(path: string, body: string | Uint8Array): Promise<{ status: number; text: string }> {
  const response = await fetch(agent.url + path, { method: 'PUT', body: body as string });
  return { status: response.status, text: await response.text() };
}

async function isWhole(): Promise<void> {
  const startedAt = performance.now();
  const kv = await fetch(`${agent.url}/v1/kv/before?raw`);
  assert.equal(await kv.text(), 'still here');
  const health = (await (await fetch(`${agent.url}/v1/health/service/web?passing`)).json()) as object[];
  assert.equal(health.length, 1);
  const message = packets.decode(await askUdp(query('web.service.consul')));
  assert.deepEqual(
    message.answers?.map(({ data }) => data),
    ['192.0.2.7'],
  );
  assert.ok(performance.now() - startedAt < 2000, 'answers are late');
}

// ---- DNS ----

function query(name: string, id = 7): Buffer {
  return packets.encode({ type: 'query', id, flags: 256, questions: [{ type: 'A', name }] });
}

function askUdp(packet: Buffer): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const socket = createSocket('udp4');
    const timer = setTimeout(() => reject(new Error('no DNS reply in 2 s')), 2000);
    socket.once('message', (reply) => {
      clearTimeout(timer);
      socket.close();
      resolve(reply);
    });
    socket.send(packet, agent.ports.dns, '127.0.0.1');
  });
}

/** Sends all of them without waiting for replies, in waves that the socket buffers hold. */
async function pour(packetsToSend: readonly Buffer[]): Promise<number> {
  const socket = createSocket('udp4');
  let replies = 0;
  socket.on('message', () => replies++);
  for (const [i, packet] of packetsToSend.entries()) {
    socket.send(packet, agent.ports.dns, '127.0.0.1');
    if (i % 100 === 99) await delay(1);
  }
  await delay(100);
  socket.close();
  return replies;
}

/** The same numbers in every run. */
function randomBytes(seed: number): (length: number) => Buffer {
  let state = seed;
  return (length) => {
    const bytes = Buffer.alloc(length);
    for (let i = 0; i < length; i++) {
      state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
      bytes[i] = state >>> 24;
    }
    return bytes;
  };
}

test('10,000 random packets over UDP change nothing', async () => {
  const random = randomBytes(1);
  const noise = Array.from({ length: 10_000 }, (_, i) => random(i % 600));
  await pour(noise);
  await isWhole();
});

test('real questions that are cut, extended or have any byte changed get an answer or none', async () => {
  const whole = query('_web._tcp.service.dc1.consul');
  const random = randomBytes(2);
  const cut = Array.from({ length: whole.length }, (_, i) => whole.subarray(0, i));
  const changed = Array.from({ length: 2000 }, (_, i) => {
    const bytes = Buffer.from(whole);
    bytes[i % bytes.length] = random(1)[0]!;
    return bytes;
  });
  const loop = Buffer.concat([query('x').subarray(0, 12), Buffer.from([0xc0, 12, 0, 1, 0, 1])]);
  await pour([...cut, ...changed, Buffer.concat([whole, random(400)]), loop]);
  await isWhole();
});

test('a packet that is no question but has a whole header is refused with FORMERR, a reply is left alone', async () => {
  const header = Buffer.from([0, 9, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0]);
  const reply = await askUdp(Buffer.concat([header, Buffer.from([0xff, 0xff])]));
  assert.deepEqual([reply.readUInt16BE(0), reply[3]! & 15], [9, 1]);
  const response = query('web.service.consul');
  response[2] = response[2]! | 0x80;
  assert.equal(await pour([response]), 0);
});

/** Sends bytes and resolves with all that came back when the peer closed, or after `waitMs`. */
function exchange(port: number, bytes: Buffer | string, waitMs = 300, end = false): Promise<Buffer> {
  return new Promise((resolve) => {
    const chunks: Buffer[] = [];
    const socket = connect(port, '127.0.0.1', () => (end ? socket.end(bytes) : socket.write(bytes)));
    const finish = (): void => {
      clearTimeout(timer);
      socket.destroy();
      resolve(Buffer.concat(chunks));
    };
    const timer = setTimeout(finish, waitMs);
    socket.on('data', (chunk) => chunks.push(chunk));
    socket.on('error', finish);
    socket.on('close', finish);
  });
}

const lengthOf = (length: number): Buffer => Buffer.from([length >> 8, length & 255]);
const tcpLies: readonly { name: string; bytes: Buffer }[] = [
  { name: 'more announced than sent', bytes: Buffer.concat([lengthOf(500), query('web.service.consul')]) },
  { name: 'less announced than sent', bytes: Buffer.concat([lengthOf(5), query('web.service.consul')]) },
  { name: 'empty messages', bytes: Buffer.alloc(2000) },
  { name: 'half a length', bytes: Buffer.from([0]) },
  { name: 'noise', bytes: randomBytes(3)(100_000) },
];

for (const { name, bytes } of tcpLies) {
  test(`lies about a message's length over TCP end with their connection: ${name}`, async () => {
    await Promise.all([exchange(agent.ports.dns, bytes), exchange(agent.ports.dns, bytes, 300, true)]);
    const good = query('web.service.consul');
    const reply = await exchange(agent.ports.dns, Buffer.concat([lengthOf(good.length), good]), 1000, true);
    assert.equal(packets.decode(reply.subarray(2)).answers?.length, 1);
  });
}

// ---- HTTP ----

const statusLine = (reply: Buffer): string => reply.toString('latin1').split('\r\n')[0] ?? '';

const rawRequests: readonly { name: string; text: string; want: RegExp }[] = [
  { name: 'no HTTP at all', text: '\x16\x03\x01garbage\r\n\r\n', want: /^HTTP\/1\.1 400 / },
  {
    name: 'an unknown method',
    text: 'BREW /v1/kv/x HTTP/1.1\r\nHost: x\r\n\r\n',
    want: /^HTTP\/1\.1 40[05] /,
  },
  {
    name: '100 kB of headers',
    text: `GET / HTTP/1.1\r\nHost: x\r\nX-Big: ${'a'.repeat(100_000)}\r\n\r\n`,
    want: /^HTTP\/1\.1 431 /,
  },
  {
    name: 'a path of 100 kB',
    text: `GET /v1/kv/${'a'.repeat(100_000)} HTTP/1.1\r\nHost: x\r\n\r\n`,
    want: /^HTTP\/1\.1 4(?:14|31) /,
  },
  {
    name: 'two lengths',
    text: 'PUT /v1/kv/x HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab',
    want: /^HTTP\/1\.1 400 /,
  },
  {
    name: 'a length beside chunks',
    text: 'PUT /v1/kv/x HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
    want: /^HTTP\/1\.1 400 /,
  },
  {
    name: 'a chunk length that is no number',
    text: 'PUT /v1/kv/x HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nab\r\n',
    want: /^HTTP\/1\.1 400 /,
  },
  {
    name: 'a length of 10 GB',
    text: 'PUT /v1/kv/x HTTP/1.1\r\nHost: x\r\nContent-Length: 10000000000\r\n\r\n',
    want: /^HTTP\/1\.1 413 /,
  },
  { name: 'a broken escape', text: 'GET /v1/kv/%zz HTTP/1.1\r\nHost: x\r\n\r\n', want: /^HTTP\/1\.1 400 / },
  { name: 'a NUL in a path', text: 'GET /v1/kv/a%00b HTTP/1.1\r\nHost: x\r\n\r\n', want: /^HTTP\/1\.1 400 / },
];

for (const { name, text, want } of rawRequests) {
  test(`a broken request is refused and its connection ended: ${name}`, async () => {
    const reply = await exchange(agent.ports.http, Buffer.from(text, 'latin1'), 1000);
    assert.match(statusLine(reply), want);
    assert.doesNotMatch(reply.toString(), stackTrace);
  });
}

test('bodies above their limit are refused with 413, at and below it they are taken', async () => {
  const limit = 512 * 1024;
  assert.equal((await put('/v1/kv/at-limit', Buffer.alloc(limit, 'a'))).status, 200);
  const over = await put('/v1/kv/over-limit', Buffer.alloc(limit + 1, 'a'));
  assert.equal(over.status, 413);
  assert.match(over.text, /Request body\(524289 bytes\) too large, max size: 524288 bytes/);
  assert.equal((await fetch(`${agent.url}/v1/kv/over-limit`)).status, 404);
  const large = JSON.stringify({ Name: 'x', Meta: { a: 'a'.repeat(9 * 1024 * 1024) } });
  assert.equal((await put('/v1/agent/service/register', large)).status, 413);
});

test('a body of unknown length is cut off at the limit', async () => {
  const chunk = `10000\r\n${'a'.repeat(0x10000)}\r\n`;
  const head = 'PUT /v1/kv/chunked HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n';
  const reply = await exchange(agent.ports.http, head + chunk.repeat(20), 2000);
  assert.match(statusLine(reply), /^HTTP\/1\.1 413 /);
  assert.equal((await fetch(`${agent.url}/v1/kv/chunked`)).status, 404);
});

const brokenBodies: readonly { path: string; body: string; status: number; want: RegExp }[] = [
  { path: '/v1/agent/service/register', body: '{', status: 400, want: /Request decode failed: / },
  { path: '/v1/agent/service/register', body: '[1]', status: 400, want: /Request decode failed: / },
  { path: '/v1/agent/service/register', body: '{"Name":1}', status: 400, want: /Name/ },
  { path: '/v1/agent/service/register', body: '{"Name":"x","Port":"y"}', status: 400, want: /Port/ },
  { path: '/v1/agent/service/register', body: '{"Port":1}', status: 400, want: /Missing service name/ },
  { path: '/v1/agent/check/register', body: 'null', status: 400, want: /Missing check name/ },
  { path: '/v1/agent/check/register', body: '{"Name":"c","TTL":"x"}', status: 400, want: /TTL|duration/ },
  { path: '/v1/catalog/register', body: 'nope', status: 400, want: /Request decode failed: / },
  { path: '/v1/catalog/deregister', body: '', status: 400, want: /Request decode failed: / },
  { path: '/v1/kv/x?cas=abc', body: 'v', status: 500, want: /parsing "abc": invalid syntax/ },
  { path: '/v1/kv/x?flags=-1', body: 'v', status: 500, want: /parsing "-1": invalid syntax/ },
];

for (const { path, body, status, want } of brokenBodies) {
  test(`a broken body is refused by what is wrong with it: PUT ${path} ${body}`, async () => {
    const answer = await put(path, body);
    assert.equal(answer.status, status, answer.text);
    assert.match(answer.text, want);
    assert.doesNotMatch(answer.text, stackTrace);
  });
}

const brokenQueries: readonly { path: string; want: RegExp }[] = [
  { path: '/v1/catalog/nodes?index=abc', want: /Invalid index/ },
  { path: '/v1/catalog/nodes?index=1&wait=abc', want: /Invalid wait time/ },
  { path: '/v1/health/service/web?passing=maybe', want: /passing/ },
  { path: '/v1/catalog/nodes?stale&consistent', want: /Cannot specify \?stale with \?consistent/ },
];

for (const { path, want } of brokenQueries) {
  test(`a broken parameter is refused by name: ${path}`, async () => {
    const response = await fetch(agent.url + path);
    assert.equal(response.status, 400);
    assert.match(await response.text(), want);
  });
}

test('150 clients that never finish their requests do not keep others waiting', async () => {
  const starts = ['GET /v1/cat', 'PUT /v1/kv/slow HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n', ''];
  const sockets: Socket[] = [];
  for (let i = 0; i < 150; i++) {
    const socket = connect(agent.ports.http, '127.0.0.1', () => socket.write(starts[i % 3]!));
    socket.on('error', () => {});
    sockets.push(socket);
  }
  await delay(100);
  await isWhole();
  for (const socket of sockets) socket.destroy();
  assert.equal((await fetch(`${agent.url}/v1/kv/slow`)).status, 404);
});

test('a client that goes away while its query is parked leaves nothing behind', async () => {
  const parked = async (): Promise<number> => {
    const { Gauges } = (await (await fetch(`${agent.url}/v1/agent/metrics`)).json()) as {
      Gauges: readonly { Name: string; Value: number }[];
    };
    return Gauges.find(({ Name }) => Name.endsWith('http.parked_queries'))?.Value ?? -1;
  };
  const index = (await fetch(`${agent.url}/v1/catalog/nodes`)).headers.get('x-consul-index');
  const stop = new AbortController();
  const waiting = Array.from({ length: 20 }, () =>
    fetch(`${agent.url}/v1/catalog/nodes?index=${index}&wait=1m`, { signal: stop.signal }).catch(() => {}),
  );
  for (let i = 0; i < 100 && (await parked()) < 20; i++) await delay(10);
  assert.equal(await parked(), 20);
  stop.abort();
  await Promise.all(waiting);
  for (let i = 0; i < 100 && (await parked()) > 0; i++) await delay(10);
  assert.equal(await parked(), 0);
});
