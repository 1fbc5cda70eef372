import assert from 'node:assert/strict';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { createServer as createTcpServer, type AddressInfo, type Server } from 'node:net';
import { after, before, test } from 'node:test';
import { createServer as createHttpsServer } from 'node:https';
import { http } from './checks.testkit.ts';
import { probeHttp } from './http.ts';
import { selfSigned } from './tls.testkit.ts';

const limits = { outputMaxBytes: 4096 };
const seen: { method: string; headers: IncomingMessage['headers']; body: string }[] = [];
const server = createServer((request, response) => {
  const chunks: Buffer[] = [];
  request.on('data', (chunk: Buffer) => chunks.push(chunk));
  request.on('end', () => {
    seen.push({ method: request.method!, headers: request.headers, body: Buffer.concat(chunks).toString() });
    answer(request.url!, response);
  });
});
let base = '';

function answer(url: string, response: ServerResponse): void {
  const [, what, value] = url.split('/');
  if (what === 'status') response.writeHead(Number(value)).end('the body');
  else if (what === 'moved') response.writeHead(Number(value), { location: '/status/200' }).end();
  else if (what === 'loop') response.writeHead(302, { location: '/loop' }).end();
  else if (what === 'large') response.end(`${'x'.repeat(100_000)}the end`);
  else if (what === 'broken') {
    response.writeHead(200, { 'content-length': 100 });
    response.write('half');
    setImmediate(() => response.destroy());
  }
  // Anything else never answers.
}

before(async () => {
  await listen(server);
  base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});

after(() => {
  server.closeAllConnections();
  server.close();
});

function listen(any: Server): Promise<void> {
  return new Promise((resolve) => any.listen(0, '127.0.0.1', resolve));
}

function probe(kind: ReturnType<typeof http>, signal = new AbortController().signal) {
  return probeHttp(kind, limits, signal);
}

const statuses = [
  { code: 200, text: '200 OK', want: 'passing' },
  { code: 204, text: '204 No Content', want: 'passing' },
  { code: 299, text: '299 unknown', want: 'passing' },
  { code: 429, text: '429 Too Many Requests', want: 'warning' },
  { code: 304, text: '304 Not Modified', want: 'critical' },
  { code: 404, text: '404 Not Found', want: 'critical' },
  { code: 503, text: '503 Service Unavailable', want: 'critical' },
];

for (const { code, text, want } of statuses) {
  test(`an answer of ${code} is ${want}`, async () => {
    const { status, output } = await probe(http(`${base}/status/${code}`));
    assert.equal(status, want);
    const body = code === 204 || code === 304 ? '' : 'the body';
    assert.equal(output, `HTTP GET ${base}/status/${code}: ${text} Output: ${body}`);
  });
}

test('the request says who asks, and what was set by hand wins', async () => {
  await probe(http(`${base}/status/200`));
  const plain = seen.at(-1)!;
  assert.equal(plain.headers['user-agent'], 'Consul Health Check');
  assert.equal(plain.headers['accept'], 'text/plain, text/*, */*');
  assert.equal(plain.headers['connection'], 'close');
  const headers = { 'User-Agent': ['me'], Host: ['other.example'], 'X-A': ['1', '2'] };
  await probe(http(`${base}/status/200`, { method: 'POST', headers, body: 'hello' }));
  const own = seen.at(-1)!;
  assert.equal(own.method, 'POST');
  assert.equal(own.body, 'hello');
  assert.equal(own.headers['user-agent'], 'me');
  assert.equal(own.headers['host'], 'other.example');
  assert.equal(own.headers['x-a'], '1, 2');
});

test('a name and password in the URL are sent, and the password is not shown', async () => {
  await probe(http(`${base.replace('//', '//me:secret@')}/status/200`));
  assert.equal(seen.at(-1)!.headers['authorization'], `Basic ${Buffer.from('me:secret').toString('base64')}`);
  const refused = await probe(http('http://me:secret@127.0.0.1:1/'));
  assert.ok(refused.output.startsWith('Get "http://me:***@127.0.0.1:1/": '));
});

test('redirects are followed unless that is switched off', async () => {
  const followed = await probe(http(`${base}/moved/301`, { method: 'POST', body: 'x' }));
  assert.equal(followed.status, 'passing');
  assert.equal(seen.at(-1)!.method, 'GET');
  assert.ok(followed.output.startsWith(`HTTP POST ${base}/moved/301: 200 OK`));
  await probe(http(`${base}/moved/307`, { method: 'POST', body: 'x' }));
  assert.deepEqual([seen.at(-1)!.method, seen.at(-1)!.body], ['POST', 'x']);
  const stayed = await probe(http(`${base}/moved/302`, { followRedirects: false }));
  assert.deepEqual(stayed, { status: 'critical', output: `HTTP GET ${base}/moved/302: 302 Found Output: ` });
  const loop = await probe(http(`${base}/loop`));
  assert.equal(loop.output, `Get "${base}/loop": stopped after 10 redirects`);
});

test('only the end of a long body is kept', async () => {
  const { output } = await probeHttp(
    http(`${base}/large`),
    { outputMaxBytes: 10 },
    new AbortController().signal,
  );
  assert.equal(output, `HTTP GET ${base}/large: 200 OK Output: xxxthe end`);
});

test('a body that breaks off does not undo the status', async () => {
  const { status, output } = await probe(http(`${base}/broken`));
  assert.equal(status, 'passing');
  assert.equal(output, `HTTP GET ${base}/broken: 200 OK Output: half`);
});

test('a refused connection reads as Go says it', async () => {
  assert.deepEqual(await probe(http('http://127.0.0.1:1/')), {
    status: 'critical',
    output: 'Get "http://127.0.0.1:1/": dial tcp 127.0.0.1:1: connect: connection refused',
  });
});

test('a server that never answers runs into the timeout', async () => {
  const { status, output } = await probe(http(`${base}/never`), AbortSignal.timeout(50));
  assert.equal(status, 'critical');
  assert.equal(
    output,
    `Get "${base}/never": context deadline exceeded (Client.Timeout exceeded while awaiting headers)`,
  );
});

test('a server that hangs up is critical', async () => {
  const rude = createTcpServer((socket) => socket.end());
  await listen(rude);
  const url = `http://127.0.0.1:${(rude.address() as AddressInfo).port}/`;
  assert.deepEqual(await probe(http(url)), { status: 'critical', output: `Get "${url}": EOF` });
  rude.close();
});

const wrong = [
  { url: 'http://[', want: 'parse "http://[": invalid URL' },
  { url: 'ftp://127.0.0.1/', want: 'Get "ftp://127.0.0.1/": unsupported protocol scheme "ftp"' },
];

for (const { url, want } of wrong) {
  test(`a URL that can't be asked is critical: ${url}`, async () => {
    assert.deepEqual(await probe(http(url)), { status: 'critical', output: want });
  });
}

test('over TLS the certificate is verified, unless that is skipped', async (t) => {
  const secure = createHttpsServer(selfSigned, (_request, response) => response.end('safe'));
  secure.on('tlsClientError', () => {});
  await listen(secure);
  t.after(() => {
    secure.closeAllConnections();
    secure.close();
  });
  const url = `https://127.0.0.1:${(secure.address() as AddressInfo).port}/`;
  assert.deepEqual(await probe(http(url)), {
    status: 'critical',
    output: `Get "${url}": tls: failed to verify certificate: x509: certificate signed by unknown authority`,
  });
  const skipped = await probe(http(url, { tlsSkipVerify: true, tlsServerName: 'portolan.test' }));
  assert.deepEqual(skipped, { status: 'passing', output: `HTTP GET ${url}: 200 OK Output: safe` });
  const plain = await probe(http(url.replace('https', 'http')));
  assert.equal(plain.status, 'critical');
});

test('a server that speaks plain HTTP where TLS is expected is named as such', async () => {
  const url = base.replace('http:', 'https:');
  const { output } = await probe(http(`${url}/`));
  assert.equal(output, `Get "${url}/": http: server gave HTTP response to HTTPS client`);
});
