/** base64 in both alphabets, and digests in lower-case hexadecimal. */
import { createHash, createHmac } from 'node:crypto';
import { decodeBase64, decodeBase64Url, encodeBase64, encodeBase64Url } from '../../lib/go-base64.ts';
import { defineFunction } from '../../template/functions.ts';
import type { GoFunction } from '../../template/functions.ts';
import { fromBytes, toBytes } from '../../template/text.ts';

export const encodingFunctions: readonly GoFunction[] = [
  onText('base64Encode', (text) => encodeBase64(toBytes(text))),
  onText('base64URLEncode', (text) => encodeBase64Url(toBytes(text))),
  onText('base64Decode', (text) => fromBytes(decodeBase64(toBytes(text)))),
  onText('base64URLDecode', (text) => fromBytes(decodeBase64Url(toBytes(text)))),
  onText('sha256Hex', (text) => digest('sha256', text)),
  onText('md5sum', (text) => digest('md5', text)),
  defineFunction('hmacSHA256Hex', { params: ['string', 'string'], result: 'string' }, (message, key) =>
    createHmac('sha256', toBytes(key)).update(toBytes(message)).digest('hex'),
  ),
];

function onText(name: string, change: (text: string) => string): GoFunction {
  return defineFunction(name, { params: ['string'], result: 'string' }, (text) => {
    try {
      return change(text);
    } catch (error) {
      throw new Error(`${name}: ${(error as Error).message}`, { cause: error });
    }
  });
}

/** Of the text's bytes, in hexadecimal. */
export function digest(algorithm: 'md5' | 'sha1' | 'sha256' | 'sha512', text: string): string {
  return createHash(algorithm).update(toBytes(text)).digest('hex');
}
