import assert from 'node:assert/strict';
import { test } from 'node:test';

import type { Commit } from '../store.ts';
import { Footprint, touchesOf } from './footprint.ts';

const put = (key: string): Commit => ({ then: [{ put: key, value: Buffer.alloc(0) }] });
const reads = (key: string): Commit => ({ when: [{ key, exists: true }], then: [] });
const clears = (prefix: string): Commit => ({ then: [{ deletePrefix: prefix }] });
const ranges = (prefix: string): Commit => ({ when: [{ prefix, empty: true }], then: [] });
const orElse = (key: string): Commit => ({ then: [], else: [{ delete: key }] });

const rows: readonly { name: string; one: Commit; other: Commit; conflict: boolean }[] = [
  { name: 'two keys', one: put('a'), other: put('b'), conflict: false },
  { name: 'one key written by both', one: put('a'), other: put('a'), conflict: true },
  { name: 'one key written and read', one: put('a'), other: reads('a'), conflict: true },
  { name: 'one key read by both', one: reads('a'), other: reads('a'), conflict: false },
  { name: 'a key of an else branch', one: orElse('a'), other: reads('a'), conflict: true },
  { name: 'a prefix over a written key', one: clears('a/'), other: put('a/b'), conflict: true },
  { name: 'a prefix over a read key', one: clears('a/'), other: reads('a/b'), conflict: true },
  { name: 'a read prefix over a written key', one: ranges('a/'), other: put('a/b'), conflict: true },
  { name: 'a read prefix over a read key', one: ranges('a/'), other: reads('a/b'), conflict: false },
  { name: 'a prefix beside a key', one: clears('a/'), other: put('a'), conflict: false },
  { name: 'a prefix within a prefix', one: clears('a/'), other: ranges('a/b/'), conflict: true },
  { name: 'two read prefixes', one: ranges('a/'), other: ranges('a/b/'), conflict: false },
  { name: 'two prefixes side by side', one: clears('a/'), other: clears('b/'), conflict: false },
];

const touches = (commit: Commit): ReturnType<typeof touchesOf> =>
  touchesOf(commit.when, commit.then, commit.else);

for (const { name, one, other, conflict } of rows) {
  test(`commits with ${name} ${conflict ? 'must keep' : 'may change'} their order`, () => {
    for (const [first, second] of [
      [one, other],
      [other, one],
    ] as const) {
      const footprint = new Footprint();
      footprint.add(touches(first));
      assert.equal(footprint.conflicts(touches(second)), conflict);
    }
  });
}

test('a key that one commit writes and a later one reads stays written', () => {
  const footprint = new Footprint();
  footprint.add(touches(put('a')));
  footprint.add(touches(reads('a')));
  assert.equal(footprint.conflicts(touches(reads('a'))), true);
});
