/** An agent whose store goes away, fills up, or whose clock jumps: what goes on, what is refused, and how it returns. */
import assert from 'node:assert/strict';
import { Resolver } from 'node:dns/promises';
import { existsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { type Etcd, startEtcd } from '../etcd/etcd.testkit.ts';
import { type RunningAgent, startAgent } from './agent.testkit.ts';

interface Answered {
  readonly status: number;
  readonly text: string;
  readonly index: number;
  readonly known: string | null;
  readonly lastContactMs: number;
  readonly tookMs: number;
}

async function ask(agent: RunningAgent, path: string, init: RequestInit = {}): Promise<Answered> {
  const startedMs = performance.now();
  const response = await fetch(agent.url + path, init);
  const text = await response.text();
  return {
    status: response.status,
    text,
    index: Number(response.headers.get('x-consul-index')),
    known: response.headers.get('x-consul-knownleader'),
    lastContactMs: Number(response.headers.get('x-consul-lastcontact')),
    tookMs: performance.now() - startedMs,
  };
}

const put = (agent: RunningAgent, path: string, body: unknown = ''): Promise<Answered> =>
  ask(agent, path, { method: 'PUT', body: typeof body === 'string' ? body : JSON.stringify(body) });

/** Milliseconds until `holds`; fails after `limitMs`. */
async function until(what: string, limitMs: number, holds: () => Promise<boolean>): Promise<number> {
  const startedMs = performance.now();
  while (!(await holds())) {
    assert.ok(performance.now() - startedMs < limitMs, `${what}: not within ${limitMs} ms`);
    await delay(50);
  }
  return performance.now() - startedMs;
}

interface Bench {
  readonly etcd: Etcd;
  start(name: string, env?: Readonly<Record<string, string>>): Promise<RunningAgent>;
}

async function withEtcd(args: readonly string[], run: (bench: Bench) => Promise<void>): Promise<void> {
  const base = await mkdtemp(join(tmpdir(), 'portolan-cut-off-'));
  const etcd = await startEtcd({ args });
  const agents: RunningAgent[] = [];
  const start = async (name: string, env: Readonly<Record<string, string>> = {}): Promise<RunningAgent> => {
    const store = `-store=etcd://${etcd.endpoints.join(',')}/e2e`;
    const agent = await startAgent({ dataDir: join(base, name), args: [`-node=${name}`, store], env });
    agents.push(agent);
    return agent;
  };
  try {
    await run({ etcd, start });
  } finally {
    etcd.members[0]!.resume();
    await Promise.all(agents.map((agent) => agent.stop()));
    await etcd.stop();
    await rm(base, { recursive: true, force: true });
  }
}

function resolver(agent: RunningAgent): Resolver {
  const found = new Resolver({ timeout: 1000, tries: 1 });
  found.setServers([`127.0.0.1:${agent.ports.dns}`]);
  return found;
}

test('a stalled etcd: discovery and stale reads go on, the rest is refused at once, and all is back with it', () =>
  withEtcd([], async ({ etcd, start }) => {
    const agent = await start('n1');
    const member = etcd.members[0]!;
    const web = { Name: 'web', Port: 80, Check: { CheckID: 'web', TTL: '60s', Status: 'passing' } };
    assert.equal((await put(agent, '/v1/agent/service/register', web)).status, 200);
    await until('the service is in the catalog', 5000, async () =>
      (await ask(agent, '/v1/health/service/web?passing')).text.includes('"web"'),
    );
    assert.equal((await put(agent, '/v1/kv/a', '1')).text, 'true');
    const kv = await ask(agent, '/v1/kv/a');

    member.stall();
    const parked = ask(agent, `/v1/kv/a?index=${kv.index}&wait=6s`);
    const pending = put(agent, '/v1/kv/pending', 'x');
    const noticedMs = await until(
      'a default read is refused',
      5000,
      async () => (await ask(agent, '/v1/health/service/web')).status === 500,
    );
    assert.ok(noticedMs > 1500 && noticedMs < 4500, `noticed after ${noticedMs} ms`);

    for (const path of [
      '/v1/kv/a',
      '/v1/kv/a?consistent',
      '/v1/catalog/nodes',
      '/v1/health/service/web?leader',
    ]) {
      const { status, text, known, lastContactMs } = await ask(agent, path);
      assert.deepEqual([status, text, known], [500, 'No cluster leader', 'false'], path);
      assert.ok(lastContactMs >= 3000, path);
    }
    const stale = await ask(agent, '/v1/kv/a?stale');
    assert.deepEqual([stale.status, stale.known, stale.index], [200, 'false', kv.index]);
    assert.deepEqual(await resolver(agent).resolve4('web.service.consul'), ['127.0.0.1']);
    assert.equal((await ask(agent, '/v1/status/leader')).text, '""');
    for (const path of ['/v1/kv/b', '/v1/session/create', '/v1/catalog/register']) {
      const { status, text, tookMs } = await put(
        agent,
        path,
        path.includes('kv') ? 'x' : { Node: 'x', Address: '192.0.2.1' },
      );
      assert.equal(status, 500, path);
      assert.match(text, /^No cluster leader: .*nothing was written$/);
      assert.ok(tookMs < 500, `${path} took ${tookMs} ms`);
    }
    const failed = await pending;
    assert.ok(failed.status === 500 && failed.tookMs < 4000, `${failed.status} after ${failed.tookMs} ms`);
    // What is this agent's own goes on: its services, its checks.
    assert.equal((await put(agent, '/v1/agent/service/register', { Name: 'late', Port: 81 })).status, 200);
    assert.equal((await put(agent, '/v1/agent/check/fail/web')).status, 200);
    assert.match((await ask(agent, '/v1/agent/health/service/name/web')).text, /critical/);
    assert.deepEqual([(await parked).status, (await parked).text], [500, 'No cluster leader']);
    assert.ok((await ask(agent, '/v1/kv/a?stale')).lastContactMs > stale.lastContactMs);

    member.resume();
    const backMs = await until(
      'a default read is answered',
      5000,
      async () => (await ask(agent, '/v1/kv/a')).status === 200,
    );
    assert.ok(backMs < 2500, `back after ${backMs} ms`);
    assert.equal((await ask(agent, '/v1/kv/a?consistent')).known, 'true');
    assert.equal((await put(agent, '/v1/kv/b', '2')).text, 'true');
    await until('what was registered meanwhile is in the catalog', 15_000, async () => {
      const [late, check] = [
        await ask(agent, '/v1/catalog/service/late'),
        await ask(agent, '/v1/health/checks/web'),
      ];
      return late.text.includes('"late"') && check.text.includes('"critical"');
    });
  }));

const faketime = '/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1';

test(
  'a clock that jumps by an hour moves no index and ends nothing',
  { skip: existsSync(faketime) ? false : 'libfaketime is not installed' },
  () =>
    withEtcd([], async ({ start }) => {
      const base = await mkdtemp(join(tmpdir(), 'portolan-clock-'));
      const clock = join(base, 'clock');
      try {
        await writeFile(clock, '+0');
        const agent = await start('n1', {
          LD_PRELOAD: faketime,
          FAKETIME_TIMESTAMP_FILE: clock,
          FAKETIME_NO_CACHE: '1',
          FAKETIME_DONT_FAKE_MONOTONIC: '1',
        });
        const other = await start('n2');
        const session = await put(agent, '/v1/session/create', { TTL: '10s' });
        const { ID: id } = JSON.parse(session.text) as { ID: string };
        await put(agent, '/v1/kv/gone', '1');
        await ask(agent, '/v1/kv/gone', { method: 'DELETE' });
        assert.equal((await put(agent, `/v1/kv/lock?acquire=${id}`, 'mine')).text, 'true');
        await delay(1000);
        const paths = [
          '/v1/catalog/nodes',
          '/v1/health/state/any',
          '/v1/kv/lock',
          '/v1/kv/gone',
          '/v1/session/list',
        ];
        const indexes = (): Promise<number[]> =>
          Promise.all(paths.map(async (path) => (await ask(other, path)).index));
        const before = await indexes();
        for (const step of ['+3600s', '-3600s']) {
          await writeFile(clock, step);
          const date = (await fetch(`${agent.url}/v1/status/leader`)).headers.get('date');
          const offMs = Date.parse(date ?? '') - Date.now();
          assert.ok(
            Math.abs(Math.abs(offMs) - 3_600_000) < 10_000,
            `the step did not reach the agent: ${offMs}`,
          );
          await delay(4500);
          assert.deepEqual(await indexes(), before, step);
          assert.equal((await put(agent, `/v1/session/renew/${id}`)).status, 200, step);
          assert.equal((await ask(agent, '/v1/kv/lock')).known, 'true', step);
        }
      } finally {
        await rm(base, { recursive: true, force: true });
      }
    }),
);

test('a full etcd: writes are refused with its reason, reads go on, and it recovers', () =>
  withEtcd(['--quota-backend-bytes=4194304'], async ({ etcd, start }) => {
    const agent = await start('n1');
    await put(agent, '/v1/kv/a', '1');
    const large = 'x'.repeat(400_000);
    let refused: Answered | undefined;
    // etcd looks at its size only now and then: on a fast machine dozens of writes are taken meanwhile.
    for (let i = 0; i < 200 && refused === undefined; i++) {
      const answer = await put(agent, `/v1/kv/fill/${i % 2}`, large + i);
      if (answer.status !== 200) refused = answer;
    }
    assert.match(`${refused?.status} ${refused?.text}`, /^500 .*space/);
    for (const path of ['/v1/kv/a', '/v1/kv/a?consistent', '/v1/catalog/nodes', '/v1/health/state/any']) {
      const { status, known } = await ask(agent, path);
      assert.deepEqual([status, known], [200, 'true'], path);
    }
    assert.equal((await put(agent, '/v1/kv/b', '2')).status, 500);
    const status = JSON.parse(await etcd.ctl('endpoint', 'status', '-w', 'json')) as {
      Status: { header: { revision: number } };
    }[];
    await etcd.ctl('compact', String(status[0]!.Status.header.revision));
    await etcd.ctl('defrag');
    await etcd.ctl('alarm', 'disarm');
    await until(
      'a write is taken again',
      5000,
      async () => (await put(agent, '/v1/kv/b', '2')).status === 200,
    );
    const nodes = await ask(agent, '/v1/health/node/n1');
    assert.match(nodes.text, /"passing"/);
  }));

test('an etcd restored from a backup: everybody is woken, indexes are its own, and what agents own is back', async () => {
  const base = await mkdtemp(join(tmpdir(), 'portolan-restore-'));
  let etcd = await startEtcd();
  const { ports, endpoint } = etcd.members[0]!;
  let agent: RunningAgent | undefined;
  try {
    agent = await startAgent({
      dataDir: join(base, 'n1'),
      args: ['-node=n1', `-store=etcd://${endpoint}/e2e`],
    });
    await put(agent, '/v1/kv/kept', 'old');
    const backup = join(base, 'backup');
    await etcd.ctl('snapshot', 'save', backup);
    for (let i = 0; i < 20; i++) await put(agent, '/v1/kv/kept', `new ${i}`);
    await put(agent, '/v1/kv/lost', '1');
    await put(agent, '/v1/agent/service/register', { Name: 'web', Port: 80 });
    await until('the service is in the catalog', 5000, async () =>
      (await ask(agent!, '/v1/catalog/service/web')).text.includes('"web"'),
    );
    const held = await ask(agent, '/v1/kv/kept');
    await resolver(agent).resolve4('web.service.consul');
    const parked = ask(agent, `/v1/kv/kept?index=${held.index}&wait=30s&stale`);
    await etcd.stop();
    etcd = await startEtcd({ ports: [ports], snapshot: backup });
    const woken = await parked;
    assert.ok(woken.tookMs < 15_000 && woken.index < held.index, `${woken.index} after ${woken.tookMs} ms`);
    await until('reads are answered', 5000, async () => (await ask(agent!, '/v1/kv/kept')).status === 200);
    assert.match((await ask(agent, '/v1/kv/kept?raw')).text, /^old$/);
    assert.equal((await ask(agent, '/v1/kv/lost')).status, 404);
    const known = await ask(agent, `/v1/kv/kept?index=${held.index}&wait=30s`);
    assert.ok(known.tookMs < 2000 && known.index < held.index, `${known.index} after ${known.tookMs} ms`);
    await until('the service is registered again', 15_000, async () =>
      (await ask(agent!, '/v1/catalog/service/web')).text.includes('"web"'),
    );
    await until('the node is passing', 15_000, async () =>
      (await ask(agent!, '/v1/health/node/n1')).text.includes('"passing"'),
    );
    assert.equal((await put(agent, '/v1/kv/kept', 'newer')).text, 'true');
  } finally {
    await agent?.stop();
    await etcd.stop();
    await rm(base, { recursive: true, force: true });
  }
});
