import assert from 'node:assert/strict';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { test, type TestContext } from 'node:test';
import { ManualClock } from '../lib/clock.testkit.ts';
import { check, http, ttl } from './checks.testkit.ts';
import { Scheduler } from './scheduler.ts';

interface World {
  readonly clock: ManualClock;
  readonly scheduler: Scheduler;
  /** `id status` for a result, `id expired` for a TTL. */
  readonly told: string[];
}

function setUp(random = 0.5): World {
  const clock = new ManualClock();
  const told: string[] = [];
  const scheduler = new Scheduler(
    { outputMaxBytes: 4096 },
    {
      clock,
      random: () => random,
      onResult: (id, status) => told.push(`${id} ${status}`),
      onExpired: (id) => told.push(`${id} expired`),
    },
  );
  return { clock, scheduler, told };
}

/** A server whose answers a test decides, and which counts what is in flight. */
async function serve(
  t: TestContext,
): Promise<{ url: string; held: (() => void)[]; hits: () => number; code: { now: number } }> {
  const held: (() => void)[] = [];
  const code = { now: 200 };
  let hits = 0;
  const server: Server = createServer((_request, response) => {
    hits += 1;
    const end = (): void => void response.writeHead(code.now).end();
    if (code.now === 0) held.push(() => void response.writeHead(200).end());
    else end();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`, held, hits: () => hits, code };
}

async function until(holds: () => boolean): Promise<void> {
  for (let i = 0; i < 2000 && !holds(); i++) await new Promise((resolve) => setImmediate(resolve));
  assert.ok(holds(), 'it never came about');
}

test('the first run comes after a random part of the interval, the next an interval after its end', async (t) => {
  const { url, hits } = await serve(t);
  const { clock, scheduler, told } = setUp(0.25);
  scheduler.watch('c', check(http(url), { intervalMs: 4000 }));
  await clock.advance(999);
  assert.equal(hits(), 0);
  await clock.advance(1);
  await until(() => told.length === 1);
  await clock.advance(3999);
  assert.equal(hits(), 1);
  await clock.advance(1);
  await until(() => told.length === 2);
  assert.deepEqual(told, ['c passing', 'c passing']);
  scheduler.close();
  assert.equal(clock.pendingTimers, 0);
});

test('an interval below a second is raised to one', async (t) => {
  const { url, hits } = await serve(t);
  const { clock, scheduler, told } = setUp(0.5);
  scheduler.watch('c', check(http(url), { intervalMs: 10 }));
  await clock.advance(499);
  assert.equal(hits(), 0);
  await clock.advance(1);
  await until(() => told.length === 1);
  scheduler.close();
});

test('runs of one check never overlap', async (t) => {
  const { url, held, hits, code } = await serve(t);
  const { clock, scheduler, told } = setUp(0);
  code.now = 0;
  scheduler.watch('c', check(http(url), { intervalMs: 1000 }));
  await clock.advance(0);
  await until(() => held.length === 1);
  await clock.advance(5000);
  assert.equal(hits(), 1);
  held[0]!();
  await until(() => told.length === 1);
  scheduler.close();
});

test('a run that takes longer than its timeout is critical', async (t) => {
  const { url, held, code } = await serve(t);
  const { clock, scheduler, told } = setUp(0);
  code.now = 0;
  scheduler.watch('c', check(http(url), { timeoutMs: 3000 }));
  await clock.advance(0);
  await until(() => held.length === 1);
  await clock.advance(2999);
  assert.deepEqual(told, []);
  await clock.advance(1);
  await until(() => told.length === 1);
  assert.deepEqual(told, ['c critical']);
  scheduler.close();
});

test('a check that was dropped in the middle of a run says nothing more', async (t) => {
  const { url, held, code } = await serve(t);
  const { clock, scheduler, told } = setUp(0);
  code.now = 0;
  scheduler.watch('c', check(http(url)));
  await clock.advance(0);
  await until(() => held.length === 1);
  scheduler.drop('c');
  scheduler.drop('c');
  held[0]!();
  await clock.advance(60_000);
  assert.deepEqual(told, []);
  assert.equal(clock.pendingTimers, 0);
});

test('results below a threshold are not told', async (t) => {
  const { url, hits, code } = await serve(t);
  const { clock, scheduler, told } = setUp(0);
  scheduler.watch('c', check(http(url), { intervalMs: 1000, failuresBeforeCritical: 2 }));
  await clock.advance(0);
  await until(() => told.length === 1);
  code.now = 500;
  await clock.advance(1000);
  await until(() => hits() === 2 && clock.pendingTimers > 0);
  await new Promise((resolve) => setTimeout(resolve, 20));
  assert.deepEqual(told, ['c passing']);
  await clock.advance(1000);
  await until(() => told.length === 2);
  assert.deepEqual(told, ['c passing', 'c critical']);
  scheduler.close();
});

test('a TTL expires once, unless it is renewed', async () => {
  const { clock, scheduler, told } = setUp();
  scheduler.watch('c', ttl());
  await clock.advance(9000);
  scheduler.renew('c');
  await clock.advance(9999);
  assert.deepEqual(told, []);
  await clock.advance(1);
  assert.deepEqual(told, ['c expired']);
  await clock.advance(60_000);
  assert.deepEqual(told, ['c expired']);
  scheduler.renew('c');
  await clock.advance(10_000);
  assert.deepEqual(told, ['c expired', 'c expired']);
});

test('after a restart a TTL has what was left of it', async () => {
  const { clock, scheduler, told } = setUp();
  scheduler.watch('c', ttl(), 3000);
  await clock.advance(3000);
  assert.deepEqual(told, ['c expired']);
});

test('a new definition takes the place of the old one', async () => {
  const { clock, scheduler, told } = setUp();
  scheduler.watch('c', ttl());
  scheduler.watch('c', ttl({}, 50_000));
  await clock.advance(49_999);
  assert.deepEqual(told, []);
});

test('kinds that nobody runs need no timer', () => {
  const { clock, scheduler } = setUp();
  scheduler.watch('d', check({ type: 'docker' }));
  scheduler.watch('m', check({ type: 'maintenance' }));
  scheduler.watch('a', check({ type: 'alias', node: '', service: 'web' }));
  assert.equal(clock.pendingTimers, 0);
});
