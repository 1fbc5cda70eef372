/** A cluster moves from one machine's data directory to etcd and back, with a kill -9 in the middle. */
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { encodeKv } from '../../src/kv/codec.ts';
import { rowPrefix } from '../../src/kv/keys.ts';
import { systemClock } from '../../src/lib/clock.ts';
import { silentLogger } from '../../src/lib/log.ts';
import { openDataDir } from '../../src/store/embedded/data-dir.ts';
import { openEmbeddedStore } from '../../src/store/embedded/embedded-store.ts';
import { startEtcd } from '../etcd/etcd.testkit.ts';
import { spawnAgent, spawnProgram, startAgent, freePorts, type RunningAgent } from './agent.testkit.ts';

const keys = 6000;

/** Fills a data directory as clients of an agent would, only faster. */
async function fill(path: string): Promise<void> {
  const dir = await openDataDir(path);
  const store = await openEmbeddedStore({ path: dir.storePath }, { clock: systemClock, log: silentLogger });
  const value = encodeKv({ value: Buffer.alloc(300, 'x'), flags: 0n, lockIndex: 0, session: '' });
  for (let i = 0; i < keys; i += 500) {
    const then = Array.from({ length: 500 }, (_, j) => ({ put: `${rowPrefix}bulk/${i + j}`, value }));
    await store.commit({ then });
  }
  await store.close();
  await dir.close();
}

interface Copied {
  readonly code: number;
  readonly text: string;
}

async function copy(from: string, to: string, ...more: string[]): Promise<Copied> {
  const run = spawnProgram(['store', 'copy', `--from=${from}`, `--to=${to}`, ...more]);
  return { code: await run.exited, text: run.log() };
}

async function json<T>(
  agent: RunningAgent,
  path: string,
  init: RequestInit = {},
): Promise<{ body: T; index: number }> {
  const response = await fetch(agent.url + path, init);
  assert.equal(response.status, 200, `${path}: ${response.status}`);
  return { body: (await response.json()) as T, index: Number(response.headers.get('x-consul-index')) };
}

interface KvRow {
  readonly Session?: string;
  readonly LockIndex: number;
  readonly Value: string;
  readonly ModifyIndex: number;
}

const put = (agent: RunningAgent, path: string, body: unknown): Promise<{ body: unknown; index: number }> =>
  json(agent, path, { method: 'PUT', body: typeof body === 'string' ? body : JSON.stringify(body) });

test('a cluster moves to etcd and back: nothing is lost, no index falls, a broken copy starts no agent', async () => {
  const base = await mkdtemp(join(tmpdir(), 'portolan-move-'));
  const etcd = await startEtcd();
  const url = `etcd://${etcd.endpoints[0]!}/moved`;
  const [first, second] = [join(base, 'first'), join(base, 'second')];
  const agents: RunningAgent[] = [];
  const start = async (dataDir: string, ...args: string[]): Promise<RunningAgent> => {
    const agent = await startAgent({ dataDir, args });
    agents.push(agent);
    return agent;
  };
  try {
    await fill(first);
    let agent = await start(first);
    const external = { Node: 'db', Address: '192.0.2.9', Service: { Service: 'pg', Port: 5432 } };
    await put(agent, '/v1/catalog/register', external);
    const session = (await put(agent, '/v1/session/create', {})).body as { ID: string };
    await put(agent, `/v1/kv/lock?acquire=${session.ID}`, 'held');
    await put(agent, '/v1/kv/old', 'x');
    await json(agent, '/v1/kv/old', { method: 'DELETE' });
    const running = await copy(`embedded:${first}`, url);
    assert.deepEqual([running.code, /in use by the process/.test(running.text)], [2, true], running.text);
    const views = [
      '/v1/catalog/nodes',
      '/v1/catalog/service/pg',
      '/v1/kv/?keys',
      '/v1/session/list',
      '/v1/health/state/any',
    ];
    const indexes = (): Promise<number[]> =>
      Promise.all(views.map(async (path) => (await json(agent, path)).index));
    const before = Math.max(...(await indexes()));
    await agent.stop();

    await killHalfWay(first, url);
    const refused = spawnAgent({ dataDir: second, args: [`-store=${url}`] }, await freePorts());
    assert.equal(await refused.exited, 1, refused.log());
    assert.match(refused.log(), /not finished/);
    const whole = await copy(`embedded:${first}`, url);
    assert.equal(whole.code, 0, whole.text);
    assert.match(whole.text, /keys +6001/);
    const again = await copy(`embedded:${first}`, url, '--json');
    assert.equal((JSON.parse(again.text) as { written: number }).written, 0);

    agent = await start(first, `-hcl=store { url = "${url}"  ttl = "2s" }`);
    for (const [i, index] of (await indexes()).entries())
      assert.ok(index > before, `${views[i]!}: ${index} after ${before}`);
    const [lock] = (await json<KvRow[]>(agent, '/v1/kv/lock')).body;
    assert.deepEqual(
      [lock?.Session, lock?.LockIndex, lock?.Value],
      [undefined, 1, Buffer.from('held').toString('base64')],
    );
    assert.equal((await put(agent, `/v1/kv/lock?cas=${lock!.ModifyIndex}`, 'new')).body, true);
    const live = await copy(url, `embedded:${second}`);
    assert.deepEqual([live.code, /Agents live on the source: e2e/.test(live.text)], [2, true], live.text);
    const top = Math.max(...(await indexes()));
    await agent.stop('SIGKILL');
    let back = await copy(url, `embedded:${second}`);
    for (let i = 0; back.code === 2 && i < 40; i++) {
      await delay(1000);
      back = await copy(url, `embedded:${second}`);
    }
    assert.equal(back.code, 0, back.text);
    agent = await start(second);
    for (const [i, index] of (await indexes()).entries())
      assert.ok(index > top, `${views[i]!}: ${index} after ${top}`);
    assert.equal((await json<string[]>(agent, '/v1/kv/?keys')).body.length, keys + 1);
  } finally {
    for (const agent of agents) await agent.stop('SIGKILL');
    await etcd.stop();
    await rm(base, { recursive: true, force: true });
  }
});

/** Ends a copy by SIGKILL when it has written some rows. */
async function killHalfWay(from: string, url: string): Promise<void> {
  const run = spawnProgram(['store', 'copy', `--from=embedded:${from}`, `--to=${url}`]);
  for (;;) {
    const ended = await Promise.race([run.exited, delay(1).then(() => undefined)]);
    assert.equal(ended, undefined, `the copy ended before it was killed: ${run.log()}`);
    if (run.log().includes('copying')) break;
  }
  await run.stop('SIGKILL');
}
