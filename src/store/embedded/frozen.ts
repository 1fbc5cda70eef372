import type { Disk, DiskSnapshot } from './disk.ts';

/** A snapshot that is let go when its owner and all its readers have released it; it begins with the owner's hold. */
export class Frozen {
  readonly snapshot: DiskSnapshot;
  #holds = 1;

  constructor(disk: Disk) {
    this.snapshot = disk.snapshot();
  }

  hold(): void {
    this.#holds++;
  }

  release(): void {
    // Closing can only fail with LevelDB itself, which closes it then.
    if (--this.#holds === 0) void this.snapshot.close().catch(() => {});
  }
}
