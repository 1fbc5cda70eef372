import assert from 'node:assert/strict';
import { createSocket } from 'node:dgram';
import { connect } from 'node:net';
import { once } from 'node:events';
import { test } from 'node:test';
import type { TestContext } from 'node:test';
import { silentLogger } from '../lib/log.ts';
import { DnsServer } from './dns.ts';
import type { DnsOptions } from './dns.ts';
import { defaultAnswers, encodeQuery, show, TestCatalog } from './dns.testkit.ts';
import type { TestQuery } from './dns.testkit.ts';
import { DnsError } from './dns-error.ts';
import { decodeMessage } from './wire-decode.ts';
import { encodeMessage } from './wire-encode.ts';
import { headerFlags, recordTypes } from './wire.ts';
import type { Message } from './wire.ts';

function catalog(): TestCatalog {
  return new TestCatalog()
    .addNode('n', '10.0.0.1')
    .addInstance('n', { name: 'web' })
    .addInstance('n', { name: 'ext', port: 443, address: 'www.example.com' });
}

async function serve(t: TestContext, options: Partial<DnsOptions> = {}): Promise<number> {
  const server = new DnsServer(
    { ...defaultAnswers, addresses: ['127.0.0.1'], port: 0, ...options },
    { catalog: catalog(), log: silentLogger },
  );
  t.after(() => server.close());
  const [place] = await server.listen();
  return place!.port;
}

async function askUdp(port: number, query: TestQuery): Promise<Message> {
  const socket = createSocket('udp4');
  socket.send(encodeQuery(query), port, '127.0.0.1');
  const [reply] = (await once(socket, 'message')) as [Buffer];
  socket.close();
  return decodeMessage(reply);
}

function framed(...messages: readonly Buffer[]): Buffer {
  return Buffer.concat(
    messages.flatMap((bytes) => [Buffer.of(bytes.length >> 8, bytes.length & 255), bytes]),
  );
}

test('queries are answered over UDP and TCP on the same port', async (t) => {
  const port = await serve(t);
  const want = ['NOERROR aa rd', 'an web.service.consul. 0 A 10.0.0.1'];
  assert.deepEqual(show(await askUdp(port, { name: 'web.service.consul' })), want);
  const socket = connect(port, '127.0.0.1').end(framed(encodeQuery({ name: 'web.service.consul' })));
  const [reply] = (await once(socket, 'data')) as [Buffer];
  assert.deepEqual(show(decodeMessage(reply.subarray(2))), want);
});

test('one TCP connection carries many queries, in whatever pieces they come', async (t) => {
  const port = await serve(t);
  const socket = connect(port, '127.0.0.1');
  t.after(() => socket.destroy());
  const broken = Buffer.from('abcd', 'hex');
  const stream = framed(
    ...Array.from({ length: 200 }, () => encodeQuery({ name: 'web.service.consul' })),
    broken,
  );
  let received = 0;
  const one = encodeQuery({ name: 'web.service.consul' }).length + 16 + 2;
  const all = new Promise<void>((resolve) => {
    socket.on('data', (chunk: Buffer) => {
      received += chunk.length;
      if (received >= 200 * one) resolve();
    });
  });
  for (let at = 0; at < stream.length; at += 37) {
    socket.write(stream.subarray(at, at + 37));
    await new Promise((resolve) => setImmediate(resolve));
  }
  await all;
  assert.equal(received, 200 * one);
});

test('an idle TCP connection is closed', async (t) => {
  const port = await serve(t, { tcpIdleMs: 20 });
  const socket = connect(port, '127.0.0.1');
  await once(socket, 'close');
});

test('bad packets on the wire leave the server as it was', async (t) => {
  const port = await serve(t);
  const socket = createSocket('udp4');
  for (const hex of ['', '00', 'ff'.repeat(30), '123401000001000000000000c00c00010001']) {
    socket.send(Buffer.from(hex, 'hex'), port, '127.0.0.1');
  }
  assert.equal((await askUdp(port, { name: 'web.service.consul' })).answers.length, 1);
  socket.close();
});

test('a taken port is refused with a text that names it, and nothing stays open', async (t) => {
  const port = await serve(t);
  const second = new DnsServer(
    { ...defaultAnswers, addresses: ['127.0.0.2', '127.0.0.1'], port },
    { catalog: catalog(), log: silentLogger },
  );
  await assert.rejects(second.listen(), (error: unknown) => {
    assert.ok(error instanceof DnsError);
    assert.equal(error.code, 'address-in-use');
    assert.match(error.message, new RegExp(`tcp 127\\.0\\.0\\.1:${port}: the port is taken.*-dns-port`));
    return true;
  });
  const third = new DnsServer(
    { ...defaultAnswers, addresses: ['127.0.0.2'], port },
    { catalog: catalog(), log: silentLogger },
  );
  await third.listen();
  await third.close();
});

test('an address that the machine does not have is refused', async () => {
  const server = new DnsServer(
    { ...defaultAnswers, addresses: ['192.0.2.1'], port: 0 },
    { catalog: catalog(), log: silentLogger },
  );
  await assert.rejects(server.listen(), { code: 'no-such-address' });
});

test('IPv4 and IPv6 wildcards listen side by side, and the IPv6 one alone takes both', async (t) => {
  const both = await serve(t, { addresses: ['0.0.0.0', '::'], port: await freePort() });
  assert.equal((await askUdp(both, { name: 'web.service.consul' })).answers.length, 1);
  const alone = await serve(t, { addresses: ['::'] });
  assert.equal((await askUdp(alone, { name: 'web.service.consul' })).answers.length, 1);
});

test('options can be changed while it runs', async (t) => {
  const server = new DnsServer(
    { ...defaultAnswers, addresses: ['127.0.0.1'], port: 0 },
    { catalog: catalog(), log: silentLogger },
  );
  t.after(() => server.close());
  const port = (await server.listen())[0]!.port;
  assert.equal((await askUdp(port, { name: 'web.service.consul' })).answers[0]!.ttl, 0);
  server.reload({ ...defaultAnswers, serviceTtlSeconds: { web: 9 } });
  assert.equal((await askUdp(port, { name: 'web.service.consul' })).answers[0]!.ttl, 9);
});

/** A server that knows www.example.com, and answers everything else with `rcode`. */
async function upstream(t: TestContext, rcode = 0, addresses = 7): Promise<string> {
  const socket = createSocket('udp4');
  t.after(() => socket.close());
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  socket.on('message', (packet, from) => {
    const { questions, id } = decodeMessage(packet);
    const { name, class: asked } = questions[0]!;
    const edge = 'edge.example.net.';
    const reply = encodeMessage({
      id,
      opcode: 0,
      rcode,
      flags: headerFlags.QR | headerFlags.RD | headerFlags.RA,
      questions,
      answers:
        name === 'www.example.com.' && rcode === 0
          ? [
              { name, class: asked, ttl: 300, data: { type: 'CNAME' as const, target: edge } },
              ...Array.from({ length: addresses }, (_, i) => ({
                name: edge,
                class: asked,
                ttl: 3,
                data: { type: 'A' as const, address: Uint8Array.of(192, 0, 2, i) },
              })),
            ]
          : [],
      authorities: [],
      additionals: [],
      edns: undefined,
    });
    socket.send(reply, from.port, from.address);
  });
  return `127.0.0.1:${socket.address().port}`;
}

test('names outside the zone go to the recursors and come back as they are', async (t) => {
  const dead = await upstream(t, 2);
  const port = await serve(t, { recursors: [dead, await upstream(t)] });
  const reply = await askUdp(port, { name: 'www.example.com' });
  assert.equal(reply.id, 4711);
  assert.equal(reply.flags, headerFlags.QR | headerFlags.RD | headerFlags.RA);
  assert.equal(reply.answers.length, 8);
  assert.equal(reply.answers[0]!.ttl, 300);
  const reverse = await askUdp(port, { name: '9.9.9.9.in-addr.arpa', type: 'PTR' });
  assert.deepEqual(show(reverse), ['NOERROR rd ra']);
});

test('over TCP a forwarded question is answered although its asker has closed its side', async (t) => {
  const port = await serve(t, { recursors: [await upstream(t)] });
  const socket = connect(port, '127.0.0.1').end(framed(encodeQuery({ name: 'ext.service.consul' })));
  const [reply] = (await once(socket, 'data')) as [Buffer];
  assert.equal(decodeMessage(reply.subarray(2)).answers.length, 6);
  await once(socket, 'close');
});

test('when no recursor answers, the reply is SERVFAIL', async (t) => {
  for (const strategy of ['sequential', 'random'] as const) {
    const port = await serve(t, {
      recursors: [await upstream(t, 2), await upstream(t, 5), '127.0.0.1:9'],
      recursorStrategy: strategy,
      recursorTimeoutMs: 200,
    });
    assert.deepEqual(show(await askUdp(port, { name: 'www.example.com', udpSize: 1232 })), [
      'SERVFAIL rd ra',
      'opt 1232',
    ]);
  }
});

test('a recursor that keeps silent is given up after the time-out', async (t) => {
  const silent = createSocket('udp4');
  t.after(() => silent.close());
  silent.bind(0, '127.0.0.1');
  await once(silent, 'listening');
  const recursors = [`127.0.0.1:${silent.address().port}`, await upstream(t)];
  const port = await serve(t, { recursors, recursorTimeoutMs: 50 });
  assert.equal((await askUdp(port, { name: 'www.example.com' })).answers.length, 8);
});

test('host names outside are followed through recursors, at most five records without EDNS', async (t) => {
  const port = await serve(t, {
    recursors: [await upstream(t)],
    serviceTtlSeconds: { ext: 5 },
    udpAnswerLimit: 8,
  });
  const plain = await askUdp(port, { name: 'ext.service.consul' });
  assert.deepEqual(show(plain, { sorted: false }), [
    'NOERROR aa rd ra',
    'an ext.service.consul. 5 CNAME www.example.com.',
    'an www.example.com. 5 CNAME edge.example.net.',
    ...[0, 1, 2, 3].map((i) => `an edge.example.net. 3 A 192.0.2.${i}`),
  ]);
  const edns = await askUdp(port, { name: 'ext.service.consul', type: 'SRV', udpSize: 1232 });
  assert.equal(edns.answers.length, 1);
  assert.equal(edns.additionals.length, 8);
});

test('a recursor that is this server itself is left out', async (t) => {
  const port = await freePort();
  await serve(t, { port, recursors: [`127.0.0.1:${port}`] });
  assert.deepEqual(show(await askUdp(port, { name: 'www.example.com' })), ['REFUSED rd']);
});

async function freePort(): Promise<number> {
  const socket = createSocket('udp4');
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  const { port } = socket.address();
  await new Promise<void>((resolve) => socket.close(() => resolve()));
  return port;
}

test('every type of question gets a reply', async (t) => {
  const port = await serve(t);
  for (const type of Object.values(recordTypes)) {
    assert.ok(await askUdp(port, { name: 'web.service.consul', type }));
  }
});
