import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { generateKeyPairSync } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import type { TestContext } from 'node:test';
import { request } from 'undici';
import { issueCertificate } from '../lib/certificate.ts';
import { type ConnectionOptions, openConnection } from './connection.ts';

const options: ConnectionOptions = {
  address: '',
  namespace: '',
  auth: null,
  tls: null,
  transport: {
    keepAliveMs: 30_000,
    connectTimeoutMs: 1000,
    idleTimeoutMs: 5000,
    reuse: true,
    maxConnections: 0,
  },
  attempts: 0,
};

type Answer = (request: IncomingMessage, response: ServerResponse) => void;

async function listen(t: TestContext, answer: Answer, path?: string): Promise<string> {
  const server = createServer(answer);
  if (path === undefined) server.listen(0, '127.0.0.1');
  else server.listen(path);
  await once(server, 'listening');
  t.after(() => server.close());
  return path ?? `127.0.0.1:${(server.address() as AddressInfo).port}`;
}

test('who we are is said in each request', async (t) => {
  const seen: unknown[] = [];
  const address = await listen(t, ({ headers }, response) => {
    seen.push([headers['authorization'], headers['x-consul-namespace'], headers['x-consul-token']]);
    response.end('ok');
  });
  const auth = { username: 'u', password: 'p:q' };
  const connection = openConnection({ ...options, address, auth, namespace: 'team' }, assert.fail);
  t.after(() => connection.dispatcher.destroy());
  const url = `${connection.address}/v1/kv/a`;
  const { body } = await request(url, {
    dispatcher: connection.dispatcher,
    headers: { 'X-Consul-Token': 't' },
  });
  assert.equal(await body.text(), 'ok');
  assert.deepEqual(seen, [[`Basic ${Buffer.from('u:p:q').toString('base64')}`, 'team', 't']]);
});

test('a unix socket is reached by its path', async (t) => {
  const path = join(mkdtempSync(join(tmpdir(), 'pt-')), 's');
  await listen(t, (_request, response) => response.end('here'), path);
  const connection = openConnection({ ...options, address: `unix://${path}` }, assert.fail);
  t.after(() => connection.dispatcher.destroy());
  const { body } = await request(`${connection.address}/x`, { dispatcher: connection.dispatcher });
  assert.equal(await body.text(), 'here');
});

test('the ssl stanza decides about the scheme', () => {
  const tls = { verify: true, cert: '', key: '', caCert: '', caCertBytes: '', caPath: '', serverName: '' };
  const of = (address: string, secure: boolean): string =>
    openConnection({ ...options, address, tls: secure ? tls : null }, assert.fail).address;
  assert.deepEqual(
    [of('c:8500', false), of('https://c:8501', false), of('c:8501', true), of('http://c:8501', true)],
    ['http://c:8500', 'https://c:8501', 'https://c:8501', 'https://c:8501'],
  );
});

test('failures in a row of one question end in giving up; an answer between them begins anew', async (t) => {
  const statuses = [500, 429, 200, 503, 500, 500];
  let next = 0;
  const address = await listen(t, (incoming, response) => {
    response.statusCode = incoming.url!.startsWith('/v1/kv/a') ? statuses[next++]! : 500;
    response.end();
  });
  const given: string[] = [];
  const connection = openConnection({ ...options, address, attempts: 3 }, ({ message }) =>
    given.push(message),
  );
  t.after(() => connection.dispatcher.destroy());
  for (let i = 0; i < statuses.length; i++) {
    const url = `${connection.address}/v1/kv/a?index=${i}&wait=1s&stale&dc=x`;
    await (await request(url, { dispatcher: connection.dispatcher })).body.dump();
    if (i < 2)
      await (await request(`${connection.address}/v1/b`, { dispatcher: connection.dispatcher })).body.dump();
    assert.equal(given.length, i < 5 ? 0 : 1);
  }
  assert.deepEqual(given, ['/v1/kv/a failed 3 times in a row, at last: status 500']);
});

test('a request that we end does not count, a connection that breaks does', async (t) => {
  const given: string[] = [];
  const address = await listen(t, (incoming) => {
    if (incoming.url === '/v1/broken') incoming.socket.destroy();
  });
  const connection = openConnection({ ...options, address, attempts: 1 }, ({ message }) =>
    given.push(message),
  );
  t.after(() => connection.dispatcher.destroy());
  const { dispatcher } = connection;
  await assert.rejects(
    request(`${connection.address}/v1/slow`, { dispatcher, signal: AbortSignal.timeout(20) }),
  );
  assert.deepEqual(given, []);
  await assert.rejects(request(`${connection.address}/v1/broken`, { dispatcher }));
  assert.match(given[0]!, /broken failed 1 times in a row, at last: other side closed/);
});

test('answers that break off count as failures in a row, whole ones do not', async (t) => {
  const given: string[] = [];
  let isWhole = false;
  const address = await listen(t, (_, response) => {
    response.writeHead(200, { 'Content-Length': 10 });
    if (isWhole) response.end('0123456789');
    else response.write('01234', () => response.destroy());
  });
  const connection = openConnection({ ...options, address, attempts: 3 }, ({ message }) =>
    given.push(message),
  );
  t.after(() => connection.dispatcher.destroy());
  const { dispatcher } = connection;
  const ask = async (): Promise<string> =>
    (await request(`${connection.address}/v1/a`, { dispatcher })).body.text();
  for (const whole of [false, false, true, false, false]) {
    isWhole = whole;
    await ask().catch(() => {});
  }
  assert.deepEqual(given, []);
  await assert.rejects(ask());
  assert.equal(given.length, 1);
});

test('fewer connections than the source needs are not too few', async (t) => {
  let asked = 0;
  const address = await listen(t, () => asked++);
  const transport = { ...options.transport, maxConnections: 4 };
  const connection = openConnection({ ...options, address, transport }, assert.fail);
  const { dispatcher } = connection;
  for (let i = 0; i < 12; i++) request(`${connection.address}/v1/${i}`, { dispatcher }).catch(() => {});
  for (let i = 0; i < 500 && asked < 12; i++) await new Promise((resolve) => setTimeout(resolve, 2));
  assert.equal(asked, 12);
  await dispatcher.destroy();
});

/** An authority, and a certificate with its key that it issued for `name`. */
function certificates(name: string): { readonly ca: string; readonly cert: string; readonly key: string } {
  const pair = () => generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey;
  const valid = { notBefore: new Date(Date.now() - 60_000), notAfter: new Date(Date.now() + 600_000) };
  const [caKey, key] = [pair(), pair()];
  const authority = { ...valid, commonName: 'ca', dnsNames: [], ips: [], isCa: true, key: caKey };
  const ca = issueCertificate(authority);
  const request = { ...valid, commonName: name, dnsNames: [name], ips: [], isCa: false, key };
  const cert = issueCertificate(request, { certificate: ca, key: caKey });
  return { ca, cert, key: key.export({ type: 'pkcs8', format: 'pem' }).toString() };
}

test('TLS: the authority, the name and a client certificate in one file with its key', async (t) => {
  const { ca, cert, key } = certificates('consul.example');
  const server = createTlsServer(
    { ca, cert, key, requestCert: true, rejectUnauthorized: false },
    (incoming, response) => response.end(String((incoming.socket as TLSSocket).authorized)),
  ).listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => server.close());
  const dir = mkdtempSync(join(tmpdir(), 'pt-'));
  writeFileSync(join(dir, 'both'), cert + key);
  writeFileSync(join(dir, 'ca'), ca);
  const none = { verify: true, cert: '', key: '', caCert: '', caCertBytes: '', caPath: '', serverName: '' };
  const ask = async (tls: Partial<ConnectionOptions['tls']>): Promise<string> => {
    const address = `127.0.0.1:${(server.address() as AddressInfo).port}`;
    const connection = openConnection({ ...options, address, tls: { ...none, ...tls } }, assert.fail);
    t.after(() => connection.dispatcher.destroy());
    return (await request(`${connection.address}/x`, { dispatcher: connection.dispatcher })).body.text();
  };
  const serverName = 'consul.example';
  assert.equal(await ask({ caCert: join(dir, 'ca'), serverName, cert: join(dir, 'both') }), 'true');
  assert.equal(await ask({ caCertBytes: ca, serverName }), 'false');
  assert.equal(await ask({ verify: false }), 'false');
  await assert.rejects(ask({ serverName }), /certificate/);
  await assert.rejects(ask({ caCertBytes: ca }), /127\.0\.0\.1|altnames/);
  assert.throws(
    () => openConnection({ ...options, tls: { ...none, cert: '/no/such' } }, assert.fail),
    /ENOENT/,
  );
});
