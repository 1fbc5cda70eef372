import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Latch } from './latch.ts';

test('a latch lets through who waits and who comes later', async () => {
  const latch = new Latch();
  assert.equal(latch.isOpen, false);
  const early = latch.opened;
  latch.open();
  latch.open();
  await early;
  await latch.opened;
  assert.equal(latch.isOpen, true);
});
