import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { after, afterEach, before, describe, test } from 'node:test';
import { promisify } from 'node:util';
import { until } from './agent.testkit.ts';
import { Stage } from './stage.testkit.ts';

/**
 * The whole way on a real host: whatever is done to containers, a second after Docker's answer catalog, DNS and the
 * file behind nginx hold exactly what Docker says, and nginx serves from it.
 */
describe('containers of a real Docker daemon', { skip: Stage.missing() ?? false }, () => {
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

  test('start, stop, start again, kill, start and remove by force', async () => {
    const { api } = stage.dockerd;
    await stage.run('keeper');
    await stage.converges('start of the first', { count: 1 });
    await stage.run('c0');
    await stage.converges('start of the second', { count: 2 });
    await api.stop('c0');
    await stage.converges('stop', { count: 1 });
    await api.start('c0');
    await stage.converges('start of a stopped one', { count: 2 });
    await api.kill('c0');
    await stage.converges('kill', { count: 1 });
    await api.start('c0');
    await api.remove('c0');
    await stage.converges('start and rm -f at once', { count: 1 });
    await api.remove('keeper');
    await stage.converges('rm -f of the last', { count: 0 });
  });

  test('fifteen started in parallel and removed by force by one command', async () => {
    const ids = await stage.runMany(15);
    await stage.converges('15 started in parallel', { count: 15 });
    await removeByCommand(stage, ids);
    await stage.converges('15 removed by one command', { count: 0 });
  });

  test('fifteen of sixteen removed by force in parallel', async () => {
    const ids = await stage.runMany(15);
    await stage.run('keeper');
    await stage.converges('16 started in parallel', { count: 16 });
    await Promise.all(ids.map((id) => stage.dockerd.api.remove(id)));
    await stage.converges('15 of 16 removed in parallel', { count: 1 });
  });

  test('ten restarted in parallel, twice', async () => {
    const ids = await stage.runMany(10);
    for (const round of ['first', 'second']) {
      await Promise.all(ids.map((id) => stage.dockerd.api.restart(id)));
      await stage.converges(`10 restarted in parallel, ${round} time`, { count: 10 });
    }
  });

  test('a network taken away and given back, which moves the host port', async () => {
    const { api } = stage.dockerd;
    await api.createNetwork('second');
    await stage.run('c0');
    await stage.converges('start before the networks change', { count: 1 });
    await api.connect('second', 'c0');
    await stage.converges('connect of a second network', { count: 1 });
    await api.disconnect('bridge', 'c0');
    await stage.converges('disconnect of the first', { count: 1 });
    await api.connect('bridge', 'c0');
    await stage.converges('connect of the first', { count: 1 });
    await api.disconnect('second', 'c0');
    await stage.converges('disconnect of the second', { count: 1 });
    await api.disconnect('bridge', 'c0');
    await stage.converges('disconnect of the last', { count: 0 });
    await api.connect('bridge', 'c0');
    await stage.converges('connect of the only one', { count: 1 });
  });

  test('pause, unpause, rename', async () => {
    const { api } = stage.dockerd;
    await stage.runMany(2);
    await stage.converges('2 started', { count: 2 });
    await api.pause('c0');
    await stage.converges('pause', { count: 2, passing: 1 });
    await api.unpause('c0');
    await stage.converges('unpause', { count: 2 });
    await api.rename('c0', 'other');
    await stage.converges('rename', { count: 2 });
    await api.rename('other', 'c0');
    await stage.converges('rename back', { count: 2 });
  });

  test('a HEALTHCHECK takes its container out until it passes, and again when it fails', async () => {
    const { api } = stage.dockerd;
    await stage.run('keeper');
    await stage.run('c0', { health: 'test -f /tmp/ok || { echo missing; exit 1; }' });
    await dockerSays('unhealthy');
    await stage.converges('unhealthy', { count: 2, passing: 1 });
    await api.exec('c0', 'touch /tmp/ok');
    await dockerSays('healthy');
    await stage.converges('healthy', { count: 2 });
    await api.exec('c0', 'rm /tmp/ok');
    await dockerSays('unhealthy');
    await stage.converges('unhealthy again', { count: 2, passing: 1 });
    await api.restart('c0');
    await dockerSays('unhealthy');
    await stage.converges('unhealthy after a restart', { count: 2, passing: 1 });
  });

  /** Docker's answer to a change that Docker finds out by itself. */
  async function dockerSays(status: string): Promise<void> {
    type Found = { readonly State: { readonly Health: { readonly Status: string } } };
    await until(
      async () => {
        const found = (await stage.dockerd.api.call('GET', '/containers/c0/json')) as Found;
        return found.State.Health.Status === status || undefined;
      },
      5000,
      () => `c0 is not ${status}`,
    );
  }
});

/** `docker rm -f` of all where there is a client program; it asks the daemon as we do otherwise. */
async function removeByCommand({ dockerd }: Stage, ids: readonly string[]): Promise<void> {
  const client = ['/usr/bin/docker', '/usr/local/bin/docker'].find((path) => existsSync(path));
  if (client === undefined) await Promise.all(ids.map((id) => dockerd.api.remove(id)));
  else await promisify(execFile)(client, ['-H', dockerd.host, 'rm', '-f', ...ids]);
  assert.equal((await dockerd.api.truth()).size, 0);
}
