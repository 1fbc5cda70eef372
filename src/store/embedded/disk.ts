import { ClassicLevel } from 'classic-level';
import type { ChainedBatch, Snapshot } from 'classic-level';

import type { Entry, Key, LeaseId } from '../store.ts';
import { absent, type Head, type Revisions } from '../transaction.ts';
import {
  bindingKey,
  decodeEntry,
  decodeNumber,
  decodeRevisions,
  entryKey,
  leaseKey,
  metaKey,
  prefixEnd,
} from './records.ts';

type Level = ClassicLevel<string, Buffer>;
export type DiskBatch = ChainedBatch<Level, string, Buffer>;
export type DiskSnapshot = Snapshot;

/** One opened LevelDB, in the words of records.ts. */
export class Disk {
  readonly path: string;
  readonly #level: Level;

  private constructor(path: string, level: Level) {
    this.path = path;
    this.#level = level;
  }

  /** Throws what classic-level throws; `LEVEL_LOCKED` is the cause's code when another process holds it. */
  static async open(path: string): Promise<Disk> {
    const level: Level = new ClassicLevel<string, Buffer>(path, {
      keyEncoding: 'utf8',
      valueEncoding: 'buffer',
      // Values are read again only at a start: the defaults (8 and 4 MiB) would only hold memory.
      cacheSize: 2 << 20,
      writeBufferSize: 2 << 20,
    });
    await level.open();
    return new Disk(path, level);
  }

  entry(key: Key, snapshot?: DiskSnapshot): Entry | undefined {
    const id = entryKey(key);
    const record = snapshot === undefined ? this.#level.getSync(id) : this.#level.getSync(id, { snapshot });
    return record === undefined ? undefined : decodeEntry(key, record);
  }

  revisions(key: Key): Revisions {
    const record = this.#level.getSync(entryKey(key));
    return record === undefined ? absent : decodeRevisions(record);
  }

  meta(name: 'ceiling' | 'group'): number {
    return decodeNumber(this.#level.getSync(metaKey(name)));
  }

  /** Entries whose keys begin with `prefix`, in order, as they are when this is first read. */
  async *entries(prefix: string, pageSize: number, snapshot?: DiskSnapshot): AsyncGenerator<Entry[]> {
    for await (const rows of this.#rows(entryKey(prefix), pageSize, snapshot)) {
      yield rows.map(([id, record]) => decodeEntry(id.slice(1), record));
    }
  }

  async heads(prefix: string): Promise<Head[]> {
    const heads: Head[] = [];
    for await (const page of this.entries(prefix, 1000)) {
      for (const { key, modRevision } of page) heads.push({ key, modRevision });
    }
    return heads;
  }

  async leases(): Promise<{ id: LeaseId; ttlSeconds: number }[]> {
    const leases: { id: LeaseId; ttlSeconds: number }[] = [];
    for await (const rows of this.#rows(leaseKey(''), 1000)) {
      for (const [id, record] of rows) {
        const { ttlSeconds } = JSON.parse(record.toString()) as { ttlSeconds: number };
        leases.push({ id: id.slice(1), ttlSeconds });
      }
    }
    return leases;
  }

  async bindings(): Promise<{ lease: LeaseId; key: Key }[]> {
    const bindings: { lease: LeaseId; key: Key }[] = [];
    for await (const rows of this.#rows(bindingKey('', '').slice(0, 1), 1000)) {
      for (const [id] of rows) {
        const slash = id.indexOf('/');
        bindings.push({ lease: id.slice(1, slash), key: id.slice(slash + 1) });
      }
    }
    return bindings;
  }

  // The chained batch costs half of what an array batch does for each operation.
  batch(): DiskBatch {
    return this.#level.batch();
  }

  snapshot(): DiskSnapshot {
    return this.#level.snapshot();
  }

  async close(): Promise<void> {
    await this.#level.close();
  }

  async *#rows(
    prefix: string,
    pageSize: number,
    snapshot?: DiskSnapshot,
  ): AsyncGenerator<[string, Buffer][]> {
    const range = { gte: prefix, lt: prefixEnd(prefix), highWaterMarkBytes: 256 * 1024 };
    const rows = this.#level.iterator(snapshot === undefined ? range : { ...range, snapshot });
    try {
      for (;;) {
        const page = await rows.nextv(pageSize);
        if (page.length === 0) return;
        yield page;
      }
    } finally {
      await rows.close();
    }
  }
}
