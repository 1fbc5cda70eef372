import assert from 'node:assert/strict';
import { after, afterEach, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { DockerEngine } from '../../src/docker/engine.ts';
import { parseEngineHost } from '../../src/docker/engine-host.ts';
import { systemClock } from '../../src/lib/clock.ts';
import { silentLogger } from '../../src/lib/log.ts';
import { MemoryTarget } from '../../src/registrar/memory-target.testkit.ts';
import { defaultRegistrarOptions } from '../../src/registrar/options.ts';
import { Registrar } from '../../src/registrar/registrar.ts';
import { TestDockerd } from './dockerd.testkit.ts';

/** The registrar on a real daemon: within a second of Docker's answer the target holds exactly the truth. */

const options = { ...defaultRegistrarOptions, nodeName: 'n', ip: '127.0.0.1' };
const within = 1000;

class Running {
  readonly registrar: Registrar;
  readonly #stop = new AbortController();
  readonly #engine: DockerEngine;
  readonly #ended: Promise<void>;

  constructor(dockerd: TestDockerd, target: MemoryTarget, more: Partial<typeof options> = {}) {
    this.#engine = new DockerEngine({ host: parseEngineHost(dockerd.host, {}) });
    const deps = { source: this.#engine, target, log: silentLogger, clock: systemClock };
    this.registrar = new Registrar({ ...options, ...more }, deps);
    this.#ended = this.registrar.run(this.#stop.signal);
  }

  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#ended;
    await this.#engine.close();
  }
}

describe('registrar on a real Docker daemon', { skip: TestDockerd.missing() ?? false }, () => {
  let dockerd: TestDockerd;
  let target: MemoryTarget;
  let running: Running;

  before(async () => {
    dockerd = await TestDockerd.open();
    target = new MemoryTarget();
    running = new Running(dockerd, target);
    await running.registrar.firstSync;
  });

  after(async () => {
    await running?.stop();
    await dockerd?.close();
  });

  afterEach(async () => {
    await dockerd.api.clear();
    await becomes([]);
  });

  /** Waits until the target holds just these rows, at most a second. */
  async function becomes(want: readonly string[]): Promise<void> {
    const end = performance.now() + within;
    const sorted = [...want].sort();
    while (JSON.stringify(target.rows()) !== JSON.stringify(sorted) && performance.now() < end)
      await sleep(2);
    assert.deepEqual(target.rows(), sorted);
  }

  /** Rows of what Docker says runs now, all passing. */
  async function truth(): Promise<string[]> {
    return [...(await dockerd.api.truth())].map(([name, port]) => `n:${name}:80 127.0.0.1:${port} passing`);
  }

  async function isTrue(count: number): Promise<void> {
    const rows = await truth();
    assert.equal(rows.length, count);
    await becomes(rows);
  }

  const runMany = (count: number): Promise<string[]> =>
    Promise.all(Array.from({ length: count }, (_, i) => dockerd.api.run({ name: `c${i}` })));

  test('start, stop, start again, kill, remove', async () => {
    await dockerd.api.run({ name: 'web' });
    await isTrue(1);
    await dockerd.api.stop('web');
    await isTrue(0);
    await dockerd.api.start('web');
    await isTrue(1);
    await dockerd.api.kill('web');
    await isTrue(0);
    await dockerd.api.start('web');
    await dockerd.api.remove('web');
    await isTrue(0);
  });

  test('fifteen started at once, and removed by force in parallel', async () => {
    const ids = await runMany(15);
    await isTrue(15);
    await Promise.all(ids.map((id) => dockerd.api.remove(id)));
    await isTrue(0);
  });

  test('fifteen removed by force one after another', async () => {
    const ids = await runMany(15);
    await isTrue(15);
    for (const id of ids) await dockerd.api.remove(id);
    await isTrue(0);
  });

  test('ten restarted in parallel, twice', async () => {
    const ids = await runMany(10);
    for (let round = 0; round < 2; round++) {
      await Promise.all(ids.map((id) => dockerd.api.restart(id)));
      await isTrue(10);
    }
  });

  test('a network taken away and given back moves the host port', async () => {
    await dockerd.api.createNetwork('second');
    await dockerd.api.run({ name: 'web' });
    await dockerd.api.connect('second', 'web');
    await isTrue(1);
    await dockerd.api.disconnect('bridge', 'web');
    await isTrue(1);
    await dockerd.api.connect('bridge', 'web');
    await isTrue(1);
  });

  test('pause, unpause, rename', async () => {
    await dockerd.api.run({ name: 'web' });
    const [row] = await truth();
    await dockerd.api.pause('web');
    await becomes([row!.replace('passing', 'critical')]);
    await dockerd.api.unpause('web');
    await becomes([row!]);
    await dockerd.api.rename('web', 'renamed');
    await becomes([row!.replace('n:web:', 'n:renamed:')]);
  });

  test('a HEALTHCHECK makes its service critical until it passes, and again when it fails', async () => {
    await dockerd.api.run({ name: 'web', health: 'test -f /tmp/ok || { echo missing; exit 1; }' });
    const [row] = await truth();
    const critical = row!.replace('passing', 'critical');
    await becomes([critical]);
    await dockerd.api.exec('web', 'touch /tmp/ok');
    await becomes([row!]);
    await dockerd.api.exec('web', 'rm /tmp/ok');
    await becomes([critical]);
    assert.match(target.held.get('n:web:80')!.docker!.output, /missing/);
  });

  test('a crash loop leaves nothing behind while it is down', async () => {
    await dockerd.api.run({ name: 'web', command: ['sh', '-c', 'sleep 0.2; exit 1'], restart: 'always' });
    const end = performance.now() + 3000;
    // Its back-off grows: sooner or later it is down for longer than we look.
    while (performance.now() < end) await sleep(50);
    await dockerd.api.remove('web');
    await isTrue(0);
  });

  test('host network, none and another container’s network', async () => {
    await dockerd.api.run({ name: 'host', network: 'host', command: ['sleep', '60'], exposed: ['7001/tcp'] });
    await dockerd.api.run({ name: 'lone', network: 'none', command: ['sleep', '60'] });
    await dockerd.api.run({
      name: 'side',
      network: 'container:host',
      command: ['sleep', '60'],
      exposed: [],
      publishAll: false,
    });
    await becomes(['n:host:7001 127.0.0.1:7001 passing']);
  });

  test('removals behind the back of a registrar that was killed, and nothing moved of what stayed', async () => {
    const ids = await runMany(5);
    await isTrue(5);
    await running.stop();
    await Promise.all(ids.slice(0, 2).map((id) => dockerd.api.remove(id)));
    await dockerd.api.restart(ids[2]!);
    const applied = target.applied.length;
    running = new Running(dockerd, target);
    await isTrue(3);
    const moved = target.applied
      .slice(applied)
      .flat()
      .map(({ type }) => type);
    assert.deepEqual(moved.sort(), ['deregister', 'deregister', 'register']);
  });

  test('the daemon stopped and started, with containers removed in between', async () => {
    await runMany(3);
    await dockerd.api.run({ name: 'back', restart: 'always' });
    await isTrue(4);
    await dockerd.stop();
    await sleep(300);
    await dockerd.start();
    await dockerd.api.remove('c0');
    await dockerd.api.start('c1');
    // The registrar may be in its back-off for as long as the daemon was away.
    await sleep(1500);
    await isTrue(2);
  });

  test('the daemon killed: its containers live on and so do their services', async () => {
    await runMany(2);
    await isTrue(2);
    await dockerd.stop('SIGKILL');
    await sleep(200);
    assert.equal(target.rows().length, 2);
    await dockerd.start();
    await sleep(1500);
    await isTrue((await truth()).length);
  });
});
