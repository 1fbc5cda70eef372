/**
 * Writing a moment by a Go layout, in UTC.
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

/** `wallMs`: milliseconds since the Unix epoch. */
export function formatGoTime(wallMs: number, layout: string): string {
  const date = new Date(wallMs);
  return layout.replace(token, (part) => element(date, part));
}

function element(date: Date, part: string): string {
  if (part.startsWith('Z')) return 'Z';
  if (part.startsWith('-')) return part.replace('-', '+').replaceAll('7', '0');
  if (part.startsWith('.') || part.startsWith(',')) return fraction(date, part);
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
  MST: () => 'UTC',
};

// Zeros keep their width, nines drop what is not needed.
function fraction(date: Date, part: string): string {
  const digits = pad(date.getUTCMilliseconds(), 3).padEnd(9, '0');
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
