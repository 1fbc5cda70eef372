import assert from 'node:assert/strict';
import { after, afterEach, before, describe, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { type RunningAgent, spawnProgram, until } from './agent.testkit.ts';
import { Stage } from './stage.testkit.ts';

/** `portolan registrar` on a real Docker daemon, into a real agent; one live registrar an id. */
const running: RunningRegistrar[] = [];
type RunningRegistrar = ReturnType<typeof spawnProgram>;

function startRegistrar(stage: Stage, agent: RunningAgent, args: readonly string[] = []): RunningRegistrar {
  const own = ['registrar', '--registry', agent.url, '--node', 'e2e', '--docker-host', stage.dockerd.host];
  const registrar = spawnProgram([...own, ...args]);
  running.push(registrar);
  return registrar;
}

async function follows(registrar: RunningRegistrar): Promise<void> {
  await until(
    () => registrar.log().includes('following Docker') || undefined,
    10_000,
    () => `the registrar does not follow Docker:\n${registrar.log()}`,
  );
}

/** Exit code and text of a registrar that must end by itself. */
async function refused(
  registrar: RunningRegistrar,
): Promise<{ readonly code: number; readonly text: string }> {
  const code = await Promise.race([registrar.exited, delay(10_000, 'still running', { ref: false })]);
  assert.equal(typeof code, 'number', `${code}: ${registrar.log()}`);
  return { code: code as number, text: registrar.log() };
}

async function stopRegistrars(): Promise<void> {
  await Promise.all(running.splice(0).map((registrar) => registrar.stop('SIGKILL')));
}

describe('a registrar beside an agent that has its own', { skip: Stage.missing() ?? false }, () => {
  let stage: Stage;

  before(async () => {
    stage = await Stage.open();
  });

  after(async () => {
    await stopRegistrars();
    await stage?.close();
  });

  test('with the same id it is refused with a clear text, and nothing of the agent moves', async () => {
    await stage.runMany(2);
    await stage.converges('2 started', { count: 2 });
    const before = await stage.views.get('/v1/health/service/web');
    const { code, text } = await refused(startRegistrar(stage, stage.agent));
    assert.equal(code, 1);
    assert.match(text, /runs a registrar with the id "e2e@unix:.*itself/);
    assert.match(text, /stop this one, or start the agent with --registrar=false/);
    assert.doesNotMatch(text, /^\s+at /m, 'no stack');
    assert.equal((await stage.views.get('/v1/health/service/web')).index, before.index);
    await stage.converges('after the refusal', { count: 2 });
  });

  test('with an id of its own it runs and touches nothing of the agent’s', async () => {
    const registrar = startRegistrar(stage, stage.agent, ['--id', 'another']);
    await follows(registrar);
    await delay(300);
    await stage.converges('a second registrar of another id', { count: 2 });
    await stage.dockerd.api.remove('c0');
    await stage.converges('rm -f with two registrars', { count: 1 });
    assert.equal(await registrar.stop('SIGTERM'), 0);
    await stage.converges('the second registrar stopped', { count: 1 });
  });
});

describe('registrars alone, into an agent without one', { skip: Stage.missing() ?? false }, () => {
  let stage: Stage;

  before(async () => {
    stage = await Stage.open({ registrar: false });
  });

  after(async () => {
    await stopRegistrars();
    await stage?.close();
  });

  afterEach(async () => {
    await stopRegistrars();
    await stage.dockerd.api.clear();
    // Services stay when their registrar goes: the next one clears up.
    await follows(startRegistrar(stage, stage.agent));
    await stage.converges('  (all removed)', { count: 0 });
    await stopRegistrars();
  });

  test('all services appear, follow Docker, and stay when it stops', async () => {
    await stage.runMany(3);
    const registrar = startRegistrar(stage, stage.agent);
    await follows(registrar);
    await stage.converges('registrar started', { count: 3 });
    await stage.run('c3');
    await stage.converges('start, over HTTP', { count: 4 });
    await stage.dockerd.api.pause('c0');
    await stage.converges('pause, over HTTP', { count: 4, passing: 3 });
    await stage.dockerd.api.unpause('c0');
    await stage.converges('unpause, over HTTP', { count: 4 });
    await Promise.all(['c0', 'c1'].map((name) => stage.dockerd.api.remove(name)));
    await stage.converges('2 removed in parallel, over HTTP', { count: 2 });
    assert.equal(await registrar.stop('SIGTERM'), 0);
    await stage.converges('the registrar stopped', { count: 2 });
  });

  test('a second one with the same id is refused; killed with kill -9 the first gives way to a new one', async () => {
    await stage.runMany(2);
    const first = startRegistrar(stage, stage.agent);
    await follows(first);
    await stage.converges('the first registrar', { count: 2 });
    const { code, text } = await refused(startRegistrar(stage, stage.agent));
    assert.equal(code, 1);
    assert.match(
      text,
      new RegExp(`another registrar with the id "e2e@unix:.*is running \\(pid ${first.pid} on`),
    );
    assert.match(text, /stop it, or give this one another id/);
    assert.doesNotMatch(text, /^\s+at /m, 'no stack');
    await stage.run('c4');
    await stage.converges('start after the refusal', { count: 3 });

    await first.stop('SIGKILL');
    await stage.dockerd.api.remove('c4');
    await stage.run('c5');
    const third = startRegistrar(stage, stage.agent);
    await follows(third);
    await stage.converges('kill -9 of the first, a new one takes over', { count: 3 });
    await stage.dockerd.api.remove('c5');
    await stage.converges('rm -f under the new one', { count: 2 });
  });

  test('the agent killed and restarted under a running registrar', async () => {
    await stage.runMany(2);
    const registrar = startRegistrar(stage, stage.agent);
    await follows(registrar);
    await stage.converges('before the agent is killed', { count: 2 });
    await stage.killAgent();
    await stage.dockerd.api.remove('c0');
    await stage.run('c2');
    await stage.run('c3');
    await delay(1500);
    await stage.startAgent();
    await stage.converges('agent killed and restarted under a registrar', { count: 3 });
  });
});
