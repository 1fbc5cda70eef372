/** sprig's encodings and checksums. What does not decode comes out as the error's text. */
import { decodeBase32, decodeBase64, encodeBase32, encodeBase64 } from '../../../lib/go-base64.ts';
import { defineFunction } from '../../../template/functions.ts';
import type { GoFunction } from '../../../template/functions.ts';
import { fromBytes, toBytes } from '../../../template/text.ts';
import { digest } from '../encoding.ts';

export const encodingFunctions: readonly GoFunction[] = [
  onText('b64enc', (text) => encodeBase64(toBytes(text))),
  onText('b64dec', (text) => decoded(() => decodeBase64(toBytes(text)))),
  onText('b32enc', (text) => encodeBase32(toBytes(text))),
  onText('b32dec', (text) => decoded(() => decodeBase32(toBytes(text)))),
  onText('sha1sum', (text) => digest('sha1', text)),
  onText('sha256sum', (text) => digest('sha256', text)),
  onText('sha512sum', (text) => digest('sha512', text)),
  onText('adler32sum', (text) => String(adler32(toBytes(text)))),
];

function onText(name: string, change: (text: string) => string): GoFunction {
  return defineFunction(name, { params: ['string'], result: 'string' }, (text) => change(text));
}

function decoded(decode: () => Uint8Array): string {
  try {
    return fromBytes(decode());
  } catch (error) {
    return (error as Error).message;
  }
}

/** RFC 1950. */
function adler32(bytes: Uint8Array): number {
  let a = 1;
  let b = 0;
  for (const byte of bytes) {
    a = (a + byte) % 65_521;
    b = (b + a) % 65_521;
  }
  return b * 65_536 + a;
}
