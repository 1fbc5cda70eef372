import { ClassicLevel } from 'classic-level';
import { encodeRecord, RecordDecoder, recordKey } from './persistence-codec.ts';
import type { Persisted, PersistedChange, Persistence } from './persistence.ts';

const recordsPerSlice = 500;

/** Keeps records in a LevelDB of its own. */
export class LevelPersistence implements Persistence {
  readonly #db: ClassicLevel<string, string>;

  private constructor(db: ClassicLevel<string, string>) {
    this.#db = db;
  }

  /** Opens or makes the database in the directory `path`. Rejects when it is in use or damaged. */
  static async open(path: string): Promise<LevelPersistence> {
    const db = new ClassicLevel<string, string>(path, {
      keyEncoding: 'utf8',
      valueEncoding: 'utf8',
      // Read once, at the start: the defaults (8 and 4 MiB) would only hold memory.
      cacheSize: 1 << 20,
      writeBufferSize: 1 << 20,
    });
    await db.open();
    return new LevelPersistence(db);
  }

  async load(): Promise<Persisted> {
    const decoder = new RecordDecoder();
    // Each slice is one trip to the engine, which leaves the event loop free.
    const iterator = this.#db.iterator();
    try {
      for (;;) {
        const records = await iterator.nextv(recordsPerSlice);
        if (records.length === 0) return decoder.persisted();
        for (const [key, value] of records) decoder.add(key, value);
      }
    } finally {
      await iterator.close();
    }
  }

  async write(changes: readonly PersistedChange[], options: { readonly durable: boolean }): Promise<void> {
    const operations = changes.map((change) => {
      const value = encodeRecord(change);
      const key = recordKey(change);
      return value === undefined ? ({ type: 'del', key } as const) : ({ type: 'put', key, value } as const);
    });
    await this.#db.batch(operations, { sync: options.durable });
  }

  async close(): Promise<void> {
    await this.#db.close();
  }
}
