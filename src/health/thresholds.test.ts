import assert from 'node:assert/strict';
import { test } from 'node:test';
import { countResult, startStreak } from './thresholds.ts';
import type { CheckStatus } from '../model/check.ts';

const letters: Readonly<Record<string, CheckStatus>> = { p: 'passing', w: 'warning', c: 'critical' };

/** limits are success/warning/critical; results and want are one letter a run, `-` = nothing is stored. */
const cases: readonly { name: string; limits: [number, number, number]; results: string; want: string }[] = [
  { name: 'without thresholds every result counts', limits: [0, 0, 0], results: 'pcwcp', want: 'pcwcp' },
  { name: 'the very first result counts at once', limits: [3, 0, 3], results: 'c', want: 'c' },
  { name: 'so does a first success', limits: [3, 0, 3], results: 'p', want: 'p' },
  { name: 'three failures in a row turn critical', limits: [0, 0, 3], results: 'pcccc', want: 'p--cc' },
  {
    name: 'a success between failures starts the count again',
    limits: [0, 0, 3],
    results: 'pccpccc',
    want: 'p--p--c',
  },
  { name: 'three successes in a row turn passing', limits: [3, 0, 0], results: 'cpppp', want: 'c--pp' },
  { name: 'a warning is a success to the counters', limits: [2, 0, 0], results: 'cwp', want: 'c-p' },
  { name: 'a warning comes before critical', limits: [0, 2, 4], results: 'pccccc', want: 'p-wwcc' },
  { name: 'no own warning limit means no early warning', limits: [0, 0, 2], results: 'pcc', want: 'p-c' },
];

for (const { name, limits, results, want } of cases) {
  test(`thresholds: ${name}`, () => {
    const [successBeforePassing, failuresBeforeWarning, failuresBeforeCritical] = limits;
    const definition = { successBeforePassing, failuresBeforeWarning, failuresBeforeCritical };
    const streak = startStreak(definition);
    const got = Array.from(
      results,
      (letter) => countResult(streak, definition, letters[letter]!)?.[0] ?? '-',
    );
    assert.equal(got.join(''), want);
  });
}
