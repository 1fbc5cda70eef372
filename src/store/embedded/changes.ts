import type { Key, LeaseId, StoreEvent } from '../store.ts';
import type { DiskBatch } from './disk.ts';
import type { Slot } from './layers.ts';
import { bindingKey, encodeEntry, entryKey } from './records.ts';

/** Changes on their way to disk: the newest state of each key, and which binding rows appear or go. */
export class Changes {
  readonly slots = new Map<Key, Slot>();
  readonly #bindingRows = new Map<string, boolean>();

  get isEmpty(): boolean {
    return this.slots.size === 0;
  }

  /** `oldLease` is the lease that the key hung on before the event. */
  add(event: StoreEvent, oldLease: LeaseId | undefined): Slot {
    const entry = event.type === 'put' ? event.entry : undefined;
    const key = event.type === 'put' ? event.entry.key : event.key;
    const slot: Slot = { key, entry };
    this.slots.set(key, slot);
    this.#bind(key, oldLease, entry?.lease);
    return slot;
  }

  /** Puts back what a failed batch was to bring to disk; what is here is newer. */
  addOlder(slots: ReadonlyMap<Key, Slot>): void {
    for (const [key, slot] of slots) if (!this.slots.has(key)) this.slots.set(key, slot);
  }

  /** Makes the binding rows of all slots appear, whatever was there before. */
  bindAll(): void {
    for (const { key, entry } of this.slots.values()) this.#bind(key, undefined, entry?.lease);
  }

  /** Leaves out keys that `newer` writes in the same batch. */
  writeTo(batch: DiskBatch, newer?: ReadonlyMap<Key, Slot>): void {
    for (const { key, entry } of this.slots.values()) {
      if (newer?.has(key)) continue;
      if (entry === undefined) batch.del(entryKey(key));
      else batch.put(entryKey(key), encodeEntry(entry));
    }
    for (const [row, present] of this.#bindingRows) {
      if (present) batch.put(row, empty);
      else batch.del(row);
    }
  }

  #bind(key: Key, oldLease: LeaseId | undefined, newLease: LeaseId | undefined): void {
    if (oldLease === newLease) return;
    if (oldLease !== undefined) this.#bindingRows.set(bindingKey(oldLease, key), false);
    if (newLease !== undefined) this.#bindingRows.set(bindingKey(newLease, key), true);
  }
}

const empty = Buffer.alloc(0);
