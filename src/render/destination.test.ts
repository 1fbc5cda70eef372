import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { Destination } from './destination.ts';
import type { DestinationOptions } from './destination.ts';

const isRoot = process.getuid?.() === 0;

function scene(): string {
  return mkdtempSync(join(tmpdir(), 'portolan-destination-'));
}

function destination(path: string, options: Partial<DestinationOptions> = {}): Destination {
  return new Destination({ path, perms: 0, uid: -1, gid: -1, createDirs: true, backup: false, ...options });
}

async function put(target: Destination, text: string): Promise<void> {
  await target.stage(Buffer.from(text)).swap().sync();
}

function text(path: string): string {
  return readFileSync(path, 'utf8');
}

function mode(path: string): number {
  return statSync(path).mode & 0o7777;
}

test('a new file gets 0644 and its directories are made', async () => {
  const path = join(scene(), 'a/b/out.conf');
  await put(destination(path), 'one');
  assert.equal(text(path), 'one');
  assert.equal(mode(path), 0o644);
  assert.equal(mode(join(path, '..')), 0o755);
  assert.throws(() => destination(join(scene(), 'x/y'), { createDirs: false }).stage(Buffer.from('')), {
    code: 'no-directory',
  });
});

test('a name as long as the file system takes is written, and a file in the place of a directory is named', async () => {
  const path = join(scene(), 'x'.repeat(255));
  await put(destination(path), 'one');
  await put(destination(path), 'two');
  assert.equal(text(path), 'two');
  assert.throws(() => destination(join(path, 'y')).stage(Buffer.from('')), {
    code: 'not-directory',
    message: /a part of its path is a file/,
  });
});

test('a replaced file keeps its mode and owner, unless others are asked for', async () => {
  const path = join(scene(), 'out.conf');
  writeFileSync(path, 'old');
  chmodSync(path, 0o640);
  if (isRoot) chownSync(path, 1234, 2345);
  await put(destination(path), 'new');
  assert.deepEqual([text(path), mode(path)], ['new', 0o640]);
  if (isRoot) assert.deepEqual([statSync(path).uid, statSync(path).gid], [1234, 2345]);
  await put(destination(path, { perms: 0o600, ...(isRoot ? { uid: 7, gid: 8 } : {}) }), 'newer');
  assert.equal(mode(path), 0o600);
  if (isRoot) assert.deepEqual([statSync(path).uid, statSync(path).gid], [7, 8]);
});

test('a file with the right bytes gets the owner and the mode that are asked for', {
  skip: !isRoot && 'needs root',
}, () => {
  const path = join(scene(), 'out.conf');
  writeFileSync(path, 'right');
  chmodSync(path, 0o4755);
  const wanted = destination(path, { perms: 0o600, uid: 7 });
  wanted.applyOwner({ keepMode: true });
  assert.deepEqual([statSync(path).uid, statSync(path).gid, mode(path)], [7, 0, 0o4755]);
  wanted.applyOwner({ keepMode: false });
  assert.deepEqual([statSync(path).uid, mode(path)], [7, 0o600]);
});

test('the candidate has a hidden name, and nothing of it is left', async () => {
  const dir = scene();
  const target = destination(join(dir, 'out.conf'));
  writeFileSync(join(dir, '.out.conf.portolan-new'), 'left by a crash');
  const candidate = target.stage(Buffer.from('x'));
  assert.deepEqual(readdirSync(dir), ['.out.conf.portolan-new']);
  assert.equal(text(candidate.path), 'x');
  candidate.discard();
  assert.deepEqual(readdirSync(dir), []);
  await put(target, 'y');
  assert.deepEqual(readdirSync(dir), ['out.conf']);
});

test('a planted link at the candidate name is not followed', async () => {
  const dir = scene();
  writeFileSync(join(dir, 'victim'), 'safe');
  symlinkSync(join(dir, 'victim'), join(dir, '.out.conf.portolan-new'));
  await put(destination(join(dir, 'out.conf')), 'x');
  assert.equal(text(join(dir, 'victim')), 'safe');
});

test('restoring brings back bytes, mode and owner', () => {
  const path = join(scene(), 'out.conf');
  writeFileSync(path, 'old');
  chmodSync(path, 0o600);
  const swap = destination(path, { perms: 0o644 }).stage(Buffer.from('new')).swap();
  assert.deepEqual([text(path), mode(path), swap.previous?.toString()], ['new', 0o644, 'old']);
  assert.equal(swap.restore(), true);
  assert.deepEqual([text(path), mode(path)], ['old', 0o600]);
  const first = destination(join(scene(), 'new.conf')).stage(Buffer.from('x')).swap();
  assert.equal(first.restore(), false);
});

test('a backup holds what was replaced last', async () => {
  const path = join(scene(), 'out.conf');
  const target = destination(path, { backup: true });
  for (const content of ['one', 'two', 'three']) await put(target, content);
  assert.deepEqual([text(path), text(`${path}.bak`)], ['three', 'two']);
});

test('a symbolic link stays one and its file is replaced', async () => {
  const dir = scene();
  mkdirSync(join(dir, 'real'));
  symlinkSync('real/file', join(dir, 'link'));
  symlinkSync('link', join(dir, 'link2'));
  await put(destination(join(dir, 'link2')), 'dangling');
  await put(destination(join(dir, 'link2')), 'again');
  assert.equal(text(join(dir, 'real/file')), 'again');
  assert.ok(lstatSync(join(dir, 'link')).isSymbolicLink());
  assert.deepEqual(readdirSync(join(dir, 'real')), ['file']);
});

test('what cannot be a destination is named and left alone', () => {
  const dir = scene();
  mkdirSync(join(dir, 'sub'));
  symlinkSync('b', join(dir, 'a'));
  symlinkSync('a', join(dir, 'b'));
  assert.throws(() => destination(join(dir, 'sub')).stage(Buffer.from('x')), { code: 'is-directory' });
  assert.throws(() => destination(join(dir, 'a')).stage(Buffer.from('x')), { code: 'link-loop' });
  assert.throws(() => destination('/dev/null').stage(Buffer.from('x')), { code: 'not-regular' });
  assert.deepEqual(readdirSync(dir).sort(), ['a', 'b', 'sub']);
  execFileSync('mkfifo', [join(dir, 'pipe')]);
  // Reading it would wait for a writer.
  assert.throws(() => destination(join(dir, 'pipe')).read(), { code: 'not-regular' });
});

test('a full disk leaves the old file whole', { skip: isRoot ? false : 'mounting needs root' }, async () => {
  const dir = scene();
  execFileSync('/bin/mount', ['-t', 'tmpfs', '-o', 'size=64k', 'tmpfs', dir]);
  try {
    const path = join(dir, 'out.conf');
    await put(destination(path), 'old');
    assert.throws(() => destination(path).stage(Buffer.alloc(200_000, 'x')), { code: 'no-space' });
    assert.equal(text(path), 'old');
    assert.deepEqual(readdirSync(dir), ['out.conf']);
    await put(destination(path), 'new');
    assert.equal(text(path), 'new');
  } finally {
    execFileSync('/bin/umount', [dir]);
  }
});

test('a read-only file system leaves the old file whole', {
  skip: isRoot ? false : 'mounting needs root',
}, async () => {
  const dir = scene();
  execFileSync('/bin/mount', ['-t', 'tmpfs', 'tmpfs', dir]);
  try {
    const path = join(dir, 'out.conf');
    await put(destination(path), 'old');
    execFileSync('/bin/mount', ['-o', 'remount,ro', dir]);
    assert.throws(() => destination(path).stage(Buffer.from('new')), { code: 'read-only' });
    assert.equal(text(path), 'old');
  } finally {
    execFileSync('/bin/umount', [dir]);
  }
});

test('a bind-mounted file is written in place', {
  skip: isRoot ? false : 'mounting needs root',
}, async () => {
  const dir = scene();
  writeFileSync(join(dir, 'host.conf'), 'a longer old content');
  writeFileSync(join(dir, 'out.conf'), '');
  execFileSync('/bin/mount', ['--bind', join(dir, 'host.conf'), join(dir, 'out.conf')]);
  try {
    const swap = destination(join(dir, 'out.conf')).stage(Buffer.from('new')).swap();
    assert.equal(text(join(dir, 'host.conf')), 'new');
    assert.deepEqual(readdirSync(dir).sort(), ['host.conf', 'out.conf']);
    swap.restore();
    assert.equal(text(join(dir, 'host.conf')), 'a longer old content');
    await swap.sync();
    await put(destination(join(dir, 'out.conf'), { perms: 0o640, uid: 7, backup: true }), 'newer');
    const host = join(dir, 'host.conf');
    assert.deepEqual([text(host), mode(host), statSync(host).uid], ['newer', 0o640, 7]);
    assert.equal(text(join(dir, 'out.conf.bak')), 'a longer old content');
  } finally {
    execFileSync('/bin/umount', [join(dir, 'out.conf')]);
    rmSync(dir, { recursive: true });
  }
});

test('a writable file in a read-only file system is written in place', {
  skip: isRoot ? false : 'mounting needs root',
}, async () => {
  const dir = scene();
  const outside = join(scene(), 'host.conf');
  writeFileSync(outside, 'old');
  execFileSync('/bin/mount', ['-t', 'tmpfs', 'tmpfs', dir]);
  writeFileSync(join(dir, 'out.conf'), '');
  execFileSync('/bin/mount', ['--bind', outside, join(dir, 'out.conf')]);
  execFileSync('/bin/mount', ['-o', 'remount,ro', dir]);
  try {
    await put(destination(join(dir, 'out.conf')), 'new');
    assert.equal(text(outside), 'new');
  } finally {
    execFileSync('/bin/umount', [join(dir, 'out.conf')]);
    execFileSync('/bin/umount', [dir]);
  }
});
