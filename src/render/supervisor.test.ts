import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import type { TestContext } from 'node:test';
import { ManualClock } from '../lib/clock.testkit.ts';
import { silentLogger } from '../lib/log.ts';
import { openGuard } from './guard.ts';
import { type ChildEnd, Supervisor, type SupervisorOptions } from './supervisor.ts';

/** A child that writes what happens to it into a file. */
class Stage {
  readonly file = join(mkdtempSync(join(tmpdir(), 'portolan-child-')), 'log');
  readonly clock = new ManualClock();
  readonly ends: ChildEnd[] = [];
  readonly supervisor: Supervisor;

  constructor(t: TestContext, script: string, options: Partial<SupervisorOptions> = {}) {
    this.supervisor = new Supervisor(
      {
        command: ['sh', '-c', script],
        env: { ...process.env, LOG: this.file },
        killSignal: 'SIGINT',
        killTimeoutMs: 30_000,
        reloadSignal: undefined,
        splayMs: 0,
        ...options,
      },
      {
        clock: this.clock,
        log: silentLogger,
        random: () => 0.5,
        onExit: (end) => this.ends.push(end),
      },
    );
    t.after(() => this.supervisor.stop('SIGKILL'));
  }

  log(): string {
    return existsSync(this.file) ? readFileSync(this.file, 'utf8') : '';
  }

  async until(condition: () => boolean): Promise<void> {
    const end = Date.now() + 10_000;
    while (!condition()) {
      assert.ok(Date.now() < end, `not reached: ${condition}\n${this.log()}`);
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  }
}

/** A zombie that nobody has reaped yet is no process any more. */
function isAlive(pid: number): boolean {
  try {
    return !/^\d+ \(.*\) Z/.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return false;
  }
}

const loop = 'while :; do sleep 0.02; done';
const traps = `trap "echo hup >> $LOG" HUP; trap "echo int >> $LOG; exit 3" INT; echo up >> $LOG; ${loop}`;

test('a change sends the reload signal, after the splay and once for all changes in it', async (t) => {
  const stage = new Stage(t, traps, { reloadSignal: 'SIGHUP', splayMs: 1000 });
  stage.supervisor.changed();
  stage.supervisor.ready(true);
  await stage.until(() => stage.log() === 'up\n');
  stage.supervisor.changed();
  await stage.clock.advance(400);
  stage.supervisor.changed();
  await stage.clock.advance(99);
  assert.equal(stage.log(), 'up\n');
  await stage.clock.advance(1);
  await stage.until(() => stage.log() === 'up\nhup\n');
  await stage.clock.advance(5000);
  assert.deepEqual([stage.log(), stage.ends], ['up\nhup\n', []]);
});

test('without a reload signal the child is stopped and started, and that is no exit', async (t) => {
  const stage = new Stage(t, traps);
  stage.supervisor.ready(false);
  await stage.until(() => stage.log() === 'up\n');
  const first = stage.supervisor.pid;
  stage.supervisor.changed();
  stage.supervisor.changed();
  await stage.until(() => stage.log() === 'up\nint\nup\n');
  assert.notEqual(stage.supervisor.pid, first);
  assert.deepEqual(stage.ends, []);
});

test('with a reload signal of nothing a change does nothing', async (t) => {
  const stage = new Stage(t, traps, { reloadSignal: null });
  stage.supervisor.ready(false);
  await stage.until(() => stage.log() === 'up\n');
  stage.supervisor.changed();
  await new Promise((resolve) => setTimeout(resolve, 50));
  assert.equal(stage.log(), 'up\n');
});

test('an exit that nobody asked for is told with its code, and takes the rest of its group along', async (t) => {
  const stage = new Stage(t, 'sleep 60 & echo $! > $LOG; exit 7');
  stage.supervisor.ready(false);
  await stage.until(() => stage.ends.length === 1);
  assert.deepEqual([stage.ends[0]!.exit, stage.supervisor.pid], [7, undefined]);
  await stage.until(() => !isAlive(Number(stage.log())));
});

test('a command that does not exist ends with its error', async (t) => {
  const stage = new Stage(t, '', { command: '/no/such/command' });
  stage.supervisor.ready(false);
  await stage.until(() => stage.ends.length === 1);
  assert.match(String(stage.ends[0]!.error), /ENOENT/);
});

test('a child that ignores its kill signal is killed when its time is over', async (t) => {
  const stage = new Stage(t, `trap "" INT; echo up >> $LOG; ${loop}`);
  stage.supervisor.ready(false);
  await stage.until(() => stage.log() === 'up\n');
  const stopping = stage.supervisor.stop();
  await stage.clock.advance(29_999);
  assert.ok(isAlive(stage.supervisor.pid!));
  await stage.clock.advance(1);
  assert.equal((await stopping)?.signal, 'SIGKILL');
  stage.supervisor.ready(true);
  assert.equal(stage.supervisor.pid, undefined);
});

test('stopping in the middle of a restart starts no other', async (t) => {
  const stage = new Stage(t, `trap "sleep 0.1; exit 0" INT; echo up >> $LOG; ${loop}`);
  stage.supervisor.ready(false);
  await stage.until(() => stage.log() === 'up\n');
  stage.supervisor.changed();
  assert.equal((await stage.supervisor.stop())?.exit, 0);
  await new Promise((resolve) => setTimeout(resolve, 30));
  assert.deepEqual([stage.log(), stage.supervisor.pid], ['up\n', undefined]);
});

test('another command restarts the child; other signals do not', async (t) => {
  const stage = new Stage(t, traps);
  stage.supervisor.ready(false);
  await stage.until(() => stage.log() === 'up\n');
  const options = {
    env: { ...process.env, LOG: stage.file },
    killSignal: 'SIGINT' as const,
    killTimeoutMs: 1000,
  };
  const same = { ...options, command: ['sh', '-c', traps], splayMs: 0 };
  stage.supervisor.configure({ ...same, reloadSignal: 'SIGHUP' });
  stage.supervisor.changed();
  await stage.until(() => stage.log() === 'up\nhup\n');
  stage.supervisor.configure({
    ...same,
    command: ['sh', '-c', `echo other >> $LOG; ${loop}`],
    reloadSignal: null,
  });
  await stage.until(() => stage.log() === 'up\nhup\nint\nother\n');
});

test('the guard ends a group once the process that opened it is gone', async (t) => {
  const group = spawn('sh', ['-c', `trap "" INT; ${loop}`], { detached: true, stdio: 'ignore' });
  t.after(() => group.kill('SIGKILL'));
  const parent = spawn(process.execPath, [
    '--input-type=module',
    '-e',
    `const { openGuard } = await import(${JSON.stringify(new URL('./guard.js', import.meta.url).href)});
     openGuard(${group.pid}, { killSignal: 'SIGINT', killTimeoutMs: 1000, isShell: true });
     setInterval(() => {}, 1000); console.log('open');`,
  ]);
  await once(parent.stdout, 'data');
  const ended = once(group, 'exit');
  parent.kill('SIGKILL');
  assert.deepEqual(await ended, [null, 'SIGKILL']);
});

test('a guard that is closed leaves the group alone', async (t) => {
  const group = spawn('sleep', ['60'], { detached: true, stdio: 'ignore' });
  t.after(() => group.kill('SIGKILL'));
  openGuard(group.pid!, { killSignal: 'SIGKILL', killTimeoutMs: 0, isShell: true }).close();
  await new Promise((resolve) => setTimeout(resolve, 50));
  assert.ok(isAlive(group.pid!));
});
