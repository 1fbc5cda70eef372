/** A key with its value, as the replica holds it. */
export class KvRow {
  readonly key: string;
  readonly flags: bigint;
  /** How often the key was locked. */
  readonly lockIndex: number;
  /** The session that holds the key, '' if none. */
  readonly session: string;
  readonly createIndex: number;
  readonly modifyIndex: number;
  readonly #value: Uint8Array | string;

  /** `value`: bytes, or a string of one character a byte, which takes a quarter of the memory when it is short. */
  constructor(
    key: string,
    value: Uint8Array | string,
    fields: { readonly flags: bigint; readonly lockIndex: number; readonly session: string },
    createIndex: number,
    modifyIndex: number,
  ) {
    this.key = key;
    this.#value = value;
    this.flags = fields.flags;
    this.lockIndex = fields.lockIndex;
    this.session = fields.session;
    this.createIndex = compact(createIndex);
    this.modifyIndex = compact(modifyIndex);
  }

  /** Perhaps a fresh copy at every look. */
  get value(): Uint8Array {
    return typeof this.#value === 'string' ? Buffer.from(this.#value, 'latin1') : this.#value;
  }

  holds(value: Uint8Array): boolean {
    const own = this.#value;
    if (typeof own !== 'string')
      return own.byteLength === value.byteLength && Buffer.compare(own, value) === 0;
    if (own.length !== value.byteLength) return false;
    for (let i = 0; i < own.length; i++) if (own.charCodeAt(i) !== value[i]) return false;
    return true;
  }
}

/** V8 keeps small integers in place and others in an object of their own. */
function compact(revision: number): number {
  const small = revision | 0;
  return small === revision ? small : revision;
}
