/** `portolan template` as people run it: signals in the middle of everything, a supervised child, what can go wrong. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, lstatSync, mkdirSync, readdirSync, readFileSync, symlinkSync } from 'node:fs';
import { test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { until } from './agent.testkit.ts';
import { isAlive, type Running, TemplateStage } from './template-program.testkit.ts';

/** Passes at once for `one`, else says who it is and hangs until the file `go` is there. */
const hang = 'grep -q one @out-or && exit 0; echo $$ >> @step; while ! test -e @go; do sleep 0.02; done';
const command = `command = "${hang.replace('@out-or', '@out')}"`;
const check = `check = "${hang.replace('@out-or', '$PORTOLAN_CANDIDATE')}"`;
const template = (more: string): string => `template { source = "@in" destination = "@out" ${more} }`;

/** Starts, and waits until the file and the command of it are done. */
async function startCurrent(
  stage: TemplateStage,
  more: string,
  flags: readonly string[] = [],
): Promise<Running> {
  const running = stage.start(template(more), ['-log-level=debug', ...flags]);
  await stage.becomes('out', 'one\n', running);
  await running.says('command ended');
  return running;
}

test('SIGTERM and SIGINT in a check or a command: the old file is whole, all is told, nothing is left', async (t) => {
  const cases = (['SIGTERM', 'SIGINT'] as const).flatMap((signal) => [
    { signal, step: check, say: 'check was interrupted' },
    { signal, step: command, say: 'command was interrupted' },
  ]);
  await Promise.all(
    cases.map(async ({ signal, step, say }) => {
      const stage = await TemplateStage.open(t);
      const running = await startCurrent(stage, step);
      stage.server.set('a', 'two');
      await stage.becomes('step', /\d/, running);
      const before = stage.text('out');
      assert.equal(before, step === check ? 'one\n' : 'two\n');
      // A reload that waits for the same step is no obstacle.
      if (signal === 'SIGINT') running.signal('SIGHUP');
      running.signal(signal);
      assert.equal(await running.exited, 0, running.log());
      assert.equal(stage.text('out'), 'one\n', running.log());
      assert.ok(running.log().includes(say), running.log());
      assert.deepEqual(stage.leftovers(), []);
      assert.ok(!isAlive(Number(stage.text('step'))));
    }),
  );
});

test('SIGHUP in a check or a command waits for it, and everything goes on', async (t) => {
  await Promise.all(
    [check, command].map(async (step) => {
      const stage = await TemplateStage.open(t);
      const running = await startCurrent(stage, step);
      stage.server.set('a', 'two');
      await stage.becomes('step', /\d/, running);
      running.signal('SIGHUP');
      await delay(100);
      stage.write('go', '');
      await running.says('configuration reloaded');
      await stage.becomes('out', 'two\n', running);
      assert.equal(stage.text('step')!.trim().split('\n').length, 1, 'nothing ran twice');
      stage.server.set('a', 'three');
      await stage.becomes('out', 'three\n', running);
      running.signal('SIGTERM');
      assert.equal(await running.exited, 0);
      assert.deepEqual(stage.leftovers(), []);
    }),
  );
});

test('SIGHUP while the program still starts does not end it', {
  skip: !existsSync('/proc/self'),
}, async (t) => {
  const stage = await TemplateStage.open(t);
  // It reads this until somebody writes.
  execFileSync('mkfifo', [stage.path('late.hcl')]);
  const run = stage.start('', ['-config', stage.path('late.hcl')]);
  await until(
    () =>
      /SigCgt:\s+[0-9a-f]+[13579bdf]\n/.test(readFileSync(`/proc/${run.pid}/status`, 'utf8')) || undefined,
    8000,
    () => `SIGHUP is never listened to\n${run.log()}`,
  );
  run.signal('SIGHUP');
  stage.write('late.hcl', stage.config('template { source = "@in" destination = "@out" }'));
  await stage.becomes('out', 'one\n', run);
});

test('a reader of the log that goes away ends nothing', async (t) => {
  const stage = await TemplateStage.open(t);
  // The shell's `true` reads nothing and is gone before the first line.
  const wrap = ['sh', '-c', '{ "$@"; echo $? > "$0"; } 2>&1 | true; sleep 0.1', stage.path('code')];
  const run = stage.start('pid_file = "@pid"\ntemplate { source = "@in" destination = "@out" }', [], wrap);
  await stage.becomes('out', 'one\n', run);
  stage.server.set('a', 'two');
  await stage.becomes('out', 'two\n', run);
  process.kill(Number(stage.text('pid')), 'SIGTERM');
  await stage.becomes('code', '0\n', run);
  assert.equal(stage.text('pid'), undefined);
});

test('signals at any moment of renders and swaps never show half a file', async (t) => {
  const stage = await TemplateStage.open(t);
  const body = '{{ range loop 2000 }}{{ key "a" }} {{ end }}';
  stage.write('in', `begin {{ key "a" }} ${body}end {{ key "a" }}\n`);
  const isWhole = (text: string): boolean => {
    const match = /^begin (\S+) (?:\1 ){2000}end \1\n$/.exec(text);
    return match !== null;
  };
  const running = stage.start(template(''));
  await stage.becomes('out', /end one/, running);
  for (let i = 0; i < 60; i++) {
    stage.server.set('a', `value-${i}`);
    await delay(i % 7);
    if (i % 3 === 0) running.signal('SIGHUP');
    assert.ok(isWhole(readFileSync(stage.path('out'), 'utf8')), `half a file after ${i}`);
  }
  await stage.becomes('out', /end value-59\n/, running);
  stage.server.set('a', 'last');
  running.signal('SIGTERM');
  assert.equal(await running.exited, 0);
  assert.ok(isWhole(stage.text('out')!));
  assert.deepEqual(stage.leftovers(), []);
});

test('a reload adopts what is new, renders nothing that is the same, and refuses what is wrong', async (t) => {
  const stage = await TemplateStage.open(t);
  const ran = 'command = "echo ran >> @ran"';
  const running = stage.start(template(ran));
  await stage.becomes('ran', 'ran\n', running);
  const reads = stage.server.reads.length;
  stage.write('in2', 'second {{ key "a" }}\n');
  const more = 'template { source = "@in2" destination = "@out2" }';
  const change = async (config: string, says: string): Promise<void> => {
    const from = running.log().length;
    stage.write(running.config.slice(stage.folder.length + 1), stage.config(config));
    running.signal('SIGHUP');
    await until(
      () => (running.log().slice(from).includes(says) ? true : undefined),
      5000,
      () => running.log(),
    );
  };
  await change(template(ran) + more, 'configuration reloaded');
  await stage.becomes('out2', 'second one\n', running);
  await change(`${template(ran)} tempalte {}`, 'the former one goes on');
  stage.write('in2', '{{ range }}');
  await change(template(ran) + more, 'the former one goes on');
  stage.server.set('a', 'two');
  await stage.becomes('out2', 'second two\n', running);
  await stage.becomes('ran', 'ran\nran\n', running);
  stage.write('in2', 'third {{ key "a" }}\n');
  await change(template(ran) + more, 'configuration reloaded');
  await stage.becomes('out2', 'third two\n', running);
  assert.equal(stage.text('ran'), 'ran\nran\n');
  // One long poll and its successor: known data were not asked for again.
  assert.ok(stage.server.reads.length - reads <= 3, stage.server.reads.join());
  running.signal('SIGTERM');
  assert.equal(await running.exited, 0);
});

test('a command that fails, hangs or is killed is told, and its file is put back', async (t) => {
  const bad = [
    { command: 'grep -q one @out || exit 3', say: 'exited with 3' },
    { command: 'grep -q one @out || sleep 60', say: 'timed out after' },
    { command: 'grep -q one @out || kill -9 $$', say: 'was killed by SIGKILL' },
  ];
  await Promise.all(
    bad.map(async ({ command: text, say }) => {
      const stage = await TemplateStage.open(t);
      const running = await startCurrent(stage, `command = "${text}" command_timeout = "300ms"`);
      stage.server.set('a', 'two');
      await running.says(say);
      await stage.becomes('out', 'one\n', running);
      stage.server.set('a', 'one more');
      await stage.becomes('out', 'one more\n', running);
      running.signal('SIGTERM');
      assert.equal(await running.exited, 0);
    }),
  );
});

test('with state_dir a command that was owed at kill -9 is run by the next start', async (t) => {
  const stage = await TemplateStage.open(t);
  const state = '-state-dir';
  const running = await startCurrent(stage, command, [state, stage.path('state')]);
  stage.server.set('a', 'two');
  await stage.becomes('step', /\d/, running);
  running.signal('SIGKILL');
  await running.exited;
  process.kill(-Number(stage.text('step')), 'SIGKILL');
  assert.equal(stage.text('out'), 'two\n');
  stage.write('go', '');
  const next = stage.start(template(command), ['-once', state, stage.path('state')]);
  assert.equal(await next.exited, 0, next.log());
  assert.equal(stage.text('step')!.trim().split('\n').length, 2);
  assert.deepEqual(
    readdirSync(stage.path('state')).filter((name) => name.startsWith('owed')),
    [],
  );
});

test('a template that never ends harms nobody else', async (t) => {
  const stage = await TemplateStage.open(t);
  stage.write('endless', '{{ range loop 4000000000 }}{{ end }}');
  const running = stage.start(`template { source = "@endless" destination = "@never" } ${template('')}`);
  await stage.becomes('out', 'one\n', running);
  await running.says('template failed');
  stage.server.set('a', 'two');
  await stage.becomes('out', 'two\n', running);
  assert.equal(stage.text('never'), undefined);
  running.signal('SIGTERM');
  assert.equal(await running.exited, 0);
});

test('a destination that cannot be is reported by name, and what was there stays', async (t) => {
  const stage = await TemplateStage.open(t);
  mkdirSync(stage.path('folder'));
  symlinkSync(stage.path('loop'), stage.path('loop'));
  stage.write('real', 'old\n');
  symlinkSync('real', stage.path('link'));
  const to = (name: string): string => `template { source = "@in" destination = "@${name}" }\n`;
  const running = stage.start(to('folder') + to('loop') + to('link') + to('in/below'), ['-once']);
  assert.equal(await running.exited, 14);
  for (const say of [
    'folder: is a directory',
    'loop: too many levels of symbolic links',
    'below: a part of its path is a file',
  ])
    assert.ok(running.log().includes(say), `${say}\n${running.log()}`);
  assert.ok(lstatSync(stage.path('link')).isSymbolicLink());
  assert.equal(stage.text('real'), 'one\n');
  assert.deepEqual(stage.leftovers(), []);
});

const isRoot = process.getuid?.() === 0;

test('mounts: a file by itself, a read-only folder, a full disk', {
  skip: !isRoot && 'needs root',
}, async (t) => {
  const stage = await TemplateStage.open(t);
  for (const name of ['mounted', 'outer']) stage.write(name, `old ${name}\n`);
  for (const name of ['ro', 'full']) mkdirSync(stage.path(name));
  // Mounts of a namespace of its own: they go with its last process.
  const script = `mount --make-rprivate / && cd ${stage.folder} && mount --bind outer mounted &&
    mount -t tmpfs -o size=64k tmpfs full && echo old > full/out && { head -c 1m /dev/zero > full/fill || :; } 2>/dev/null
    mount -t tmpfs tmpfs ro && echo old > ro/out && mount -o remount,ro ro
    "$@"; code=$?; cat full/out ro/out > result; ls -A full ro >> result; exit $code`;
  stage.server.set('a', 'x'.repeat(20_000));
  const to = (name: string): string => `template { source = "@in" destination = "@${name}" }\n`;
  const wrap = ['unshare', '-m', 'sh', '-c', script, 'sh'];
  const running = stage.start(to('mounted') + to('ro/out') + to('full/out'), ['-once'], wrap);
  assert.equal(await running.exited, 14, running.log());
  assert.match(stage.text('outer')!, /^x{20000}\n$/);
  assert.equal(stage.text('mounted'), 'old mounted\n');
  assert.match(running.log(), /full\/out: no space left on device/);
  assert.match(running.log(), /ro\/out: the file system is read-only/);
  assert.equal(stage.text('result'), 'old\nold\nfull:\nfill\nout\n\nro:\nout\n');
  assert.deepEqual(stage.leftovers(), []);
});

const child = (traps: string): string =>
  `["sh", "-c", "${traps}; echo up $$ >> @child; while :; do sleep 0.02; done"]`;
const loud =
  "trap 'echo hup >> @child' HUP; trap 'echo int >> @child; exit 5' INT; trap 'echo usr >> @child; exit 6' USR1";

test('exec: starts when all is rendered, reloads by signal, passes signals on, ends with the child’s code', async (t) => {
  const stage = await TemplateStage.open(t);
  stage.write('in2', '{{ key "b" }}');
  const running = stage.start(
    `${template('')} template { source = "@in2" destination = "@out2" }
     exec { command = ${child(loud)} reload_signal = "SIGHUP" env { custom = ["X=1"] } }`,
  );
  await stage.becomes('out', 'one\n', running);
  await delay(100);
  assert.equal(stage.text('child'), undefined, 'not before the second template');
  stage.server.set('b', 'b');
  await stage.becomes('child', /^up \d+\n$/, running);
  const [, pid] = /up (\d+)/.exec(stage.text('child')!)!;
  stage.server.set('a', 'two');
  await stage.becomes('child', /up \d+\nhup\n$/, running);
  running.signal('SIGHUP');
  await running.says('configuration reloaded');
  assert.ok(isAlive(Number(pid)), 'a reload of the configuration keeps the child');
  assert.match(stage.text('child')!, /up \d+\nhup\n$/);
  running.signal('SIGUSR1');
  assert.equal(await running.exited, 6);
});

test('exec: a change restarts a child without a reload signal; SIGINT stops it, -once waits for it', async (t) => {
  const stage = await TemplateStage.open(t);
  const exec = `exec { command = ${child(loud)} kill_timeout = "3s" splay = "20ms" }`;
  const running = stage.start(template('') + exec);
  await stage.becomes('child', /^up \d+\n$/, running);
  stage.server.set('a', 'two');
  await stage.becomes('child', /^up \d+\nint\nup \d+\n$/, running);
  running.signal('SIGINT');
  assert.equal(await running.exited, 5);
  const once = stage.start(`${template('')} exec { command = "sleep 0.2; exit 9" }`, ['-once']);
  assert.equal(await once.exited, 9);
  const none = stage.start('exec { command = "/no/such/program" }');
  assert.equal(await none.exited, 14);
});

test('exec: whatever ends the program, or in which moment, no child stays', async (t) => {
  const deaf = "trap '' INT TERM HUP; echo up $$ >> @child; while :; do sleep 0.02; done";
  const config = `${template('')} exec { command = ["sh", "-c", "${deaf}"] kill_timeout = "1s" }`;
  const ends: readonly (readonly [NodeJS.Signals, number])[] = [
    ['SIGTERM', 0],
    ['SIGINT', 0],
    ['SIGKILL', -1],
  ];
  await Promise.all(
    ends.flatMap(([signal, code]) =>
      [0, 150].map(async (afterMs) => {
        const stage = await TemplateStage.open(t);
        const running = stage.start(config);
        // At once: in the middle of the child's start.
        await running.says('child started');
        await delay(afterMs);
        running.signal(signal);
        assert.equal(await running.exited, code, running.log());
        await until(
          () => (pidsNaming(stage.path('child')).length === 0 ? true : undefined),
          5000,
          () => `a child is left after ${signal}: ${pidsNaming(stage.path('child'))}`,
        );
      }),
    ),
  );
});

/** Processes whose command line names a path. */
function pidsNaming(path: string): readonly string[] {
  return readdirSync('/proc').filter((name) => {
    if (!/^\d+$/.test(name)) return false;
    try {
      return readFileSync(`/proc/${name}/cmdline`, 'utf8').includes(path);
    } catch {
      return false;
    }
  });
}

test('compat: consul-template’s ends', async (t) => {
  const compat = '-compat=consul-template';
  await Promise.all([
    (async () => {
      const stage = await TemplateStage.open(t);
      const running = stage.start(template('command = "exit 3"'), [compat]);
      assert.equal(await running.exited, 14, 'a failing command');
      assert.equal(stage.text('out'), 'one\n');
    })(),
    (async () => {
      const stage = await TemplateStage.open(t);
      const running = stage.start(template(''), [compat]);
      await stage.becomes('out', 'one\n', running);
      running.signal('SIGTERM');
      await delay(200);
      assert.ok(isAlive(running.pid), 'SIGTERM is ignored');
      running.signal('SIGINT');
      assert.equal(await running.exited, 12);
    })(),
    (async () => {
      const stage = await TemplateStage.open(t);
      stage.write('in', '{{ index (key "a" | split "") 9 }}');
      assert.equal(await stage.start(template(''), [compat]).exited, 14, 'a template that fails');
    })(),
    (async () => {
      const stage = await TemplateStage.open(t);
      stage.server.isBroken = true;
      const running = stage.start(template(''), [
        compat,
        '-consul-retry-backoff=1ms',
        '-consul-retry-max-backoff=2ms',
      ]);
      assert.equal(await running.exited, 14, 'a source that fails 12 times');
      assert.match(running.log(), /failed 12 times in a row/);
    })(),
  ]);
});

test('without it the same things are waited for', async (t) => {
  const stage = await TemplateStage.open(t);
  stage.server.isBroken = true;
  const running = stage.start(template(''), ['-consul-retry-backoff=1ms', '-consul-retry-max-backoff=2ms']);
  await delay(300);
  stage.server.isBroken = false;
  await stage.becomes('out', 'one\n', running);
  running.signal('SIGTERM');
  assert.equal(await running.exited, 0);
});

test('pid file, log file, -parse-only and -version', async (t) => {
  const stage = await TemplateStage.open(t);
  const running = stage.start(`${template('')} pid_file = "@pid" log_file { path = "@log" }`);
  await stage.becomes('out', 'one\n', running);
  assert.equal(Number(stage.text('pid')), running.pid);
  running.signal('SIGQUIT');
  await stage.becomes('log', /template source=.*state=current/, running);
  running.signal('SIGTERM');
  assert.equal(await running.exited, 0);
  assert.equal(stage.text('pid'), undefined);
  stage.write('in', '{{ range }}');
  const parse = stage.start(template(''), ['-parse-only']);
  assert.equal(await parse.exited, 14);
  assert.match(parse.log(), /in: parse: template: .*missing value for range/);
  const version = stage.start(template(''), ['-version']);
  assert.equal(await version.exited, 0);
  assert.match(version.log(), /^Portolan v/);
});

test('-once that is interrupted has not done its work', async (t) => {
  const stage = await TemplateStage.open(t);
  stage.write('in', '{{ key "absent" }}');
  const running = stage.start(template(''), ['-once', '-log-level=debug']);
  await running.says('following');
  await delay(200);
  running.signal('SIGTERM');
  assert.equal(await running.exited, 12);
});

test('dedup: one of two processes asks, and the other takes over when it ends', async (t) => {
  const stage = await TemplateStage.open(t);
  const asks = (): number => stage.server.reads.filter((path) => path === '/v1/kv/a').length;
  const first = stage.start(template(''), ['-dedup']);
  await stage.becomes('out', 'one\n', first);
  await first.says('leads the shared data');
  const asked = asks();
  execFileSync('rm', [stage.path('out')]);
  const second = stage.start(template(''), ['-dedup']);
  await stage.becomes('out', 'one\n', second);
  assert.ok(asks() - asked <= 1, 'only the leader asks');
  first.signal('SIGTERM');
  assert.equal(await first.exited, 0);
  await second.says('leads the shared data');
  stage.server.set('a', 'two');
  await stage.becomes('out', 'two\n', second);
  second.signal('SIGTERM');
  assert.equal(await second.exited, 0);
  assert.deepEqual(stage.server.keys(), ['a'], 'sessions and what they held are gone');
});

test('dedup on a real agent: the lock passes on when its holder stops', async (t) => {
  const stage = await TemplateStage.open(t);
  const url = await stage.startAgent();
  const put = (value: string): Promise<Response> => fetch(`${url}/v1/kv/a`, { method: 'PUT', body: value });
  await put('real');
  // The stage's own address in the file gives way to the flag's.
  const flags = ['-dedup', `-consul-addr=${url}`];
  const first = stage.start(template(''), flags);
  await first.says('leads the shared data');
  await stage.becomes('out', 'real\n', first);
  const second = stage.start(template(''), flags);
  await second.says('following');
  first.signal('SIGTERM');
  assert.equal(await first.exited, 0);
  await second.says('leads the shared data');
  await put('two');
  await stage.becomes('out', 'two\n', second);
  second.signal('SIGTERM');
  assert.equal(await second.exited, 0);
  const keys = await fetch(`${url}/v1/kv/consul-template/?keys`);
  assert.equal(keys.status, 404, 'sessions and what they held are gone');
});
