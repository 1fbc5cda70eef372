/** A row of the key-value store. In JSON `Flags` is an unsigned 64-bit number: read it as a bigint. */
export interface KvPair {
  readonly LockIndex: number;
  readonly Key: string;
  readonly Flags: bigint;
  /** Base64, null when empty. */
  readonly Value: string | null;
  /** The session that holds the key; absent if none. */
  readonly Session?: string;
  readonly CreateIndex: number;
  readonly ModifyIndex: number;
}
