/**
 * Writing a moment by a Go layout, in UTC or another zone.
 * Source: Go time.Format and its reference time, `Mon Jan 2 15:04:05 MST 2006`.
 */

const months = 'January February March April May June July August September October November December'.split(
  ' ',
);
const days = ['Sunday', 'Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday'];

// Longest first, as Go's own scanner takes them. `Jan` and `Mon` do not begin a longer lower-case word.
const token = new RegExp(
  [
    'January|Jan(?![a-z])|Monday|Mon(?![a-z])|MST',
    '_2(?!006)|__2|002|0[1-6]|15|1|2006|2|3|4|5|PM|pm',
    'Z070000|Z07:00:00|Z0700|Z07:00|Z07|-070000|-07:00:00|-0700|-07:00|-07',
    '[.,](?:0+|9+)(?!\\d)',
  ].join('|'),
  'g',
);

/** Where a moment is shown. */
export interface GoZone {
  /** East of UTC. */
  readonly offsetMinutes: number;
  /** `UTC`, `CET`; '' shows the offset instead. */
  readonly name: string;
}

const utc: GoZone = Object.freeze({ offsetMinutes: 0, name: 'UTC' });

/** `wallMs`: milliseconds since the Unix epoch; `nanoseconds`, 0 to 999,999, come on top of them. */
export function formatGoTime(wallMs: number, layout: string, zone = utc, nanoseconds = 0): string {
  const date = new Date(wallMs + zone.offsetMinutes * 60_000);
  return layout.replace(token, (part) => {
    if (part === 'MST') return zone.name === '' ? offsetText(zone, '-0700') : zone.name;
    if (part.startsWith('Z'))
      return zone.offsetMinutes === 0 ? 'Z' : offsetText(zone, part.replace('Z', '-'));
    if (part.startsWith('-')) return offsetText(zone, part);
    return element(date, part, nanoseconds);
  });
}

// In the shape of `-07:00:00`.
function offsetText({ offsetMinutes }: GoZone, shape: string): string {
  const size = Math.abs(offsetMinutes);
  const parts = [pad(Math.floor(size / 60), 2), pad(size % 60, 2), '00'];
  return shape.replace('-', offsetMinutes < 0 ? '-' : '+').replace(/\d\d/g, () => parts.shift() ?? '');
}

function element(date: Date, part: string, nanoseconds: number): string {
  if (part.startsWith('.') || part.startsWith(',')) return fraction(date, part, nanoseconds);
  return elements[part]?.(date) ?? part;
}

const elements: Readonly<Record<string, (date: Date) => string>> = {
  January: (d) => months[d.getUTCMonth()]!,
  Jan: (d) => months[d.getUTCMonth()]!.slice(0, 3),
  '1': (d) => String(d.getUTCMonth() + 1),
  '01': (d) => pad(d.getUTCMonth() + 1, 2),
  Monday: (d) => days[d.getUTCDay()]!,
  Mon: (d) => days[d.getUTCDay()]!.slice(0, 3),
  '2': (d) => String(d.getUTCDate()),
  _2: (d) => String(d.getUTCDate()).padStart(2, ' '),
  '02': (d) => pad(d.getUTCDate(), 2),
  __2: (d) => String(yearDay(d)).padStart(3, ' '),
  '002': (d) => pad(yearDay(d), 3),
  '15': (d) => pad(d.getUTCHours(), 2),
  '3': (d) => String(d.getUTCHours() % 12 || 12),
  '03': (d) => pad(d.getUTCHours() % 12 || 12, 2),
  '4': (d) => String(d.getUTCMinutes()),
  '04': (d) => pad(d.getUTCMinutes(), 2),
  '5': (d) => String(d.getUTCSeconds()),
  '05': (d) => pad(d.getUTCSeconds(), 2),
  '2006': (d) => pad(d.getUTCFullYear(), 4),
  '06': (d) => pad(d.getUTCFullYear() % 100, 2),
  PM: (d) => (d.getUTCHours() >= 12 ? 'PM' : 'AM'),
  pm: (d) => (d.getUTCHours() >= 12 ? 'pm' : 'am'),
};

// Zeros keep their width, nines drop what is not needed.
function fraction(date: Date, part: string, nanoseconds: number): string {
  const digits = pad(date.getUTCMilliseconds(), 3) + pad(nanoseconds, 6);
  const cut = digits.slice(0, part.length - 1).padEnd(part.length - 1, '0');
  if (part[1] === '0') return part[0]! + cut;
  const needed = cut.replace(/0+$/, '');
  return needed === '' ? '' : part[0]! + needed;
}

function yearDay(date: Date): number {
  const start = Date.UTC(date.getUTCFullYear(), 0, 1);
  return Math.floor((date.getTime() - start) / 86_400_000) + 1;
}

function pad(value: number, width: number): string {
  return String(value).padStart(width, '0');
}
