import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type FileChange, unifiedDiff, wholeText } from './dry.ts';

function change(before: string | undefined, after: string): FileChange {
  return {
    path: '/etc/x',
    before: before === undefined ? undefined : Buffer.from(before),
    after: Buffer.from(after),
  };
}

const head = '--- /etc/x\n+++ /etc/x\n';

const cases: readonly { readonly name: string; readonly given: FileChange; readonly want: string }[] = [
  { name: 'a line', given: change('a\nb\n', 'a\nc\n'), want: `${head}@@ -1,2 +1,2 @@\n a\n-b\n+c\n` },
  {
    name: 'a new file',
    given: change(undefined, 'a\n'),
    want: '--- /dev/null\n+++ /etc/x\n@@ -0,0 +1,1 @@\n+a\n',
  },
  { name: 'an emptied file', given: change('a\n', ''), want: `${head}@@ -1,1 +0,0 @@\n-a\n` },
  {
    name: 'no newline at the end',
    given: change('a', 'b'),
    want: `${head}@@ -1,1 +1,1 @@\n-a\n\\ No newline at end of file\n+b\n\\ No newline at end of file\n`,
  },
  {
    name: 'two places',
    given: change(`1\n${'x\n'.repeat(9)}2\n`, `1a\n${'x\n'.repeat(9)}2a\n`),
    want: `${head}@@ -1,4 +1,4 @@\n-1\n+1a\n x\n x\n x\n@@ -8,4 +8,4 @@\n x\n x\n x\n-2\n+2a\n`,
  },
];

test('a unified diff is what patch takes', () => {
  for (const { name, given, want } of cases) assert.equal(unifiedDiff()(given), want, name);
});

test('lines are painted by what they are', () => {
  const shown = unifiedDiff((line, kind) => `${kind}[${line}]`)(change('a\n--- b\n', 'a\n+++ c\n'));
  const want = [
    'header[--- /etc/x]',
    'header[+++ /etc/x]',
    '@[@@ -1,2 +1,2 @@]',
    ' a',
    '-[---- b]',
    '+[++++ c]',
    '',
  ];
  assert.deepEqual(shown.split('\n'), want);
});

test('the whole text stands under its path', () => {
  assert.equal(wholeText(change('x', 'a\nb')), '> /etc/x\na\nb');
});

test('a file that is wholly another is compared in a bounded time', () => {
  const lines = (letter: string): string =>
    Array.from({ length: 60_000 }, (_, i) => `${letter}${i}\n`).join('');
  const started = performance.now();
  const shown = unifiedDiff()(change(lines('a'), lines('b')));
  assert.ok(shown.startsWith(head));
  assert.ok(performance.now() - started < 6000);
});
