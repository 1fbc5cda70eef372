/** Go's time.Duration, as far as templates use it. */
import { formatDurationNs } from '../../../lib/duration.ts';
import { defineInteger } from '../../../template/functions.ts';
import { Int, float } from '../../../template/values.ts';
import type { Value } from '../../../template/values.ts';

const perSecond = 1_000_000_000n;
const greatest = 2n ** 63n - 1n;

export const durationType = defineInteger({
  name: 'time.Duration',
  kind: 'int64',
  text: durationText,
  methods: {
    String: { params: [], result: 'string', call: ({ value }) => durationText(value) },
    Hours: inUnits(3600n),
    Minutes: inUnits(60n),
    Seconds: inUnits(1n),
    Milliseconds: wholeUnits(1_000_000n),
    Microseconds: wholeUnits(1000n),
    Nanoseconds: wholeUnits(1n),
    Abs: durationMethod((value) => (value < 0n ? -value : value)),
    Truncate: durationMethod((value, unit) => (unit <= 0n ? value : value - (value % unit))),
    Round: durationMethod(roundTo),
  },
});

/** Cut to what 64 bits hold. */
export function durationValue(nanoseconds: bigint): Int {
  const cut = nanoseconds > greatest ? greatest : nanoseconds < -greatest - 1n ? -greatest - 1n : nanoseconds;
  return new Int(durationType.kind, cut, durationType);
}

export function durationText(nanoseconds: bigint): string {
  return formatDurationNs(Number(nanoseconds));
}

/** The text under which YAML and TOML keep a duration; undefined for every other integer. */
export function writtenDuration(value: Int): string | undefined {
  return value.type === durationType ? durationText(value.value) : undefined;
}

function inUnits(seconds: bigint) {
  const unit = seconds * perSecond;
  return {
    params: [],
    result: 'float64',
    call: ({ value }: Int): Value => float(Number(value / unit) + Number(value % unit) / Number(unit)),
  };
}

function wholeUnits(nanoseconds: bigint) {
  return {
    params: [],
    result: 'int64',
    call: ({ value }: Int): Value => new Int('int64', value / nanoseconds),
  };
}

function durationMethod(change: (value: bigint, unit: bigint) => bigint) {
  // Types are compared by name: its own is not there yet.
  const self = { kind: 'int64', name: 'time.Duration' } as const;
  return {
    params: change.length > 1 ? [self] : [],
    result: self,
    call: (receiver: Int, unit?: Int): Value => durationValue(change(receiver.value, unit?.value ?? 0n)),
  };
}

// Halves away from zero.
function roundTo(value: bigint, unit: bigint): bigint {
  if (unit <= 0n) return value;
  const rest = value % unit;
  const size = rest < 0n ? -rest : rest;
  if (size + size < unit) return value - rest;
  return value < 0n ? value - unit + size : value + unit - size;
}
