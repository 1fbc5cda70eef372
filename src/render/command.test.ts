import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { commandArguments, runCommand } from './command.ts';

const options = { timeoutMs: 30_000, env: { ...process.env, WORD: 'hello' } };

test('a list and a word are executed as they are, one text with spaces by the shell', () => {
  assert.deepEqual(commandArguments(['a', 'b c']), ['a', 'b c']);
  assert.deepEqual(commandArguments('/bin/reload'), ['/bin/reload']);
  assert.deepEqual(commandArguments(' nginx -s reload '), ['sh', '-c', 'nginx -s reload']);
  // consul-template's child/command-prep.go.
  assert.deepEqual(commandArguments(['nginx -s reload']), ['sh', '-c', 'nginx -s reload']);
  for (const none of ['', ' ', [], ['']]) assert.equal(commandArguments(none), undefined);
});

test('output, exit code and environment are those of the command', async () => {
  const good = await runCommand('echo $WORD; echo err >&2', options);
  assert.deepEqual([good.ok, good.exit, good.output], [true, 0, 'hello\nerr\n']);
  const literal = await runCommand(['echo', '$WORD'], options);
  assert.equal(literal.output, '$WORD\n');
  const bad = await runCommand('echo no; exit 3', options);
  assert.deepEqual([bad.ok, bad.exit, bad.output], [false, 3, 'no\n']);
});

test('a command that cannot be started is a failure with its reason', async () => {
  const result = await runCommand(['/no/such/command'], options);
  assert.equal(result.ok, false);
  assert.match(result.error?.message ?? '', /ENOENT/);
});

test('a command killed by a signal is a failure that names it', async () => {
  const result = await runCommand('kill -TERM $$; sleep 5', options);
  assert.deepEqual([result.ok, result.exit, result.signal], [false, null, 'SIGTERM']);
});

test('a command that hangs is killed with all that it started', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'portolan-command-'));
  const result = await runCommand(`sleep 60 & echo $! > ${dir}/pid; wait`, { ...options, timeoutMs: 300 });
  assert.deepEqual([result.ok, result.timedOut, result.signal], [false, true, 'SIGKILL']);
  assert.ok(result.durationMs < 5000);
  const pid = Number(readFileSync(join(dir, 'pid'), 'utf8'));
  assert.ok(await isGone(pid));
});

test('a daemon that keeps the output open does not hold up its starter', async () => {
  const started = performance.now();
  const result = await runCommand('echo up; sleep 2 &', options);
  assert.deepEqual([result.ok, result.output], [true, 'up\n']);
  assert.ok(performance.now() - started < 1500);
});

test('an abort kills the command', async () => {
  const abort = new AbortController();
  const running = runCommand('sleep 60; true', { ...options, signal: abort.signal });
  abort.abort();
  assert.equal((await running).signal, 'SIGKILL');
});

test('only the end of a long output is kept', async () => {
  const result = await runCommand('head -c 1000000 /dev/zero | tr "\\0" x; echo end', options);
  assert.equal(result.output.length, 64 * 1024);
  assert.ok(result.output.endsWith('xend\n'));
});

// A killed orphan is reaped by init a moment later.
async function isGone(pid: number): Promise<boolean> {
  for (let i = 0; i < 50; i++) {
    try {
      process.kill(pid, 0);
      if (readFileSync(`/proc/${pid}/stat`, 'utf8').includes(') Z ')) return true;
    } catch {
      return true;
    }
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  return false;
}

test('a kill signal comes first when the time is over, SIGKILL after its own time', async () => {
  const env = process.env;
  const polite = "trap 'echo bye; exit 0' TERM; while :; do sleep 0.01; done";
  const asked = { timeoutMs: 100, killSignal: 'SIGTERM', env } as const;
  const ended = await runCommand(['sh', '-c', polite], { ...asked, killTimeoutMs: 5000 });
  assert.deepEqual([ended.ok, ended.exit, ended.timedOut], [false, 0, true]);
  assert.match(ended.output, /bye/);
  const deaf = "trap '' TERM; while :; do sleep 0.01; done";
  const killed = await runCommand(['sh', '-c', deaf], { ...asked, killTimeoutMs: 50 });
  assert.deepEqual([killed.signal, killed.timedOut], ['SIGKILL', true]);
});

test('a detached command is not waited for; one that cannot start still fails', async () => {
  const options = { timeoutMs: 0, env: process.env, detach: true, inherit: true };
  const started = await runCommand(['sleep', '0.3'], options);
  assert.deepEqual([started.ok, started.durationMs < 250], [true, true]);
  const none = await runCommand(['/no/such/command'], options);
  assert.deepEqual([none.ok, none.error === undefined], [false, false]);
});
