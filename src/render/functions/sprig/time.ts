/** Go's time.Time, as far as templates use it. */
import { formatGoTime } from '../../../lib/go-time.ts';
import type { GoZone } from '../../../lib/go-time.ts';
import { parseGoTime } from '../../../lib/go-time-parse.ts';
import { defineInteger, defineStruct } from '../../../template/functions.ts';
import type { StructType } from '../../../template/types.ts';
import { Int, Struct, int, int64 } from '../../../template/values.ts';
import type { Value } from '../../../template/values.ts';
import { durationType, durationValue } from './duration.ts';

/** Seconds of the first moment of year 1, Go's zero time. */
const yearOne = -62_135_596_800n;
const perSecond = 1_000_000_000n;

export class GoTime {
  /** Since the Unix epoch. */
  readonly nanoseconds: bigint;
  readonly zone: GoZone;

  constructor(nanoseconds: bigint, zone: GoZone) {
    this.nanoseconds = nanoseconds;
    this.zone = zone;
  }

  static readonly zero = new GoTime(yearOne * perSecond, { offsetMinutes: 0, name: 'UTC' });

  /** In the zone of this machine. */
  static local(nanoseconds: bigint): GoTime {
    return new GoTime(nanoseconds, localZone(Number(nanoseconds / 1_000_000n)));
  }

  format(layout: string): string {
    const ms = floorDivide(this.nanoseconds, 1_000_000n);
    return formatGoTime(Number(ms), layout, this.zone, Number(this.nanoseconds - ms * 1_000_000n));
  }

  add(nanoseconds: bigint): GoTime {
    return new GoTime(this.nanoseconds + nanoseconds, this.zone);
  }

  /** How far the moment is past the last multiple of a duration since year 1; 0 for durations that are none. */
  past(unit: bigint): bigint {
    return unit <= 0n ? 0n : (this.nanoseconds - GoTime.zero.nanoseconds) % unit;
  }

  /** The same time of day on another date, which runs over into the next month as in Go. */
  addDate(years: number, months: number, days: number): GoTime {
    const offset = BigInt(this.zone.offsetMinutes) * 60n * perSecond;
    const ms = floorDivide(this.nanoseconds + offset, 1_000_000n);
    const date = new Date(Number(ms));
    date.setUTCFullYear(date.getUTCFullYear() + years, date.getUTCMonth() + months, date.getUTCDate() + days);
    return this.add((BigInt(date.getTime()) - ms) * 1_000_000n);
  }

  get unixSeconds(): bigint {
    return floorDivide(this.nanoseconds, perSecond);
  }

  toJSON(): string {
    return this.format('2006-01-02T15:04:05.999999999Z07:00');
  }
}

function floorDivide(value: bigint, by: bigint): bigint {
  const quotient = value / by;
  return value % by < 0n ? quotient - 1n : quotient;
}

function localZone(wallMs: number): GoZone {
  const date = new Date(wallMs);
  const offsetMinutes = -date.getTimezoneOffset() || 0;
  const parts = new Intl.DateTimeFormat('en-US', { timeZoneName: 'short' }).formatToParts(date);
  const name = parts.find(({ type }) => type === 'timeZoneName')?.value ?? '';
  // What has no letters of its own is known by its offset.
  return { offsetMinutes, name: /^[A-Z]+$/.test(name) ? name : '' };
}

/** As time.ParseInLocation with the zone of this machine. Throws GoTimeError. */
export function parseLocalTime(layout: string, text: string): GoTime {
  const parsed = parseGoTime(layout, text);
  const { year, month, day, hour, minute, second, nanosecond, offsetMinutes, zone } = parsed;
  const date = new Date(0);
  date.setUTCFullYear(year, month - 1, day);
  date.setUTCHours(hour, minute, second);
  const wallMs = date.getTime();
  const at = (offset: number): bigint => BigInt(wallMs - offset * 60_000) * 1_000_000n + BigInt(nanosecond);
  if (offsetMinutes !== undefined) {
    const local = localZone(wallMs - offsetMinutes * 60_000);
    if (offsetMinutes === 0 && local.offsetMinutes !== 0)
      return new GoTime(at(0), { offsetMinutes: 0, name: 'UTC' });
    const isLocal = local.offsetMinutes === offsetMinutes && (zone === undefined || zone === local.name);
    return new GoTime(at(offsetMinutes), isLocal ? local : { offsetMinutes, name: zone ?? '' });
  }
  if (zone === 'UTC') return new GoTime(at(0), { offsetMinutes: 0, name: 'UTC' });
  const local = localZone(new Date(year, month - 1, day, hour, minute, second).getTime());
  if (zone === undefined || zone === local.name) return new GoTime(at(local.offsetMinutes), local);
  // A zone that is not this machine's is a name without an offset.
  const fromGmt = /^GMT([+-]\d{1,2})$/.exec(zone)?.[1];
  const offset = fromGmt === undefined ? 0 : Number(fromGmt) * 60;
  return new GoTime(at(offset), { offsetMinutes: offset, name: zone });
}

const months = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12].map((month) => named('January', 2000, month, 1));
const weekdays = [2, 3, 4, 5, 6, 7, 8].map((day) => named('Monday', 2000, 1, day));

function named(layout: string, year: number, month: number, day: number): string {
  return formatGoTime(Date.UTC(year, month - 1, day), layout);
}

const monthType = nameType('time.Month', (value) => months[Number(value) - 1]);
const weekdayType = nameType('time.Weekday', (value) => weekdays[Number(value)]);

function nameType(
  name: string,
  find: (value: bigint) => string | undefined,
): ReturnType<typeof defineInteger> {
  const text = (value: bigint): string => find(value) ?? `%!${name.slice('time.'.length)}(${value})`;
  return defineInteger({
    name,
    kind: 'int',
    text,
    methods: { String: { params: [], result: 'string', call: ({ value }) => text(value) } },
  });
}

const part = (layout: string) => ({
  params: [],
  result: 'int',
  call: (time: GoTime) => int(Number(time.format(layout).trim())),
});

const unix = (divisor: bigint) => ({
  params: [],
  result: 'int64',
  call: (time: GoTime) => int64(floorDivide(time.nanoseconds, divisor)),
});

const comparison = (self: StructType, result: 'bool' | 'int', decide: (apart: bigint) => Value) => ({
  params: [self],
  result,
  call: (time: GoTime, other: Struct) => decide(time.nanoseconds - (other.source as GoTime).nanoseconds),
});

const moved = (self: StructType, move: (time: GoTime, by: bigint) => GoTime) => ({
  params: [durationType],
  result: self,
  call: (time: GoTime, by: Int) => timeValue(move(time, by.value)),
});

const inZone = (self: StructType, change: (time: GoTime) => GoTime) => ({
  params: [],
  result: self,
  call: (time: GoTime) => timeValue(change(time)),
});

const asText = (time: GoTime): string => time.format('2006-01-02 15:04:05.999999999 -0700 MST');

export const timeType: StructType = defineStruct<GoTime>({
  name: 'time.Time',
  fields: {},
  text: asText,
  methods: (self) => ({
    Format: { params: ['string'], result: 'string', call: (time, layout: string) => time.format(layout) },
    String: { params: [], result: 'string', call: asText },
    Unix: unix(perSecond),
    UnixMilli: unix(1_000_000n),
    UnixMicro: unix(1000n),
    UnixNano: unix(1n),
    Year: part('2006'),
    Day: part('2'),
    Hour: part('15'),
    Minute: part('4'),
    Second: part('5'),
    YearDay: part('__2'),
    Month: {
      params: [],
      result: monthType,
      call: (time) => new Int('int', BigInt(time.format('1')), monthType),
    },
    Weekday: {
      params: [],
      result: weekdayType,
      call: (time) => new Int('int', BigInt(weekdays.indexOf(time.format('Monday'))), weekdayType),
    },
    Nanosecond: {
      params: [],
      result: 'int',
      call: ({ nanoseconds }) => int(nanoseconds - floorDivide(nanoseconds, perSecond) * perSecond),
    },
    IsZero: { params: [], result: 'bool', call: (time) => time.nanoseconds === GoTime.zero.nanoseconds },
    Equal: comparison(self, 'bool', (apart) => apart === 0n),
    Before: comparison(self, 'bool', (apart) => apart < 0n),
    After: comparison(self, 'bool', (apart) => apart > 0n),
    Compare: comparison(self, 'int', (apart) => (apart < 0n ? -1 : apart > 0n ? 1 : 0)),
    Sub: {
      params: [self],
      result: durationType,
      call: (time, other: Struct) => durationValue(time.nanoseconds - (other.source as GoTime).nanoseconds),
    },
    Add: moved(self, (time, by) => time.add(by)),
    Truncate: moved(self, (time, unit) => time.add(-time.past(unit))),
    Round: moved(self, (time, unit) => {
      const past = time.past(unit);
      return time.add(past + past < unit ? -past : unit - past);
    }),
    AddDate: {
      params: ['int', 'int', 'int'],
      result: self,
      call: (time, years: number, months: number, days: number) =>
        timeValue(time.addDate(Number(years), Number(months), Number(days))),
    },
    UTC: inZone(self, (time) => new GoTime(time.nanoseconds, GoTime.zero.zone)),
    Local: inZone(self, (time) => GoTime.local(time.nanoseconds)),
  }),
});

export function timeValue(time: GoTime): Struct {
  return new Struct(timeType, time, false);
}
