/** sprig's functions on moments and durations. */
import { formatDurationNs, parseDurationNs } from '../../../lib/duration.ts';
import { defineFunction } from '../../../template/functions.ts';
import type { GoFunction } from '../../../template/functions.ts';
import { parseInteger } from '../../../template/number.ts';
import { quote } from '../../../template/quote.ts';
import { int64Type } from '../../../template/types.ts';
import { Int, Struct } from '../../../template/values.ts';
import type { Value } from '../../../template/values.ts';
import { durationText, durationValue } from './duration.ts';
import { GoTime, parseLocalTime, timeType, timeValue } from './time.ts';

const perSecond = 1_000_000_000n;

/** `nowMs`: the wall clock. */
export function dateFunctions(nowMs: () => number): readonly GoFunction[] {
  const now = (): bigint => BigInt(Math.trunc(nowMs())) * 1_000_000n;
  return [
    defineFunction('ago', { params: ['any'], result: 'string' }, (when) => {
      const passed = durationValue(now() - (momentOf(when) ?? now())).value;
      return durationText(durationValue(roundToSeconds(passed)).value);
    }),
    defineFunction('toDate', { params: ['string', 'string'], result: timeType }, (layout, text) => {
      try {
        return timeValue(parseLocalTime(layout, text));
      } catch {
        return timeValue(GoTime.zero);
      }
    }),
    defineFunction('mustToDate', { params: ['string', 'string'], result: timeType }, (layout, text) =>
      timeValue(parseLocalTime(layout, text)),
    ),
    ...['mustDateModify', 'must_date_modify'].map((name) =>
      defineFunction(name, { params: ['string', timeType], result: timeType }, (change, time) => {
        const ns = parseDurationNs(change);
        if (ns === undefined) throw new Error(`time: invalid duration ${quote(change)}`);
        return timeValue(sourceOf(time).add(BigInt(ns)));
      }),
    ),
    defineFunction('unixEpoch', { params: [timeType], result: 'string' }, (time) =>
      sourceOf(time).unixSeconds.toString(),
    ),
    defineFunction('duration', { params: ['any'], result: 'string' }, (seconds) =>
      formatDurationNs(Number(BigInt.asIntN(64, secondsOf(seconds) * perSecond))),
    ),
    defineFunction('durationRound', { params: ['any'], result: 'string' }, (value) =>
      roundedText(nanosecondsOf(value, now)),
    ),
  ];
}

function sourceOf(time: Value): GoTime {
  return (time as Struct).source as GoTime;
}

// Of a time.Time, or of seconds since the epoch as an int or int64.
function momentOf(value: Value): bigint | undefined {
  if (value instanceof Struct && value.type === timeType) return sourceOf(value).nanoseconds;
  if (typeof value === 'number') return BigInt(value) * perSecond;
  return value instanceof Int && value.type === int64Type ? value.value * perSecond : undefined;
}

function roundToSeconds(ns: bigint): bigint {
  const half = ns < 0n ? -perSecond / 2n : perSecond / 2n;
  return ((ns + half) / perSecond) * perSecond;
}

// Only texts and int64 count: an int does not.
function secondsOf(value: Value): bigint {
  if (value instanceof Int && value.type === int64Type) return value.value;
  if (typeof value !== 'string') return 0n;
  const parsed = parseInteger(value);
  if (typeof parsed === 'bigint') return parsed;
  if (parsed === 'syntax') return 0n;
  return value.startsWith('-') ? -(2n ** 63n) : 2n ** 63n - 1n;
}

function nanosecondsOf(value: Value, now: () => bigint): bigint {
  if (typeof value === 'string') return BigInt(parseDurationNs(value) ?? 0);
  if (value instanceof Int && value.type === int64Type) return value.value;
  return value instanceof Struct && value.type === timeType ? now() - sourceOf(value).nanoseconds : 0n;
}

const units: readonly (readonly [string, bigint])[] = [
  ['y', 365n * 24n * 3600n],
  ['mo', 30n * 24n * 3600n],
  ['d', 24n * 3600n],
  ['h', 3600n],
  ['m', 60n],
  ['s', 1n],
];

/** In the largest unit that it is longer than; the sign is lost. */
function roundedText(ns: bigint): string {
  const size = ns < 0n ? -ns : ns;
  const unit = units.find(([, seconds]) => size > seconds * perSecond);
  return unit === undefined ? '0s' : `${size / (unit[1] * perSecond)}${unit[0]}`;
}
