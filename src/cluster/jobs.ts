import type { Catalog } from '../catalog/catalog.ts';
import { fold, liveKey, stateKey } from '../catalog/keys.ts';
import { type ClusterMember, encodeState } from '../catalog/member.ts';
import type { Clock } from '../lib/clock.ts';
import type { Logger } from '../lib/log.ts';
import type { Store } from '../store/store.ts';
import { downKey, downPrefix, type Departure } from './departure.ts';
import type { Job } from './steward.ts';

/** Writes down that an agent is dead: from then on the index of its serfHealth is the same for everybody. */
export class DeathNotes implements Job {
  readonly name = 'dead agents';
  readonly #deps: { readonly store: Pick<Store, 'commit'>; readonly catalog: Pick<Catalog, 'unnotedDeaths'> };

  constructor(deps: {
    readonly store: Pick<Store, 'commit'>;
    readonly catalog: Pick<Catalog, 'unnotedDeaths'>;
  }) {
    this.#deps = deps;
  }

  async run(signal: AbortSignal): Promise<void> {
    const { store, catalog } = this.#deps;
    for (const { node, stateRevision } of catalog.unnotedDeaths()) {
      if (signal.aborted) return;
      await store.commit({
        when: [
          { key: liveKey(node), exists: false },
          { key: stateKey(node), modRevision: stateRevision },
        ],
        then: [{ put: stateKey(node), value: encodeState(false) }],
      });
    }
  }
}

export interface ReaperOptions {
  /** How long a node may be without its agent. */
  readonly reconnectTimeoutMs: number;
}

/**
 * Takes nodes out whose agents have been dead for too long, and forgets those that left as long ago.
 *
 * Time is counted in steps of the monotonic clock by whoever is the steward, and written down now and then: a wall clock
 * that jumps reaps nobody, and a new steward goes on where the last one wrote.
 */
export class Reaper implements Job {
  readonly name = 'nodes to reap';
  readonly #options: ReaperOptions;
  readonly #deps: {
    readonly store: Pick<Store, 'commit' | 'read'>;
    readonly catalog: Pick<Catalog, 'members'>;
    readonly departure: Pick<Departure, 'forget'>;
    readonly clock: Clock;
    readonly log: Logger;
  };
  /** By folded name. */
  #downs: Map<string, Down> | undefined;
  #lastRunMs = 0;

  constructor(
    options: ReaperOptions,
    deps: {
      readonly store: Pick<Store, 'commit' | 'read'>;
      readonly catalog: Pick<Catalog, 'members'>;
      readonly departure: Pick<Departure, 'forget'>;
      readonly clock: Clock;
      readonly log: Logger;
    },
  ) {
    this.#options = options;
    this.#deps = deps;
  }

  /** Another agent was the steward: what is known here is old. */
  reset(): void {
    this.#downs = undefined;
  }

  async run(signal: AbortSignal): Promise<void> {
    const nowMs = this.#deps.clock.monotonicMs();
    const passedMs = this.#downs === undefined ? 0 : nowMs - this.#lastRunMs;
    const downs = (this.#downs ??= await this.#load());
    this.#lastRunMs = nowMs;
    const members = this.#deps.catalog.members();
    const alive = new Set(members.filter(({ status }) => status === 'alive').map(({ id }) => id));
    for (const member of members) {
      if (signal.aborted) return;
      if (member.status === 'alive') await this.#back(fold(member.name), downs);
      // The same node under a new name: nobody will come back under this one.
      else if (alive.has(member.id)) await this.#forget(member, downs);
      else await this.#count(member, passedMs, downs);
    }
  }

  async #load(): Promise<Map<string, Down>> {
    const downs = new Map<string, Down>();
    for await (const { entries } of this.#deps.store.read({ prefix: downPrefix })) {
      for (const { key, value } of entries) {
        const { ms } = JSON.parse(Buffer.from(value).toString('utf8')) as { ms: number };
        downs.set(key.slice(downPrefix.length), { ms, writtenMs: ms });
      }
    }
    return downs;
  }

  async #back(name: string, downs: Map<string, Down>): Promise<void> {
    if (!downs.has(name)) return;
    await this.#deps.store.commit({ then: [{ delete: downKey(name) }] });
    downs.delete(name);
  }

  async #count(member: ClusterMember, passedMs: number, downs: Map<string, Down>): Promise<void> {
    const { reconnectTimeoutMs } = this.#options;
    const name = fold(member.name);
    const down = downs.get(name) ?? { ms: -passedMs, writtenMs: 0 };
    down.ms += passedMs;
    downs.set(name, down);
    if (down.ms >= reconnectTimeoutMs) return this.#forget(member, downs);
    const step = Math.min(longestStepMs, reconnectTimeoutMs / 20);
    if (down.ms - down.writtenMs < step) return;
    const value = Buffer.from(JSON.stringify({ ms: Math.floor(down.ms) }));
    await this.#deps.store.commit({
      when: [{ key: liveKey(name), exists: false }],
      then: [{ put: downKey(name), value }],
    });
    down.writtenMs = down.ms;
  }

  async #forget(member: ClusterMember, downs: Map<string, Down>): Promise<void> {
    if (!(await this.#deps.departure.forget(member))) return;
    downs.delete(fold(member.name));
    const { name: node, id, address } = member;
    this.#deps.log.info({ node, id, address }, 'reaped a node whose agent was gone for too long');
  }
}

interface Down {
  ms: number;
  writtenMs: number;
}

/** So that no more than this is lost when the steward changes. */
const longestStepMs = 10 * 60_000;

/** Calls something at most once in `everyMs`. */
export class Periodic implements Job {
  readonly name: string;
  readonly #everyMs: number;
  readonly #run: () => Promise<unknown>;
  readonly #clock: Clock;
  #lastMs: number;

  constructor(
    options: { readonly name: string; readonly everyMs: number },
    deps: { readonly run: () => Promise<unknown>; readonly clock: Clock },
  ) {
    this.name = options.name;
    this.#everyMs = options.everyMs;
    this.#run = deps.run;
    this.#clock = deps.clock;
    this.#lastMs = deps.clock.monotonicMs();
  }

  async run(): Promise<void> {
    const nowMs = this.#clock.monotonicMs();
    if (nowMs - this.#lastMs < this.#everyMs) return;
    this.#lastMs = nowMs;
    await this.#run();
  }
}
