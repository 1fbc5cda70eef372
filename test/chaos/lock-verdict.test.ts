import assert from 'node:assert/strict';
import { test } from 'node:test';
import { encodeKv } from '../../src/kv/codec.ts';
import type { HistoryEvent } from './etcd-history.testkit.ts';
import type { Hold } from './lock-clients.testkit.ts';
import { endsOf, judgeHolds, judgeRows, missingHolds } from './lock-verdict.testkit.ts';

function row(revision: number, session: string, lockIndex: number): HistoryEvent {
  const value = Buffer.from(encodeKv({ value: Buffer.from('v'), flags: 0n, lockIndex, session }));
  return { revision, key: 'kv/lock', value };
}

const end = (revision: number, session: string): HistoryEvent => ({
  revision,
  key: `alive/${session}`,
  value: undefined,
});

const rows: readonly {
  readonly name: string;
  readonly events: readonly HistoryEvent[];
  readonly want: readonly RegExp[];
}[] = [
  {
    name: 'taken, released, taken by another',
    events: [row(2, 'a', 1), row(3, '', 1), row(4, 'b', 2)],
    want: [],
  },
  { name: 'taken from its holder', events: [row(2, 'a', 1), row(4, 'b', 2)], want: [/took it from a/] },
  {
    name: 'an index that stayed',
    events: [row(2, 'a', 1), row(3, '', 1), row(4, 'b', 1)],
    want: [/stayed 1/],
  },
  { name: 'an index that fell', events: [row(2, 'a', 2), row(3, '', 1)], want: [/fell from 2 to 1/] },
  { name: 'taken by the dead', events: [end(2, 'a'), row(3, 'a', 1)], want: [/after its end at 2/] },
];

for (const { name, events, want } of rows)
  test(`rows of a lock: ${name}`, () => {
    const found = judgeRows(events, endsOf(events));
    assert.equal(found.length, want.length, found.join('\n'));
    want.forEach((pattern, index) => assert.match(found[index]!, pattern));
  });

function hold(session: string, lockIndex: number, from: number, to: number): Hold {
  return {
    key: 'lock',
    client: session,
    session,
    lockIndex,
    modifyIndex: lockIndex * 10,
    calledAt: from - 1,
    from,
    to,
  };
}

const holds: readonly {
  readonly name: string;
  readonly holds: readonly Hold[];
  readonly ends: Readonly<Record<string, number>>;
  readonly want: readonly RegExp[];
}[] = [
  { name: 'one after the other', holds: [hold('a', 1, 1, 5), hold('b', 2, 6, 9)], ends: {}, want: [] },
  {
    name: 'overlapping while the first one lives',
    holds: [hold('a', 1, 1, 7), hold('b', 2, 6, 9)],
    ends: {},
    want: [/had not ended/],
  },
  {
    name: 'overlapping after the end of the first',
    holds: [hold('a', 1, 1, 7), hold('b', 2, 6, 9)],
    ends: { a: 15 },
    want: [],
  },
  {
    name: 'overlapping, the first ended only later',
    holds: [hold('a', 1, 1, 7), hold('b', 2, 6, 9)],
    ends: { a: 25 },
    want: [/had not ended/],
  },
  {
    name: 'an index twice',
    holds: [hold('a', 1, 1, 5), hold('b', 1, 6, 9)],
    ends: {},
    want: [/have one LockIndex/],
  },
  {
    name: 'a later index first',
    holds: [hold('a', 2, 1, 5), hold('b', 1, 6, 9)],
    ends: {},
    want: [/against the time/],
  },
];

for (const { name, holds: given, ends, want } of holds)
  test(`holds of a lock: ${name}`, () => {
    const found = judgeHolds(given, new Map(Object.entries(ends)));
    assert.equal(found.length, want.length, found.join('\n'));
    want.forEach((pattern, index) => assert.match(found[index]!, pattern));
  });

test('an acquisition that the store does not know is found', () => {
  const events = [row(2, 'a', 1), row(3, '', 1), row(4, 'b', 2)];
  assert.deepEqual(missingHolds([hold('a', 1, 1, 5), hold('b', 2, 6, 7)], events), []);
  assert.match(missingHolds([hold('c', 2, 6, 7)], events).join(), /c \(c, index 2, .* not in the store/);
});
