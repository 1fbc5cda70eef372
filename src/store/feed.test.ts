import assert from 'node:assert/strict';
import { test } from 'node:test';

import { Feed } from './feed.ts';
import { StoreError } from './store.ts';
import type { Batch } from './store.ts';

const batch = (revision: number, bytes = 0): Batch => ({
  revision,
  events: [
    {
      type: 'put',
      entry: { key: 'k', value: new Uint8Array(bytes), createRevision: 1, modRevision: revision },
    },
  ],
});

async function next(feed: Feed, from: number): Promise<number | string> {
  try {
    const result = await feed.follow(from, new AbortController().signal).next();
    return result.done === true ? 'done' : result.value.revision;
  } catch (error) {
    assert.ok(error instanceof StoreError);
    return error.code;
  }
}

test('batches beyond the number or the bytes that are kept are compacted, oldest first', async () => {
  const few = new Feed(0, { batches: 3 });
  for (let revision = 1; revision <= 5; revision++) few.add(batch(revision));
  assert.deepEqual(await Promise.all([0, 1, 2, 3, 4].map((from) => next(few, from))), [
    'compacted',
    'compacted',
    3,
    4,
    5,
  ]);
  const small = new Feed(0, { bytes: 3000 });
  for (let revision = 1; revision <= 5; revision++) small.add(batch(revision, 1000));
  assert.deepEqual(await Promise.all([2, 3, 4].map((from) => next(small, from))), ['compacted', 4, 5]);
  small.add(batch(6, 10_000));
  assert.equal(await next(small, 5), 6);
});

test('revisions may leave gaps: following starts at the first above', async () => {
  const feed = new Feed(10);
  for (const revision of [20, 85, 86]) feed.add(batch(revision));
  assert.deepEqual(await Promise.all([9, 10, 15, 20, 84, 85].map((from) => next(feed, from))), [
    'compacted',
    20,
    20,
    85,
    85,
    86,
  ]);
});

test('after a reset everyone who followed is told, and new followers start there', async () => {
  const feed = new Feed(0);
  feed.add(batch(1));
  const old = feed.follow(1, new AbortController().signal);
  const waiting = old.next();
  feed.reset(100);
  await assert.rejects(waiting, { code: 'compacted' });
  assert.equal((await old.next()).done, true);
  feed.add(batch(101));
  assert.equal(await next(feed, 100), 101);
  assert.equal(await next(feed, 1), 'compacted');
});

test('what was added before the close is still shown', async () => {
  const feed = new Feed(0);
  const follower = feed.follow(0, new AbortController().signal);
  feed.add(batch(1));
  feed.close();
  assert.equal((await follower.next()).value?.revision, 1);
  await assert.rejects(follower.next(), { code: 'closed' });
});
