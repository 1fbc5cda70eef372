import assert from 'node:assert/strict';
import { readFileSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { after, afterEach, before, describe, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { until } from './agent.testkit.ts';
import { reloadGraceMs, Stage } from './stage.testkit.ts';
import { Traffic } from './traffic.testkit.ts';

/** Portolan and Docker killed and restarted: what changed meanwhile is made good, and what did not change stays still. */
describe('restarts on a real host', { skip: Stage.missing() ?? false }, () => {
  let stage: Stage;

  before(async () => {
    stage = await Stage.open();
  });

  after(async () => {
    await stage?.close();
  });

  afterEach(async () => {
    await stage.clear();
  });

  test('killed with kill -9 and restarted with nothing changed, nothing moves', async () => {
    await stage.runMany(4);
    await stage.run('sick', { health: 'exit 1' });
    await stage.run('healthy', { health: 'true' });
    await stage.dockerd.api.pause('c0');
    await dockerSays(stage, 'healthy', 'healthy');
    await dockerSays(stage, 'sick', 'unhealthy');
    await stage.converges('6 started, of which one paused and one unhealthy', { count: 6, passing: 4 });
    await putKey(stage, 'a/b', 'c');
    const before = await indexes(stage);
    const reloads = stage.nginx.reloads().length;
    const file = readFileSync(stage.nginx.upstreamFile, 'utf8');
    const traffic = new Traffic(stage.nginx.port);
    try {
      for (let round = 0; round < 2; round++) {
        await delay(100);
        await stage.killAgent();
        await delay(100);
        const startedMs = performance.now();
        await stage.startAgent();
        console.log(`${'  (agent ready after kill -9)'.padEnd(64)} ${ms(startedMs)} ms`);
        await delay(500);
        assert.deepEqual(await indexes(stage), before, 'indexes');
        assert.equal(stage.renders(), 0, 'renders');
      }
    } finally {
      await traffic.stop();
    }
    await stage.converges('kill -9 and restart, nothing changed', { count: 6, passing: 4 });
    assert.equal(stage.nginx.reloads().length, reloads, 'reloads');
    assert.equal(readFileSync(stage.nginx.upstreamFile, 'utf8'), file);
    assert.deepEqual(traffic.failures(), []);
    assert.ok(traffic.outcomes.length > 150, `only ${traffic.outcomes.length} requests`);
    console.log(
      `${'  (requests meanwhile, none failed)'.padEnd(64)} ${String(traffic.outcomes.length).padStart(5)}`,
    );
  });

  test('killed with kill -9, containers changed behind its back, started again', async () => {
    const { api } = stage.dockerd;
    const ids = await stage.runMany(8);
    await stage.converges('8 started', { count: 8 });
    await stage.killAgent();
    await Promise.all(ids.slice(0, 3).map((id) => api.remove(id)));
    await api.stop('c3');
    await api.restart('c4');
    await api.rename('c5', 'renamed');
    await api.pause('c6');
    await stage.run('fresh');
    const startedMs = performance.now();
    await stage.startAgent();
    console.log(`${'  (agent ready after kill -9)'.padEnd(64)} ${ms(startedMs)} ms`);
    await stage.converges('kill -9, changes of 7 of 9 behind its back, restart', { count: 5, passing: 4 });
  });

  test('killed with kill -9 again and again while containers come and go', async () => {
    const { api } = stage.dockerd;
    await stage.run('keeper');
    for (let round = 0; round < 3; round++) {
      const churn = (async () => {
        for (let i = 0; i < 3; i++) {
          await stage.run(`r${round}-${i}`);
          if (i > 0) await api.remove(`r${round}-${i - 1}`);
        }
      })();
      await delay(150 * round);
      await stage.killAgent();
      await stage.startAgent();
      await churn;
      await stage.converges(`kill -9 in the middle of changes, ${round + 1}`, { count: 2 + round });
    }
  });

  test('dockerd stopped and started, with containers removed in between', async () => {
    const { api } = stage.dockerd;
    const ids = await stage.runMany(4);
    await stage.run('back', { restart: 'always' });
    await stage.converges('5 started', { count: 5 });
    await stage.dockerd.stop();
    // Docker has no word for it while it is down, but its data may be taken away.
    rmSync(join(dirname(stage.dockerd.socketPath), 'data', 'containers', ids[0]!), { recursive: true });
    await delay(1500);
    await stage.dockerd.start();
    const answeredMs = performance.now();
    await stage.converges('dockerd stopped and started', { count: 1 }, answeredMs);
    assert.equal((await api.truth()).size, 1);
    await api.remove('c1');
    await api.start('c2');
    await stage.converges('start after the return of dockerd', { count: 2 });
  });

  test('dockerd stopped; removals and starts right after its return', async () => {
    const { api } = stage.dockerd;
    await stage.runMany(3);
    await stage.run('back', { restart: 'always' });
    await stage.converges('4 started', { count: 4 });
    await stage.dockerd.stop();
    await delay(700);
    await stage.dockerd.start();
    await api.remove('back');
    await api.start('c1');
    await stage.converges('changes right after the return of dockerd', { count: 1 });
  });

  test('dockerd killed, and a container while it was away: what was known stands until its return', async () => {
    const { api } = stage.dockerd;
    await stage.run('c0');
    for (const name of ['c1', 'c2']) await stage.run(name, { restart: 'always' });
    await stage.converges('3 started', { count: 3 });
    const { State } = (await api.call('GET', '/containers/c0/json')) as { State: { Pid: number } };
    const before = await stage.views.look();
    await stage.dockerd.stop('SIGKILL');
    process.kill(State.Pid, 'SIGKILL');
    await delay(1500);
    assert.deepEqual(await stage.views.look(), before);
    await stage.dockerd.start();
    await stage.converges('dockerd killed and started', { count: 2 });
  });

  test('requests go on while the service grows and shrinks', async () => {
    const { api } = stage.dockerd;
    await stage.run('c0');
    await stage.converges('1 started', { count: 1 });
    const traffic = new Traffic(stage.nginx.port);
    const windows: (readonly [number, number])[] = [];
    const change = async (act: () => Promise<unknown>): Promise<void> => {
      const began = Date.now();
      const before = { reloads: stage.nginx.reloads().length, renders: stage.renders() };
      await act();
      const last = await until(
        async () => ((await stage.isRendered()) && stage.reloadedSince(before)) || undefined,
        2000,
        () => `no reload:\n${stage.agent.log()}`,
      );
      windows.push([began, last + reloadGraceMs]);
      await delay(reloadGraceMs + 150);
    };
    try {
      await change(async () => await Promise.all(['c1', 'c2', 'c3', 'c4'].map((name) => stage.run(name))));
      await change(() => api.remove('c4'));
      await change(() => api.stop('c3'));
      await change(() => api.kill('c2'));
      await change(() => api.restart('c1'));
      await change(() => stage.run('c5'));
      await change(() => api.remove('c0'));
    } finally {
      await traffic.stop();
    }
    const count = traffic.outcomes.length;
    const inWindows = traffic.failures().length;
    const explain = (): string =>
      `${JSON.stringify({ failed: traffic.failures(windows), windows, reloads: stage.nginx.reloads() }, null, 1)}\n${stage.nginx.log()}\n${stage.agent.log()}`;
    assert.equal(traffic.failures(windows).length, 0, explain());
    assert.ok(count > 300, `only ${count} requests`);
    console.log(
      `  (${count} requests while it grew and shrank; ${inWindows} failed, all of them between a change and ${reloadGraceMs} ms after its reload)`,
    );
    await stage.converges('after growing and shrinking under load', { count: 2 });
  });
});

/** X-Consul-Index of the views that a restart must not move. */
async function indexes({ views }: Stage): Promise<Readonly<Record<string, number>>> {
  const paths = [
    '/v1/health/service/web',
    '/v1/health/service/web?passing',
    '/v1/catalog/service/web',
    '/v1/catalog/services',
    '/v1/catalog/nodes',
    '/v1/catalog/node/e2e',
    '/v1/health/node/e2e',
    '/v1/health/checks/web',
    '/v1/health/state/any',
    '/v1/kv/a/b',
    '/v1/kv/?recurse',
  ];
  const found = await Promise.all(paths.map(async (path) => [path, (await views.get(path)).index] as const));
  return Object.fromEntries(found);
}

async function putKey({ agent }: Stage, key: string, value: string): Promise<void> {
  const answer = await fetch(`${agent.url}/v1/kv/${key}`, { method: 'PUT', body: value });
  assert.equal(await answer.text(), 'true');
}

async function dockerSays({ dockerd }: Stage, name: string, status: string): Promise<void> {
  type Found = { readonly State: { readonly Health: { readonly Status: string } } };
  await until(
    async () => {
      const found = (await dockerd.api.call('GET', `/containers/${name}/json`)) as Found;
      return found.State.Health.Status === status || undefined;
    },
    5000,
    () => `${name} is not ${status}`,
  );
}

function ms(sinceMs: number): string {
  return (performance.now() - sinceMs).toFixed(0).padStart(5);
}
