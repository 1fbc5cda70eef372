import type { Entry, StoreEvent } from '../store/store.ts';
import {
  type CheckFields,
  decodeFields,
  type NodeFields,
  type ServiceFields,
  type TombstoneFields,
} from './codec.ts';
import type { Graveyard } from './graveyard.ts';
import * as keys from './keys.ts';
import type { LiveInfo, MemberInfo } from './member.ts';
import { CatalogState, type Topics } from './state.ts';
import type { Table } from './table.ts';

/** Nodes, services, checks and agents: stored rows -> the state that the catalog reads. */
export class CatalogTable implements Table {
  readonly prefixes = [
    keys.nodePrefix,
    keys.servicePrefix,
    keys.checkPrefix,
    keys.tombstonePrefix,
    keys.floorPrefix,
    keys.memberPrefix,
    keys.livePrefix,
    keys.statePrefix,
  ];
  #state = new CatalogState();
  #fresh = new CatalogState();
  readonly #hostOf = new HostOfKey();

  /** What is served now; replaced as a whole when the replica had to start over. */
  get state(): CatalogState {
    return this.#state;
  }

  /** Tombstones by kind, for the collector. */
  graveyards(): readonly Graveyard[] {
    return [this.#state.nodeGraves, this.#state.serviceGraves, this.#state.checkGraves];
  }

  begin(): void {
    this.#fresh = new CatalogState();
  }

  load(entry: Entry): void {
    this.#put(this.#fresh, entry, undefined);
  }

  finish(revision: number): void {
    this.#fresh.settleMembers(revision);
    this.#state = this.#fresh;
    this.#fresh = new CatalogState();
  }

  apply(event: StoreEvent, topics: string[], revision: number): void {
    if (event.type === 'put') this.#put(this.#state, event.entry, topics);
    else this.#delete(this.#state, event.key, revision, topics);
  }

  #put(state: CatalogState, entry: Entry, out: Topics): void {
    const { key, createRevision, modRevision } = entry;
    const fields = decodeFields(entry.value);
    if (key[1] !== '/') return putMembership(state, entry, fields, out);
    switch (key[0]) {
      case 'n':
        return state.putNode(key.slice(2), fields as NodeFields, createRevision, modRevision, out);
      case 's':
        return state.putService(
          this.#hostOf.key(key),
          fields as ServiceFields,
          createRevision,
          modRevision,
          out,
        );
      case 'u':
        return state.putCheck(this.#hostOf.key(key), fields as CheckFields, createRevision, modRevision, out);
      case 'x':
        return bury(state, key, fields as TombstoneFields, modRevision);
      case 'f':
        return graveyardOf(state, key)?.setFloor((fields as [number])[0], modRevision);
      default:
        return;
    }
  }

  #delete(state: CatalogState, key: string, revision: number, out: Topics): void {
    if (key[1] !== '/') return deleteMembership(state, key, revision, out);
    const host = this.#hostOf.key(key);
    switch (key[0]) {
      case 'n':
        return state.deleteNode(key.slice(2), out);
      case 's':
        return state.deleteService(host, key.slice(host.length + 3), out);
      case 'u':
        return state.deleteCheck(host, key.slice(host.length + 3), out);
      case 'x':
        return unbury(state, key);
      default:
        return;
    }
  }
}

/** The folded node name in a key of a service or check; keys come in runs of one node, so the last one is tried first. */
class HostOfKey {
  #last = '';

  key(key: string): string {
    const end = this.#last.length + 2;
    if (key.charCodeAt(end) === 0 && key.startsWith(this.#last, 2)) return this.#last;
    const separator = key.indexOf('\0');
    this.#last = separator < 0 ? key.slice(2) : key.slice(2, separator);
    return this.#last;
  }
}

function putMembership(state: CatalogState, entry: Entry, fields: unknown, out: Topics): void {
  const { key, createRevision, modRevision } = entry;
  const host = key.slice(key.indexOf('/') + 1);
  if (key.startsWith(keys.memberPrefix))
    return state.putMember(host, fields as MemberInfo, createRevision, modRevision, out);
  if (key.startsWith(keys.livePrefix)) return state.putLive(host, fields as LiveInfo, modRevision, out);
  state.putState(host, (fields as { up: boolean }).up, modRevision, out);
}

function deleteMembership(state: CatalogState, key: string, revision: number, out: Topics): void {
  const host = key.slice(key.indexOf('/') + 1);
  if (key.startsWith(keys.memberPrefix)) state.deleteMember(host, out);
  else if (key.startsWith(keys.livePrefix)) state.deleteLive(host, revision, out);
  else state.deleteState(host, out);
}

function bury(state: CatalogState, key: string, [wallMs]: TombstoneFields, revision: number): void {
  if (key === keys.extinctionKey) {
    state.extinction = revision;
  } else if (key.startsWith(keys.nodeTombstonePrefix)) {
    state.buryNode(key, revision, wallMs);
  } else {
    const [service, node] = keys.tombstoneParts(key);
    if (key.startsWith(keys.serviceTombstonePrefix)) state.buryService(key, service, node, revision, wallMs);
    else state.buryCheck(key, service, node, revision, wallMs);
  }
}

function unbury(state: CatalogState, key: string): void {
  if (key.startsWith(keys.nodeTombstonePrefix)) state.nodeGraves.remove(key);
  else if (key.startsWith(keys.serviceTombstonePrefix)) state.unburyService(key, keys.tombstoneParts(key)[0]);
  else state.checkGraves.remove(key);
}

function graveyardOf(state: CatalogState, key: string): Graveyard | undefined {
  return [state.nodeGraves, state.serviceGraves, state.checkGraves].find((graves) => graves.floorKey === key);
}
