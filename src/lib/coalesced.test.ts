import assert from 'node:assert/strict';
import { test } from 'node:test';

import { Coalesced } from './coalesced.ts';

function scripted(): { coalesced: Coalesced<number>; runs: ((fail?: Error) => void)[] } {
  const runs: ((fail?: Error) => void)[] = [];
  const coalesced = new Coalesced(
    () =>
      new Promise<number>((resolve, reject) => {
        const number = runs.length + 1;
        runs.push((fail) => (fail === undefined ? resolve(number) : reject(fail)));
      }),
  );
  return { coalesced, runs };
}

const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

test('who asks during a run shares the next one, which begins when that run ends', async () => {
  const { coalesced, runs } = scripted();
  const first = coalesced.next();
  const [second, third] = [coalesced.next(), coalesced.next()];
  assert.equal(runs.length, 1);
  runs[0]!();
  await settle();
  assert.equal(runs.length, 2);
  const fourth = coalesced.next();
  runs[1]!();
  await settle();
  runs[2]!();
  assert.deepEqual(await Promise.all([first, second, third, fourth]), [1, 2, 2, 3]);
  await settle();
  const fifth = coalesced.next();
  assert.equal(runs.length, 4);
  runs[3]!();
  assert.equal(await fifth, 4);
});

test('a run that fails fails those who share it, and the next one runs', async () => {
  const { coalesced, runs } = scripted();
  const first = coalesced.next();
  const second = coalesced.next();
  runs[0]!(new Error('no'));
  await assert.rejects(first, /no/);
  await settle();
  runs[1]!();
  assert.equal(await second, 2);
});
