/**
 * The embedded engine's state: LevelDB, and over it the changes that LevelDB doesn't have yet.
 *
 *     staged    a group that is being written: nobody but later commits of the group may see it
 *     visible   published and not yet on disk (rederivable commits)
 *     disk      everything else
 */
import { compareUtf8 } from '../../lib/bytes.ts';
import type { Bindings } from '../bindings.ts';
import type { Entry, Key, LeaseId } from '../store.ts';
import { absent, type Head, type Lookup, type Revisions } from '../transaction.ts';
import type { Disk } from './disk.ts';
import type { Recent } from './recent.ts';

/** A key's newest state; no entry: deleted. */
export interface Slot {
  readonly key: Key;
  readonly entry: Entry | undefined;
}

export type Layer = ReadonlyMap<Key, Slot>;

/** Heads that were read ahead, by prefix: LevelDB has no synchronous iterator. */
export type Ranges = ReadonlyMap<string, readonly Head[]>;

export class Layers implements Lookup {
  readonly #disk: Disk;
  readonly #ranges: Ranges;
  readonly #visible: Layer;
  readonly #staged: Layer;
  readonly #leases: { has(id: LeaseId): boolean };
  readonly #recent: Recent;

  constructor(
    layers: { readonly visible: Layer; readonly staged: Layer; readonly ranges: Ranges },
    deps: {
      readonly disk: Disk;
      readonly leases: { has(id: LeaseId): boolean };
      /** What is known of published keys without asking the disk. */
      readonly recent: Recent;
    },
  ) {
    this.#visible = layers.visible;
    this.#staged = layers.staged;
    this.#ranges = layers.ranges;
    this.#disk = deps.disk;
    this.#leases = deps.leases;
    this.#recent = deps.recent;
  }

  get(key: Key): Entry | undefined {
    const slot = this.#staged.get(key) ?? this.#visible.get(key);
    return slot === undefined ? this.#disk.entry(key) : slot.entry;
  }

  revisions(key: Key): Revisions {
    const slot = this.#staged.get(key) ?? this.#visible.get(key);
    if (slot !== undefined) return slot.entry ?? absent;
    const known = this.#recent.get(key);
    if (known !== undefined) return known;
    // Whoever compares a key nearly always writes it next.
    const found = this.#disk.revisions(key);
    this.#recent.set(key, found);
    return found;
  }

  heads(prefix: string): readonly Head[] {
    const below = this.#ranges.get(prefix);
    if (below === undefined) throw new RangeError(`The range ${JSON.stringify(prefix)} was not read ahead.`);
    const above = new Map<Key, Slot>();
    for (const layer of [this.#visible, this.#staged]) {
      for (const slot of slotsWithPrefix(layer, prefix)) above.set(slot.key, slot);
    }
    if (above.size === 0) return below;
    const heads: Head[] = below.filter(({ key }) => !above.has(key));
    for (const { entry } of above.values()) if (entry !== undefined) heads.push(entry);
    return heads.sort((a, b) => compareUtf8(a.key, b.key));
  }

  leaseExists(id: LeaseId): boolean {
    return this.#leases.has(id);
  }

  /** Keys that hang on the lease, staged ones included. */
  boundKeys(lease: LeaseId, bindings: Bindings): Key[] {
    const keys = bindings.keysOf(lease).filter((key) => !this.#staged.has(key));
    for (const { key, entry } of this.#staged.values()) if (entry?.lease === lease) keys.push(key);
    return keys;
  }
}

function* slotsWithPrefix(layer: Layer, prefix: string): Generator<Slot> {
  for (const slot of layer.values()) if (slot.key.startsWith(prefix)) yield slot;
}

/** Slots under `prefix` in key order. */
export function sortedSlots(layer: Layer, prefix: string): Slot[] {
  return [...slotsWithPrefix(layer, prefix)].sort((a, b) => compareUtf8(a.key, b.key));
}

/** Lays sorted slots over the next entries of a sorted read; returns how many slots were used up. */
export function mergeSlots(
  entries: readonly Entry[],
  slots: readonly Slot[],
  from: number,
): { merged: Entry[]; next: number } {
  const merged: Entry[] = [];
  let next = from;
  for (const entry of entries) {
    let order = 1;
    while (next < slots.length && (order = compareUtf8(slots[next]!.key, entry.key)) < 0) {
      pushEntry(merged, slots[next++]!);
    }
    if (next < slots.length && order === 0) pushEntry(merged, slots[next++]!);
    else merged.push(entry);
  }
  return { merged, next };
}

/** A slot's entry, with a value of its own: the caller may write into it. */
export function pushEntry(entries: Entry[], slot: Slot): void {
  if (slot.entry !== undefined) entries.push({ ...slot.entry, value: new Uint8Array(slot.entry.value) });
}
