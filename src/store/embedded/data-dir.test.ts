import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, cp, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';

import { StoreError } from '../store.ts';
import { openDataDir } from './data-dir.ts';
import type { Migration } from './migrations.ts';

const base = await mkdtemp(join(tmpdir(), 'portolan-data-dir-'));
after(() => rm(base, { recursive: true, force: true }));
let made = 0;
const fresh = (): string => join(base, String(made++));

async function refusal(promise: Promise<unknown>): Promise<string> {
  const error: unknown = await promise.then(
    () => assert.fail('it was opened'),
    (reason: unknown) => reason,
  );
  assert.ok(error instanceof StoreError, String(error));
  assert.equal(error.code, 'data-dir');
  return error.message;
}

test('a missing directory is made, for its owner alone, with a node ID that stays', async () => {
  const path = join(fresh(), 'deep', 'er');
  const first = await openDataDir(path);
  assert.match(first.nodeId, /^[0-9a-f-]{36}$/);
  assert.equal(await readFile(join(path, 'VERSION'), 'utf8'), '1\n');
  assert.deepEqual(await readdir(first.registryPath), []);
  await first.close();
  const second = await openDataDir(path);
  assert.equal(second.nodeId, first.nodeId);
  await second.close();
  assert.deepEqual((await readdir(path)).sort(), ['VERSION', 'node-id', 'v1']);
});

test('a directory in use is refused with its path and the pid of its holder', async () => {
  const path = fresh();
  const held = await openDataDir(path);
  const message = await refusal(openDataDir(path));
  assert.ok(message.includes(path) && message.includes(`pid ${process.pid}`), message);
  await held.close();
  await (await openDataDir(path)).close();
});

test('the lock of a dead process is taken over, and so is one whose pid now is another process', async () => {
  const child = spawn(process.execPath, ['-e', '']);
  await once(child, 'exit');
  for (const held of [`${child.pid} 1\n`, `${process.pid} 1\n`, 'nonsense', '']) {
    const path = fresh();
    await (await openDataDir(path)).close();
    await writeFile(join(path, 'LOCK'), held);
    await (await openDataDir(path)).close();
    assert.deepEqual((await readdir(path)).sort(), ['VERSION', 'node-id', 'v1']);
  }
});

test('of many that take over one dead lock exactly one gets it', async () => {
  const path = fresh();
  await (await openDataDir(path)).close();
  await writeFile(join(path, 'LOCK'), '999999999 1\n');
  const tries = await Promise.allSettled(Array.from({ length: 8 }, () => openDataDir(path)));
  const opened = tries.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []));
  assert.equal(opened.length, 1);
  await opened[0]?.close();
});

test('a newer format is refused, naming both', async () => {
  const path = fresh();
  await (await openDataDir(path)).close();
  await writeFile(join(path, 'VERSION'), '7\n');
  const message = await refusal(openDataDir(path));
  assert.ok(message.includes('format 7') && message.includes('up to 1'), message);
  assert.deepEqual((await readdir(path)).includes('LOCK'), false);
});

test('a directory that is not empty and not ours is refused and left as it was', async () => {
  const path = fresh();
  await mkdir(path);
  await writeFile(join(path, 'photo.jpg'), 'x');
  assert.match(await refusal(openDataDir(path)), /not a data directory.*photo\.jpg/);
  assert.deepEqual(await readdir(path), ['photo.jpg']);
});

test('the rests of a first start that was cut short are no obstacle', async () => {
  const path = fresh();
  await mkdir(join(path, 'lost+found'), { recursive: true });
  for (const name of ['VERSION.tmp', 'LOCK', 'LOCK.12']) await writeFile(join(path, name), '999999999 1\n');
  await (await openDataDir(path)).close();
});

const broken: readonly { name: string; file: string; holds: string; says: RegExp }[] = [
  { name: 'a VERSION that is no number', file: 'VERSION', holds: 'one', says: /VERSION.*"one"/ },
  { name: 'a node ID that is no UUID', file: 'node-id', holds: 'web-1', says: /node-id.*UUID.*"web-1"/ },
];
for (const { name, file, holds, says } of broken) {
  test(`${name} is refused with the file's name`, async () => {
    const path = fresh();
    await (await openDataDir(path)).close();
    await writeFile(join(path, file), holds);
    assert.match(await refusal(openDataDir(path)), says);
  });
}

test('a path that is a file is refused', async () => {
  const path = fresh();
  await writeFile(path, '');
  assert.ok((await refusal(openDataDir(path))).includes(path));
});

test('a directory that cannot be written is refused with its path', async () => {
  const path = fresh();
  await mkdir(path);
  await chmod(path, 0o555);
  await chmod(base, 0o755);
  // Nothing is closed to root, so root becomes nobody for the moment.
  const root = process.geteuid?.() === 0;
  if (root) process.seteuid?.(65534);
  try {
    const message = await refusal(openDataDir(path));
    assert.ok(message.includes(path) && message.includes('EACCES'), message);
  } finally {
    if (root) process.seteuid?.(0);
  }
});

/** An artificial format 0: one file of `key=value` lines; format 1 here: the same as JSON. */
const fromZero: Migration = {
  migrate: async (from, to) => {
    const lines = (await readFile(join(from, 'pairs'), 'utf8')).trim().split('\n');
    await writeFile(
      join(to, 'pairs.json'),
      JSON.stringify(Object.fromEntries(lines.map((line) => line.split('=')))),
    );
  },
  verify: async (from, to) => {
    const lines = (await readFile(join(from, 'pairs'), 'utf8')).trim().split('\n');
    const pairs = JSON.parse(await readFile(join(to, 'pairs.json'), 'utf8')) as Record<string, string>;
    assert.equal(Object.keys(pairs).length, lines.length);
  },
};
const oneToTwo: Migration = {
  migrate: (from, to) => cp(from, to, { recursive: true }),
  verify: async () => {},
};

async function formatZero(): Promise<string> {
  const path = fresh();
  await (await openDataDir(path, { format: 0 })).close();
  await writeFile(join(path, 'v0', 'pairs'), 'a=1\nb=2\n');
  return path;
}

test('an older format is migrated step by step into a new directory and the old one is kept', async () => {
  const path = await formatZero();
  // As a migration leaves it that was cut short before VERSION was written.
  await mkdir(join(path, 'v1.tmp'));
  await mkdir(join(path, 'v1', 'half'), { recursive: true });
  const opened = await openDataDir(path, { format: 2, migrations: { 0: fromZero, 1: oneToTwo } });
  assert.equal(opened.storePath, join(path, 'v2', 'store'));
  await opened.close();
  assert.deepEqual((await readdir(path)).sort(), ['VERSION', 'node-id', 'v0', 'v2']);
  assert.equal(await readFile(join(path, 'VERSION'), 'utf8'), '2\n');
  assert.equal(await readFile(join(path, 'v2', 'pairs.json'), 'utf8'), '{"a":"1","b":"2"}');
  assert.equal(await readFile(join(path, 'v0', 'pairs'), 'utf8'), 'a=1\nb=2\n');
});

test('a migration that fails, or whose result is not verified, leaves the old data in use', async () => {
  const path = await formatZero();
  const failing: Migration = {
    ...fromZero,
    verify: async () => Promise.reject(new Error('2 rows are missing')),
  };
  assert.match(
    await refusal(openDataDir(path, { format: 1, migrations: { 0: failing } })),
    /2 rows are missing/,
  );
  assert.equal(await readFile(join(path, 'VERSION'), 'utf8'), '0\n');
  const opened = await openDataDir(path, { format: 1, migrations: { 0: fromZero } });
  assert.equal(await readFile(join(path, 'v1', 'pairs.json'), 'utf8'), '{"a":"1","b":"2"}');
  await opened.close();
});

test('a format from which no step leads on is refused', async () => {
  assert.match(await refusal(openDataDir(await formatZero())), /format 0.*format 1.*can't migrate/);
});
