import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import type { TemplateSpec } from './options.ts';
import { Stage, spec, web } from './runner.testkit.ts';

test('a file is written in the turn of the change, and only when its bytes differ', async (t) => {
  const stage = new Stage(t, (dir) => [spec(dir, { command: 'echo run >> $LOG' })]).start();
  assert.equal(stage.text('out'), undefined);
  assert.deepEqual(stage.runner.status()[0]!.waitingFor[0]!.id, 'health.service(web|passing)');
  stage.source.set('service web', web(1));
  await Promise.resolve();
  assert.equal(stage.text('out'), 'server 10.0.0.1:1;\n');
  await stage.until(() => stage.state() === 'current');
  stage.source.set('service web', web(1));
  await stage.clock.advance(10);
  stage.source.set('service web', web(2));
  await stage.until(() => stage.text('out') === 'server 10.0.0.1:2;\n' && stage.state() === 'current');
  assert.equal(stage.log(), 'run\nrun\n');
  assert.deepEqual([stage.runner.status()[0]!.evaluations, stage.runner.status()[0]!.renders], [4, 2]);
});

test('a restart with nothing changed renders nothing and runs nothing', async (t) => {
  const state = { stateDir: mkdtempSync(join(tmpdir(), 'portolan-state-')) };
  const specs = (dir: string): TemplateSpec[] => [spec(dir, { command: 'echo run >> $LOG' })];
  const first = new Stage(t, specs, { runner: state }).start();
  first.source.set('service web', web(1));
  await first.until(() => first.state() === 'current');
  await first.stop();
  const second = new Stage(t, specs, { runner: state, dir: first.dir, source: first.source }).start();
  await second.until(() => second.state() === 'current');
  assert.equal(second.runner.status()[0]!.renders, 0);
  assert.equal(second.log(), 'run\n');
  assert.deepEqual(readdirSync(state.stateDir), []);
});

test('a command that was owed when the process died is run by the next one', async (t) => {
  const state = { stateDir: mkdtempSync(join(tmpdir(), 'portolan-state-')), stopGraceMs: 0 };
  const first = new Stage(
    t,
    (dir) => [spec(dir, { command: 'echo $PPID >> $LOG; test -e $LOG.go || sleep 60' })],
    {
      runner: state,
    },
  ).start();
  first.source.set('service web', web(1));
  await first.until(() => first.log() !== '');
  const stopping = first.stop();
  await first.clock.advance(1);
  await stopping;
  assert.equal(readdirSync(state.stateDir).length, 1);
  writeFileSync(first.file('log.go'), '');
  const second = new Stage(
    t,
    (dir) => [spec(dir, { command: 'echo $PPID >> $LOG; test -e $LOG.go || sleep 60' })],
    { runner: state, dir: first.dir, source: first.source },
  ).start();
  await second.until(() => second.state() === 'current');
  assert.equal(second.runner.status()[0]!.renders, 0);
  assert.equal(second.log().trim().split('\n').length, 2);
  assert.deepEqual(readdirSync(state.stateDir), []);
});

test('nested queries are followed pass by pass, and let go when they are not used any more', async (t) => {
  const text = '{{range services}}{{.Name}}:{{range service .Name}}{{.Port}} {{end}};{{end}}';
  const stage = new Stage(t, (dir) => [spec(dir, { text })]).start();
  assert.deepEqual(stage.source.followed, ['services']);
  stage.source.set('services', [
    { name: 'a', tags: [] },
    { name: 'b', tags: [] },
  ]);
  await stage.clock.advance(0);
  assert.deepEqual(stage.source.followed, ['services', 'service a', 'service b']);
  stage.source.set('service a', web(1));
  await stage.clock.advance(0);
  assert.deepEqual([stage.state(), stage.text('out')], ['waiting', undefined]);
  stage.source.set('service b', web(2));
  await stage.clock.advance(0);
  assert.equal(stage.text('out'), 'a:1 ;b:2 ;');
  stage.source.set('services', [{ name: 'b', tags: [] }]);
  await stage.clock.advance(0);
  assert.deepEqual([stage.text('out'), stage.source.followed], ['b:2 ;', ['services', 'service b']]);
});

test('one template that never becomes ready, or is broken, holds up no other', async (t) => {
  const stage = new Stage(t, (dir) => [
    spec(dir, { text: '{{key "never"}}', destination: join(dir, 'never') }),
    spec(dir, { source: 'b.tpl', text: 'x\n{{range}}', destination: join(dir, 'bad') }),
    spec(dir, {
      source: 'e.tpl',
      text: '{{range service "web"}}{{.Nope}}{{end}}',
      destination: join(dir, 'bad2'),
    }),
    spec(dir),
  ]).start();
  stage.source.set('key never', null);
  stage.source.set('service web', web(1));
  await stage.clock.advance(0);
  assert.equal(stage.text('out'), 'server 10.0.0.1:1;\n');
  const [never, parse, exec, good] = stage.runner.status();
  assert.deepEqual(
    [never!.state, parse!.state, exec!.state, good!.state],
    ['waiting', 'broken', 'broken', 'current'],
  );
  assert.match(parse!.error!, /^b\.tpl: parse: template: b\.tpl:2: missing value for range$/);
  assert.match(
    exec!.error!,
    /^e\.tpl: execute: template: e\.tpl:1:25: executing "e\.tpl" at <\.Nope>: can't evaluate field Nope/,
  );
  assert.deepEqual(readdirSync(stage.dir), ['out']);
});

test('a template is evaluated again only when something that it uses has changed', async (t) => {
  const stage = new Stage(t, (dir) => [
    spec(dir),
    spec(dir, { text: '{{key "a"}}{{keyOrDefault "a" "x"}}', destination: join(dir, 'key') }),
  ]).start();
  stage.source.set('service web', web(1));
  stage.source.set('key a', '1');
  await stage.clock.advance(0);
  const before = stage.runner.status()[1]!.evaluations;
  for (let i = 2; i < 6; i++) {
    stage.source.set('service web', web(i));
    await stage.clock.advance(0);
  }
  assert.equal(stage.runner.status()[1]!.evaluations, before);
  assert.equal(stage.text('out'), 'server 10.0.0.1:5;\n');
  assert.deepEqual(stage.source.followed, ['service web', 'key a']);
});

test('an error while data are missing is not ready, not broken', async (t) => {
  const text = '{{$m := tree "groups" | byKey}}{{(index $m "a" "b").Value}}';
  const stage = new Stage(t, (dir) => [spec(dir, { text })]).start();
  assert.equal(stage.state(), 'waiting');
  const pair = { createIndex: 1, modifyIndex: 1, lockIndex: 0, flags: 0n, session: '' };
  stage.source.set('prefix groups', [{ path: 'groups/a/b', key: 'a/b', value: 'v', ...pair }]);
  await stage.clock.advance(0);
  assert.equal(stage.text('out'), 'v');
});

test('templates with one command change together and run it once', async (t) => {
  const command = 'cat "$(dirname $LOG)"/a "$(dirname $LOG)"/b >> $LOG; echo >> $LOG';
  const stage = new Stage(t, (dir) => [
    spec(dir, { text: '{{key "x"}}', destination: join(dir, 'a'), command }),
    spec(dir, { text: '{{key "x"}}{{key "x"}}', destination: join(dir, 'b'), command }),
  ]);
  stage.source.set('key x', '1');
  stage.start();
  await stage.until(() => stage.state() === 'current');
  stage.source.set('key x', '2');
  await stage.until(() => stage.state() === 'current' && stage.text('b') === '22');
  assert.equal(stage.log(), '111\n222\n');
});

test('a check refuses a candidate before the destination is touched', async (t) => {
  const check = 'grep -q good "$PORTOLAN_CANDIDATE"';
  const stage = new Stage(t, (dir) => [
    spec(dir, { text: '{{key "x"}}', check, command: 'cat $PORTOLAN_DESTINATION >> $LOG' }),
  ]);
  stage.source.set('key x', 'good 1;');
  stage.start();
  await stage.until(() => stage.state() === 'current');
  stage.source.set('key x', 'evil');
  await stage.until(() => stage.state() === 'failed');
  assert.deepEqual([stage.text('out'), stage.log()], ['good 1;', 'good 1;']);
  assert.match(stage.runner.status()[0]!.error!, /^check "grep.* exited with 1$/);
  stage.source.set('key x', 'good 2;');
  await stage.until(() => stage.state() === 'current');
  assert.deepEqual([stage.text('out'), stage.log()], ['good 2;', 'good 1;good 2;']);
  assert.deepEqual(readdirSync(stage.dir).sort(), ['log', 'out']);
});

test('a check that can only see the whole configuration runs in place and restores it', async (t) => {
  const stage = new Stage(t, (dir) => [
    spec(dir, {
      text: '{{key "x"}}',
      check: `grep -q good ${dir}/out`,
      command: 'cat $PORTOLAN_DESTINATION >> $LOG',
    }),
  ]);
  stage.source.set('key x', 'evil first');
  stage.start();
  await stage.until(() => stage.state() === 'failed');
  assert.equal(stage.text('out'), undefined);
  stage.source.set('key x', 'good');
  await stage.until(() => stage.state() === 'current');
  stage.source.set('key x', 'evil');
  await stage.until(() => stage.state() === 'failed');
  assert.deepEqual([stage.text('out'), stage.log()], ['good', 'good']);
});

test('when the command fails the old file comes back and gets the command again', async (t) => {
  const command = 'cat $PORTOLAN_DESTINATION >> $LOG; grep -q good $PORTOLAN_DESTINATION';
  const stage = new Stage(t, (dir) => [spec(dir, { text: '{{key "x"}}', command })]);
  stage.source.set('key x', 'good1 ');
  stage.start();
  await stage.until(() => stage.state() === 'current');
  chmodSync(stage.file('out'), 0o600);
  stage.source.set('key x', 'evil ');
  await stage.until(() => stage.log() === 'good1 evil good1 ');
  assert.deepEqual([stage.text('out'), stage.state()], ['good1 ', 'failed']);
  assert.match(stage.runner.status()[0]!.error!, /exited with 1/);
  // The same output again is left to the retry; another one is tried at once.
  stage.source.set('key x', 'evil ');
  await stage.clock.advance(10);
  assert.equal(stage.log(), 'good1 evil good1 ');
  stage.source.set('key x', 'good2 ');
  await stage.until(() => stage.state() === 'current');
  assert.equal(stage.log(), 'good1 evil good1 good2 ');
});

test('what failed is tried again with a growing delay', async (t) => {
  const command = 'cat $PORTOLAN_DESTINATION >> $LOG; test -e $LOG.up';
  const stage = new Stage(t, (dir) => [spec(dir, { text: '{{key "x"}}', command })]);
  writeFileSync(stage.file('out'), 'old ');
  stage.source.set('key x', 'new ');
  stage.start();
  await stage.until(() => stage.log() === 'new old ');
  assert.equal(stage.text('out'), 'old ');
  await stage.until(() => stage.clock.pendingTimers > 0);
  await stage.clock.advance(1200);
  await stage.until(() => stage.log() === 'new old new old ');
  assert.equal(stage.text('out'), 'old ');
  writeFileSync(stage.file('log.up'), '');
  await stage.clock.advance(2400);
  await stage.until(() => stage.state() === 'current');
  assert.equal(stage.text('out'), 'new ');
});

test('what was refused is open again after data were missing meanwhile', async (t) => {
  const stage = new Stage(t, (dir) => [
    spec(dir, { text: '{{key "x"}}', check: 'test -e $LOG.up # PORTOLAN_CANDIDATE' }),
  ]);
  stage.source.set('key x', 'new');
  stage.start();
  await stage.until(() => stage.state() === 'failed');
  stage.source.set('key x', null);
  await stage.clock.advance(0);
  assert.equal(stage.state(), 'waiting');
  writeFileSync(stage.file('log.up'), '');
  await stage.clock.advance(1200);
  assert.deepEqual([stage.state(), stage.text('out')], ['waiting', undefined]);
  stage.source.set('key x', 'new');
  await stage.until(() => stage.state() === 'current');
  assert.equal(stage.text('out'), 'new');
});

test('a first rendering whose command fails stays, and its command is tried again', async (t) => {
  const stage = new Stage(t, (dir) => [
    spec(dir, { text: 'x', command: 'echo run >> $LOG; test -e $LOG.up' }),
  ]).start();
  await stage.until(() => stage.state() === 'failed');
  assert.deepEqual([stage.text('out'), stage.runner.status()[0]!.commandOwed], ['x', true]);
  writeFileSync(stage.file('log.up'), '');
  await stage.clock.advance(1200);
  await stage.until(() => stage.state() === 'current');
  assert.deepEqual([stage.log(), stage.runner.status()[0]!.renders], ['run\nrun\n', 1]);
});

test('a hanging command is killed, the old file comes back, and others go on meanwhile', async (t) => {
  const stage = new Stage(t, (dir) => [
    spec(dir, {
      text: '{{key "x"}}',
      destination: join(dir, 'slow'),
      command: 'echo try >> $LOG; grep -q good $PORTOLAN_DESTINATION || sleep 60',
      commandTimeoutMs: 400,
    }),
    spec(dir, { text: '{{key "y"}}' }),
  ]);
  writeFileSync(stage.file('slow'), 'good');
  stage.source.set('key x', 'hang');
  stage.source.set('key y', '1');
  stage.start();
  assert.equal(stage.text('out'), '1');
  stage.source.set('key y', '2');
  stage.source.set('key x', 'newer');
  await stage.clock.advance(0);
  assert.deepEqual([stage.text('out'), stage.text('slow')], ['2', 'hang']);
  await stage.until(() => stage.log() === 'try\ntry\ntry\n');
  await stage.until(() => stage.text('slow') === 'good' && stage.state() === 'failed');
  assert.match(stage.runner.status()[0]!.error!, /timed out after \d+ ms and was killed/);
});

test('a destination that cannot be written is reported and tried again', async (t) => {
  const stage = new Stage(t, (dir) => [
    spec(dir, { text: '{{key "x"}}', destination: join(dir, 'sub/out') }),
  ]);
  writeFileSync(stage.file('sub'), 'in the way');
  stage.source.set('key x', '1');
  stage.start();
  assert.equal(stage.state(), 'failed');
  assert.equal(stage.text('sub'), 'in the way');
  rmSync(stage.file('sub'));
  mkdirSync(stage.file('sub'));
  await stage.clock.advance(1200);
  assert.deepEqual([stage.text('sub/out'), stage.state()], ['1', 'current']);
});

test('with a wait, the first rendering is at once and later ones once a quiet period', async (t) => {
  const wait = { minMs: 250, maxMs: 1000 };
  const stage = new Stage(t, (dir) => [spec(dir, { text: '{{key "x"}}', wait })]);
  stage.source.set('key x', '0');
  stage.start();
  assert.equal(stage.text('out'), '0');
  for (let i = 1; i <= 5; i++) {
    stage.source.set('key x', String(i));
    await stage.clock.advance(100);
  }
  assert.equal(stage.text('out'), '0');
  await stage.clock.advance(150);
  assert.equal(stage.text('out'), '5');
  assert.deepEqual([stage.runner.status()[0]!.renders, stage.runner.status()[0]!.evaluations], [2, 3]);
});

test('once ends when every template has come to an end and its command too', async (t) => {
  const stage = new Stage(
    t,
    (dir) => [
      spec(dir, { text: '{{key "x"}}', command: 'sleep 0.1; echo done >> $LOG' }),
      spec(dir, { text: '{{range}}', destination: join(dir, 'bad') }),
      spec(dir, { text: 'y', destination: join(dir, 'fails'), command: ['false'] }),
    ],
    { runner: { once: true } },
  ).start();
  await stage.clock.advance(100);
  assert.equal(stage.text('out'), undefined);
  stage.source.set('key x', '1');
  await stage.ended();
  assert.deepEqual([stage.text('out'), stage.log()], ['1', 'done\n']);
  assert.deepEqual(
    stage.runner.status().map(({ state }) => state),
    ['current', 'broken', 'failed'],
  );
});

test('a dry run prints what would change and touches nothing', async (t) => {
  const stage = new Stage(
    t,
    (dir) => [
      spec(dir, { text: 'new\n', command: 'echo run >> $LOG' }),
      spec(dir, { text: 'same', destination: join(dir, 'same') }),
    ],
    { runner: { once: true, dry: true } },
  );
  writeFileSync(stage.file('same'), 'same');
  await stage.start().ended();
  assert.deepEqual(stage.printed, [`> ${stage.file('out')}\nnew\n`]);
  assert.deepEqual(readdirSync(stage.dir), ['same']);
});

test('a local file is read, waited for and followed', async (t) => {
  const stage = new Stage(t, (dir) => [spec(dir, { text: `{{file "${dir}/in"}}` })]).start();
  assert.match(stage.runner.status()[0]!.waitingFor[0]!.error!, /ENOENT/);
  writeFileSync(stage.file('in'), 'one');
  await stage.clock.advance(2000);
  assert.equal(stage.text('out'), 'one');
  writeFileSync(stage.file('in'), 'two!');
  await stage.until(() => stage.text('out') === 'two!');
});

test('what a source reports is shown with what is waited for', async (t) => {
  const stage = new Stage(t, (dir) => [spec(dir)]).start();
  stage.source.fail('service web', new Error('connect ECONNREFUSED'));
  await stage.clock.advance(3000);
  assert.deepEqual(stage.runner.status()[0]!.waitingFor, [
    { id: 'health.service(web|passing)', forMs: 3000, error: 'connect ECONNREFUSED' },
  ]);
});
