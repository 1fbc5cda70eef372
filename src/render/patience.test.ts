import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ManualClock } from '../lib/clock.testkit.ts';
import { silentLogger } from '../lib/log.ts';
import type { TemplateStatus } from './options.ts';
import { Patience, waitingText } from './patience.ts';

type Waiting = TemplateStatus['waitingFor'];

const wait = (id: string, forMs: number, error?: string): Waiting[number] => ({ id, forMs, error });

test('what is waited for is told after 10 s, and after twice as long each time', async () => {
  const clock = new ManualClock();
  const told: [number, string][] = [];
  const warn = (_fields: object, text: string): number => told.push([clock.monotonicMs() / 1000, text]);
  let isWaiting = true;
  const status = (): readonly TemplateStatus[] => [
    {
      destination: '/out',
      waitingFor: isWaiting ? [wait('kv.block(a)', clock.monotonicMs())] : [],
    } as unknown as TemplateStatus,
  ];
  const patience = new Patience(status, { clock, log: { ...silentLogger, warn } as typeof silentLogger });
  patience.watch();
  patience.watch();
  await clock.advance(100_000);
  assert.deepEqual(
    told.map(([at]) => at),
    [10, 20, 40, 80],
  );
  assert.equal(told[0]![1], 'template waits for data');
  isWaiting = false;
  await clock.advance(20_000);
  assert.equal(clock.pendingTimers, 0);
  assert.equal(told.length, 4);
});

test('a list of what is waited for names five, and counts the others', () => {
  assert.equal(waitingText([wait('a', 1400), wait('b', 2000, 'refused')]), 'a (1 s), b (2 s: refused)');
  const many = Array.from({ length: 7 }, (_, i) => wait(`s${i}`, 0));
  assert.match(waitingText(many), /^s0 \(0 s\), .*s4 \(0 s\) and 2 more$/);
});
