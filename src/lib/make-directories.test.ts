import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { makeDirectories } from './make-directories.ts';

test('missing parents are made, what is there stays', () => {
  const path = join(mkdtempSync(join(tmpdir(), 'portolan-dirs-')), 'a', 'b', 'c');
  makeDirectories(path, 0o750);
  makeDirectories(path, 0o700);
  assert.equal(statSync(path).mode & 0o777, 0o750);
});

test('a directory that cannot be is an error, also where the system says only that it is not there', () => {
  const file = join(mkdtempSync(join(tmpdir(), 'portolan-dirs-')), 'file');
  writeFileSync(file, '');
  assert.throws(() => makeDirectories(file, 0o755), /EEXIST/);
  assert.throws(() => makeDirectories(join(file, 'x'), 0o755), /ENOTDIR/);
  for (const root of ['/proc', '/proc/self'].filter((path) => existsSync(path))) {
    assert.throws(() => makeDirectories(join(root, 'portolan-none', 'x'), 0o755), /ENOENT|EACCES|EPERM/);
  }
});
