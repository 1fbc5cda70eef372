import assert from 'node:assert/strict';
import { test } from 'node:test';

import { KeyedQueue } from './keyed-queue.ts';

test('tasks of one key run in order, those of others at once, and nothing is left behind', async () => {
  const queue = new KeyedQueue();
  const seen: string[] = [];
  let release: () => void = () => undefined;
  const gate = new Promise<void>((resolve) => {
    release = resolve;
  });
  const first = queue.run('a', async () => {
    await gate;
    seen.push('a1');
  });
  const second = queue.run('a', () => Promise.resolve(void seen.push('a2')));
  await queue.run('b', () => Promise.resolve(void seen.push('b')));
  release();
  await Promise.all([first, second]);
  assert.deepEqual(seen, ['b', 'a1', 'a2']);
  assert.equal(queue.size, 0);
});

test('a task that fails does not stop the next', async () => {
  const queue = new KeyedQueue();
  const failed = queue.run('a', () => Promise.reject(new Error('first')));
  const next = queue.run('a', () => Promise.resolve(2));
  await assert.rejects(failed, /first/);
  assert.equal(await next, 2);
});
