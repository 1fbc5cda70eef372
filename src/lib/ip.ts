import { isIP } from 'node:net';

/** IP addresses as bytes: 4 for IPv4, 16 for IPv6, in network order. */

/**
 * Text -> bytes, or undefined when it is no IP address. As in Go's net.ParseIP, `::ffff:192.0.2.1` is the IPv4 address
 * and a zone (`fe80::1%eth0`) is refused.
 */
export function parseIp(text: string): Uint8Array | undefined {
  const family = isIP(text);
  if (family === 4) return Uint8Array.from(text.split('.'), Number);
  if (family !== 6 || text.includes('%')) return undefined;
  const bytes = parseIpv6(text);
  return isMapped(bytes) ? bytes.slice(12) : bytes;
}

/** Bytes -> canonical text (RFC 5952). */
export function formatIp(bytes: Uint8Array): string {
  return bytes.length === 4 ? bytes.join('.') : formatIpv6(bytes);
}

/** Two lower-case hex digits a byte: `0a000001`. */
export function hexIp(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('hex');
}

function parseIpv6(text: string): Uint8Array {
  const [left = '', right] = text.split('::');
  const head = groups(left);
  const tail = right === undefined ? [] : groups(right);
  const units = [...head, ...new Array<number>(8 - head.length - tail.length).fill(0), ...tail];
  return Uint8Array.from(units.flatMap((unit) => [unit >> 8, unit & 255]));
}

function groups(text: string): number[] {
  if (text === '') return [];
  return text.split(':').flatMap((group) => {
    if (!group.includes('.')) return [Number.parseInt(group, 16)];
    const [a, b, c, d] = group.split('.').map(Number) as [number, number, number, number];
    return [(a << 8) | b, (c << 8) | d];
  });
}

function isMapped(bytes: Uint8Array): boolean {
  return bytes.subarray(0, 10).every((byte) => byte === 0) && bytes[10] === 255 && bytes[11] === 255;
}

function formatIpv6(bytes: Uint8Array): string {
  const units = Array.from({ length: 8 }, (_, i) => (bytes[2 * i]! << 8) | bytes[2 * i + 1]!);
  const run = longestZeroRun(units);
  const text = (part: number[]): string => part.map((unit) => unit.toString(16)).join(':');
  if (run.length < 2) return text(units);
  return `${text(units.slice(0, run.start))}::${text(units.slice(run.start + run.length))}`;
}

function longestZeroRun(units: readonly number[]): { start: number; length: number } {
  let best = { start: 0, length: 0 };
  for (let start = 0; start < units.length; start++) {
    let length = 0;
    while (units[start + length] === 0) length++;
    if (length > best.length) best = { start, length };
  }
  return best;
}
