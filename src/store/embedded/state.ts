/**
 * What the embedded engine has published: LevelDB, the changes that LevelDB doesn't have yet, and the feed.
 * The writer changes it; readers see one revision of it, also while a group is on its way to disk.
 */
import { Bindings } from '../bindings.ts';
import { Feed } from '../feed.ts';
import type { FeedOptions } from '../feed.ts';
import { StoreError } from '../store.ts';
import type { Batch, Entry, Key, LeaseId, Page, Revision, Selection, StoreEvent } from '../store.ts';
import type { Changes } from './changes.ts';
import { Disk } from './disk.ts';
import { Frozen } from './frozen.ts';
import { mergeSlots, pushEntry, sortedSlots } from './layers.ts';
import type { Slot } from './layers.ts';
import { Recent } from './recent.ts';

export class State {
  readonly feed: Feed;
  readonly path: string;
  readonly recent = new Recent();
  #bindings = new Bindings();
  /** Published and perhaps not on disk. */
  readonly visible = new Map<Key, Slot>();
  #disk: Disk | undefined;
  #opening: Promise<void> | undefined;
  /** The disk before the group that is being written: its changes may land before they are published. */
  #before: Frozen | undefined;

  /** The state of `disk`, at the last revision that may have been shown. */
  constructor(disk: Disk, options: FeedOptions) {
    this.path = disk.path;
    this.#disk = disk;
    this.feed = new Feed(disk.meta('ceiling'), options);
  }

  /** Throws StoreError `unavailable` while the disk is being opened again. */
  get disk(): Disk {
    if (this.#disk === undefined) throw new StoreError('unavailable', 'The data are being opened again.');
    return this.#disk;
  }

  get bindings(): Bindings {
    return this.#bindings;
  }

  /** Reads which keys hang on which lease. Returns rows whose entry says otherwise, to be deleted. */
  async loadBindings(): Promise<{ lease: LeaseId; key: Key }[]> {
    const bindings = new Bindings();
    const stale: { lease: LeaseId; key: Key }[] = [];
    for (const row of await this.disk.bindings()) {
      if (this.disk.entry(row.key)?.lease === row.lease) bindings.bind(row.key, row.lease);
      else stale.push(row);
    }
    for (const { key, entry } of this.visible.values()) bindings.bind(key, entry?.lease);
    this.#bindings = bindings;
    return stale;
  }

  /** Shows a commit that is not on disk yet. */
  publishVisible(revision: Revision, events: readonly StoreEvent[], dirty: Changes): void {
    for (const event of events) {
      const key = event.type === 'put' ? event.entry.key : event.key;
      this.visible.set(key, dirty.add(event, this.#bindings.leaseOf(key)));
    }
    this.publish({ revision, events });
  }

  /** Shows a commit that readers find below; followers see it at the next `feed.wake`. */
  publish(batch: Batch): void {
    for (const event of batch.events) {
      this.recent.note(event);
      if (event.type === 'put') this.#bindings.bind(event.entry.key, event.entry.lease);
      else this.#bindings.bind(event.key, undefined);
    }
    this.feed.add(batch);
  }

  /** From now on readers see the disk as it is at this moment, until `written`. */
  freeze(): void {
    this.#before = new Frozen(this.disk);
  }

  /** The group that `freeze` hid is published, or failed. */
  thaw(): void {
    this.#before?.release();
    this.#before = undefined;
  }

  /** The slots are on disk: they need no place in memory unless they have changed since. */
  settle(slots: ReadonlyMap<Key, Slot>): void {
    for (const [key, slot] of slots) if (this.visible.get(key) === slot) this.visible.delete(key);
  }

  async *read(selection: Selection, pageSize: number): AsyncGenerator<Page> {
    while (this.#opening !== undefined) await this.#opening;
    if ('key' in selection) yield this.#readKey(selection.key);
    else yield* this.#readPrefix(selection.prefix, pageSize);
  }

  /** Closes LevelDB and opens it again; readers wait. Throws what opening throws; then it stays closed. */
  async reopen(): Promise<void> {
    let opened = (): void => {};
    this.#opening = new Promise((resolve) => (opened = resolve));
    try {
      const old = this.#disk;
      this.#disk = undefined;
      this.recent.clear();
      await old?.close();
      this.#disk = await Disk.open(this.path);
    } finally {
      this.#opening = undefined;
      opened();
    }
  }

  async close(): Promise<void> {
    this.feed.close();
    this.thaw();
    await this.#disk?.close();
  }

  #readKey(key: Key): Page {
    const entries: Entry[] = [];
    const slot = this.visible.get(key);
    const entry = slot === undefined ? this.disk.entry(key, this.#before?.snapshot) : undefined;
    if (slot !== undefined) pushEntry(entries, slot);
    else if (entry !== undefined) entries.push(entry);
    return { revision: this.feed.revision, entries };
  }

  async *#readPrefix(prefix: string, pageSize: number): AsyncGenerator<Page> {
    // The first page is asked for in the same turn, so that feed, slots and disk are of one revision.
    const revision = this.feed.revision;
    const slots = sortedSlots(this.visible, prefix);
    const before = this.#before;
    before?.hold();
    try {
      const below = this.disk.entries(prefix, pageSize, before?.snapshot);
      for await (const entries of pagesOf(below, slots, pageSize)) yield { revision, entries };
    } finally {
      before?.release();
    }
  }
}

/** Pages of sorted entries with sorted slots laid over them; at least one page, which may be empty. */
async function* pagesOf(
  below: AsyncIterable<readonly Entry[]>,
  slots: readonly Slot[],
  pageSize: number,
): AsyncGenerator<Entry[]> {
  let used = 0;
  let page: Entry[] = [];
  let yielded = false;
  for await (const entries of below) {
    const { merged, next } = mergeSlots(entries, slots, used);
    used = next;
    page = page.concat(merged);
    while (page.length >= pageSize) {
      yielded = true;
      yield page.splice(0, pageSize);
    }
  }
  while (used < slots.length) pushEntry(page, slots[used++]!);
  for (let at = 0; at < page.length || !yielded; at += pageSize) {
    yielded = true;
    yield page.slice(at, at + pageSize);
  }
}
