/**
 * Where the store's keys lie in etcd: `<namespace>k/<key>`; beside them `<namespace>head`, which every commit puts,
 * and `<namespace>limits`, what this etcd was found to take.
 */
import type { Key, Selection } from '../store.ts';
import type { KeyRange } from './messages.ts';

export class Keys {
  readonly head: Buffer;
  readonly limits: Buffer;
  /** All keys and the head. */
  readonly all: KeyRange;
  readonly #prefix: string;
  readonly #skip: number;

  constructor(namespace: string) {
    this.head = Buffer.from(`${namespace}head`);
    this.limits = Buffer.from(`${namespace}limits`);
    this.#prefix = `${namespace}k/`;
    this.#skip = Buffer.byteLength(this.#prefix);
    // From `head` to the end of `k/`: `limits` lies behind it.
    this.all = { key: this.head, end: rangeEnd(Buffer.from(this.#prefix)) };
  }

  bytes(key: Key): Buffer {
    return Buffer.from(this.#prefix + key);
  }

  range(selection: Selection): KeyRange {
    if ('key' in selection) return { key: this.bytes(selection.key) };
    const key = this.bytes(selection.prefix);
    return { key, end: rangeEnd(key) };
  }

  isHead(bytes: Buffer): boolean {
    return bytes.byteLength === this.head.byteLength && bytes.equals(this.head);
  }

  key(bytes: Buffer): Key {
    return bytes.toString('utf8', this.#skip);
  }
}

/** The first key that does not begin with `prefix`. */
export function rangeEnd(prefix: Buffer): Buffer {
  // A namespace is text: its last byte is never 0xff, which UTF-8 does not have.
  const end = Buffer.from(prefix);
  end[end.byteLength - 1]! += 1;
  return end;
}

/** The first key after `key`. */
export function keyAfter(key: Buffer): Buffer {
  return Buffer.concat([key, Buffer.of(0)]);
}
