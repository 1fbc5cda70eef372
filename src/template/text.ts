/**
 * Strings as Go sees them: bytes. A byte that is not part of valid UTF-8 is kept as a lone surrogate U+DC80..U+DCFF, so
 * that slicing through a character loses nothing and `toBytes` gives the same bytes again.
 */

const ascii = /^[\0-\x7f]*$/;
const loneByte = /(?<![\ud800-\udbff])[\udc80-\udcff]/;
const highSurrogate = 0xd800;
const lowSurrogate = 0xdc00;

export function isAscii(text: string): boolean {
  return ascii.test(text);
}

/** Go's `len` of a string. */
export function byteLength(text: string): number {
  if (isAscii(text)) return text.length;
  return loneByte.test(text) ? toBytes(text).length : Buffer.byteLength(text);
}

/** The bytes of a string; a lone surrogate that stands for no byte becomes U+FFFD. */
export function toBytes(text: string): Uint8Array {
  if (!loneByte.test(text)) return Buffer.from(text);
  const parts: Uint8Array[] = [];
  let start = 0;
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    if (isHighSurrogate(unit) && isLowSurrogate(text.charCodeAt(i + 1))) {
      i++;
    } else if (unit >= 0xdc80 && unit <= 0xdcff) {
      parts.push(Buffer.from(text.slice(start, i)), Uint8Array.of(unit - lowSurrogate));
      start = i + 1;
    }
  }
  parts.push(Buffer.from(text.slice(start)));
  return Buffer.concat(parts);
}

/** The string of some bytes; what is not UTF-8 is kept byte by byte. */
export function fromBytes(bytes: Uint8Array): string {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8');
  return text.includes('\ufffd') ? decodeCarefully(bytes) : text;
}

/** Joins what were halves of a character before two strings were put together. */
export function rejoin(text: string): string {
  return loneByte.test(text) ? fromBytes(toBytes(text)) : text;
}

/** Number of runes: a byte that is not UTF-8 counts as one. */
export function runeCount(text: string): number {
  if (isAscii(text)) return text.length;
  let count = 0;
  for (const _ of text) count++;
  return count;
}

/** The first runes of a string. */
export function takeRunes(text: string, count: number): string {
  return text.length <= count ? text : Array.from(text).slice(0, count).join('');
}

/** The code point as Go decodes it: U+FFFD for a byte that is not UTF-8. */
export function runeOf(char: string): number {
  const code = char.codePointAt(0)!;
  return code >= highSurrogate && code <= 0xdfff ? 0xfffd : code;
}

/** Whether the string is one rune that stands for a single invalid byte, and which. */
export function invalidByte(char: string): number | undefined {
  const code = char.charCodeAt(0);
  return code >= 0xdc80 && code <= 0xdcff ? code - lowSurrogate : undefined;
}

function isHighSurrogate(unit: number): boolean {
  return unit >= highSurrogate && unit < lowSurrogate;
}

function isLowSurrogate(unit: number): boolean {
  return unit >= lowSurrogate && unit <= 0xdfff;
}

function decodeCarefully(bytes: Uint8Array): string {
  let text = '';
  for (let i = 0; i < bytes.length; ) {
    const width = sequenceWidth(bytes, i);
    if (width === 0) {
      text += String.fromCharCode(lowSurrogate + bytes[i]!);
      i++;
    } else {
      text += Buffer.from(bytes.subarray(i, i + width)).toString('utf8');
      i += width;
    }
  }
  return text;
}

// RFC 3629: no overlong forms, no surrogates, nothing above U+10FFFF. 0: not the start of a valid sequence.
function sequenceWidth(bytes: Uint8Array, at: number): number {
  const first = bytes[at]!;
  if (first < 0x80) return 1;
  const width = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
  if (first < 0xc2 || first > 0xf4 || at + width > bytes.length) return 0;
  const second = bytes[at + 1]!;
  const low = first === 0xe0 ? 0xa0 : first === 0xf0 ? 0x90 : 0x80;
  const high = first === 0xed ? 0x9f : first === 0xf4 ? 0x8f : 0xbf;
  if (second < low || second > high) return 0;
  for (let i = 2; i < width; i++) {
    if ((bytes[at + i]! & 0xc0) !== 0x80) return 0;
  }
  return width;
}
