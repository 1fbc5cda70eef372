/** Go's slicing of strings by bytes, with its panics. */
import { byteLength, fromBytes, isAscii, toBytes } from '../../../template/text.ts';

/** `text[from:to]`; left out, to the end. */
export function sliceBytes(text: string, from: number, to?: number): string {
  const size = byteLength(text);
  const end = to ?? size;
  if (end < 0 || end > size) {
    throw new Error(
      to === undefined || end < 0
        ? `runtime error: slice bounds out of range [:${end}]`
        : `runtime error: slice bounds out of range [:${end}] with length ${size}`,
    );
  }
  if (from < 0 || from > end) {
    const range = from < 0 ? `[${from}:]` : `[${from}:${end}]`;
    throw new Error(`runtime error: slice bounds out of range ${range}`);
  }
  if (isAscii(text)) return text.slice(from, end);
  return fromBytes(toBytes(text).subarray(from, end));
}
