/** Shortening and wrapping of lines, by bytes. Source: github.com/Masterminds/goutils. */
import { byteLength, fromBytes, toBytes } from '../../../template/text.ts';

const dots = '...';

/** At most `width` bytes (>= 4), cut parts shown as dots; `offset` is to be seen. */
export function abbreviate(text: string, offset: number, width: number): string {
  const size = byteLength(text);
  if (size <= width) return text;
  const room = width - dots.length;
  const start = Math.min(offset, size);
  const from = size - start < room ? size - room : start;
  const bytes = toBytes(text);
  if (from <= 4) return fromBytes(bytes.subarray(0, room)) + dots;
  if (width < 7) return '';
  if (from + room < size) return dots + abbreviate(fromBytes(bytes.subarray(from)), 0, room);
  return dots + fromBytes(bytes.subarray(size - room));
}

export interface WrapOptions {
  /** At least 1 is used. */
  readonly width: number;
  readonly newline: string;
  /** Words longer than a line are cut; else they stick out. */
  readonly cutWords: boolean;
}

const space = 0x20;

/** Breaks lines at single spaces, which go away. */
export function wrapText(text: string, options: WrapOptions): string {
  const width = Math.max(options.width, 1);
  const bytes = toBytes(text);
  const lines: string[] = [];
  let at = 0;
  while (bytes.length - at > width) {
    if (bytes[at] === space) {
      at++;
      continue;
    }
    const cut = lineEnd(bytes, at, width, options.cutWords);
    if (cut === undefined) break;
    lines.push(fromBytes(bytes.subarray(at, cut.end)));
    at = cut.next;
  }
  lines.push(fromBytes(bytes.subarray(at)));
  return lines.join(options.newline);
}

// Undefined: no place to break until the end.
function lineEnd(
  bytes: Uint8Array,
  from: number,
  width: number,
  cutWords: boolean,
): { readonly end: number; readonly next: number } | undefined {
  const last = bytes.lastIndexOf(space, from + width);
  if (last >= from) return { end: last, next: last + 1 };
  if (cutWords) return { end: from + width, next: from + width };
  const after = bytes.indexOf(space, from + width);
  return after < 0 ? undefined : { end: after, next: after + 1 };
}
