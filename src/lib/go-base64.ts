/**
 * base64 and base32 as Go's encoding packages read and write them: padded, line breaks skipped, trailing bits ignored,
 * and the position of the first bad byte in the error.
 */

export class GoBase64Error extends Error {
  override readonly name = 'GoBase64Error';
  readonly code = 'bad-data';
}

const standardAlphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';
const urlAlphabet = `${standardAlphabet.slice(0, 62)}-_`;
const base32Alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';

export function encodeBase64(bytes: Uint8Array): string {
  return bufferOf(bytes).toString('base64');
}

export function encodeBase64Url(bytes: Uint8Array): string {
  return encodeBase64(bytes).replaceAll('+', '-').replaceAll('/', '_');
}

/** Throws GoBase64Error. */
export function decodeBase64(text: Uint8Array): Uint8Array {
  return decode(text, standardAlphabet);
}

/** The alphabet of URLs. Throws GoBase64Error. */
export function decodeBase64Url(text: Uint8Array): Uint8Array {
  return decode(text, urlAlphabet);
}

function bufferOf(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function fail(kind: 'base64' | 'base32', at: number): never {
  throw new GoBase64Error(`illegal ${kind} data at input byte ${at}`);
}

const pad = '='.charCodeAt(0);

function decode(text: Uint8Array, alphabet: string): Uint8Array {
  const out: number[] = [];
  for (let at = 0; at < text.length; ) {
    const quantum = readQuantum(text, at, alphabet);
    pushBits(out, quantum.values, 6);
    at = quantum.next;
  }
  return Uint8Array.from(out);
}

/** Up to four characters; fewer at padding or at the end. */
function readQuantum(
  text: Uint8Array,
  from: number,
  alphabet: string,
): { readonly values: readonly number[]; readonly next: number } {
  const values: number[] = [];
  let at = from;
  while (values.length < 4) {
    if (at === text.length) {
      if (values.length === 0) break;
      fail('base64', at - values.length);
    }
    const byte = text[at++]!;
    const value = alphabet.indexOf(String.fromCharCode(byte));
    if (value >= 0) values.push(value);
    else if (byte === pad) return { values, next: readPadding(text, at, values.length) };
    else if (!isLineBreak(byte)) fail('base64', at - 1);
  }
  return { values, next: at };
}

// Behind the first `=`: the second one where it is due, and nothing else.
function readPadding(text: Uint8Array, from: number, filled: number): number {
  if (filled < 2) fail('base64', from - 1);
  let at = skipLineBreaks(text, from);
  if (filled === 2) {
    if (at === text.length) fail('base64', at);
    if (text[at] !== pad) fail('base64', at - 1);
    at = skipLineBreaks(text, at + 1);
  }
  if (at < text.length) fail('base64', at);
  return at;
}

function skipLineBreaks(text: Uint8Array, from: number): number {
  let at = from;
  while (at < text.length && isLineBreak(text[at]!)) at++;
  return at;
}

function isLineBreak(byte: number): boolean {
  return byte === 0x0a || byte === 0x0d;
}

function pushBits(out: number[], values: readonly number[], width: number): void {
  let bits = 0;
  let size = 0;
  for (const value of values) {
    bits = (bits << width) | value;
    size += width;
    if (size < 8) continue;
    size -= 8;
    out.push((bits >> size) & 0xff);
    bits &= (1 << size) - 1;
  }
}

export function encodeBase32(bytes: Uint8Array): string {
  let out = '';
  let bits = 0;
  let size = 0;
  for (const byte of bytes) {
    bits = (bits << 8) | byte;
    size += 8;
    while (size >= 5) {
      size -= 5;
      out += base32Alphabet[(bits >> size) & 31];
      bits &= (1 << size) - 1;
    }
  }
  if (size > 0) out += base32Alphabet[(bits << (5 - size)) & 31];
  return out.padEnd(Math.ceil(out.length / 8) * 8, '=');
}

/** Throws GoBase64Error. */
export function decodeBase32(text: Uint8Array): Uint8Array {
  const clean = text.filter((byte) => !isLineBreak(byte));
  const out: number[] = [];
  for (let at = 0; at < clean.length; ) {
    const values: number[] = [];
    let padded = false;
    while (values.length < 8 && !padded) {
      if (at === clean.length) fail('base32', at - values.length);
      const byte = clean[at++]!;
      if (byte === pad && values.length >= 2 && clean.length - at < 8) {
        checkBase32Padding(clean, at, values.length);
        padded = true;
        continue;
      }
      const value = base32Alphabet.indexOf(String.fromCharCode(byte));
      if (value < 0) fail('base32', at - 1);
      values.push(value);
    }
    pushBits(out, values, 5);
    if (padded) break;
  }
  return Uint8Array.from(out);
}

function checkBase32Padding(text: Uint8Array, at: number, filled: number): void {
  const left = text.length - at;
  if (left + filled < 7) fail('base32', text.length);
  for (let k = 0; k < 7 - filled; k++) {
    if (left > k && text[at + k] !== pad) fail('base32', at + k - 1);
  }
  // One, three or six characters make no whole number of bytes.
  if (filled === 1 || filled === 3 || filled === 6) fail('base32', at - 1);
}
