import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, renameSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import type { TestContext } from 'node:test';
import { ManualClock } from './clock.testkit.ts';
import { PathWatch } from './path-watch.ts';

/** A watch of which only the slow look is turned by hand; what the file system reports comes on top of it. */
function open(t: TestContext): {
  dir: string;
  clock: ManualClock;
  calls: () => number;
  watch(knownAtMs: number, ...names: string[]): void;
} {
  const dir = mkdtempSync(join(tmpdir(), 'portolan-paths-'));
  const clock = new ManualClock();
  let calls = 0;
  t.after(() => rmSync(dir, { recursive: true, force: true }));
  return {
    dir,
    clock,
    calls: () => calls,
    watch: (knownAtMs, ...names) => {
      const watch = new PathWatch(
        names.map((name) => join(dir, name)),
        knownAtMs,
        { clock, onChange: () => calls++ },
      );
      t.after(() => watch.close());
    },
  };
}

const changes: readonly { readonly name: string; readonly make: (dir: string) => void }[] = [
  { name: 'a file that is written', make: (dir) => writeFileSync(join(dir, 'file'), 'longer') },
  {
    name: 'a file that is replaced by one of the same size',
    make: (dir) => {
      writeFileSync(join(dir, 'new'), 'x');
      renameSync(join(dir, 'new'), join(dir, 'file'));
    },
  },
  { name: 'a file that goes', make: (dir) => rmSync(join(dir, 'file')) },
  { name: 'a file that appears in a directory', make: (dir) => writeFileSync(join(dir, 'tree/a/new'), '') },
  { name: 'a directory that goes', make: (dir) => rmSync(join(dir, 'tree'), { recursive: true }) },
  {
    name: 'a link that is turned to another file',
    make: (dir) => {
      symlinkSync('other', join(dir, 'swap'));
      renameSync(join(dir, 'swap'), join(dir, 'link'));
    },
  },
];

for (const { name, make } of changes) {
  test(`${name} is told once`, async (t) => {
    const { dir, clock, calls, watch } = open(t);
    mkdirSync(join(dir, 'tree/a'), { recursive: true });
    writeFileSync(join(dir, 'file'), 'x');
    writeFileSync(join(dir, 'other'), '');
    symlinkSync('file', join(dir, 'link'));
    watch(Infinity, 'file', 'tree', 'link');
    await clock.advance(10_000);
    assert.equal(calls(), 0);
    make(dir);
    await clock.advance(10_000);
    assert.equal(calls(), 1);
  });
}

test('what has changed between the reading and the watch is told, too', async (t) => {
  const { dir, clock, calls, watch } = open(t);
  writeFileSync(join(dir, 'file'), 'x');
  const writtenAtMs = statSync(join(dir, 'file')).ctimeMs;
  watch(writtenAtMs + 1, 'file');
  await clock.advance(10_000);
  assert.equal(calls(), 0);
  watch(writtenAtMs, 'file');
  await clock.advance(10_000);
  assert.equal(calls(), 1);
});

test('a file that is not there is told once, and again when it appears', async (t) => {
  const { dir, clock, calls, watch } = open(t);
  watch(Date.now(), 'later');
  await clock.advance(10_000);
  assert.equal(calls(), 1);
  writeFileSync(join(dir, 'later'), 'x');
  await clock.advance(10_000);
  assert.equal(calls(), 2);
});
