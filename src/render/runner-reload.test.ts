import assert from 'node:assert/strict';
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import type { TestContext } from 'node:test';
import { ManualClock } from '../lib/clock.testkit.ts';
import { silentLogger } from '../lib/log.ts';
import { templateSpec } from './options.ts';
import type { RunnerOptions, TemplateSpec } from './options.ts';
import { TemplateRunner } from './runner.ts';
import { ScriptedSource } from './source.testkit.ts';

class Stage {
  readonly dir = mkdtempSync(join(tmpdir(), 'portolan-reload-'));
  readonly source = new ScriptedSource();
  readonly clock = new ManualClock();
  readonly told: string[] = [];
  readonly runner: TemplateRunner;
  readonly run: Promise<void>;
  readonly #stop = new AbortController();

  constructor(
    t: TestContext,
    specs: (stage: Stage) => readonly TemplateSpec[],
    options: Partial<RunnerOptions> = {},
  ) {
    this.runner = new TemplateRunner(
      {
        templates: specs(this),
        once: false,
        dry: false,
        stateDir: undefined,
        environment: { DIR: this.dir },
        ...options,
      },
      {
        source: this.source,
        log: silentLogger,
        clock: this.clock,
        child: {
          ready: (changed) => this.told.push(`ready ${changed}`),
          changed: () => this.told.push('changed'),
        },
      },
    );
    this.run = this.runner.run(this.#stop.signal);
    t.after(() => this.stop());
  }

  spec(name: string, text: string, parts: Partial<TemplateSpec> = {}): TemplateSpec {
    return templateSpec({ source: name, text, destination: join(this.dir, name), ...parts });
  }

  text(name: string): string | undefined {
    return existsSync(join(this.dir, name)) ? readFileSync(join(this.dir, name), 'utf8') : undefined;
  }

  async until(condition: () => boolean): Promise<void> {
    const end = Date.now() + 5000;
    while (!condition()) {
      assert.ok(Date.now() < end, `not reached: ${condition}\n${JSON.stringify(this.runner.status())}`);
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  }

  async stop(): Promise<void> {
    this.#stop.abort();
    await this.run;
  }
}

const a = '{{ key "a" }}';
const ran = 'echo x >> $DIR/ran';

test('a template that stays is the same task, one that is new finds the data there', async (t) => {
  const stage = new Stage(t, (on) => [on.spec('one', a, { command: ran })]);
  stage.source.set('key a', '1');
  await stage.until(() => stage.text('ran') === 'x\n');
  await stage.until(() => stage.runner.status()[0]!.state === 'current');
  const same = stage.spec('one', a, { command: ran });
  await stage.runner.reconfigure([same, stage.spec('two', `2 ${a}`)]);
  assert.equal(stage.text('two'), '2 1');
  assert.deepEqual([stage.runner.status()[0]!.evaluations > 0, stage.runner.status()[0]!.renders], [true, 1]);
  assert.equal(stage.text('ran'), 'x\n');
  await stage.runner.reconfigure([stage.spec('two', `2 ${a}`)]);
  stage.source.set('key a', '3');
  await stage.until(() => stage.text('two') === '2 3');
  assert.equal(stage.text('one'), '1');
});

test('a reload puts files right that somebody else has changed or taken away', async (t) => {
  const stage = new Stage(t, (on) => [
    on.spec('one', a, { perms: 0o600 }),
    on.spec('two', a, { command: ran }),
  ]);
  stage.source.set('key a', '1');
  await stage.until(() => stage.text('ran') === 'x\n');
  await stage.until(() => stage.runner.status()[1]!.state === 'current');
  chmodSync(join(stage.dir, 'one'), 0o666);
  rmSync(join(stage.dir, 'two'));
  const same = [stage.spec('one', a, { perms: 0o600 }), stage.spec('two', a, { command: ran })];
  await stage.runner.reconfigure(same);
  assert.deepEqual([statSync(join(stage.dir, 'one')).mode & 0o777, stage.text('two')], [0o600, '1']);
  await stage.until(() => stage.text('ran') === 'x\nx\n');
  await stage.until(() => stage.runner.status()[1]!.state === 'current');
  await stage.runner.reconfigure(same);
  assert.equal(stage.text('ran'), 'x\nx\n');
});

test('what nobody uses any more is not followed; a text that does not parse changes nothing', async (t) => {
  const stage = new Stage(t, (on) => [on.spec('one', a)]);
  stage.source.set('key a', '1');
  await stage.until(() => stage.text('one') === '1');
  await assert.rejects(
    stage.runner.reconfigure([stage.spec('one', '{{ range }}')]),
    /missing value for range/,
  );
  assert.deepEqual(stage.source.followed, ['key a']);
  await stage.runner.reconfigure([stage.spec('one', '{{ key "b" }}')]);
  assert.deepEqual(stage.source.followed, ['key b']);
});

test('a command that fails is still owed after a reload, under its new name', async (t) => {
  const stage = new Stage(t, (on) => [on.spec('one', a, { command: 'exit 1' })]);
  stage.source.set('key a', '1');
  await stage.until(() => stage.runner.status()[0]!.state === 'failed');
  await stage.runner.reconfigure([stage.spec('one', a, { command: ran })]);
  await stage.until(() => stage.text('ran') === 'x\n');
  await stage.until(() => stage.runner.status()[0]!.state === 'current');
});

test('a reload waits for a command that runs', async (t) => {
  const wait = 'while ! test -e $DIR/go; do sleep 0.01; done; echo x >> $DIR/ran';
  const stage = new Stage(t, (on) => [on.spec('one', a, { command: wait })]);
  stage.source.set('key a', '1');
  await stage.until(() => stage.runner.status()[0]!.state === 'reloading');
  let isDone = false;
  const reload = stage.runner.reconfigure([stage.spec('two', a)]).then(() => (isDone = true));
  await new Promise((resolve) => setTimeout(resolve, 30));
  assert.equal(isDone, false);
  stage.source.set('key a', '2');
  writeFileSync(join(stage.dir, 'go'), '');
  await reload;
  // What goes begins nothing new meanwhile.
  assert.deepEqual([stage.text('ran'), stage.text('one'), stage.text('two')], ['x\n', '1', '2']);
});

test('the child is told once all is there, then of changes whose command has succeeded', async (t) => {
  const command = 'grep -q bad $PORTOLAN_DESTINATION && exit 1; exit 0';
  const stage = new Stage(t, (on) => [on.spec('one', a, { command }), on.spec('two', '{{ key "b" }}')]);
  stage.source.set('key a', '1');
  await stage.until(() => stage.text('one') === '1');
  assert.deepEqual(stage.told, []);
  stage.source.set('key b', '1');
  await stage.until(() => stage.told.length === 1);
  stage.source.set('key a', 'bad');
  await stage.until(() => stage.runner.status()[0]!.state === 'failed');
  assert.deepEqual(stage.told, ['ready true']);
  stage.source.set('key a', '2');
  await stage.until(() => stage.told.length === 2);
  assert.deepEqual(stage.told, ['ready true', 'changed']);
});

test('a key that stays absent ends a runner that was asked to', async (t) => {
  const stage = new Stage(t, (on) => [on.spec('one', a)], { failedLookupMs: 1000 });
  await stage.clock.advance(5000);
  assert.equal(stage.runner.failure, undefined, 'no answer is no absence');
  stage.source.set('key a', null);
  await stage.clock.advance(999);
  stage.source.set('key a', '1');
  await stage.clock.advance(999);
  assert.equal(stage.runner.failure, undefined);
  stage.source.set('key a', null);
  await stage.clock.advance(1000);
  await stage.run;
  assert.match(stage.runner.failure!.message, /kv.block\(a\): the key is still absent/);
});

test('a template whose failure is fatal ends the runner', async (t) => {
  const text = '{{ index (key "a" | split ",") 3 }}';
  const stage = new Stage(t, (on) => [on.spec('one', text, { errorFatal: true })]);
  await stage.clock.advance(10);
  assert.equal(stage.runner.failure, undefined, 'missing data are no failure');
  stage.source.set('key a', '1');
  await stage.run;
  assert.match(stage.runner.failure!.message, /index out of range/);
});

const strict = { strict: true } as const;

test('strict: an error counts while data are missing, and a failing command leaves its file', async (t) => {
  const text = '{{ index (key "a" | split ",") 3 }}';
  const first = new Stage(t, (on) => [on.spec('one', text, { errorFatal: true })], strict);
  await first.run;
  assert.match(first.runner.failure!.message, /index/);
  const second = new Stage(t, (on) => [on.spec('one', a, { command: 'exit 3' })], strict);
  second.source.set('key a', '1');
  await second.run;
  assert.match(second.runner.failure!.message, /exited with 3/);
  assert.equal(second.text('one'), '1');
});

test('strict: a link is replaced, a missing file is fatal, a command without a timeout is not waited for', async (t) => {
  const links = new Stage(
    t,
    (on) => {
      symlinkSync('real', join(on.dir, 'one'));
      return [on.spec('one', a, { command: 'sleep 0.3', commandTimeoutMs: 0 })];
    },
    strict,
  );
  links.source.set('key a', '1');
  await links.until(() => links.runner.status()[0]!.state === 'current');
  assert.equal(lstatSync(join(links.dir, 'one')).isSymbolicLink(), false);
  assert.ok(links.runner.status()[0]!.lastCommand!.durationMs < 250);
  assert.deepEqual(readdirSync(links.dir), ['one']);
  const files = new Stage(t, (on) => [on.spec('one', '{{ file "/no/such/file" }}')], strict);
  await files.run;
  assert.match(files.runner.failure!.message, /ENOENT/);
});
