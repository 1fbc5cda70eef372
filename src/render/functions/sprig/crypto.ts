/** sprig's passwords and ciphers. */
import { createCipheriv, createDecipheriv, createHmac, randomBytes, scryptSync } from 'node:crypto';
import { bcryptHash, longestPassword } from '../../../lib/bcrypt.ts';
import { decodeBase64, encodeBase64 } from '../../../lib/go-base64.ts';
import { defineFunction } from '../../../template/functions.ts';
import type { GoFunction } from '../../../template/functions.ts';
import { fromBytes, toBytes } from '../../../template/text.ts';
import type { Int } from '../../../template/values.ts';

const blockSize = 16;

export const cryptoFunctions: readonly GoFunction[] = [
  defineFunction('bcrypt', { params: ['string'], result: 'string' }, bcrypt),
  defineFunction('htpasswd', { params: ['string', 'string'], result: 'string' }, (user, password) =>
    user.includes(':') ? `invalid username: ${user}` : `${user}:${bcrypt(password)}`,
  ),
  defineFunction(
    'derivePassword',
    { params: ['uint32', 'string', 'string', 'string', 'string'], result: 'string' },
    (counter, type, password, user, site) =>
      derivePassword(Number((counter as Int).value), type, { password, user, site }),
  ),
  defineFunction('encryptAES', { params: ['string', 'string'], result: 'string' }, (password, text) => {
    if (text === '') return '';
    const iv = randomBytes(blockSize);
    const cipher = createCipheriv('aes-256-cbc', aesKey(password), iv);
    return encodeBase64(Buffer.concat([iv, cipher.update(toBytes(text)), cipher.final()]));
  }),
  defineFunction('decryptAES', { params: ['string', 'string'], result: 'string' }, (password, sealed) => {
    if (sealed === '') return '';
    const bytes = Buffer.from(decodeBase64(toBytes(sealed)));
    const body = bytes.subarray(blockSize);
    if (body.length === 0 || body.length % blockSize !== 0) {
      throw new Error('crypto/cipher: input not full blocks');
    }
    const cipher = createDecipheriv('aes-256-cbc', aesKey(password), bytes.subarray(0, blockSize));
    cipher.setAutoPadding(false);
    const text = Buffer.concat([cipher.update(body), cipher.final()]);
    const padding = text.at(-1)!;
    if (padding > text.length) {
      throw new Error(`runtime error: slice bounds out of range [:${text.length - padding}]`);
    }
    return fromBytes(text.subarray(0, text.length - padding));
  }),
];

function bcrypt(password: string): string {
  const bytes = toBytes(password);
  if (bytes.length > longestPassword) {
    return `failed to encrypt string with bcrypt: bcrypt: password length exceeds ${longestPassword} bytes`;
  }
  return bcryptHash(bytes);
}

// The password itself, cut or filled up with zeros.
function aesKey(password: string): Buffer {
  const key = Buffer.alloc(32);
  key.set(toBytes(password).subarray(0, 32));
  return key;
}

const scope = 'com.lyndir.masterpassword';

const shapes: Readonly<Record<string, readonly string[]>> = {
  maximum: ['anoxxxxxxxxxxxxxxxxx', 'axxxxxxxxxxxxxxxxxno'],
  long: (
    'CvcvnoCvcvCvcv CvcvCvcvnoCvcv CvcvCvcvCvcvno CvccnoCvcvCvcv CvccCvcvnoCvcv CvccCvcvCvcvno CvcvnoCvccCvcv ' +
    'CvcvCvccnoCvcv CvcvCvccCvcvno CvcvnoCvcvCvcc CvcvCvcvnoCvcc CvcvCvcvCvccno CvccnoCvccCvcv CvccCvccnoCvcv ' +
    'CvccCvccCvcvno CvcvnoCvccCvcc CvcvCvccnoCvcc CvcvCvccCvccno CvccnoCvcvCvcc CvccCvcvnoCvcc CvccCvcvCvccno'
  ).split(' '),
  medium: ['CvcnoCvc', 'CvcCvcno'],
  short: ['Cvcn'],
  basic: ['aaanaaan', 'aannaaan', 'aaannaaa'],
  pin: ['nnnn'],
};

const characters: Readonly<Record<string, string>> = {
  V: 'AEIOU',
  C: 'BCDFGHJKLMNPQRSTVWXYZ',
  v: 'aeiou',
  c: 'bcdfghjklmnpqrstvwxyz',
  A: 'AEIOUBCDFGHJKLMNPQRSTVWXYZ',
  a: 'AEIOUaeiouBCDFGHJKLMNPQRSTVWXYZbcdfghjklmnpqrstvwxyz',
  n: '0123456789',
  o: "@&%?,=[]_:-+*$#!'^~;()/.",
  x: 'AEIOUaeiouBCDFGHJKLMNPQRSTVWXYZbcdfghjklmnpqrstvwxyz0123456789!@#$%^&*()',
};

/** The Master Password algorithm. */
function derivePassword(
  counter: number,
  type: string,
  who: { readonly password: string; readonly user: string; readonly site: string },
): string {
  const choices = Object.hasOwn(shapes, type) ? shapes[type] : undefined;
  if (choices === undefined) return `cannot find password template ${type}`;
  const user = toBytes(who.user);
  const salt = Buffer.concat([Buffer.from(scope), uint32(user.length), user]);
  const key = scryptSync(toBytes(who.password), salt, 64, { N: 32_768, r: 8, p: 2, maxmem: 2 ** 26 });
  const site = toBytes(who.site);
  const seed = createHmac('sha256', key)
    .update(Buffer.concat([Buffer.from(scope), uint32(site.length), site, uint32(counter)]))
    .digest();
  const shape = choices[seed[0]! % choices.length]!;
  return Array.from(shape, (kind, i) => {
    const set = characters[kind]!;
    return set[seed[i + 1]! % set.length]!;
  }).join('');
}

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}
