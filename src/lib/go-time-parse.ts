/**
 * Reading a moment by a Go layout. Source: Go time.Parse.
 * In: a layout in terms of `Mon Jan 2 15:04:05 MST 2006`. Out: the fields that the text names, and its zone.
 */

export class GoTimeError extends Error {
  override readonly name = 'GoTimeError';
  readonly code = 'bad-time';
}

export interface ParsedTime {
  readonly year: number;
  readonly month: number;
  readonly day: number;
  readonly hour: number;
  readonly minute: number;
  readonly second: number;
  readonly nanosecond: number;
  /** East of UTC; undefined: the text names no offset. */
  readonly offsetMinutes: number | undefined;
  /** `MST`, when the text names a zone by letters. */
  readonly zone: string | undefined;
}

const months = ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec'];
const longMonths = 'january|february|march|april|may|june|july|august|september|october|november|december';
const longDays = 'sunday|monday|tuesday|wednesday|thursday|friday|saturday';

const token = new RegExp(
  [
    'January|Jan(?![a-z])|Monday|Mon(?![a-z])|MST',
    '_2(?!006)|__2|002|0[1-6]|15|1|2006|2|3|4|5|PM|pm',
    'Z070000|Z07:00:00|Z0700|Z07:00|Z07|-070000|-07:00:00|-0700|-07:00|-07',
    '[.,](?:0+|9+)(?!\\d)',
  ].join('|'),
  'g',
);

interface Fields {
  year: number;
  month: number;
  day: number;
  yearDay: number;
  hour: number;
  minute: number;
  second: number;
  nanosecond: number;
  afternoon: boolean | undefined;
  offsetMinutes: number | undefined;
  zone: string | undefined;
}

interface Element {
  readonly pattern: RegExp;
  readonly set: (fields: Fields, text: string) => void;
}

const number = (pattern: string, set: (fields: Fields, value: number) => void): Element => ({
  pattern: new RegExp(`^${pattern}`),
  set: (fields, text) => set(fields, Number(text)),
});

const elements: Readonly<Record<string, Element>> = {
  January: { pattern: new RegExp(`^(?:${longMonths})`, 'i'), set: setMonth },
  Jan: { pattern: new RegExp(`^(?:${months.join('|')})`, 'i'), set: setMonth },
  Monday: { pattern: new RegExp(`^(?:${longDays})`, 'i'), set: () => {} },
  Mon: { pattern: /^(?:sun|mon|tue|wed|thu|fri|sat)/i, set: () => {} },
  MST: {
    pattern: /^(?:UTC|GMT[+-]\d{1,2}|[A-Z]{3,5}|[+-]\d\d(?:\d\d)?)/,
    set: (fields, text) => {
      fields.zone = text;
    },
  },
  _2: number(' ?\\d{1,2}', (f, v) => (f.day = v)),
  __2: number(' {0,2}\\d{1,3}', (f, v) => (f.yearDay = v)),
  '002': number('\\d{3}', (f, v) => (f.yearDay = v)),
  '01': number('\\d\\d', (f, v) => (f.month = v)),
  '1': number('\\d{1,2}', (f, v) => (f.month = v)),
  '02': number('\\d\\d', (f, v) => (f.day = v)),
  '2': number('\\d{1,2}', (f, v) => (f.day = v)),
  '03': number('\\d\\d', (f, v) => (f.hour = v)),
  '3': number('\\d{1,2}', (f, v) => (f.hour = v)),
  '15': number('\\d{1,2}', (f, v) => (f.hour = v)),
  '04': number('\\d\\d', (f, v) => (f.minute = v)),
  '4': number('\\d{1,2}', (f, v) => (f.minute = v)),
  '05': { pattern: /^\d\d(?:[.,]\d+)?/, set: setSecond },
  '5': { pattern: /^\d{1,2}(?:[.,]\d+)?/, set: setSecond },
  '2006': number('\\d{4}', (f, v) => (f.year = v)),
  '06': number('\\d\\d', (f, v) => (f.year = v + (v >= 69 ? 1900 : 2000))),
  PM: { pattern: /^(?:AM|PM)/, set: (fields, text) => (fields.afternoon = text === 'PM') },
  pm: { pattern: /^(?:am|pm)/, set: (fields, text) => (fields.afternoon = text === 'pm') },
};

function setMonth(fields: Fields, text: string): void {
  fields.month = months.indexOf(text.slice(0, 3).toLowerCase()) + 1;
}

function setSecond(fields: Fields, text: string): void {
  const [whole, fraction] = text.split(/[.,]/);
  fields.second = Number(whole);
  if (fraction !== undefined) fields.nanosecond = Number(fraction.slice(0, 9).padEnd(9, '0'));
}

// Byte by byte, but for what is printable ASCII. Source: Go time.quote.
function quoted(text: string): string {
  const escaped = text.replace(/["\\]|[^ -~\x7f]/gu, (char) => {
    if (char === '"' || char === '\\') return `\\${char}`;
    return Array.from(Buffer.from(char), (byte) => `\\x${byte.toString(16).padStart(2, '0')}`).join('');
  });
  return `"${escaped}"`;
}

/** Throws GoTimeError. */
export function parseGoTime(layout: string, text: string): ParsedTime {
  const fields: Fields = {
    year: 0,
    month: 0,
    day: 0,
    yearDay: 0,
    hour: 0,
    minute: 0,
    second: 0,
    nanosecond: 0,
    afternoon: undefined,
    offsetMinutes: undefined,
    zone: undefined,
  };
  const subject = `parsing time ${quoted(text)}`;
  const cannot = (rest: string, part: string): never => {
    throw new GoTimeError(`${subject} as ${quoted(layout)}: cannot parse ${quoted(rest)} as ${quoted(part)}`);
  };
  let rest = text;
  let at = 0;
  const literal = (part: string): void => {
    // Spaces match any number of spaces, and none at the end.
    for (const [piece] of part.matchAll(/ +|[^ ]/g)) {
      if (piece.startsWith(' ') ? rest !== '' && !rest.startsWith(' ') : !rest.startsWith(piece)) {
        cannot(rest, part);
      }
      rest = piece.startsWith(' ') ? rest.replace(/^ +/, '') : rest.slice(piece.length);
    }
  };
  const parts = [...layout.matchAll(token)];
  for (const [i, match] of parts.entries()) {
    literal(layout.slice(at, match.index));
    at = match.index + match[0].length;
    const { pattern, set } = elementOf(match[0], parts[i + 1]?.[0]);
    const found = pattern.exec(rest)?.[0];
    if (found === undefined) return cannot(rest, match[0]);
    set(fields, found);
    rest = rest.slice(found.length);
    const wrong = outOfRange(match[0], fields);
    if (wrong !== undefined) throw new GoTimeError(`${subject}: ${wrong} out of range`);
  }
  literal(layout.slice(at));
  if (rest !== '') throw new GoTimeError(`${subject}: extra text: ${quoted(rest)}`);
  return finish(fields, subject);
}

/** What has just been read and cannot be: Go tells before it reads on. */
function outOfRange(part: string, fields: Fields): string | undefined {
  const { month, hour, minute, second } = fields;
  if ((part === '1' || part === '01') && (month < 1 || month > 12)) return 'month';
  if (hour > (part === '3' || part === '03' ? 12 : 23)) return 'hour';
  if (minute > 59) return 'minute';
  return second > 59 ? 'second' : undefined;
}

// Seconds take a fraction along, unless the layout has one to come.
function elementOf(part: string, next: string | undefined): Element {
  if ((part === '05' || part === '5') && next !== undefined && /^[.,]/.test(next)) {
    return number(part === '05' ? '\\d\\d' : '\\d{1,2}', (fields, value) => (fields.second = value));
  }
  const known = elements[part];
  if (known !== undefined) return known;
  if (/^[.,]/.test(part)) {
    const digits = part[1] === '0' ? `\\d{${part.length - 1}}` : '\\d+';
    return {
      pattern: new RegExp(part[1] === '0' ? `^[.,]${digits}` : `^(?:[.,]${digits})?`),
      set: (fields, text) => {
        if (text !== '') fields.nanosecond = Number(text.slice(1, 10).padEnd(9, '0'));
      },
    };
  }
  const sign = '[+-]';
  const shape = part.slice(1).replace(/\d\d/g, '\\d\\d');
  return {
    pattern: new RegExp(part.startsWith('Z') ? `^(?:Z|${sign}${shape})` : `^${sign}${shape}`),
    set: (fields, text) => {
      const [hours = 0, minutes = 0] = (text.match(/\d\d/g) ?? []).map(Number);
      fields.offsetMinutes = (text.startsWith('-') ? -1 : 1) * (hours * 60 + minutes);
    },
  };
}

function finish(fields: Fields, subject: string): ParsedTime {
  const { year, hour, minute, second, nanosecond, offsetMinutes, zone, afternoon, yearDay } = fields;
  const month = fields.month === 0 && yearDay === 0 ? 1 : fields.month;
  const refuse = (what: string): never => {
    throw new GoTimeError(`${subject}: ${what} out of range`);
  };
  const date = new Date(0);
  if (yearDay > 0) date.setUTCFullYear(year, 0, yearDay);
  else date.setUTCFullYear(year, month - 1, fields.day === 0 ? 1 : fields.day);
  if (yearDay === 0 && date.getUTCMonth() !== month - 1) refuse('day');
  return {
    year: date.getUTCFullYear(),
    month: date.getUTCMonth() + 1,
    day: date.getUTCDate(),
    hour: afternoon === undefined ? hour : (hour % 12) + (afternoon ? 12 : 0),
    minute,
    second,
    nanosecond,
    offsetMinutes,
    zone,
  };
}
