import type { Clock } from '../lib/clock.ts';
import type { Commit, Compare, Operation, Store } from '../store/store.ts';
import { encodeFloor } from './codec.ts';
import type { Graveyard, Tombstone } from './graveyard.ts';
import type { Replica } from './replica.ts';

export interface CollectorOptions {
  /** Age at which a tombstone may go; default 15 minutes. */
  readonly maxAgeMs?: number;
}

/**
 * Removes old tombstones and raises their kind's floor in the same commit, so that no index falls. Everything it does
 * is compared and may be done by several agents at once.
 */
export class TombstoneCollector {
  readonly #maxAgeMs: number;
  readonly #store: Store;
  readonly #replica: Pick<Replica, 'waitFor'>;
  readonly #graveyards: () => Iterable<Graveyard>;
  readonly #clock: Clock;

  constructor(
    options: CollectorOptions,
    deps: {
      readonly store: Store;
      readonly replica: Pick<Replica, 'waitFor'>;
      /** Those of the state that is served now. */
      readonly graveyards: () => Iterable<Graveyard>;
      readonly clock: Clock;
    },
  ) {
    this.#maxAgeMs = options.maxAgeMs ?? 15 * 60_000;
    this.#store = deps.store;
    this.#replica = deps.replica;
    this.#graveyards = deps.graveyards;
    this.#clock = deps.clock;
  }

  /** One collection; how many tombstones it removed. What somebody else changed meanwhile waits for the next. */
  async collect(): Promise<number> {
    const before = this.#clock.wallMs() - this.#maxAgeMs;
    let removed = 0;
    for (const graveyard of this.#graveyards()) {
      const old = graveyard.expired(before);
      const perCommit = Math.max(1, this.#store.limits.ops - 1);
      for (let from = 0; from < old.length; from += perCommit) {
        const some = old.slice(from, from + perCommit);
        const result = await this.#store.commit(collection(graveyard, some));
        if (result.outcome !== 'committed') break;
        await this.#replica.waitFor(result.revision);
        removed += some.length;
      }
    }
    return removed;
  }
}

function collection(graveyard: Graveyard, tombstones: readonly Tombstone[]): Commit {
  const { floorKey, floor, floorRevision } = graveyard;
  const raised = Math.max(floor, ...tombstones.map(({ revision }) => revision));
  const when: Compare[] = [{ key: floorKey, modRevision: floorRevision }];
  for (const { key, revision } of tombstones) when.push({ key, modRevision: revision });
  const deletes: Operation[] = tombstones.map(({ key }) => ({ delete: key }));
  return { when, then: [{ put: floorKey, value: encodeFloor(raised) }, ...deletes] };
}
