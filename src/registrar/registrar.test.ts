import assert from 'node:assert/strict';
import { test } from 'node:test';
import { container, idOf, port, ScriptedEngine } from '../docker/scripted-engine.testkit.ts';
import { ManualClock } from '../lib/clock.testkit.ts';
import { silentLogger } from '../lib/log.ts';
import { foreignService, MemoryTarget } from './memory-target.testkit.ts';
import { defaultRegistrarOptions, type RegistrarOptions } from './options.ts';
import { Registrar } from './registrar.ts';
import { RegistrarError } from './target.ts';

interface World {
  readonly engine: ScriptedEngine;
  readonly target: MemoryTarget;
  readonly clock: ManualClock;
  readonly registrar: Registrar;
  readonly ended: Promise<unknown>;
  readonly stop: () => Promise<void>;
}

const options = { ...defaultRegistrarOptions, nodeName: 'n', ip: '10.1.2.3', resyncMs: 30_000 };

/** Runs `play` with a registrar that has made its first connection. */
async function withRegistrar(
  play: (world: World) => Promise<void>,
  parts: { engine?: ScriptedEngine; target?: MemoryTarget; options?: Partial<RegistrarOptions> } = {},
): Promise<void> {
  const { engine = new ScriptedEngine(), target = new MemoryTarget() } = parts;
  const clock = new ManualClock();
  const deps = { source: engine, target, clock, log: silentLogger };
  const registrar = new Registrar({ ...options, ...parts.options }, deps);
  const end = new AbortController();
  const ended = registrar.run(end.signal).catch((error: unknown) => error);
  const stop = async (): Promise<void> => {
    end.abort();
    await ended;
  };
  await clock.advance(0);
  try {
    await play({ engine, target, clock, registrar, ended, stop });
  } finally {
    await stop();
    assert.equal(clock.pendingTimers <= 3, true, `${clock.pendingTimers} timers left`);
  }
}

const web = (name: string, hostPort: number): ReturnType<typeof container> =>
  container(name, { ports: [port(80, hostPort)] });

test('what runs at the start is registered and opens the gate', async () => {
  const engine = new ScriptedEngine();
  engine.start(web('a', 3000));
  engine.start(web('b', 3001));
  await withRegistrar(
    async ({ target, registrar }) => {
      await registrar.firstSync;
      assert.deepEqual(target.rows(), ['n:a:80 10.1.2.3:3000 passing', 'n:b:80 10.1.2.3:3001 passing']);
      assert.equal(target.applied.length, 1);
    },
    { engine },
  );
});

test('a start is applied after one inspect and a die without any, on no timer', async () => {
  await withRegistrar(async ({ engine, target, clock }) => {
    const before = engine.inspects;
    engine.start(web('a', 3000));
    await clock.advance(0);
    assert.deepEqual(target.rows(), ['n:a:80 10.1.2.3:3000 passing']);
    assert.equal(engine.inspects, before + 1);
    engine.hang('a');
    engine.stop('a');
    await clock.advance(0);
    assert.deepEqual(target.rows(), []);
    assert.equal(engine.inspects, before + 1);
  });
});

test('a restart moves the port, though an inspect of the former run answers late', async () => {
  await withRegistrar(async ({ engine, target, clock }) => {
    engine.start(web('a', 3000));
    await clock.advance(0);
    engine.hang('a');
    engine.change('a', 'disconnect', {});
    await clock.advance(0);
    engine.stop('a');
    await clock.advance(0);
    assert.deepEqual(target.rows(), []);
    engine.release('a');
    await clock.advance(0);
    assert.deepEqual(target.rows(), [], 'the late answer is of a dead run');
    engine.start(web('a', 3001));
    await clock.advance(0);
    assert.deepEqual(target.rows(), ['n:a:80 10.1.2.3:3001 passing']);
  });
});

test('a start is not held up by an inspect of the same container that hangs', async () => {
  await withRegistrar(async ({ engine, target, clock }) => {
    engine.start(web('a', 3000));
    await clock.advance(0);
    engine.hang('a');
    engine.change('a', 'health_status', { health: 'unhealthy' });
    await clock.advance(0);
    const before = engine.inspects;
    engine.stop('a');
    engine.start(web('a', 3001));
    await clock.advance(0);
    assert.equal(engine.inspects, before + 1, 'a second inspect beside the first');
    engine.release('a');
    await clock.advance(0);
    assert.deepEqual(target.rows(), ['n:a:80 10.1.2.3:3001 passing']);
  });
});

test('fifteen that die at once are one apply', async () => {
  const engine = new ScriptedEngine();
  for (let i = 0; i < 15; i++) engine.start(web(`c${i}`, 4000 + i));
  await withRegistrar(
    async ({ target, clock }) => {
      const before = target.applied.length;
      for (let i = 0; i < 15; i++) engine.remove(`c${i}`);
      await clock.advance(0);
      assert.deepEqual(target.rows(), []);
      assert.equal(target.applied.length, before + 1);
    },
    { engine },
  );
});

test('pause, health and rename are told as they happen', async () => {
  await withRegistrar(async ({ engine, target, clock }) => {
    const step = async (
      action: string,
      parts: Parameters<ScriptedEngine['change']>[2],
    ): Promise<string[]> => {
      engine.change('a', action, parts);
      await clock.advance(0);
      return target.rows();
    };
    engine.start({ ...web('a', 3000), health: 'starting' });
    await clock.advance(0);
    assert.deepEqual(target.rows(), ['n:a:80 10.1.2.3:3000 critical']);
    assert.equal(target.held.get('n:a:80')?.docker?.output, 'starting');
    assert.deepEqual(await step('health_status', { health: 'healthy' }), ['n:a:80 10.1.2.3:3000 passing']);
    assert.deepEqual(await step('health_status', { health: 'unhealthy', healthOutput: 'no route' }), [
      'n:a:80 10.1.2.3:3000 critical',
    ]);
    assert.equal(target.held.get('n:a:80')?.docker?.output, 'no route');
    assert.deepEqual(await step('health_status', { health: 'healthy' }), ['n:a:80 10.1.2.3:3000 passing']);
    assert.deepEqual(await step('pause', { state: 'paused' }), ['n:a:80 10.1.2.3:3000 critical']);
    assert.deepEqual(await step('unpause', { state: 'running' }), ['n:a:80 10.1.2.3:3000 passing']);
    assert.deepEqual(await step('rename', { name: 'z' }), ['n:z:80 10.1.2.3:3000 passing']);
  });
});

test('what no event told is found by the next list, which inspects only what changed', async () => {
  const engine = new ScriptedEngine();
  for (const name of ['a', 'b', 'c']) engine.start(web(name, 3000));
  await withRegistrar(
    async ({ target, clock, registrar }) => {
      engine.isSilent = true;
      engine.remove('a');
      engine.start(web('d', 3004));
      engine.change('b', 'connect', { ports: [port(80, 3009)] });
      const before = engine.inspects;
      await clock.advance(46_000);
      assert.deepEqual(target.rows(), [
        'n:b:80 10.1.2.3:3009 passing',
        'n:c:80 10.1.2.3:3000 passing',
        'n:d:80 10.1.2.3:3004 passing',
      ]);
      assert.equal(engine.inspects, before + 2);
      assert.equal(registrar.stats.drift, 1);
    },
    { engine },
  );
});

test('a lost stream keeps the services, and the return brings exactly the truth', async () => {
  const engine = new ScriptedEngine();
  engine.start(web('a', 3000));
  engine.start(web('b', 3001));
  await withRegistrar(
    async ({ target, clock, registrar }) => {
      engine.goAway();
      await clock.advance(5000);
      assert.equal(target.rows().length, 2);
      assert.equal(registrar.stats.connected, false);
      engine.remove('a');
      engine.start(web('b', 3002));
      engine.comeBack();
      await clock.advance(12_000);
      assert.deepEqual(target.rows(), ['n:b:80 10.1.2.3:3002 passing']);
    },
    { engine },
  );
});

test('a daemon behind a socket of this host is noticed soon after its return, however long it was away', async () => {
  const engine = new ScriptedEngine();
  engine.start(web('a', 3000));
  await withRegistrar(
    async ({ target, clock }) => {
      engine.goAway();
      await clock.advance(50_000);
      engine.remove('a');
      engine.comeBack();
      await clock.advance(300);
      assert.deepEqual(target.rows(), []);
    },
    { engine },
  );
});

test('services turn critical once Docker was away for the grace time, and recover with it', async () => {
  const engine = new ScriptedEngine();
  engine.start(web('a', 3000));
  await withRegistrar(
    async ({ target, clock }) => {
      engine.goAway();
      await clock.advance(59_000);
      assert.deepEqual(target.rows(), ['n:a:80 10.1.2.3:3000 passing']);
      await clock.advance(2000);
      assert.deepEqual(target.rows(), ['n:a:80 10.1.2.3:3000 critical']);
      assert.match(target.held.get('n:a:80')!.docker!.output, /scripted.sock is away/);
      engine.comeBack();
      await clock.advance(12_000);
      assert.deepEqual(target.rows(), ['n:a:80 10.1.2.3:3000 passing']);
    },
    { engine },
  );
});

test('without Docker from the start nothing is removed, the gate opens after absentMs, and services turn critical', async () => {
  const former = new ScriptedEngine();
  former.start(web('a', 3000));
  const target = new MemoryTarget();
  await withRegistrar(async () => {}, { engine: former, target });
  const engine = new ScriptedEngine();
  engine.goAway();
  await withRegistrar(
    async ({ clock, registrar }) => {
      let isOpen = false;
      void registrar.firstSync.then(() => (isOpen = true));
      await clock.advance(9000);
      assert.equal(isOpen, false);
      await clock.advance(2000);
      assert.equal(isOpen, true);
      assert.deepEqual(target.rows(), ['n:a:80 10.1.2.3:3000 passing']);
      await clock.advance(60_000);
      assert.deepEqual(target.rows(), ['n:a:80 10.1.2.3:3000 critical']);
      engine.comeBack();
      await clock.advance(15_000);
      assert.deepEqual(target.rows(), [], 'a complete list removes what is not there');
    },
    { engine, target },
  );
});

test('a second life with nothing changed applies nothing, and removes what went meanwhile', async () => {
  const engine = new ScriptedEngine();
  for (const name of ['a', 'b']) engine.start(web(name, 3000));
  const target = new MemoryTarget();
  await withRegistrar(async () => {}, { engine, target });
  const before = target.applied.length;
  await withRegistrar(async ({ registrar }) => registrar.firstSync, { engine, target });
  assert.equal(target.applied.length, before);
  engine.remove('a');
  await withRegistrar(async ({ registrar }) => registrar.firstSync, { engine, target });
  assert.deepEqual(target.rows(), ['n:b:80 10.1.2.3:3000 passing']);
});

test('what is removed waits neither for other containers nor for one that hangs, whose own services stay', async () => {
  const engine = new ScriptedEngine();
  for (const name of ['a', 'b']) engine.start(web(name, 3000));
  const target = new MemoryTarget();
  await withRegistrar(async () => {}, { engine, target });
  engine.remove('a');
  engine.hang('b');
  await withRegistrar(
    async ({ clock }) => {
      await clock.advance(300);
      assert.deepEqual(target.rows(), ['n:b:80 10.1.2.3:3000 passing']);
      engine.release('b');
    },
    { engine, target },
  );
});

test('services of others are left alone, those of other registrars too', async () => {
  const engine = new ScriptedEngine();
  engine.start(web('a', 3000));
  const target = new MemoryTarget();
  await withRegistrar(async () => {}, { engine, target, options: { id: 'other' } });
  target.held.set('n:gone:80', foreignService('n:gone:80'));
  target.held.set('mine', foreignService('mine'));
  await withRegistrar(
    async ({ registrar, clock }) => {
      engine.start(container('c', { ports: [port(80, 3003)], labels: { SERVICE_ID: 'mine' } }));
      await clock.advance(50_000);
      assert.deepEqual(target.rows(), [
        'mine 10.0.0.9:99 -',
        'n:a:80 10.1.2.3:3000 passing',
        'n:gone:80 10.0.0.9:99 -',
      ]);
      assert.equal(registrar.stats.conflicts, 2);
      target.held.delete('mine');
      await clock.advance(50_000);
      assert.ok(target.rows().includes('mine 10.1.2.3:3003 passing'), 'free again: registered');
    },
    { engine, target },
  );
});

test('what Registrator left for the very same port is taken over', async () => {
  const engine = new ScriptedEngine();
  engine.start(web('a', 3000));
  const target = new MemoryTarget();
  target.held.set('n:a:80', foreignService('n:a:80', { name: 'web', port: 2999 }));
  await withRegistrar(async () => assert.deepEqual(target.rows(), ['n:a:80 10.1.2.3:3000 passing']), {
    engine,
    target,
  });
});

test('a target that forgot everything is filled again', async () => {
  const engine = new ScriptedEngine();
  engine.start(web('a', 3000));
  await withRegistrar(
    async ({ target, clock }) => {
      target.held.clear();
      target.doubt();
      await clock.advance(1);
      assert.deepEqual(target.rows(), ['n:a:80 10.1.2.3:3000 passing']);
      target.held.clear();
      await clock.advance(47_000);
      assert.deepEqual(target.rows(), ['n:a:80 10.1.2.3:3000 passing']);
    },
    { engine },
  );
});

test('a failed apply is tried again, and one bad service holds up no other', async () => {
  await withRegistrar(async ({ engine, target, clock, registrar }) => {
    target.refused.set('n:a:80', new Error('no'));
    engine.start(web('a', 3000));
    engine.start(web('b', 3001));
    await clock.advance(100);
    assert.deepEqual(target.rows(), ['n:b:80 10.1.2.3:3001 passing']);
    target.refused.clear();
    await clock.advance(1000);
    assert.equal(target.rows().length, 2);
    assert.ok(registrar.stats.applyErrors > 0);
  });
});

test('a registration of unknown outcome is removed when its container is gone', async () => {
  await withRegistrar(async ({ engine, target, clock }) => {
    target.failure = new Error('the answer was lost');
    engine.start(web('a', 3000));
    await clock.advance(0);
    // It did arrive.
    const [action] = target.applied.at(-1)!;
    assert.ok(action?.type === 'register');
    engine.remove('a');
    await clock.advance(0);
    target.failure = undefined;
    target.held.set('n:a:80', { service: action.registration.service, docker: undefined });
    await clock.advance(1000);
    assert.deepEqual(target.rows(), []);
  });
});

test('a slow apply of one service does not hold up another, and the last word about it wins', async () => {
  await withRegistrar(async ({ engine, target, clock }) => {
    target.shut();
    engine.start(web('a', 3000));
    await clock.advance(0);
    const before = target.applied.length;
    engine.start(web('b', 3001));
    engine.remove('a');
    await clock.advance(0);
    assert.equal(target.applied.length, before + 1, 'b went out beside a');
    target.open();
    await clock.advance(0);
    assert.deepEqual(target.rows(), ['n:b:80 10.1.2.3:3001 passing']);
  });
});

test('of two containers that want one id the later has it, and the other gets it back', async () => {
  await withRegistrar(async ({ engine, target, clock }) => {
    const labels = { SERVICE_ID: 'db' };
    engine.start(container('old', { ports: [port(80, 3000)], labels }));
    engine.start(container('new', { ports: [port(80, 3001)], labels }));
    await clock.advance(0);
    assert.deepEqual(target.rows(), ['db 10.1.2.3:3001 passing']);
    engine.remove('new');
    await clock.advance(0);
    assert.deepEqual(target.rows(), ['db 10.1.2.3:3000 passing']);
  });
});

test('a container in the network of another follows it', async () => {
  await withRegistrar(async ({ engine, target, clock }) => {
    engine.start(
      container('side', { networkMode: `container:${idOf('main')}`, networks: [], ports: [port(9000)] }),
    );
    await clock.advance(0);
    assert.deepEqual(target.rows(), []);
    engine.start(container('main'));
    await clock.advance(0);
    assert.deepEqual(target.rows(), ['n:side:9000 172.17.0.2:9000 passing']);
    engine.stop('main');
    await clock.advance(0);
    assert.deepEqual(target.rows(), []);
  });
});

test('one container that cannot be inspected is tried again and holds up no other', async () => {
  const engine = new ScriptedEngine();
  for (const name of ['a', 'b']) engine.start(web(name, 3000));
  engine.failing.set('a', new Error('sick'));
  await withRegistrar(
    async ({ target, clock, registrar }) => {
      await registrar.firstSync;
      assert.deepEqual(target.rows(), ['n:b:80 10.1.2.3:3000 passing']);
      engine.failing.clear();
      await clock.advance(1000);
      assert.equal(target.rows().length, 2);
    },
    { engine },
  );
});

test('a second live registrar with the same id refuses to run', async () => {
  await withRegistrar(async ({ engine, target, clock }) => {
    const second = new Registrar(options, { source: engine, target, clock, log: silentLogger });
    await assert.rejects(
      second.run(new AbortController().signal),
      (error) => error instanceof RegistrarError && error.code === 'claimed',
    );
  });
});

test('a death of a former run that is told late removes nothing', async () => {
  await withRegistrar(async ({ engine, target, clock }) => {
    engine.start(web('a', 3000));
    await clock.advance(0);
    engine.emit({ containerId: idOf('a'), action: 'die', timeMs: engine.nowMs - 5, attributes: {} });
    await clock.advance(0);
    assert.deepEqual(target.rows(), ['n:a:80 10.1.2.3:3000 passing']);
  });
});

test('statuses are said again to a target that lets them run out', async () => {
  const target = new MemoryTarget();
  target.refreshMs = 100_000;
  await withRegistrar(
    async ({ engine, clock }) => {
      engine.start(web('a', 3000));
      await clock.advance(0);
      const before = target.applied.length;
      await clock.advance(200_000);
      const [again] = target.applied.slice(before);
      assert.deepEqual(
        again?.map(({ type }) => type),
        ['status'],
      );
      assert.ok(target.applied.length - before <= 2);
    },
    { target },
  );
});
