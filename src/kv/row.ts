/** A key with its value, as the replica holds it. */
export class KvRow {
  readonly key: string;
  readonly value: Uint8Array;
  readonly flags: bigint;
  /** How often the key was locked. */
  readonly lockIndex: number;
  /** The session that holds the key, '' if none. */
  readonly session: string;
  readonly createIndex: number;
  readonly modifyIndex: number;

  constructor(
    key: string,
    fields: { value: Uint8Array; flags: bigint; lockIndex: number; session: string },
    createIndex: number,
    modifyIndex: number,
  ) {
    this.key = key;
    this.value = fields.value;
    this.flags = fields.flags;
    this.lockIndex = fields.lockIndex;
    this.session = fields.session;
    this.createIndex = createIndex;
    this.modifyIndex = modifyIndex;
  }
}
