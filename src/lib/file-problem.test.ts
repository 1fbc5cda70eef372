import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileProblem, isSystemError } from './file-problem.ts';

test('a file that cannot be read is explained without its path; other errors keep their text', () => {
  const folder = mkdtempSync(join(tmpdir(), 'portolan-problem-'));
  try {
    writeFileSync(join(folder, 'file'), '');
    const rows = [
      { path: join(folder, 'none'), want: 'no such file or directory' },
      { path: folder, want: 'is a directory' },
      { path: join(folder, 'file', 'below'), want: 'a part of its path is not a directory' },
    ];
    for (const { path, want } of rows) {
      assert.throws(
        () => readFileSync(path),
        (error) => isSystemError(error) && fileProblem(error) === want,
        path,
      );
    }
  } finally {
    rmSync(folder, { recursive: true });
  }
  assert.equal(fileProblem(new Error('other')), 'other');
  assert.equal(isSystemError(new Error('other')), false);
});
