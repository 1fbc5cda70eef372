import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fromGoFlags } from './go-flags.ts';

const names = { booleans: new Set(['dev', 'registrar', 'recurse']) };
const rows: readonly { name: string; input: readonly string[]; want: readonly string[] }[] = [
  { name: 'a single dash is a double dash', input: ['-dev', '-node', 'n1'], want: ['--dev', '--node', 'n1'] },
  {
    name: 'a value after = stays with its flag',
    input: ['-http-port=1', '--x=a=b'],
    want: ['--http-port=1', '--x=a=b'],
  },
  {
    name: 'a boolean can be switched off',
    input: ['--registrar=false', '-dev=1'],
    want: ['--no-registrar', '--dev'],
  },
  {
    name: 'short options and lone dashes stay',
    input: ['-h', '-', 'put', 'k', '-1'],
    want: ['-h', '-', 'put', 'k', '-1'],
  },
  { name: 'nothing after -- is touched', input: ['-dev', '--', '-x'], want: ['--dev', '--', '-x'] },
];

for (const { name, input, want } of rows) {
  test(name, () => assert.deepEqual(fromGoFlags(input, names), want));
}

const strict = { booleans: new Set(['cas']), flagsFirstAfter: 2 };
const strictRows: readonly { name: string; input: readonly string[]; want: readonly string[] }[] = [
  {
    name: 'a value that looks like a flag',
    input: ['kv', 'put', 'key', '-cas'],
    want: ['kv', 'put', '--', 'key', '-cas'],
  },
  {
    name: 'flags with a value of their own',
    input: ['kv', 'put', '-flags', '7', '-cas', '-modify-index=3', 'key', '-----BEGIN'],
    want: ['kv', 'put', '--flags', '7', '--cas', '--modify-index=3', '--', 'key', '-----BEGIN'],
  },
  { name: 'help', input: ['kv', 'put', '-help'], want: ['kv', 'put', '--help'] },
];

for (const { name, input, want } of strictRows) {
  test(`where flags come first, what follows is taken as it is: ${name}`, () =>
    assert.deepEqual(fromGoFlags(input, strict), want));
}

test('a boolean flag refuses another word, naming flag, value and fix', () => {
  assert.throws(
    () => fromGoFlags(['-dev=maybe'], names),
    /invalid boolean value "maybe" for -dev: use -dev=true or -dev=false/,
  );
});
