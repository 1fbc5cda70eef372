import assert from 'node:assert/strict';
import { test } from 'node:test';

import { KeyedTurns } from './keyed-turns.ts';

test('turns of one key are taken in order, those of others at once, and nothing is left behind', async () => {
  const turns = new KeyedTurns();
  const seen: number[] = [];
  assert.equal(turns.take('a'), undefined);
  const waits = [1, 2, 3].map(async (n) => {
    await turns.take('a');
    seen.push(n);
    turns.pass('a');
  });
  assert.equal(turns.take('b'), undefined);
  turns.pass('b');
  await new Promise((resolve) => setImmediate(resolve));
  assert.deepEqual(seen, []);
  turns.pass('a');
  await Promise.all(waits);
  assert.deepEqual(seen, [1, 2, 3]);
  assert.equal(turns.size, 0);
});
