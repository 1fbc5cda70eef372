import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { test } from 'node:test';
import type { TestContext } from 'node:test';
import { Client } from '@portolan/sdk';
import { fetch as undiciFetch } from 'undici';
import { silentLogger } from '../lib/log.ts';
import { Dedup } from './dedup.ts';
import { packShared, partBytes, readHeader, unpackShared } from './dedup-payload.ts';
import { LockServer } from './dedup.testkit.ts';
import { instance, ScriptedSource } from './source.testkit.ts';
import type { Query, Subscription } from './source.ts';
import { until } from './until.testkit.ts';

const web = { type: 'service', name: 'web', tag: '', dc: '', near: '', filters: ['passing'] } as const;
const spec = { source: 't.tpl', text: 'x', destination: '/out' };

/** One host: its own source, the same server. */
class Host {
  readonly source = new ScriptedSource();
  readonly dedup: Dedup;
  readonly answer: Subscription;
  changes = 0;

  constructor(t: TestContext, server: LockServer, ownAfterMs = 10_000, query: Query = web) {
    // As the program sends its requests.
    const fetch = (url: string, init: RequestInit): Promise<Response> =>
      undiciFetch(url, init as unknown as Parameters<typeof undiciFetch>[1]) as unknown as Promise<Response>;
    const client = new Client({ address: server.address, fetch });
    const options = { prefix: 'd/', ttlMs: 10_000, maxStaleMs: 2000, waitMs: 1000, ownAfterMs };
    this.dedup = new Dedup(options, { client, source: this.source, log: silentLogger });
    t.after(() => this.dedup.close());
    this.answer = this.dedup.sourceFor(spec).subscribe(query, () => this.changes++, assert.fail);
  }

  port(): number | undefined {
    return (this.answer.current()?.data as { port: number }[] | undefined)?.[0]?.port;
  }
}

test('one of two hosts asks, both know; the other takes over when it stops', async (t) => {
  const server = await LockServer.open(t);
  const first = new Host(t, server);
  await until(() => first.source.followed.length === 1);
  first.source.set('service web', [instance({ port: 1 })]);
  const second = new Host(t, server);
  await until(() => second.port() === 1);
  assert.deepEqual(second.source.followed, []);
  first.source.set('service web', [instance({ port: 2 })]);
  await until(() => second.port() === 2);
  assert.deepEqual([first.changes, second.changes], [2, 2]);
  await first.dedup.close();
  await until(() => second.source.followed.length === 1);
  assert.equal(second.port(), 2, 'what was known stands');
  second.source.set('service web', [instance({ port: 3 })]);
  assert.equal(second.port(), 3);
});

test('a session that the server has forgotten makes a follower of a leader, and elects anew', async (t) => {
  const server = await LockServer.open(t);
  const host = new Host(t, server);
  await until(() => host.source.followed.length === 1);
  host.source.set('service web', [instance({ port: 1 })]);
  await until(() => server.keys().length === 1);
  server.endSessions();
  host.source.set('service web', [instance({ port: 2 })]);
  await until(() => host.source.followed.length === 0);
  assert.equal(host.port(), 2);
});

test('a follower whose leader has no answer for it asks for itself', async (t) => {
  const server = await LockServer.open(t);
  const leader = new Host(t, server);
  await until(() => leader.source.followed.length === 1);
  leader.source.set('service web', [instance({ port: 1 })]);
  const other = new Host(t, server, 30, { ...web, name: 'db' });
  await until(() => other.source.followed.length === 1);
  other.source.set('service db', [instance({ port: 9 })]);
  assert.equal(other.port(), 9);
});

test('without sessions everybody asks for himself', async (t) => {
  const server = await LockServer.open(t);
  server.hasSessions = false;
  const host = new Host(t, server, 30);
  await until(() => host.source.followed.length === 1);
});

test('without sessions the key is not asked for all the time', async (t) => {
  const server = await LockServer.open(t);
  server.hasSessions = false;
  const host = new Host(t, server, 30);
  await until(() => host.source.followed.length === 1);
  await new Promise((resolve) => setTimeout(resolve, 1500));
  assert.ok(server.reads.length <= 6, `${server.reads.length} reads`);
});

test('what nobody publishes any more is asked for by oneself, and what was known stands meanwhile', async (t) => {
  const server = await LockServer.open(t);
  const host = new Host(t, server, 50);
  await until(() => host.source.followed.length === 1);
  host.source.set('service web', [instance({ port: 1 })]);
  await until(() => server.keys().length === 1);
  server.hasSessions = false;
  server.endSessions();
  host.source.set('service web', [instance({ port: 2 })]);
  await until(() => host.source.followed.length === 0);
  assert.equal(host.port(), 2);
  await until(() => host.source.followed.length === 1);
  host.source.set('service web', [instance({ port: 3 })]);
  assert.deepEqual([host.port(), host.changes], [3, 3]);
});

test('what the leader does not want any more a follower asks for itself', async (t) => {
  const server = await LockServer.open(t);
  const leader = new Host(t, server);
  await until(() => leader.source.followed.length === 1);
  leader.source.set('service web', [instance({ port: 1 })]);
  const follower = new Host(t, server, 50);
  await until(() => follower.port() === 1);
  leader.answer.close();
  await until(() => follower.source.followed.length === 1);
  follower.source.set('service web', [instance({ port: 2 })]);
  assert.equal(follower.port(), 2);
});

test('a follower that asks for itself is told what its source knows already', async (t) => {
  const server = await LockServer.open(t);
  const leader = new Host(t, server);
  await until(() => leader.source.followed.length === 1);
  leader.source.set('service web', [instance({ port: 1 })]);
  const other = new Host(t, server, 50, { ...web, name: 'db' });
  other.source.set('service db', [instance({ port: 9 })]);
  await until(() => other.changes === 1);
  assert.equal(other.port(), 9);
});

test('what differs from host to host is not shared', async (t) => {
  const server = await LockServer.open(t);
  const host = new Host(t, server);
  const source = host.dedup.sourceFor({ ...spec, text: 'y' });
  source.subscribe({ type: 'node', name: '', dc: '' }, () => {}, assert.fail);
  assert.deepEqual(host.source.followed, ['node ']);
});

test('a template that goes gives its lock back', async (t) => {
  const server = await LockServer.open(t);
  const host = new Host(t, server);
  const source = host.dedup.sourceFor({ ...spec, text: 'gone' });
  source.subscribe(web, () => {}, assert.fail);
  await until(() => server.keys().length === 2);
  await source.close();
  assert.equal(server.keys().length, 1);
});

test('more than 512 KiB are split over keys, and old parts go', async (t) => {
  const server = await LockServer.open(t);
  const leader = new Host(t, server);
  await until(() => leader.source.followed.length === 1);
  // Noise does not deflate.
  const noise = (): string => randomBytes(800_000).toString('base64');
  leader.source.set('service web', [instance({ port: 1, address: noise() })]);
  const follower = new Host(t, server);
  await until(() => follower.port() === 1);
  const before = server.keys();
  assert.equal(before.length, 3, before.join());
  assert.ok(server.sizes().every((size) => size <= partBytes));
  leader.source.set('service web', [instance({ port: 2, address: noise() })]);
  await until(() => follower.port() === 2);
  await until(() => server.keys().length === 3);
  assert.notDeepEqual(server.keys(), before);
});

test('what is packed is unpacked, big integers and broken bytes included; anything else is not ours', async () => {
  const shared = new Map<string, unknown>([
    ['a', { flags: 2n ** 63n, text: 'x\udc80y', list: [null, 1.5] }],
    ['b', null],
  ]);
  const { value, parts } = await packShared(shared, 'g');
  assert.deepEqual(parts, []);
  const header = readHeader(value);
  assert.equal(header?.generation, 'g');
  assert.deepEqual(await unpackShared(header.rest), shared);
  for (const text of ['', 'x', '{}\n', '{"format":"other"}\nabc'])
    assert.equal(readHeader(Buffer.from(text)), undefined);
  assert.equal(await unpackShared(Buffer.from('nonsense')), undefined);
});
