import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ManualClock } from '../lib/clock.testkit.ts';
import {
  AntiEntropy,
  nextSync,
  startSync,
  syncScale,
  type SyncEvent,
  type SyncPhase,
  type SyncState,
} from './anti-entropy.ts';

const at = (nowMs: number, random = 0, nodes = 1) => ({ nowMs, random, nodes });

const transitions: Readonly<Record<SyncPhase, Readonly<Record<SyncEvent, SyncPhase>>>> = {
  starting: { full: 'steady', failed: 'retrying' },
  steady: { full: 'steady', failed: 'retrying' },
  retrying: { full: 'steady', failed: 'retrying' },
};

for (const [phase, events] of Object.entries(transitions)) {
  for (const [event, want] of Object.entries(events)) {
    test(`${phase} -> ${event} -> ${want}`, () => {
      const state = { phase: phase as SyncPhase, failures: 0, fullAtMs: 0 };
      assert.equal(nextSync(state, event as SyncEvent, at(0)).phase, want);
    });
  }
}

test('the first full sync is due at once, the next a minute and up to another later', () => {
  const first = startSync(100);
  assert.equal(first.fullAtMs, 100);
  assert.equal(nextSync(first, 'full', at(200, 0)).fullAtMs, 60_200);
  assert.equal(nextSync(first, 'full', at(200, 0.5)).fullAtMs, 90_200);
  assert.equal(nextSync(first, 'full', at(200, 0.5, 1024)).fullAtMs, 200 + 60_000 + 4 * 30_000);
});

test('failures are tried again after 15 s, 30 s, then every minute', () => {
  let state: SyncState = startSync(0);
  const waits: number[] = [];
  for (let i = 0; i < 4; i++) {
    const nowMs = state.fullAtMs;
    state = nextSync(state, 'failed', at(nowMs));
    waits.push(state.fullAtMs - nowMs);
  }
  assert.deepEqual(waits, [15_000, 30_000, 60_000, 60_000]);
  assert.equal(nextSync(state, 'full', at(0)).failures, 0);
});

test('changes that fail do not put off a full sync that is due sooner', () => {
  const due = { phase: 'retrying', failures: 1, fullAtMs: 5000 } as const;
  assert.equal(nextSync(due, 'failed', at(4000)).fullAtMs, 5000);
});

test('the stagger grows with the cluster', () => {
  assert.deepEqual([1, 128, 129, 256, 257, 512, 8192].map(syncScale), [1, 1, 2, 2, 3, 3, 7]);
});

test('when the store answers a failed sync is tried again: after a second, then two, and not when all is well', async () => {
  const clock = new ManualClock();
  let runs = 0;
  let works = false;
  const sync: AntiEntropy = new AntiEntropy({
    clock,
    random: () => 0,
    nodes: () => 1,
    full: () => {
      runs += 1;
      if (!works) sync.failed();
      return Promise.resolve(works);
    },
  });
  const stop = new AbortController();
  const running = sync.run(stop.signal);
  const answered = async (): Promise<number> => {
    await clock.advance(500);
    sync.retry();
    await clock.advance(0);
    return runs;
  };
  const seen: number[] = [];
  for (let i = 0; i < 6; i++) seen.push(await answered());
  assert.deepEqual(seen, [1, 2, 2, 2, 2, 3]);
  works = true;
  for (let i = 0; i < 8; i++) await answered();
  assert.equal(runs, 4);
  for (let i = 0; i < 8; i++) await answered();
  assert.equal(runs, 4);
  stop.abort();
  await running;
});

test('a request in the middle of a full sync is not lost', async () => {
  const clock = new ManualClock();
  let runs = 0;
  const sync: AntiEntropy = new AntiEntropy({
    clock,
    random: () => 0,
    nodes: () => 1,
    full: () => {
      runs += 1;
      if (runs === 1) sync.request();
      return Promise.resolve(true);
    },
  });
  const stop = new AbortController();
  const running = sync.run(stop.signal);
  await clock.advance(0);
  assert.equal(runs, 2);
  await clock.advance(59_999);
  assert.equal(runs, 2);
  sync.request();
  await clock.advance(0);
  assert.equal(runs, 3);
  stop.abort();
  await running;
  assert.equal(clock.pendingTimers, 0);
});
