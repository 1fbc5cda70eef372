/**
 * Tombstones of one kind as the replica holds them, and the floor that replaces those already collected: no index of
 * this kind is ever below the newest collected deletion.
 */
export class Graveyard {
  readonly floorKey: string;
  readonly #tombstones = new Map<string, Tombstone>();
  #floor = 1;
  #floorRevision = 0;

  constructor(floorKey: string) {
    this.floorKey = floorKey;
  }

  /** No view of this kind has a lower index. */
  get floor(): number {
    return this.#floor;
  }

  /** Revision of the floor's row; 0 if there is none yet. */
  get floorRevision(): number {
    return this.#floorRevision;
  }

  get size(): number {
    return this.#tombstones.size;
  }

  setFloor(floor: number, rowRevision: number): void {
    this.#floor = Math.max(this.#floor, floor);
    this.#floorRevision = rowRevision;
  }

  bury(key: string, revision: number, wallMs: number): void {
    this.#tombstones.set(key, { key, revision, wallMs });
  }

  remove(key: string): boolean {
    return this.#tombstones.delete(key);
  }

  has(key: string): boolean {
    return this.#tombstones.has(key);
  }

  /** Revision of a deletion; 0 if there is no tombstone of it. */
  revisionOf(key: string): number {
    return this.#tombstones.get(key)?.revision ?? 0;
  }

  /** Tombstones of deletions at or before `wallMs`, oldest deletion first. */
  expired(wallMs: number): Tombstone[] {
    const found = [...this.#tombstones.values()].filter((tombstone) => tombstone.wallMs <= wallMs);
    return found.sort((a, b) => a.revision - b.revision);
  }
}

export interface Tombstone {
  readonly key: string;
  readonly revision: number;
  /** When it was deleted, by the writer's wall clock. */
  readonly wallMs: number;
}
