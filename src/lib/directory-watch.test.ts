import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { watchDirectory } from './directory-watch.ts';

test('a file that is written in the directory is told by its name', async (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'portolan-directory-'));
  const told = new Promise<string | null>((resolve) => {
    const watch = watchDirectory(directory, resolve);
    t.after(() => {
      watch.close();
      rmSync(directory, { recursive: true });
    });
  });
  // The watch keeps nothing alive, this test included.
  const alive = setInterval(() => {}, 1000);
  t.after(() => clearInterval(alive));
  writeFileSync(join(directory, 'new'), 'x');
  assert.equal(await told, 'new');
});

test('a directory that is not there is watched in vain, and closed like any other', () => {
  watchDirectory('/proc/self/none', () => assert.fail('told')).close();
});
