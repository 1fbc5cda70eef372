import assert from 'node:assert/strict';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { ManualClock } from '../lib/clock.testkit.ts';
import { silentLogger } from '../lib/log.ts';
import { runCommand } from './command.ts';
import { templateSpec } from './options.ts';
import { TemplateRunner } from './runner.ts';
import { ScriptedSource } from './source.testkit.ts';
import { Spare } from './spare.ts';

const env = { ...process.env, WORD: 'hello' };

test('what was armed runs as the command itself', async () => {
  const spare = new Spare();
  const cases = [
    { command: ['echo', '$WORD', 'a  b'], exit: 0, output: '$WORD a  b\n' },
    { command: 'echo $WORD; exit 3', exit: 3, output: 'hello\n' },
    { command: ['cat'], exit: 0, output: '' },
  ];
  for (const { command, exit, output } of cases) {
    spare.arm('out', command, env);
    const child = spare.take('out');
    const result = await runCommand(command, { timeoutMs: 10_000, env, spare: child });
    assert.deepEqual([result.exit, result.output], [exit, output]);
  }
});

test('a spare is taken once, and only for what it was armed for', async () => {
  const spare = new Spare();
  spare.arm('out', ['true'], env);
  assert.equal(spare.take('other'), undefined);
  const child = spare.take('out');
  assert.notEqual(child, undefined);
  assert.equal(spare.take('out'), undefined);
  await once(child!, 'exit');
});

test('one is armed at a time', async () => {
  const spare = new Spare();
  spare.arm('out', ['true'], env);
  spare.arm('out', ['true'], env);
  const child = spare.take('out');
  assert.equal(spare.take('out'), undefined);
  await once(child!, 'exit');
});

test('a command that hangs is killed in time, with its whole group', async () => {
  const spare = new Spare();
  spare.arm('out', 'sleep 60; true', env);
  const child = spare.take('out');
  const result = await runCommand('sleep 60; true', { timeoutMs: 200, env, spare: child });
  assert.deepEqual([result.ok, result.timedOut, result.signal], [false, true, 'SIGKILL']);
});

test('a command that is not there fails and says so', async () => {
  const spare = new Spare();
  spare.arm('out', ['/no/such/command'], env);
  const child = spare.take('out');
  const result = await runCommand(['/no/such/command'], { timeoutMs: 10_000, env, spare: child });
  assert.equal(result.exit, 127);
  assert.match(result.output, /\/no\/such\/command/);
});

test('a spare that was killed is none', async () => {
  const spare = new Spare();
  spare.arm('first', ['true'], env);
  const child = spare.take('first')!;
  await once(child, 'exit');
  spare.arm('out', ['sh', '-c', 'echo $$'], env);
  const pid = spare.pid!;
  process.kill(pid, 'SIGKILL');
  for (let tries = 0; spare.pid !== undefined && tries < 200; tries++) await sleep(10);
  assert.equal(spare.take('out'), undefined);
});

test('one that waits ends when it is closed, and runs nothing', async () => {
  const spare = new Spare();
  spare.arm('out', 'sleep 60; true', env);
  const pid = spare.pid!;
  spare.close();
  assert.equal(spare.take('out'), undefined);
  for (let tries = 0; isAlive(pid); tries++) {
    assert.ok(tries < 200, 'it is still there');
    await sleep(10);
  }
});

test('without a shell there is none, and nothing breaks', async () => {
  const spare = new Spare();
  spare.arm('out', ['true'], { PATH: '/nowhere' });
  await sleep(50);
  spare.arm('out', ['true'], { PATH: '/nowhere' });
  assert.equal(spare.take('out'), undefined);
});

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

test('a runner arms one when all is quiet, gives it the next command, and ends it when it stops', async (t) => {
  const clock = new ManualClock();
  const source = new ScriptedSource();
  const dir = mkdtempSync(join(tmpdir(), 'portolan-spare-'));
  const [destination, log] = [join(dir, 'out'), join(dir, 'log')];
  const command = `echo "$$ $PORTOLAN_DESTINATION $(cat ${destination})" >> ${log}`;
  const template = templateSpec({ source: 'a', text: '{{key "k"}}', destination, command });
  const options = { once: false, dry: false, stateDir: undefined, environment: {} };
  const runner = new TemplateRunner(
    { templates: [template], ...options },
    { source, clock, log: silentLogger },
  );
  const stop = new AbortController();
  source.set('key k', 'one');
  const run = runner.run(stop.signal);
  t.after(() => stop.abort());
  const lines = async (count: number): Promise<string[]> => {
    for (let tries = 0; tries < 1000; tries++) {
      const found = existsSync(log) ? readFileSync(log, 'utf8').trim().split('\n') : [];
      if (found.length === count && runner.status()[0]!.state === 'current') return found;
      await sleep(5);
    }
    throw new Error('the command has not run');
  };
  await lines(1);
  const before = children();
  await clock.advance(100);
  const armed = children().filter((pid) => !before.includes(pid));
  assert.equal(armed.length, 1);
  source.set('key k', 'two');
  assert.equal((await lines(2))[1], `${armed[0]} ${destination} two`);
  await clock.advance(100);
  const [waiting] = children().filter((pid) => !before.includes(pid));
  stop.abort();
  await run;
  for (let tries = 0; isAlive(Number(waiting)) && tries < 200; tries++) await sleep(10);
  assert.equal(isAlive(Number(waiting)), false);
});

function children(): string[] {
  const path = `/proc/self/task/${process.pid}/children`;
  return readFileSync(path, 'utf8').trim().split(' ').filter(Boolean);
}
