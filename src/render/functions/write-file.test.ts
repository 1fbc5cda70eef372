import assert from 'node:assert/strict';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { OfflineError, evaluateOffline } from '../eval.ts';

const folder = mkdtempSync(join(tmpdir(), 'portolan-write-'));

function render(text: string, kv: Record<string, string> = {}): string {
  return evaluateOffline({ text, fixture: { kv } }).output;
}

test('content goes into a file whose folders are made, with the mode given', () => {
  const path = join(folder, 'a/b/out.txt');
  assert.equal(render(`{{key "k" | writeToFile "${path}" "" "" "0640"}}x`, { k: 'value' }), 'x');
  assert.equal(readFileSync(path, 'utf8'), 'value');
  assert.equal(statSync(path).mode & 0o7777, 0o640);
  assert.deepEqual(readdirSync(join(folder, 'a/b')), ['out.txt']);
});

test('nothing is written while something is missing, or when the evaluation fails', () => {
  const path = join(folder, 'never');
  const write = `{{"x" | writeToFile "${path}" "" "" "0644"}}`;
  assert.throws(() => render(`${write}{{key "absent"}}`), { code: 'blocked' });
  assert.throws(() => render(`${write}{{sprig_fail "no"}}`), { code: 'exec' });
  assert.equal(existsSync(path), false);
});

test('flags append and end lines', () => {
  const path = join(folder, 'log');
  const text = `{{"a" | writeToFile "${path}" "" "" "0644" "append,newline"}}`;
  render(text);
  render(text);
  assert.equal(readFileSync(path, 'utf8'), 'a\na\n');
});

test('links are not followed, neither the file nor its folder', () => {
  const target = join(folder, 'target');
  writeFileSync(target, 'old');
  symlinkSync(target, join(folder, 'link'));
  mkdirSync(join(folder, 'real'));
  symlinkSync(join(folder, 'real'), join(folder, 'linked'));
  for (const path of ['link', 'linked/file']) {
    for (const flags of ['', ' "append"']) {
      const text = `{{"x" | writeToFile "${join(folder, path)}" "" "" "0644"${flags}}}`;
      assert.throws(() => render(text), { message: /symbolic link/ }, path);
    }
  }
  assert.equal(readFileSync(target, 'utf8'), 'old');
  assert.deepEqual(readdirSync(join(folder, 'real')), []);
});

test('bad arguments fail where they stand', () => {
  const rows: readonly (readonly [string, string])[] = [
    ['"" "" "0999" "x"', 'strconv.ParseUint: parsing "0999": invalid syntax'],
    ['"portolan-nobody" "" "0644" "x"', 'user: unknown user portolan-nobody'],
    ['"" "portolan-nobody" "0644" "x"', 'group: unknown group portolan-nobody'],
  ];
  for (const [words, message] of rows) {
    assert.throws(
      () => render(`{{writeToFile "${folder}/x" ${words}}}`),
      (error) =>
        error instanceof OfflineError && error.message.endsWith(`error calling writeToFile: ${message}`),
    );
  }
});
