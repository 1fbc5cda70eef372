import { DecodeError, EncodeError } from './wire.ts';

/** Names between text and wire: a label is a length byte (0 to 63) and that many bytes, the last one is empty. */

const maxNameBytes = 255;
const maxLabelBytes = 63;

/** Name -> wire bytes, uncompressed, in the case given. The trailing dot may be missing. Throws EncodeError. */
export function encodeName(name: string): Uint8Array {
  const labels = name === '.' || name === '' ? [] : splitLabels(name);
  const bytes = new Uint8Array(labels.reduce((sum, label) => sum + 1 + label.length, 1));
  let at = 0;
  for (const label of labels) {
    if (label.length === 0 || label.length > maxLabelBytes) {
      throw new EncodeError('bad-name', `label of ${label.length} bytes in name "${name}"`);
    }
    bytes[at] = label.length;
    bytes.set(label, at + 1);
    at += 1 + label.length;
  }
  if (bytes.length > maxNameBytes) throw new EncodeError('bad-name', `name of ${bytes.length} bytes`);
  return bytes;
}

/** True when encodeName takes it. */
export function isEncodable(name: string): boolean {
  try {
    encodeName(name);
    return true;
  } catch {
    return false;
  }
}

/**
 * Reads the name at `start`, following compression pointers; each must point before the place where it was found, so
 * that reading ends. Returns the text and the offset after the name. Throws DecodeError.
 */
export function decodeName(
  bytes: Uint8Array,
  start: number,
): { readonly name: string; readonly end: number } {
  let text = '';
  let at = start;
  let end = -1;
  let total = 1;
  let lowest = start;
  for (;;) {
    const length = bytes[at];
    if (length === undefined) throw new DecodeError('truncated', 'name runs past the end');
    if (length === 0) return { name: text === '' ? '.' : text, end: end === -1 ? at + 1 : end };
    if (length >= 0xc0) {
      const low = bytes[at + 1];
      if (low === undefined) throw new DecodeError('truncated', 'pointer runs past the end');
      if (end === -1) end = at + 2;
      at = ((length & 0x3f) << 8) | low;
      if (at >= lowest) throw new DecodeError('bad-name', 'pointer does not point backwards');
      lowest = at;
      continue;
    }
    if (length > maxLabelBytes) throw new DecodeError('bad-name', `unknown label type ${length >> 6}`);
    if (at + 1 + length > bytes.length) throw new DecodeError('truncated', 'label runs past the end');
    total += 1 + length;
    if (total > maxNameBytes) throw new DecodeError('bad-name', 'name above 255 bytes');
    text += `${labelText(bytes, at + 1, length)}.`;
    at += 1 + length;
  }
}

function labelText(bytes: Uint8Array, start: number, length: number): string {
  let text = '';
  for (let i = start; i < start + length; i++) {
    const byte = bytes[i]!;
    if (byte < 0x21 || byte > 0x7e) text += `\\${String(byte).padStart(3, '0')}`;
    else if (isSpecial(byte)) text += `\\${String.fromCharCode(byte)}`;
    else text += String.fromCharCode(byte);
  }
  return text;
}

// . \ " ; ( ) @ $ have a meaning of their own in zone files (RFC 1035 section 5.1).
const special: ReadonlySet<number> = new Set(Buffer.from('.\\";()@$'));

function isSpecial(byte: number): boolean {
  return special.has(byte);
}

function splitLabels(name: string): number[][] {
  const source = Buffer.from(name, 'utf8');
  const labels: number[][] = [[]];
  for (let i = 0; i < source.length; i++) {
    const byte = source[i]!;
    if (byte === 0x2e) {
      if (i === source.length - 1) break;
      labels.push([]);
    } else if (byte === 0x5c) {
      const digits = /^[0-2]\d\d/.exec(source.toString('latin1', i + 1, i + 4))?.[0];
      if (digits !== undefined && Number(digits) < 256) {
        labels.at(-1)!.push(Number(digits));
        i += 3;
      } else if (i + 1 < source.length) {
        labels.at(-1)!.push(source[++i]!);
      }
    } else {
      labels.at(-1)!.push(byte);
    }
  }
  return labels;
}
