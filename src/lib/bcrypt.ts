/**
 * bcrypt hashes (`$2a$`). The tables of Blowfish are the first 33,344 bits of pi behind the point: they are worked out
 * each time, which takes little beside the hash.
 */
import { randomBytes } from 'node:crypto';

const magic = 'OrpheanBeholderScryDoubt';
const alphabet = './ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789';
const pWords = 18;
const sWords = 1024;
/** Longer ones would be cut by others, which nobody expects of a password. */
export const longestPassword = 72;

/** `cost`: rounds as a power of two, 4 to 31. Blocks for some 100 ms at cost 10. */
export function bcryptHash(password: Uint8Array, cost = 10, salt: Uint8Array = randomBytes(16)): string {
  if (password.length > longestPassword)
    throw new RangeError(`password is longer than ${longestPassword} bytes`);
  const key = words(Uint8Array.from([...password, 0]), pWords);
  const salts = words(salt, 4);
  const state = new Blowfish(piWords());
  state.expand(key, salts);
  const saltKey = words(salt, pWords);
  const none = new Uint32Array(4);
  for (let i = 0; i < 2 ** cost; i++) {
    state.expand(key, none);
    state.expand(saltKey, none);
  }
  const text = words(Buffer.from(magic), 6);
  for (let i = 0; i < 64; i++) for (let at = 0; at < 6; at += 2) state.encrypt(text, at);
  const bytes = Buffer.alloc(24);
  text.forEach((word, i) => bytes.writeUInt32BE(word, 4 * i));
  return `$2a$${String(cost).padStart(2, '0')}$${encode(salt)}${encode(bytes.subarray(0, 23))}`;
}

/** The bytes, over and over, as big-endian words. */
function words(bytes: Uint8Array, count: number): Uint32Array {
  const out = new Uint32Array(count);
  for (let i = 0; i < 4 * count; i++) out[i >> 2] = (out[i >> 2]! << 8) | bytes[i % bytes.length]!;
  return out;
}

function encode(bytes: Uint8Array): string {
  let out = '';
  for (let bit = 0; bit < bytes.length * 8; bit += 6) {
    const at = bit >> 3;
    const pair = (bytes[at]! << 8) | (bytes[at + 1] ?? 0);
    out += alphabet[(pair >> (10 - (bit & 7))) & 63];
  }
  return out;
}

class Blowfish {
  readonly #p: Uint32Array;
  readonly #s: Uint32Array;

  constructor(tables: Uint32Array) {
    this.#p = tables.slice(0, pWords);
    this.#s = tables.slice(pWords);
  }

  /** Mixes the key and the salt (four words) into both tables. */
  expand(key: Uint32Array, salt: Uint32Array): void {
    for (let i = 0; i < pWords; i++) this.#p[i] = this.#p[i]! ^ key[i]!;
    const block = new Uint32Array(2);
    let at = 0;
    for (const table of [this.#p, this.#s]) {
      for (let i = 0; i < table.length; i += 2) {
        block[0] = block[0]! ^ salt[at]!;
        block[1] = block[1]! ^ salt[at + 1]!;
        at ^= 2;
        this.encrypt(block, 0);
        table[i] = block[0]!;
        table[i + 1] = block[1]!;
      }
    }
  }

  /** Two words in place. */
  encrypt(block: Uint32Array, at: number): void {
    const p = this.#p;
    const s = this.#s;
    let left = block[at]! ^ p[0]!;
    let right = block[at + 1]!;
    for (let i = 1; i <= 16; i += 2) {
      right ^=
        (((s[left >>> 24]! + s[256 + ((left >>> 16) & 255)]!) ^ s[512 + ((left >>> 8) & 255)]!) +
          s[768 + (left & 255)]!) ^
        p[i]!;
      left ^=
        (((s[right >>> 24]! + s[256 + ((right >>> 16) & 255)]!) ^ s[512 + ((right >>> 8) & 255)]!) +
          s[768 + (right & 255)]!) ^
        p[i + 1]!;
    }
    block[at] = right ^ p[17]!;
    block[at + 1] = left;
  }
}

/** Machin's formula, with guard bits behind what is used. */
function piWords(): Uint32Array {
  const count = pWords + sWords;
  const bits = BigInt(32 * count + 64);
  const pi = 4n * (4n * arctan(5n, bits) - arctan(239n, bits));
  const hex = (pi & ((1n << bits) - 1n)).toString(16).padStart(8 * count + 16, '0');
  return Uint32Array.from({ length: count }, (_, i) => Number.parseInt(hex.slice(8 * i, 8 * i + 8), 16));
}

/** arctan(1/n) with so many bits behind the point. */
function arctan(n: bigint, bits: bigint): bigint {
  const square = n * n;
  let power = (1n << bits) / n;
  let sum = power;
  for (let k = 3n; power > 0n; k += 2n) {
    power /= square;
    sum += (k & 2n) === 0n ? power / k : -power / k;
  }
  return sum;
}
