import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { ManualClock } from './clock.testkit.ts';
import { RotatingFile, type RotatingFileOptions } from './rotating-file.ts';

function open(options: Partial<RotatingFileOptions>): {
  dir: string;
  file: RotatingFile;
  clock: ManualClock;
} {
  const dir = mkdtempSync(join(tmpdir(), 'portolan-log-'));
  writeFileSync(join(dir, 'other-1.log'), '');
  const clock = new ManualClock();
  const file = new RotatingFile(
    { path: join(dir, 'p.log'), maxBytes: 0, maxAgeMs: 0, keep: 0, ...options },
    clock,
  );
  return { dir, file, clock };
}

const names = (dir: string): readonly string[] => readdirSync(dir).filter((name) => name !== 'other-1.log');

test('a file grows without limits when none is set', async () => {
  const { dir, file, clock } = open({});
  file.write('one\n');
  await clock.advance(1e9);
  file.write('two\n');
  assert.deepEqual([names(dir), readFileSync(join(dir, 'p.log'), 'utf8')], [['p.log'], 'one\ntwo\n']);
});

test('a large file is set aside, and so many old ones are kept', async () => {
  for (const [keep, want] of [
    [0, 4],
    [2, 3],
    [-1, 1],
  ] as const) {
    const { dir, file, clock } = open({ maxBytes: 4, keep });
    for (const line of ['aaa\n', 'bbb\n', 'ccc\n', 'ddd\n']) {
      file.write(line);
      await clock.advance(10);
    }
    assert.equal(names(dir).length, want, `keep ${keep}`);
    assert.equal(readFileSync(join(dir, 'p.log'), 'utf8'), 'ddd\n');
    if (keep === 2) {
      const [first] = names(dir);
      assert.match(first!, /^p-\d+\.log$/);
      assert.equal(readFileSync(join(dir, first!), 'utf8'), 'bbb\n');
    }
  }
});

test('a file that somebody else has set aside is opened anew when asked to', () => {
  const { dir, file } = open({});
  file.write('one\n');
  renameSync(join(dir, 'p.log'), join(dir, 'p.log.1'));
  file.write('two\n');
  file.reopen();
  file.write('three\n');
  assert.equal(readFileSync(join(dir, 'p.log.1'), 'utf8'), 'one\ntwo\n');
  assert.equal(readFileSync(join(dir, 'p.log'), 'utf8'), 'three\n');
  rmSync(dir, { recursive: true });
  file.reopen();
  file.write('four\n');
  file.close();
});

test('an old file is set aside at the next line', async () => {
  const { dir, file, clock } = open({ maxAgeMs: 1000 });
  file.write('one\n');
  await clock.advance(999);
  file.write('two\n');
  assert.equal(names(dir).length, 1);
  await clock.advance(1);
  file.write('three\n');
  assert.deepEqual([names(dir).length, readFileSync(join(dir, 'p.log'), 'utf8')], [2, 'three\n']);
});
