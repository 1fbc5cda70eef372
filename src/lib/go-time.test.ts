import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatGoTime } from './go-time.ts';

const at = Date.UTC(2024, 1, 5, 14, 3, 9, 120);
const rows: readonly (readonly [string, string])[] = [
  ['2006-01-02T15:04:05Z07:00', '2024-02-05T14:03:09Z'],
  ['Mon Jan _2 15:04:05 MST 2006', 'Mon Feb  5 14:03:09 UTC 2024'],
  ['Monday, 2 January 06 3:4:5pm', 'Monday, 5 February 24 2:3:9pm'],
  ['15:04:05.000000 -0700', '14:03:09.120000 +0000'],
  ['05.999', '09.12'],
  ['002 __2 _2006', '036  36 _2024'],
  ['Month Janet', 'Month Janet'],
  ['-07:00 -07 Z0700 03PM', '+00:00 +00 Z 02PM'],
];

test('a layout is written as Go writes it', () => {
  for (const [layout, want] of rows) assert.equal(formatGoTime(at, layout), want, layout);
});

test('another zone shows its offset and its name', () => {
  const zone = { offsetMinutes: -210, name: 'NST' };
  assert.equal(formatGoTime(at, '15:04 -0700 Z07:00 -07 MST', zone), '10:33 -0330 -03:30 -03 NST');
  assert.equal(formatGoTime(at, '.000000000 MST', { offsetMinutes: 120, name: '' }, 42), '.120000042 +0200');
});
