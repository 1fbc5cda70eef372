import { encodeRecord, RecordDecoder, recordKey } from './persistence-codec.ts';
import type { Persisted, PersistedChange, Persistence } from './persistence.ts';

/** Keeps records in memory: what one registry wrote, the next one loads. For tests. */
export class MemoryPersistence implements Persistence {
  readonly #records = new Map<string, string>();

  load(): Promise<Persisted> {
    const decoder = new RecordDecoder();
    for (const [key, text] of this.#records) decoder.add(key, text);
    return Promise.resolve(decoder.persisted());
  }

  write(changes: readonly PersistedChange[]): Promise<void> {
    for (const change of changes) {
      const text = encodeRecord(change);
      if (text === undefined) this.#records.delete(recordKey(change));
      else this.#records.set(recordKey(change), text);
    }
    return Promise.resolve();
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}
