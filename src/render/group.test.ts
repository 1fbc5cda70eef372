import assert from 'node:assert/strict';
import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type { TestContext } from 'node:test';
import type { RunnerOptions, TemplateSpec } from './options.ts';
import { Stage, spec, upstream, web } from './runner.testkit.ts';

const both = 'cat "$(dirname $LOG)"/a "$(dirname $LOG)"/b >> $LOG; echo >> $LOG';

/** Two files of one command group: `a` of key a, `b` of key b. */
function pair(
  t: TestContext,
  parts: { readonly a?: Partial<TemplateSpec>; readonly b?: Partial<TemplateSpec> } = {},
  runner: Partial<RunnerOptions> = {},
): Stage {
  const member = (dir: string, name: 'a' | 'b'): TemplateSpec =>
    spec(dir, {
      text: `{{key "${name}"}}`,
      destination: join(dir, name),
      command: both,
      commandGroup: 'pair',
      ...parts[name],
    });
  return new Stage(t, (dir) => [member(dir, 'a'), member(dir, 'b')], { runner });
}

const files = (stage: Stage): unknown[] => [stage.text('a'), stage.text('b')];

test('a command group writes nothing before each of its templates has an output', async (t) => {
  const stage = pair(t).start();
  stage.source.set('key a', '1');
  await stage.clock.advance(0);
  assert.deepEqual(files(stage), [undefined, undefined]);
  const [a] = stage.runner.status();
  assert.deepEqual(
    [a!.state, a!.heldBecause],
    ['held', `waits for ${stage.file('b')}, of the same command group`],
  );
  stage.source.set('key b', '2');
  await stage.until(() => stage.state() === 'current');
  assert.deepEqual([files(stage), stage.log()], [['1', '2'], '12\n']);
  stage.source.set('key a', '3');
  await stage.until(() => stage.log() === '12\n32\n');
  assert.deepEqual(files(stage), ['3', '2']);
});

test('a member that misses data again holds the others back until it has them', async (t) => {
  const stage = pair(t, { b: { text: '{{key "b"}}{{if eq (key "b") "x"}}{{key "c"}}{{end}}' } });
  stage.source.set('key a', '1');
  stage.source.set('key b', '1');
  stage.start();
  await stage.until(() => stage.log() === '11\n');
  stage.source.set('key b', 'x');
  stage.source.set('key a', '2');
  await stage.clock.advance(0);
  assert.deepEqual([files(stage), stage.state(0), stage.state(1)], [['1', '1'], 'held', 'waiting']);
  stage.source.set('key c', 'c');
  await stage.until(() => stage.log() === '11\n2xc\n');
});

for (const { name, check } of [
  { name: 'of the candidate', check: 'grep -q good "$PORTOLAN_CANDIDATE"' },
  { name: 'in place', check: 'grep -q good "$PORTOLAN_DESTINATION"' },
]) {
  test(`a check ${name} that refuses one file leaves all files of the group as they are`, async (t) => {
    const stage = pair(t, { b: { check } });
    stage.source.set('key a', '1 ');
    stage.source.set('key b', 'evil');
    stage.start();
    await stage.until(() => stage.state(1) === 'failed');
    assert.deepEqual([files(stage), stage.log()], [[undefined, undefined], '']);
    stage.source.set('key b', 'good');
    await stage.until(() => stage.log() === '1 good\n');
    stage.source.set('key a', '2 ');
    stage.source.set('key b', 'evil');
    await stage.until(() => stage.state(1) === 'failed');
    assert.deepEqual(files(stage), ['1 ', 'good']);
    assert.equal(stage.state(0), 'failed');
    // With another file beside it, what was refused is judged anew.
    stage.source.set('key a', '3 ');
    await stage.clock.advance(0);
    await stage.until(() => stage.state(1) === 'failed');
    stage.source.set('key b', 'good again');
    await stage.until(() => stage.log() === '1 good\n3 good again\n');
    assert.deepEqual(readdirSync(stage.dir).sort(), ['a', 'b', 'log']);
  });
}

test('a file that cannot be written leaves the others of its group as they are', async (t) => {
  const stage = pair(t, { b: { destination: '/dev/full/none' } });
  stage.source.set('key a', '1');
  stage.source.set('key b', '1');
  stage.start();
  await stage.until(() => stage.state(1) === 'failed');
  assert.deepEqual([stage.text('a'), stage.state(0)], [undefined, 'failed']);
  assert.match(stage.runner.status()[0]!.error!, /\/dev\/full\/none, of the same command group, has failed/);
});

test('a command that fails has every file of its group put back, and is tried again with all', async (t) => {
  const command = `${both}; ! grep -q evil "$(dirname $LOG)"/a || test -e $LOG.up`;
  const stage = pair(t, { a: { command }, b: { command } });
  writeFileSync(stage.file('a'), 'x');
  writeFileSync(stage.file('b'), 'y');
  stage.source.set('key a', 'evil');
  stage.source.set('key b', '2');
  stage.start();
  await stage.until(() => stage.log() === 'evil2\nxy\n');
  assert.deepEqual(files(stage), ['x', 'y']);
  writeFileSync(stage.file('log.up'), '');
  await stage.until(() => stage.clock.pendingTimers > 0);
  await stage.clock.advance(1500);
  await stage.until(() => stage.state() === 'current');
  assert.deepEqual(files(stage), ['evil', '2']);
});

test('a broken member ends a run that renders once, and nothing of its group is written', async (t) => {
  const stage = pair(t, { b: { text: '{{range}}' } }, { once: true });
  stage.source.set('key a', '1');
  stage.start();
  await stage.ended();
  assert.deepEqual(
    [stage.text('a'), stage.state(0), stage.state(1), stage.runner.isComplete],
    [undefined, 'failed', 'broken', true],
  );
});

test('files join and leave a command group at a reload', async (t) => {
  const stage = new Stage(t, (dir) => [
    spec(dir, { text: '{{key "a"}}', destination: join(dir, 'a'), command: both, commandGroup: 'g' }),
  ]);
  stage.source.set('key a', '1');
  stage.start();
  await stage.until(() => stage.state() === 'current');
  const joined = spec(stage.dir, {
    text: '{{key "b"}}',
    destination: stage.file('b'),
    command: both,
    commandGroup: 'g',
  });
  const [first] = stage.specs;
  await stage.runner.reconfigure([first!, joined]);
  stage.source.set('key a', '2');
  await stage.clock.advance(0);
  assert.equal(stage.text('a'), '1');
  stage.source.set('key b', '2');
  await stage.until(() => stage.state(1) === 'current');
  assert.deepEqual(files(stage), ['2', '2']);
  await stage.runner.reconfigure([first!]);
  stage.source.set('key a', '3');
  await stage.until(() => stage.text('a') === '3');
});

test('templates with one command and a wait are rendered together, and the command runs once', async (t) => {
  const wait = { minMs: 100, maxMs: 400 };
  const stage = new Stage(t, (dir) =>
    ['a', 'b'].map((name) =>
      spec(dir, { text: `{{key "${name}"}}`, destination: join(dir, name), command: both, wait }),
    ),
  );
  stage.source.set('key a', '1');
  stage.source.set('key b', '1');
  stage.start();
  await stage.until(() => stage.state(0) === 'current' && stage.state(1) === 'current');
  const before = stage.log();
  stage.source.set('key a', '2');
  await stage.clock.advance(60);
  stage.source.set('key b', '3');
  await stage.clock.advance(99);
  assert.deepEqual(files(stage), ['1', '1']);
  await stage.clock.advance(1);
  await stage.until(() => stage.log() !== before && stage.state() === 'current');
  assert.equal(stage.log(), `${before}23\n`);
});

test('a list that is suddenly empty holds its file as it is, for a time', async (t) => {
  const hold = { minItems: 1, maxDrop: 1, timeoutMs: 60_000 };
  const stage = new Stage(t, (dir) => [
    spec(dir, { text: upstream, hold }),
    spec(dir, { destination: join(dir, 'free') }),
  ]);
  stage.start();
  stage.source.set('service web', []);
  await stage.clock.advance(0);
  assert.deepEqual([stage.text('out'), stage.text('free'), stage.state()], [undefined, '', 'held']);
  stage.source.set('service web', web(1));
  await stage.clock.advance(0);
  stage.source.set('service web', []);
  await stage.clock.advance(59_000);
  assert.deepEqual([stage.text('out'), stage.text('free')], ['server 10.0.0.1:1;\n', '']);
  assert.equal(
    stage.runner.status()[0]!.heldBecause,
    'health.service(web|passing) has 0 items, 1 are wanted',
  );
  await stage.clock.advance(1000);
  assert.deepEqual([stage.text('out'), stage.state()], ['', 'current']);
});

test('once with a limit of time fails when it is over, and says what is missing', async (t) => {
  const stage = new Stage(t, (dir) => [spec(dir)], { runner: { once: true, onceTimeoutMs: 3000 } }).start();
  await stage.clock.advance(3000);
  await stage.ended();
  assert.equal(
    stage.runner.failure?.message,
    `once_timeout is over after 3 s: ${stage.file('out')} waits for health.service(web|passing) (3 s)`,
  );
});
