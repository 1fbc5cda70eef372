import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseGoTime } from './go-time-parse.ts';

test('a moment is read by its layout', () => {
  const parsed = parseGoTime('Mon, 2 Jan 2006 03:04:05PM -07:00', 'Tue, 29 Feb 2028 12:30:01.5AM +05:30');
  assert.deepEqual(parsed, {
    year: 2028,
    month: 2,
    day: 29,
    hour: 0,
    minute: 30,
    second: 1,
    nanosecond: 500_000_000,
    offsetMinutes: 330,
    zone: undefined,
  });
  assert.equal(parseGoTime('2006 002', '2024 060').day, 29);
  assert.equal(parseGoTime('06 MST', '69 CET').year, 1969);
  assert.equal(parseGoTime('2006Z07:00', '2024Z').offsetMinutes, 0);
});

test('a fraction is read once, and spaces match spaces', () => {
  assert.equal(parseGoTime('15:04:05.000', '12:34:56.789').nanosecond, 789_000_000);
  assert.equal(parseGoTime('05', '07.25').nanosecond, 250_000_000);
  assert.equal(parseGoTime('2006 01', '2024    02').month, 2);
});

test("what does not fit is refused with Go's text", () => {
  const rows: readonly (readonly [string, string, string])[] = [
    ['2006-01-02', 'x', 'parsing time "x" as "2006-01-02": cannot parse "x" as "2006"'],
    ['2006-01-02', '2024-02-30', 'parsing time "2024-02-30": day out of range'],
    ['15:04', '24:00', 'parsing time "24:00": hour out of range'],
    ['2006', '20244', 'parsing time "20244": extra text: "4"'],
    ['3:04PM', '2020', 'parsing time "2020": hour out of range'],
    ['1/2/06', '20-02', 'parsing time "20-02": month out of range'],
    ['15:04:05,00', '12:34:56.789', 'parsing time "12:34:56.789": extra text: "9"'],
    ['2006 at 15', '2020 in 3', 'parsing time "2020 in 3" as "2006 at 15": cannot parse "in 3" as " at "'],
    ['2006 15', '2020', 'parsing time "2020" as "2006 15": cannot parse "" as "15"'],
    ['2006/01', '2024-01', 'parsing time "2024-01" as "2006/01": cannot parse "-01" as "/"'],
  ];
  for (const [layout, text, message] of rows) {
    assert.throws(() => parseGoTime(layout, text), { name: 'GoTimeError', message });
  }
});
