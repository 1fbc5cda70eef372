/** Go's time.Time, as far as templates use it. */
import { formatGoTime } from '../../../lib/go-time.ts';
import type { GoZone } from '../../../lib/go-time.ts';
import { parseGoTime } from '../../../lib/go-time-parse.ts';
import { defineStruct } from '../../../template/functions.ts';
import type { StructType } from '../../../template/types.ts';
import { Struct, int, int64 } from '../../../template/values.ts';

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

const month: StructType = defineStruct<{ readonly name: string }>({
  name: 'time.Month',
  fields: {},
  text: ({ name }) => name,
});
const weekday: StructType = defineStruct<{ readonly name: string }>({
  name: 'time.Weekday',
  fields: {},
  text: ({ name }) => name,
});

const part = (layout: string) => ({
  params: [],
  result: 'int',
  call: (time: GoTime) => int(Number(time.format(layout).trim())),
});

export const timeType: StructType = defineStruct<GoTime>({
  name: 'time.Time',
  fields: {},
  text: (time) => time.format('2006-01-02 15:04:05.999999999 -0700 MST'),
  methods: {
    Format: { params: ['string'], result: 'string', call: (time, layout: string) => time.format(layout) },
    String: {
      params: [],
      result: 'string',
      call: (time) => time.format('2006-01-02 15:04:05.999999999 -0700 MST'),
    },
    Unix: { params: [], result: 'int64', call: (time) => int64(time.unixSeconds) },
    UnixMilli: {
      params: [],
      result: 'int64',
      call: (time) => int64(floorDivide(time.nanoseconds, 1_000_000n)),
    },
    UnixNano: { params: [], result: 'int64', call: (time) => int64(time.nanoseconds) },
    Year: part('2006'),
    Day: part('2'),
    Hour: part('15'),
    Minute: part('4'),
    Second: part('5'),
    YearDay: part('__2'),
    Month: {
      params: [],
      result: month,
      call: (time) => new Struct(month, { name: time.format('January') }, false),
    },
    Weekday: {
      params: [],
      result: weekday,
      call: (time) => new Struct(weekday, { name: time.format('Monday') }, false),
    },
    Nanosecond: {
      params: [],
      result: 'int',
      call: ({ nanoseconds }) => int(nanoseconds - floorDivide(nanoseconds, perSecond) * perSecond),
    },
    IsZero: { params: [], result: 'bool', call: (time) => time.nanoseconds === GoTime.zero.nanoseconds },
  },
});

export function timeValue(time: GoTime): Struct {
  return new Struct(timeType, time, false);
}
