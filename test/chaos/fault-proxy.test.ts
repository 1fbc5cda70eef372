import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { test, type TestContext } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { FaultProxy } from './fault-proxy.testkit.ts';

/** A server that says everything back, behind a proxy. */
async function open(t: TestContext): Promise<FaultProxy> {
  const server = createServer((socket) => socket.on('error', () => {}).pipe(socket)).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const proxy = await FaultProxy.open('127.0.0.1', `127.0.0.1:${(server.address() as AddressInfo).port}`);
  t.after(async () => {
    await proxy.close();
    server.close();
  });
  return proxy;
}

async function client(t: TestContext, proxy: FaultProxy): Promise<Socket> {
  const socket = connect(Number(proxy.address.split(':')[1]), '127.0.0.1');
  t.after(() => socket.destroy());
  await once(socket, 'connect');
  return socket;
}

async function echo(socket: Socket, text: string): Promise<string> {
  const answer = once(socket, 'data') as Promise<[Buffer]>;
  socket.write(text);
  return (await answer)[0].toString();
}

test('what passes comes back, later by the delay of both ways', async (t) => {
  const proxy = await open(t);
  const socket = await client(t, proxy);
  assert.equal(await echo(socket, 'a'), 'a');
  proxy.delayMs = 40;
  const beganMs = performance.now();
  assert.equal(await echo(socket, 'b'), 'b');
  assert.ok(performance.now() - beganMs >= 75);
});

test('bytes keep their order while the delay changes', async (t) => {
  const proxy = await open(t);
  const socket = await client(t, proxy);
  let got = '';
  socket.on('data', (chunk: Buffer) => (got += chunk.toString()));
  let sent = '';
  for (let number = 0; number < 300; number++) {
    proxy.delayMs = number % 3 === 0 ? 0 : number % 7;
    socket.write(`${number},`);
    sent += `${number},`;
    // Now and then timers are late.
    if (number % 10 === 0) for (const until = performance.now() + 4; performance.now() < until; );
    await delay(1);
  }
  while (got.length < sent.length) await delay(10);
  assert.equal(got, sent);
});

test('what is held says nothing, and goes on afterwards', async (t) => {
  const proxy = await open(t);
  const old = await client(t, proxy);
  await echo(old, 'a');
  proxy.mode = 'hold';
  const young = await client(t, proxy);
  const answers = [echo(old, 'b'), echo(young, 'c')];
  assert.equal(await Promise.race([...answers, delay(60, 'nothing')]), 'nothing');
  proxy.mode = 'pass';
  assert.deepEqual(await Promise.all(answers), ['b', 'c']);
});

test('a reset is seen by the client, and what is refused never begins', async (t) => {
  const proxy = await open(t);
  const socket = await client(t, proxy);
  await echo(socket, 'a');
  const failed = once(socket, 'error') as Promise<[NodeJS.ErrnoException]>;
  proxy.reset();
  assert.equal((await failed)[0].code, 'ECONNRESET');
  proxy.mode = 'refuse';
  const refused = connect(Number(proxy.address.split(':')[1]), '127.0.0.1');
  t.after(() => refused.destroy());
  const [error] = (await once(refused, 'error')) as [NodeJS.ErrnoException];
  assert.equal(error.code, 'ECONNRESET');
});
