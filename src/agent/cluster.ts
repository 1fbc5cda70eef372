/** This agent among the others: its life, the steward's jobs, who the members are. */
import { randomUUID } from 'node:crypto';
import type { Catalog } from '../catalog/catalog.ts';
import { topics } from '../catalog/topics.ts';
import type { TombstoneCollector } from '../catalog/collector.ts';
import type { ClusterMember } from '../catalog/member.ts';
import type { Replica } from '../catalog/replica.ts';
import type { CatalogWriter } from '../catalog/writer.ts';
import { Departure } from '../cluster/departure.ts';
import { ClusterError } from '../cluster/errors.ts';
import { CriticalServices } from '../cluster/critical-services.ts';
import { DeathNotes, Periodic, Reaper } from '../cluster/jobs.ts';
import { Liveness } from '../cluster/liveness.ts';
import { type Job, Steward } from '../cluster/steward.ts';
import type { StewardTable } from '../cluster/steward-table.ts';
import type { Config } from '../config/config.ts';
import type { Clock } from '../lib/clock.ts';
import { hostPort } from '../lib/host-port.ts';
import { Latch } from '../lib/latch.ts';
import type { Logger } from '../lib/log.ts';
import { compatVersion } from '../lib/version.ts';
import type { Registry } from '../registry/registry.ts';
import type { Store } from '../store/store.ts';
import type { Watches } from '../watch/watches.ts';
import type { Disk } from './store.ts';

export interface ClusterDeps {
  readonly store: Store;
  readonly catalog: Catalog;
  readonly writer: CatalogWriter;
  readonly watches: Watches;
  readonly clock: Clock;
  readonly log: Logger;
}

export interface Cluster {
  readonly liveness: Liveness;
  readonly departure: Departure;
  /** The catalog's writer, for this node's own rows: nothing is written while its name is not held. */
  readonly ownRows: Pick<CatalogWriter, 'syncNode'>;
  /** Opens when this agent has left by its own will: it is to stop. */
  readonly left: Latch;
  /** `host:port` of this agent, as leaders and peers are shown. */
  readonly address: string;
}

export function openCluster(
  config: Config,
  { nodeId, sole }: Pick<Disk, 'nodeId' | 'sole'>,
  deps: ClusterDeps,
): Cluster {
  const { store, catalog, writer, watches, clock } = deps;
  const { nodeName, ports } = config;
  const { advertise: address } = config.addresses;
  const member = {
    name: nodeName,
    id: nodeId,
    address,
    httpPort: ports.http,
    serverPort: ports.server,
    build: compatVersion,
  };
  // Nobody waits for the end of a lone agent: a stall of whatever length must not make its node critical.
  const ttlSeconds = sole ? 3600 : config.store.ttlSeconds;
  const liveness = new Liveness(
    { member, incarnation: randomUUID(), ttlSeconds, sole },
    {
      store,
      clock,
      log: deps.log.child('cluster'),
      shown: () => catalog.live(nodeName),
      onShown: (listener) => watches.subscribe([topics.members], listener),
    },
  );
  return {
    liveness,
    departure: new Departure({}, { store, writer, catalog }),
    ownRows: {
      syncNode: (changes, options) => writer.syncNode(changes, { ...options, fence: () => liveness.fence() }),
    },
    left: new Latch(),
    address: hostPort(address, ports.server),
  };
}

/**
 * Also after a cut: what could not be written is written as soon as the store answers, and everything is compared again
 * when the name is held again or the replica has read everything anew, as from a store that was emptied.
 */
export function keepRegistryInLine(
  { liveness }: Cluster,
  deps: { readonly registry: Registry; readonly replica: Replica; readonly watches: Watches },
): void {
  const { registry, replica, watches } = deps;
  liveness.on((event) => {
    if (event === 'renewed') registry.retry();
    if (event === 'regained') registry.resync();
  });
  let { loads } = replica;
  watches.subscribe([topics.nodes], () => {
    if (replica.loads === loads) return;
    loads = replica.loads;
    registry.resync();
  });
}

export function openSteward(
  config: Config,
  deps: ClusterDeps & {
    readonly cluster: Cluster;
    readonly table: StewardTable;
    readonly collector: TombstoneCollector;
    readonly jobs: readonly Job[];
    readonly topics: readonly string[];
  },
): Steward {
  const { store, catalog, clock, cluster } = deps;
  const { liveness, departure, address } = cluster;
  const log = deps.log.child('steward');
  const reaper = new Reaper(
    { reconnectTimeoutMs: config.reconnectTimeoutMs },
    { store, catalog, departure, clock, log },
  );
  const tombstones = new Periodic(
    { name: 'old tombstones', everyMs: 5 * 60_000 },
    { run: () => deps.collector.collect(), clock },
  );
  return new Steward(
    { node: config.nodeName, address, topics: [topics.members, ...deps.topics] },
    {
      store,
      liveness,
      table: deps.table,
      watches: deps.watches,
      jobs: [
        new DeathNotes({ store, catalog }),
        ...deps.jobs,
        new CriticalServices({ catalog, writer: deps.writer, clock, log }),
        reaper,
        tombstones,
      ],
      clock,
      log,
    },
  );
}

/** The cluster as the HTTP API and the gauges see it. */
export interface ClusterInfo {
  members(): readonly ClusterMember[];
  /** `host:port` of the steward, '' when there is none. */
  leader(): string;
  isLead(): boolean;
  /** Resolves when this agent is out of the catalog; it stops then. Throws ClusterError when it is still there. */
  leave(): Promise<void>;
  /** Takes a dead agent out. Throws ClusterError `unknown-member`. */
  forceLeave(node: string, options: { readonly forget: boolean }): Promise<void>;
}

export function clusterInfo(
  config: Config,
  deps: {
    readonly catalog: Catalog;
    readonly cluster: Cluster;
    readonly steward: Steward;
    readonly stewardTable: StewardTable;
    readonly clock: Clock;
  },
): ClusterInfo {
  const { catalog, cluster, steward, stewardTable } = deps;
  // A lone agent leads from the start.
  const fallback = config.store.url === '' ? cluster.address : '';
  return {
    members: () => catalog.members(),
    leader: () => stewardTable.lead?.address ?? fallback,
    isLead: () => steward.isLead,
    leave: () => leaveCluster(config, cluster, deps.clock),
    forceLeave: (node, options) => cluster.departure.force(node, options),
  };
}

async function leaveCluster(
  config: Config,
  { liveness, departure, left }: Cluster,
  clock: Clock,
): Promise<void> {
  const fence = liveness.leave();
  if (fence === undefined || !(await departure.leave(config.nodeName, fence).catch(stays))) {
    liveness.stay();
    throw new ClusterError('not-held', 'this agent could not leave: the store does not answer; try again');
  }
  await liveness.end();
  // The answer to whoever asked goes out first.
  clock.after(answerMs, () => left.open());

  function stays(error: unknown): never {
    liveness.stay();
    throw error;
  }
}

const answerMs = 200;
