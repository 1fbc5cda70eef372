import assert from 'node:assert/strict';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { runPlugin } from './plugin.ts';

test('arguments are trimmed, empty ones dropped, and the output is trimmed', () => {
  assert.equal(runPlugin('printf', [' %s-%s\n', '', ' a ', 'b\n'], 10_000), 'a-b');
});

const plain = join(mkdtempSync(join(tmpdir(), 'portolan-plugin-')), 'plain');
writeFileSync(plain, 'x', { mode: 0o644 });

const failures: readonly (readonly [string, readonly string[], string])[] = [
  [
    'portolan-no-such',
    [],
    'exec "portolan-no-such": exec: "portolan-no-such": executable file not found in $PATH',
  ],
  [
    '/portolan/no-such',
    [],
    'exec "/portolan/no-such": fork/exec /portolan/no-such: no such file or directory',
  ],
  [plain, [], `exec "${plain}": fork/exec ${plain}: permission denied`],
  ['sh', ['-c', 'kill -9 $$'], 'exec "sh": signal: killed'],
];

test('what cannot run or fails says why, with its output', () => {
  for (const [name, args, first] of failures) {
    const message = `${first}\n\nstdout:\n\n\n\nstderr:\n\n`;
    assert.throws(() => runPlugin(name, args, 10_000), { message });
  }
  assert.throws(() => runPlugin('sh', ['-c', 'echo o; echo e >&2; exit 3'], 10_000), {
    message: 'exec "sh": exit status 3\n\nstdout:\n\no\n\n\nstderr:\n\ne\n',
  });
});

test('a program that never ends is killed', () => {
  assert.throws(() => runPlugin('sleep', ['60'], 50), { message: 'exec "sleep": did not finish in 0.05s' });
});
