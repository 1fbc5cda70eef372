/**
 * Go's duration syntax (`1h2m3.5s`, `300ms`; units ns us µs ms s m h), as Consul, Docker and consul-template use it.
 * Source: Go time.ParseDuration and Duration.String.
 */

const NS_PER: Readonly<Record<string, number>> = {
  ns: 1,
  us: 1e3,
  µs: 1e3, // U+00B5
  μs: 1e3, // U+03BC
  ms: 1e6,
  s: 1e9,
  m: 60e9,
  h: 3600e9,
};

/** Text -> nanoseconds, or undefined when it is not a Go duration (`10`, `1d` and `` are not). */
export function parseDurationNs(text: string): number | undefined {
  let rest = text;
  let sign = 1;
  if (rest.startsWith('-') || rest.startsWith('+')) {
    sign = rest.startsWith('-') ? -1 : 1;
    rest = rest.slice(1);
  }
  if (rest === '0') return 0;
  if (rest === '') return undefined;
  let total = 0;
  const part = /^(\d+(?:\.\d*)?|\.\d+)(ns|us|µs|μs|ms|s|m|h)/;
  while (rest !== '') {
    const match = part.exec(rest);
    if (match === null) return undefined;
    total += Number(match[1]) * NS_PER[match[2]!]!;
    rest = rest.slice(match[0].length);
  }
  const ns = sign * Math.round(total);
  // Go refuses what does not fit 64 bits.
  return Math.abs(ns) > 9.223372036854776e18 ? undefined : ns === 0 ? 0 : ns;
}

/** Why a text is no Go duration, in the words of Go's time.ParseDuration. */
export function durationProblem(text: string): string {
  const quoted = JSON.stringify(text);
  if (/^[+-]?(\d+\.?\d*|\.\d+)$/.test(text)) return `time: missing unit in duration ${quoted}`;
  const unit = /^[+-]?(?:(?:\d+\.?\d*|\.\d+)(?:ns|us|µs|μs|ms|s|m|h))*(?:\d+\.?\d*|\.\d+)([^\d.]+)/.exec(
    text,
  )?.[1];
  return unit === undefined
    ? `time: invalid duration ${quoted}`
    : `time: unknown unit ${JSON.stringify(unit)} in duration ${quoted}`;
}

/** Text -> milliseconds, or undefined. */
export function parseDurationMs(text: string): number | undefined {
  const ns = parseDurationNs(text);
  return ns === undefined ? undefined : ns / 1e6;
}

/** Nanoseconds -> Go's Duration.String: `1h2m3.5s`, `15s`, `1.5ms`, `0s`. */
export function formatDurationNs(ns: number): string {
  if (ns === 0) return '0s';
  const sign = ns < 0 ? '-' : '';
  const abs = Math.abs(ns);
  if (abs < 1e3) return `${sign}${abs}ns`;
  if (abs < 1e6) return `${sign}${trim(abs / 1e3)}µs`;
  if (abs < 1e9) return `${sign}${trim(abs / 1e6)}ms`;
  const hours = Math.floor(abs / 3600e9);
  const minutes = Math.floor((abs % 3600e9) / 60e9);
  const seconds = `${trim((abs % 60e9) / 1e9)}s`;
  if (hours > 0) return `${sign}${hours}h${minutes}m${seconds}`;
  return minutes > 0 ? `${sign}${minutes}m${seconds}` : `${sign}${seconds}`;
}

function trim(value: number): string {
  return value.toFixed(9).replace(/\.?0+$/, '');
}
