import assert from 'node:assert/strict';
import { test } from 'node:test';
import { durationProblem, formatDurationNs, parseDurationMs, parseDurationNs } from './duration.ts';

const parsed: readonly (readonly [string, number | undefined])[] = [
  ['0', 0],
  ['15s', 15e9],
  ['1h2m3.5s', 3723.5e9],
  ['300ms', 300e6],
  ['1.5us', 1500],
  ['1µs', 1000],
  ['-2m', -120e9],
  ['.5s', 5e8],
  ['', undefined],
  ['10', undefined],
  ['1d', undefined],
  ['abc', undefined],
  ['1s ', undefined],
  ['9999999h', undefined],
];

test('a Go duration is read as Go reads it, and anything else is refused', () => {
  for (const [text, ns] of parsed) assert.equal(parseDurationNs(text), ns, text);
  assert.equal(parseDurationMs('1.5s'), 1500);
});

test('a duration prints as Go prints it', () => {
  const rows: readonly (readonly [number, string])[] = [
    [0, '0s'],
    [15e9, '15s'],
    [90e9, '1m30s'],
    [3600e9, '1h0m0s'],
    [1.5e6, '1.5ms'],
    [1500, '1.5µs'],
    [7, '7ns'],
    [-1e9, '-1s'],
    [3723.5e9, '1h2m3.5s'],
  ];
  for (const [ns, text] of rows) assert.equal(formatDurationNs(ns), text);
});

test("what is wrong with a duration is said in Go's words", () => {
  assert.equal(durationProblem('30'), 'time: missing unit in duration "30"');
  assert.equal(durationProblem('1d'), 'time: unknown unit "d" in duration "1d"');
  assert.equal(durationProblem('abc'), 'time: invalid duration "abc"');
  assert.equal(durationProblem(''), 'time: invalid duration ""');
});
