/** Locks of a real agent on the embedded store: what kill -9 leaves of them, and who ends a session. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { Client, type SessionDefinition } from '@portolan/sdk';
import { type RunningAgent, startAgent, until } from './agent.testkit.ts';

const args = ['-hcl', 'session_ttl_min = "1s"'];
const dataDir = mkdtempSync(join(tmpdir(), 'portolan-sessions-'));
let agent: RunningAgent;
let client: Client;

before(async () => {
  agent = await startAgent({ dataDir, args });
  client = new Client({ address: agent.url });
});

after(async () => {
  await agent.stop('SIGKILL');
  rmSync(dataDir, { recursive: true, force: true });
});

async function killAndRestart(): Promise<void> {
  await agent.stop('SIGKILL');
  agent = await startAgent({ dataDir, args, ports: agent.ports });
}

function session(definition: SessionDefinition = {}): Promise<string> {
  return client.session.create({ NodeChecks: [], LockDelay: '0s', ...definition });
}

async function holder(key: string): Promise<string | undefined> {
  return (await client.kv.get(key)).data?.session;
}

test('kill -9 moves no lock and no index; TTLs and lock delays begin anew', async () => {
  const { kv, session: sessions } = client;
  const holds = await session({ TTL: '10s', NodeChecks: ['serfHealth'] });
  const ends = await session({ LockDelay: '3s' });
  const left = await session({ TTL: '2s' });
  const leftAt = performance.now();
  assert.equal(await kv.acquire('lock/held', 'mine', holds), true);
  assert.equal(await kv.acquire('lock/delayed', 'mine', ends), true);
  assert.equal(await kv.acquire('lock/left', 'mine', left), true);
  await sessions.destroy(ends);
  const endedAt = performance.now();
  const [row, index] = [(await kv.get('lock/held')).data, (await sessions.list()).index];

  await delay(1000);
  await killAndRestart();
  const restartedAt = performance.now();
  assert.deepEqual((await kv.get('lock/held')).data, row);
  assert.equal(row?.session, holds);
  assert.equal((await sessions.list()).index, index);
  assert.equal((await sessions.renew(holds))?.ID, holds);
  const next = await session();
  assert.equal(await kv.acquire('lock/held', 'theirs', next), false);
  await delay(Math.max(0, endedAt + 3200 - performance.now()));
  // Slower than that, the machine can't tell a delay that began anew from one that went on.
  if (performance.now() < restartedAt + 2500)
    assert.equal(await kv.acquire('lock/delayed', 'theirs', next), false);
  await until(
    async () => ((await kv.acquire('lock/delayed', 'theirs', next)) ? true : undefined),
    5000,
    () => 'the lock delay does not end',
  );
  await delay(Math.max(0, leftAt + 4200 - performance.now()));
  if (performance.now() < restartedAt + 3500) assert.equal(await holder('lock/left'), left);
  await until(
    async () => ((await holder('lock/left')) === '' ? true : undefined),
    5000,
    () => 'a session that nobody renews does not end',
  );
});

test('killed while it gives locks back, it goes on after its restart', async () => {
  const { kv, session: sessions } = client;
  const id = await session({ Behavior: 'delete' });
  const keys = Array.from({ length: 700 }, (_, i) => `many/${i}`);
  for (let at = 0; at < keys.length; at += 100)
    await Promise.all(keys.slice(at, at + 100).map((key) => kv.acquire(key, '', id)));
  // Whether it was destroyed is not known: it is killed in the middle.
  const destroyed = sessions.destroy(id).catch(() => undefined);
  await delay(8);
  await killAndRestart();
  await destroyed;
  const begun = (await kv.keys('many/')).data.length < keys.length;
  if (!begun && (await sessions.info(id)).data !== undefined) await sessions.destroy(id);
  await until(
    async () => ((await kv.keys('many/')).data.length === 0 ? true : undefined),
    5000,
    () => 'keys of a session that has ended are still there',
  );
  await until(
    async () => ((await sessions.info(id)).data === undefined ? true : undefined),
    2000,
    () => 'the session is still there',
  );
});

test('a check of the agent that turns critical frees what its sessions hold', async () => {
  const put = async (path: string, body?: unknown): Promise<void> => {
    const init = { method: 'PUT', ...(body === undefined ? {} : { body: JSON.stringify(body) }) };
    assert.equal((await fetch(agent.url + path, init)).status, 200);
  };
  await put('/v1/agent/check/register', { CheckID: 'beat', Name: 'beat', TTL: '60s', Status: 'passing' });
  const id = await until(
    () => session({ NodeChecks: ['beat', 'serfHealth'] }).catch(() => undefined),
    5000,
    () => 'the check is not in the catalog',
  );
  assert.equal(await client.kv.acquire('lock/beat', '', id), true);
  await put('/v1/agent/check/fail/beat');
  await until(
    async () => ((await holder('lock/beat')) === '' ? true : undefined),
    5000,
    () => 'the lock is still held',
  );
  assert.equal((await client.session.info(id)).data, undefined);
});

test('a reader of a locked key is woken by the end of its holder', async () => {
  const id = await session();
  await client.kv.acquire('lock/watched', '', id);
  const { index } = await client.kv.get('lock/watched');
  const parked = client.kv.get('lock/watched', { index, waitMs: 10_000 });
  await delay(50);
  const from = performance.now();
  await client.session.destroy(id);
  assert.equal((await parked).data?.session, '');
  assert.ok(performance.now() - from < 2000);
});
