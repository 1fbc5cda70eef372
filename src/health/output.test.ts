import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { limitCaptured, limitReported, outputLimit, Tail } from './output.ts';
import { expiredOutput, isExpiredOutput } from './ttl.ts';

test('a reported output keeps its beginning and says how much there was', () => {
  assert.equal(limitReported('12345', 5), '12345');
  assert.equal(limitReported('123456', 5), '12345 ... (captured 5 of 6 bytes)');
  assert.equal(limitReported('üüü', 6), 'üüü');
  assert.equal(limitReported('üüüü', 6), 'üüü ... (captured 6 of 8 bytes)');
});

test('a captured output keeps its end', () => {
  assert.equal(limitCaptured('12345', 5), '12345');
  assert.equal(limitCaptured('123456', 5), 'Captured 5 of 6 bytes\n...\n23456');
});

test('law: a tail is the end of all that was pushed', () => {
  fc.assert(
    fc.property(
      fc.array(fc.stringMatching(/^[a-z]{0,9}$/)),
      fc.integer({ min: 1, max: 20 }),
      (chunks, max) => {
        const tail = new Tail(max);
        for (const chunk of chunks) tail.push(Buffer.from(chunk));
        const all = chunks.join('');
        assert.equal(tail.text(), all.slice(Math.max(0, all.length - max)));
        assert.equal(tail.totalBytes, all.length);
      },
    ),
  );
});

test('a check may ask for less output than the agent allows, never for more', () => {
  assert.equal(outputLimit(0, 4096), 4096);
  assert.equal(outputLimit(100, 4096), 100);
  assert.equal(outputLimit(9999, 4096), 4096);
});

test('an expired TTL quotes the last output, if there was one', () => {
  assert.equal(expiredOutput(''), 'TTL expired');
  assert.equal(expiredOutput('ok'), 'TTL expired (last output before timeout follows): ok');
  assert.ok(isExpiredOutput(expiredOutput('ok')));
  assert.ok(!isExpiredOutput('ok'));
});
