import assert from 'node:assert/strict';
import {
  existsSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import type { TestContext } from 'node:test';
import { ClientError } from '@portolan/sdk';
import { ManualClock } from '../lib/clock.testkit.ts';
import { silentLogger } from '../lib/log.ts';
import type { Logger } from '../lib/log.ts';
import { LastGoodStore } from './last-good-store.ts';
import { LastGoodSource } from './source-last-good.ts';
import { ScriptedSource, instance } from './source.testkit.ts';
import { until } from './until.testkit.ts';

const query = { type: 'service', name: 'web', tag: '', dc: '', near: '', filters: ['any'] } as const;
const keyQuery = { type: 'prefix', prefix: 'a', dc: '' } as const;

function scratch(t: TestContext): string {
  const directory = mkdtempSync(join(tmpdir(), 'portolan-last-good-'));
  t.after(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

interface Life {
  readonly inner: ScriptedSource;
  readonly source: LastGoodSource;
  readonly clock: ManualClock;
  readonly lines: string[];
}

/** One run of the program. */
function live(directory: string): Life {
  const inner = new ScriptedSource();
  const clock = new ManualClock();
  const lines: string[] = [];
  const note = (_fields: unknown, message: string): void => void lines.push(message);
  const log: Logger = { ...silentLogger, warn: note, info: note };
  const source = new LastGoodSource({ directory }, { source: inner, log, clock });
  return { inner, source, clock, lines };
}

function follow(life: Life) {
  const seen: unknown[] = [];
  const subscription = life.source.subscribe(
    query,
    () => seen.push(subscription.current()),
    () => {},
  );
  return { subscription, seen };
}

async function settle(): Promise<void> {
  for (let i = 0; i < 20; i++) await new Promise((resolve) => setImmediate(resolve));
}

async function remember(directory: string): Promise<void> {
  const life = live(directory);
  follow(life);
  life.source.subscribe(
    keyQuery,
    () => {},
    () => {},
  );
  life.inner.set('service web', [instance({ port: 7 })]);
  const pair = { createIndex: 1, modifyIndex: 2, lockIndex: 0, flags: 2n ** 60n + 1n, session: '' };
  life.inner.set('prefix a', [{ path: 'a/b', key: 'b', value: 'bytes \udcff é', ...pair }]);
  await life.source.close();
}

const refused = new ClientError('network', 'connection refused');

test('a start without the server uses what was said last, marked with its time; the server then takes over', async (t) => {
  const directory = scratch(t);
  await remember(directory);
  const life = live(directory);
  const { subscription, seen } = follow(life);
  const keys = life.source.subscribe(
    keyQuery,
    () => {},
    () => {},
  );
  assert.equal(subscription.current(), undefined);
  life.inner.fail('service web', refused);
  life.inner.fail('prefix a', refused);
  await until(() => subscription.current() !== undefined && keys.current() !== undefined);
  assert.deepEqual(subscription.current(), { data: [instance({ port: 7 })], savedAtMs: 1_700_000_000_000 });
  const [pair] = keys.current()!.data;
  assert.deepEqual([pair!.flags, pair!.value], [2n ** 60n + 1n, 'bytes \udcff é']);
  assert.equal(seen.length, 1);
  // The same again is no change, but it is not old any more.
  life.inner.set('service web', [instance({ port: 7 })]);
  assert.deepEqual([seen.length, subscription.current()], [1, { data: [instance({ port: 7 })] }]);
  life.inner.set('service web', [instance({ port: 8 })]);
  assert.equal(seen.length, 2);
  life.inner.set('prefix a', []);
  assert.deepEqual(life.lines, [
    'the source cannot be reached: templates use its last good answers',
    'no template uses old answers any more',
  ]);
  await life.source.close();
});

test('a server that says nothing is given 5 s', async (t) => {
  const directory = scratch(t);
  await remember(directory);
  const life = live(directory);
  const { subscription } = follow(life);
  await life.clock.advance(4900);
  assert.equal(subscription.current(), undefined);
  await life.clock.advance(200);
  await until(() => subscription.current() !== undefined);
  assert.equal(subscription.current()!.data.length, 1);
  await life.source.close();
});

test('a refusal is an answer: nothing old is used', async (t) => {
  const directory = scratch(t);
  await remember(directory);
  const life = live(directory);
  const { subscription } = follow(life);
  const denied = new ClientError('status', 'Permission denied', { status: 403 });
  life.inner.fail('service web', new Error('the access token may not read it', { cause: denied }));
  await settle();
  assert.equal(subscription.current(), undefined);
  await life.source.close();
});

test('an answer of this run is never replaced by an old one', async (t) => {
  const directory = scratch(t);
  await remember(directory);
  const life = live(directory);
  const { subscription } = follow(life);
  life.inner.set('service web', []);
  life.inner.fail('service web', refused);
  await settle();
  assert.deepEqual(subscription.current(), { data: [] });
  await life.source.close();
});

test('files that are damaged, of another version or of another question are left out, with a warning', async (t) => {
  const damages: readonly ((text: string) => string)[] = [
    (text) => text.slice(0, text.length >> 1),
    (text) => text.replace('"port":7', '"port":9'),
    (text) => text.replace('"version":1', '"version":2'),
    (text) => text.replace('web', 'wob'),
    () => '',
    () => '\u0000\u0000\n{}',
  ];
  for (const damage of damages) {
    const directory = scratch(t);
    await remember(directory);
    for (const name of readdirSync(directory)) {
      const path = join(directory, name);
      writeFileSync(path, damage(readFileSync(path, 'utf8')));
    }
    const life = live(directory);
    const { subscription } = follow(life);
    life.inner.fail('service web', refused);
    await until(() => life.lines.length > 0);
    assert.equal(subscription.current(), undefined, String(damage));
    assert.deepEqual(life.lines, ['a last good answer was left out']);
    await life.source.close();
  }
});

test('changes are gathered before they are written, for nobody else to read', async (t) => {
  const directory = scratch(t);
  const life = live(directory);
  follow(life);
  life.inner.set('service web', [instance({ port: 1 })]);
  life.inner.set('service web', [instance({ port: 2 })]);
  await life.clock.advance(4900);
  assert.deepEqual(readdirSync(directory), []);
  await life.clock.advance(200);
  await life.source.close();
  const [file, ...others] = readdirSync(directory);
  assert.deepEqual(others, []);
  assert.match(readFileSync(join(directory, file!), 'utf8'), /"port":2/);
  assert.equal(statSync(join(directory, file!)).mode & 0o777, 0o600);
});

test('a directory that cannot be used is told once and costs nothing else', async (t) => {
  const directory = scratch(t);
  writeFileSync(join(directory, 'file'), '');
  const life = live(join(directory, 'file', 'below'));
  const { subscription } = follow(life);
  life.inner.set('service web', []);
  await life.source.close();
  assert.deepEqual(
    [subscription.current(), life.lines],
    [{ data: [] }, ['last good answers cannot be kept']],
  );
});

test('what could not be written is written when it can be, as it is then', async (t) => {
  const directory = scratch(t);
  const answers = join(directory, 'answers');
  writeFileSync(answers, 'in the way');
  const life = live(answers);
  follow(life);
  life.inner.set('service web', [instance({ port: 1 })]);
  await life.clock.advance(5000);
  await until(() => life.lines.length === 1);
  await settle();
  life.inner.set('service web', [instance({ port: 2 })]);
  await life.clock.advance(5000);
  await settle();
  rmSync(answers);
  await life.clock.advance(60_000);
  await until(() => existsSync(answers) && readdirSync(answers).some((name) => name.endsWith('.answer')));
  // So is one whose directory has gone.
  rmSync(answers, { recursive: true });
  await settle();
  life.inner.set('service web', [instance({ port: 3 })]);
  await life.clock.advance(5000);
  await until(() => life.lines.length === 2);
  await settle();
  await life.clock.advance(60_000);
  await until(() => existsSync(answers) && readdirSync(answers).some((name) => name.endsWith('.answer')));
  const saved = await new LastGoodStore({ directory: answers }).load(JSON.stringify(['script', query]));
  assert.equal('data' in (saved as object) && (saved as { data: { port: number }[] }).data[0]!.port, 3);
});

test('the store is bounded: the oldest answers go first, and one that is too large is not kept', async (t) => {
  const directory = scratch(t);
  const store = new LastGoodStore({ directory, mostBytes: 1200, mostAnswerBytes: 400 });
  for (let i = 0; i < 6; i++) assert.equal(await store.save(`q${i}`, 'x'.repeat(100), i), true);
  assert.equal(await store.load('q0'), 'missing');
  assert.deepEqual(await store.load('q5'), { data: 'x'.repeat(100), savedAtMs: 5 });
  assert.equal(await store.save('q5', 'x'.repeat(500), 9), false);
  assert.equal(await store.load('q5'), 'missing');
  // A later run knows what is there, and removes drafts of one that was killed.
  writeFileSync(join(directory, '.a.answer.1.tmp'), 'half');
  const name = readdirSync(directory).find((one) => one.endsWith('.answer'))!;
  utimesSync(join(directory, name), 1, 1);
  const again = new LastGoodStore({ directory, mostBytes: 1000 });
  for (let i = 10; i < 12; i++) await again.save(`q${i}`, 'x'.repeat(100), i);
  const left = readdirSync(directory);
  assert.ok(!left.includes(name) && !left.some((one) => one.endsWith('.tmp')), left.join(' '));
});
