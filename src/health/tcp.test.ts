import assert from 'node:assert/strict';
import { createServer, type AddressInfo } from 'node:net';
import { after, before, test } from 'node:test';
import { createServer as createTlsServer } from 'node:tls';
import { probeTcp } from './tcp.ts';
import { selfSigned } from './tls.testkit.ts';

const limits = { outputMaxBytes: 4096 };
const server = createServer((socket) => socket.on('error', () => {}));
let port = 0;

before(async () => {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  port = (server.address() as AddressInfo).port;
});

after(() => server.close());

function probe(address: string, tls = false, signal = new AbortController().signal) {
  return probeTcp({ type: 'tcp', address, tls }, limits, signal);
}

test('a port that accepts is passing', async () => {
  assert.deepEqual(await probe(`127.0.0.1:${port}`), {
    status: 'passing',
    output: `TCP connect 127.0.0.1:${port}: Success`,
  });
  assert.equal((await probe(`localhost:${port}`)).status, 'passing');
});

test('a refused connection reads as Go says it', async () => {
  assert.deepEqual(await probe('127.0.0.1:1'), {
    status: 'critical',
    output: 'dial tcp 127.0.0.1:1: connect: connection refused',
  });
  assert.equal((await probe('[::1]:1')).output.startsWith('dial tcp [::1]:1: connect: '), true);
});

test('a name that does not resolve is critical', async () => {
  const { status, output } = await probe('no-such-host.invalid:80');
  assert.equal(status, 'critical');
  assert.match(output, /^dial tcp: lookup no-such-host\.invalid: (no such host|server misbehaving)$/);
});

test('a timeout is critical, also one that came before the start', async () => {
  const stop = new AbortController();
  // A server that never speaks TLS: the handshake would wait for ever.
  const run = probe(`127.0.0.1:${port}`, true, stop.signal);
  stop.abort();
  assert.deepEqual(await run, { status: 'critical', output: `dial tcp 127.0.0.1:${port}: i/o timeout` });
});

const malformed = [
  { address: 'localhost', want: 'dial tcp: address localhost: missing port in address' },
  { address: '::1:80', want: 'dial tcp: address ::1:80: too many colons in address' },
  { address: 'localhost:70000', want: 'dial tcp: address 70000: invalid port' },
];

for (const { address, want } of malformed) {
  test(`an address that is none is critical: ${address}`, async () => {
    assert.deepEqual(await probe(address), { status: 'critical', output: want });
  });
}

test('with TLS the handshake counts: a certificate that nobody vouches for is critical, unless that is skipped', async (t) => {
  const names: string[] = [];
  const SNICallback = (name: string, done: (error: null) => void): void => {
    names.push(name);
    done(null);
  };
  const secure = createTlsServer({ ...selfSigned, SNICallback });
  secure.on('tlsClientError', () => {});
  await new Promise<void>((resolve) => secure.listen(0, '127.0.0.1', resolve));
  t.after(() => secure.close());
  const address = `127.0.0.1:${(secure.address() as AddressInfo).port}`;
  const { signal } = new AbortController();
  const kind = { type: 'tcp', address, tls: true } as const;
  assert.deepEqual(await probeTcp(kind, limits, signal), {
    status: 'critical',
    output: 'tls: failed to verify certificate: x509: certificate signed by unknown authority',
  });
  const skipped = { ...kind, tlsSkipVerify: true, tlsServerName: 'portolan.test' };
  assert.deepEqual(await probeTcp(skipped, limits, signal), {
    status: 'passing',
    output: `TCP connect ${address}: Success`,
  });
  assert.deepEqual(names, ['portolan.test']);
});
