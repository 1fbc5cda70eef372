import { ManualClock } from '../lib/clock.testkit.ts';
import { silentLogger } from '../lib/log.ts';
import type { Check } from '../model/check.ts';
import type { Node } from '../model/node.ts';
import { defaultWeights, type Service } from '../model/service.ts';
import { MemoryStore } from '../store/memory/memory-store.ts';
import type { Store, StoreLimits } from '../store/store.ts';
import { Watches } from '../watch/watches.ts';
import { Catalog } from './catalog.ts';
import { CatalogTable } from './catalog-table.ts';
import { TombstoneCollector } from './collector.ts';
import { liveKey, memberKey, nodeKey, stateKey } from './keys.ts';
import { encodeLive, encodeMember, encodeState } from './member.ts';
import { Replica } from './replica.ts';
import type { Table } from './table.ts';
import { CatalogWriter } from './writer.ts';

/** A catalog over a store, as one agent has it. */
export interface CatalogKit {
  readonly store: Store;
  readonly clock: ManualClock;
  readonly watches: Watches;
  readonly table: CatalogTable;
  readonly replica: Replica;
  readonly catalog: Catalog;
  readonly writer: CatalogWriter;
  readonly collector: TombstoneCollector;
  stop(): Promise<void>;
}

export interface KitOptions {
  /** Default: a fresh memory store. Give another kit's to be a second agent. */
  readonly store?: Store;
  readonly limits?: StoreLimits;
  readonly clock?: ManualClock;
  readonly tables?: readonly Table[];
}

/** Starts a replica over the store and waits until it is loaded. */
export async function startCatalog(options: KitOptions = {}): Promise<CatalogKit> {
  const clock = options.clock ?? new ManualClock();
  const store = options.store ?? new MemoryStore(options.limits ? { limits: options.limits } : {}, { clock });
  // Index 1 means that nothing was ever there: as under an agent, the first row that a test writes is newer than that.
  if (options.store === undefined) await store.commit({ then: [{ put: 'first', value: new Uint8Array() }] });
  const watches = new Watches({ clock });
  const table = new CatalogTable();
  const tables = [table, ...(options.tables ?? [])];
  const replica = new Replica({ pageSize: 7 }, { store, tables, watches, log: silentLogger });
  const controller = new AbortController();
  const running = replica.run(controller.signal);
  await replica.loaded;
  return {
    store,
    clock,
    watches,
    table,
    replica,
    catalog: new Catalog({ datacenter: 'dc1' }, { table }),
    writer: new CatalogWriter({}, { store, replica, table, clock }),
    collector: new TombstoneCollector({}, { store, replica, graveyards: () => table.graveyards(), clock }),
    stop: async () => {
      controller.abort();
      await running;
    },
  };
}

type AgentNode = Pick<Node, 'name' | 'id' | 'address'>;

/** What becomes of an agent, as it, its lease and the steward write it. */
export const agentOps = {
  start: putAgent,
  die: async (store: Store, { name }: AgentNode): Promise<void> =>
    void (await store.commit({ then: [{ delete: liveKey(name) }] })),
  bury: async (store: Store, { name }: AgentNode): Promise<void> => {
    const when = [
      { key: liveKey(name), exists: false },
      { key: stateKey(name), value: encodeState(true) },
    ];
    await store.commit({ when, then: [{ put: stateKey(name), value: encodeState(false) }] });
  },
  /** The last commit of it; the node itself went before. */
  leave: async (store: Store, { name }: AgentNode): Promise<void> => {
    const then = [memberKey(name), liveKey(name), stateKey(name)].map((key) => ({ delete: key }));
    await store.commit({ when: [{ key: nodeKey(name), exists: false }], then });
  },
};

/** What an agent that starts writes of itself; nothing when that is there. */
export async function putAgent(store: Store, node: AgentNode): Promise<void> {
  const { name, id, address } = node;
  const info = { name, id, address, httpPort: 8500, serverPort: 8300, build: '1.0.0' };
  await store.commit({
    when: [{ key: liveKey(name), exists: false }],
    then: [
      { put: memberKey(name), value: encodeMember(info) },
      { put: liveKey(name), value: encodeLive({ id, incarnation: 'first' }) },
      { put: stateKey(name), value: encodeState(true) },
    ],
  });
}

export function aNode(name: string, parts: Partial<Node> = {}): Node {
  return { id: '', name, address: '192.0.2.1', taggedAddresses: null, meta: null, ...parts };
}

export function aService(id: string, name: string, parts: Partial<Service> = {}): Service {
  return {
    id,
    name,
    tags: [],
    address: '',
    port: 0,
    taggedAddresses: null,
    meta: null,
    weights: defaultWeights,
    enableTagOverride: false,
    socketPath: '',
    ...parts,
  };
}

export function aCheck(id: string, serviceId = '', parts: Partial<Check> = {}): Check {
  return {
    id,
    name: id,
    status: 'passing',
    notes: '',
    output: '',
    serviceId,
    serviceName: '',
    type: '',
    interval: '',
    timeout: '',
    definition: null,
    ...parts,
  };
}
