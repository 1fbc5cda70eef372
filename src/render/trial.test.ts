import assert from 'node:assert/strict';
import {
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import type { TestContext } from 'node:test';
import { Destination } from './destination.ts';
import { beginTrial as begin, recoverTrial as recover, type Trial } from './trial.ts';

const destination = (path: string, replaceLinks = false): Destination =>
  new Destination({ path, perms: 0, uid: -1, gid: -1, createDirs: false, backup: false, replaceLinks });
const beginTrial = (path: string, replaceLinks?: boolean): Trial => begin(destination(path, replaceLinks));
const recoverTrial = (path: string, replaceLinks?: boolean): boolean =>
  recover(destination(path, replaceLinks));

function scene(t: TestContext): { dir: string; path: string; replace: (text: string) => void } {
  const dir = mkdtempSync(join(tmpdir(), 'portolan-trial-'));
  t.after(() => rmSync(dir, { recursive: true }));
  const path = join(dir, 'out');
  return {
    dir,
    path,
    replace: (text) => {
      writeFileSync(join(dir, 'new'), text);
      renameSync(join(dir, 'new'), path);
    },
  };
}

test('a trial that is ended leaves the new file and nothing beside it', (t) => {
  const { dir, path, replace } = scene(t);
  for (const former of [false, true]) {
    const trial = beginTrial(path);
    replace(former ? 'two' : 'one');
    trial.end();
    assert.equal(recoverTrial(path), false);
  }
  assert.deepEqual([readFileSync(path, 'utf8'), readdirSync(dir)], ['two', ['out']]);
});

test('a trial that is undone has the very file back that was there', (t) => {
  const { dir, path, replace } = scene(t);
  writeFileSync(path, 'old');
  const { ino } = statSync(path);
  const trial = beginTrial(path);
  replace('new');
  assert.equal(trial.undo(), true);
  trial.end();
  assert.deepEqual([readFileSync(path, 'utf8'), statSync(path).ino, readdirSync(dir)], ['old', ino, ['out']]);
  assert.equal(beginTrial('/proc/self/none/x').undo(), false);
});

test('of a trial that nobody ended the former file comes back', (t) => {
  const { dir, path, replace } = scene(t);
  writeFileSync(path, 'old');
  beginTrial(path);
  replace('new');
  assert.equal(recoverTrial(path), true);
  assert.deepEqual([readFileSync(path, 'utf8'), readdirSync(dir)], ['old', ['out']]);
});

test('where there was no file before there is none after', (t) => {
  const { dir, path, replace } = scene(t);
  beginTrial(path);
  replace('new');
  assert.equal(recoverTrial(path), true);
  assert.deepEqual(readdirSync(dir), []);
});

test('a trial whose candidate never came to its place changes nothing', (t) => {
  const { dir, path } = scene(t);
  writeFileSync(path, 'old');
  beginTrial(path);
  beginTrial(path);
  assert.equal(recoverTrial(path), true);
  assert.deepEqual([readFileSync(path, 'utf8'), readdirSync(dir)], ['old', ['out']]);
});

test('through a link, what it points to is kept, and the link stays one', (t) => {
  const { dir, path, replace } = scene(t);
  const link = join(dir, 'link');
  symlinkSync('out', link);
  writeFileSync(path, 'old');
  beginTrial(link);
  replace('new');
  assert.equal(recoverTrial(link), true);
  assert.deepEqual([readFileSync(link, 'utf8'), readdirSync(dir).sort()], ['old', ['link', 'out']]);
});

test('where links are replaced themselves, the link comes back', (t) => {
  const { dir, path } = scene(t);
  const link = join(dir, 'link');
  symlinkSync('out', link);
  writeFileSync(path, 'old');
  beginTrial(link, true);
  writeFileSync(join(dir, 'new'), 'new');
  renameSync(join(dir, 'new'), link);
  assert.equal(recoverTrial(link, true), true);
  assert.deepEqual([readlinkSync(link), readdirSync(dir).sort()], ['out', ['link', 'out']]);
});

test('where nothing can be kept the candidate is tried all the same', () => {
  beginTrial('/proc/self/none/x').end();
  for (const path of ['/dev/null/x', '/proc/self/none/x']) assert.equal(recoverTrial(path), false);
  assert.equal(existsSync('/proc/self/none'), false);
});
