import type { Graveyard } from '../catalog/graveyard.ts';
import type { Table } from '../catalog/table.ts';
import type { Entry, StoreEvent } from '../store/store.ts';
import { decodeKv } from './codec.ts';
import { floorKey, floorPrefix, rowPrefix, tombstonePrefix, treeTombstonePrefix } from './keys.ts';
import { KvState } from './state.ts';

/** Keys and values: stored rows -> the state that Kv reads. */
export class KvTable implements Table {
  readonly prefixes = [rowPrefix, tombstonePrefix, treeTombstonePrefix, floorPrefix];
  #state = new KvState();
  #fresh = new KvState();

  /** What is served now; replaced as a whole when the replica had to start over. */
  get state(): KvState {
    return this.#state;
  }

  /** Tombstones, for the collector. */
  graveyards(): readonly Graveyard[] {
    return [this.#state.graves];
  }

  begin(): void {
    this.#fresh = new KvState();
  }

  load(entry: Entry): void {
    put(this.#fresh, entry);
  }

  finish(): void {
    this.#state = this.#fresh;
    this.#fresh = new KvState();
  }

  apply(event: StoreEvent, topics: string[]): void {
    const key = event.type === 'put' ? event.entry.key : event.key;
    if (event.type === 'put') put(this.#state, event.entry);
    else remove(this.#state, key);
    if (!key.startsWith(rowPrefix)) return;
    topics.push(key);
    for (let at = key.indexOf('/'); at >= 0; at = key.indexOf('/', at + 1)) topics.push(key.slice(0, at + 1));
  }
}

function put(state: KvState, entry: Entry): void {
  const { key, value, modRevision } = entry;
  const name = key.slice(rowPrefix.length);
  if (key.startsWith(rowPrefix)) {
    state.put(decodeKv(name, value, entry.createRevision, modRevision));
  } else if (key.startsWith(tombstonePrefix)) {
    state.bury(key, name, modRevision, numberOf(value));
  } else if (key.startsWith(treeTombstonePrefix)) {
    state.buryTree(key, name, modRevision, numberOf(value));
  } else if (key === floorKey) {
    state.graves.setFloor(numberOf(value), modRevision);
  }
}

function remove(state: KvState, key: string): void {
  const name = key.slice(rowPrefix.length);
  if (key.startsWith(rowPrefix)) state.delete(name);
  else if (key.startsWith(tombstonePrefix)) state.unbury(key, name);
  else if (key.startsWith(treeTombstonePrefix)) state.unburyTree(key, name);
}

/** Tombstones and floors are `[number]`, as in the catalog. */
function numberOf(value: Uint8Array): number {
  const text = Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString('latin1');
  return (JSON.parse(text) as [number])[0];
}
