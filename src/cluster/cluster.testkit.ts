import { type CatalogKit, startCatalog } from '../catalog/catalog.testkit.ts';
import { TombstoneCollector } from '../catalog/collector.ts';
import type { MemberInfo } from '../catalog/member.ts';
import { topics } from '../catalog/topics.ts';
import type { ManualClock } from '../lib/clock.testkit.ts';
import { silentLogger } from '../lib/log.ts';
import type { Store } from '../store/store.ts';
import { Departure } from './departure.ts';
import { DeathNotes, Reaper } from './jobs.ts';
import { Liveness, type LivenessEvent } from './liveness.ts';
import { type Job, Steward } from './steward.ts';
import { StewardTable } from './steward-table.ts';

export const ttlSeconds = 7;

export interface AgentOptions {
  readonly name?: string;
  readonly id?: string;
  readonly incarnation?: string;
  readonly sole?: boolean;
  /** Another agent's, to share its store and time. */
  readonly of?: Pick<CatalogKit, 'store' | 'clock'>;
  /** Between this agent and the store. */
  readonly through?: (store: Store) => Store;
  readonly jobs?: readonly Job[];
  readonly reconnectTimeoutMs?: number;
}

/** One agent's life over a catalog, without a registry. */
export interface TestAgent {
  readonly kit: CatalogKit;
  readonly clock: ManualClock;
  readonly liveness: Liveness;
  readonly steward: Steward;
  readonly stewardTable: StewardTable;
  readonly departure: Departure;
  readonly events: LivenessEvent[];
  /** Of `run`: rejects when the agent has to end. */
  readonly ended: Promise<void>;
  serf(node: string): string | undefined;
  statuses(): readonly string[];
  /** Ends everything at once, as kill -9 would. */
  kill(): Promise<void>;
}

export function memberInfo(name: string, id: string): MemberInfo {
  return { name, id, address: '192.0.2.1', httpPort: 8500, serverPort: 8300, build: '1.0.0' };
}

let lives = 0;

/** Starts an agent, resolves when it has its name. */
export async function startAgent(options: AgentOptions = {}): Promise<TestAgent> {
  const agent = await prepareAgent(options);
  await agent.start();
  return agent;
}

export async function prepareAgent(
  options: AgentOptions = {},
): Promise<TestAgent & { start(): Promise<void> }> {
  const {
    name = 'n1',
    id = `id of ${name}`,
    incarnation = `life ${(lives += 1)}`,
    of,
    sole = false,
  } = options;
  const stewardTable = new StewardTable();
  const kit = await startCatalog({ ...(of === undefined ? {} : of), tables: [stewardTable] });
  const { clock, catalog, watches, writer, replica, table } = kit;
  const store = options.through?.(kit.store) ?? kit.store;
  const stop = new AbortController();
  const events: LivenessEvent[] = [];
  const liveness = new Liveness(
    { member: memberInfo(name, id), incarnation, ttlSeconds, sole },
    {
      store,
      clock,
      log: silentLogger,
      shown: () => catalog.live(name),
      onShown: (listener) => watches.subscribe([topics.members], listener),
    },
  );
  liveness.on((event) => event !== 'renewed' && events.push(event));
  const departure = new Departure({}, { store, writer, catalog });
  const reaper = new Reaper(
    { reconnectTimeoutMs: options.reconnectTimeoutMs ?? 72 * 3_600_000 },
    { store, catalog, departure, clock, log: silentLogger },
  );
  const collector = new TombstoneCollector(
    {},
    { store, replica, graveyards: () => table.graveyards(), clock },
  );
  const steward = new Steward(
    { node: name, address: `${name}:8300`, topics: [topics.members] },
    {
      store,
      liveness,
      table: stewardTable,
      watches,
      jobs: options.jobs ?? [
        new DeathNotes({ store, catalog }),
        reaper,
        { name: 'tombstones', run: async () => void (await collector.collect()) },
      ],
      clock,
      log: silentLogger,
    },
  );
  let ended: Promise<void> = Promise.resolve();
  let helping: Promise<void> = Promise.resolve();
  return {
    kit,
    clock,
    liveness,
    steward,
    stewardTable,
    departure,
    events,
    get ended() {
      return ended;
    },
    start: async () => {
      await liveness.start(stop.signal);
      ended = liveness.run(stop.signal);
      ended.catch(() => stop.abort());
      helping = steward.run(stop.signal);
      await clock.advance(0);
    },
    serf: (node) => catalog.rowsOf(node).checks.get('serfHealth')?.status,
    statuses: () => catalog.members().map((member) => `${member.name} ${member.status}`),
    kill: async () => {
      stop.abort();
      await Promise.allSettled([ended, helping]);
      await kit.stop();
    },
  };
}
