import { comparerOf, compareUtf8 } from '../lib/bytes.ts';
import type { View } from '../watch/view.ts';
import type { CatalogTable } from './catalog-table.ts';
import { type HostEntry, listOf, type NameEntry } from './entries.ts';
import { fold, nodeTombstoneKey } from './keys.ts';
import type { ClusterMember, LiveInfo } from './member.ts';
import type { CheckRow, Instance, NodeRow, ServiceRow, ServiceShape } from './rows.ts';
import type { CatalogState } from './state.ts';
import { topics } from './topics.ts';

/** A node with the services on it. */
export interface NodeWithServices {
  readonly node: NodeRow;
  /** By id. */
  readonly services: readonly ServiceRow[];
}

/**
 * Reads of the catalog, all from the replica in memory. Rows and arrays are shared: never change them.
 *
 * The views of one service and of one node have an index of their own. Those of checks (of a node, of a service, in a
 * state) share the index of all checks, as in Consul, but are only woken by their own. A node that is not there has the
 * index of its deletion, so that who held its row is told although nobody waited at that moment.
 */
export class Catalog {
  readonly datacenter: string;
  readonly #table: CatalogTable;
  #services:
    | { state: CatalogState; changes: number; map: ReadonlyMap<string, readonly string[]> }
    | undefined;

  constructor(options: { readonly datacenter: string }, deps: { readonly table: CatalogTable }) {
    this.datacenter = options.datacenter;
    this.#table = deps.table;
  }

  /** All nodes by name. */
  nodes(): View<readonly NodeRow[]> {
    return this.#view(
      [topics.nodes],
      (state) => Math.max(state.nodesIndex, state.nodeGraves.floor),
      (state) => state.sortedHosts().map((host) => host.row),
    );
  }

  /** Service names, sorted, with the union of their instances' tags. */
  services(): View<ReadonlyMap<string, readonly string[]>> {
    return this.#view([topics.services], servicesIndex, (state) => this.#serviceMap(state));
  }

  /** Every instance of every service, by node, then id; the index of `services`. */
  allServices(): View<Iterable<ServiceRow>> {
    return this.#view([topics.services, topics.nodes], servicesIndex, allServices);
  }

  /** Instances of a service by node name, then id; the name matches in any case. */
  service(name: string): View<readonly ServiceRow[]> {
    const key = fold(name);
    return this.#view(
      [topics.service(key)],
      (state) => serviceIndex(state, key),
      (state) => state.names.get(key)?.rows ?? none,
    );
  }

  /** The same instances in the same order, with their checks; the same index as `service`. */
  health(name: string): View<readonly Instance[]> {
    const key = fold(name);
    return this.#view(
      [topics.service(key)],
      (state) => serviceIndex(state, key),
      (state) => (state.names.get(key)?.rows ?? none).map(instanceOf),
    );
  }

  /** A node by name (in any case), ID, or a prefix of its ID that no other node shares. */
  node(nameOrId: string): View<NodeWithServices | undefined> {
    const host = findHost(this.#table.state, nameOrId);
    const byName = topics.node(fold(nameOrId));
    const wanted = host === undefined ? [byName, topics.nodes] : [byName, topics.node(host.key)];
    return this.#view(
      wanted,
      (state) => {
        const found = findHost(state, nameOrId);
        return found === undefined
          ? missingNodeIndex(state, nameOrId)
          : Math.max(found.index, state.serviceGraves.floor);
      },
      (state) => {
        const found = findHost(state, nameOrId);
        return found && { node: found.row, services: sortedById(found.services.values()) };
      },
    );
  }

  /**
   * The rows of one node by id, without a copy, for the agent that keeps them in line: the maps change with the next
   * batch.
   */
  rowsOf(name: string): {
    readonly node: NodeRow | undefined;
    readonly services: ReadonlyMap<string, ServiceRow>;
    readonly checks: ReadonlyMap<string, CheckRow>;
  } {
    const host = this.#table.state.hosts.get(fold(name));
    if (host === undefined) return { node: undefined, services: new Map(), checks: new Map() };
    return { node: host.present ? host.row : undefined, services: host.services, checks: host.checks };
  }

  /** Checks of a node and of all services on it, by check id. */
  checksOfNode(name: string): View<readonly CheckRow[]> {
    const key = fold(name);
    return this.#view([topics.checksOfNode(key)], checksIndex, (state) =>
      sortedById(state.hosts.get(key)?.checks.values() ?? none),
    );
  }

  /** Checks of a service's instances, without those of their nodes, by node, then check id. */
  checksOfService(name: string): View<readonly CheckRow[]> {
    const key = fold(name);
    return this.#view([topics.checksOfService(key)], checksIndex, (state) => checksOfService(state, key));
  }

  /** Checks in one state (in any case), or all for `any`, by node name, then check id. */
  checksInState(state: string): View<readonly CheckRow[]> {
    const wanted = fold(state);
    const topic = wanted === 'any' ? topics.checks : topics.checksInState(wanted);
    return this.#view([topic], checksIndex, (current) => checksInState(current, wanted));
  }

  /** Agents of the cluster, also dead ones and those that left, by folded name. `topics.members` says when to look again. */
  members(): readonly ClusterMember[] {
    const found: [string, ClusterMember][] = [];
    for (const { key, membership } of this.#table.state.hosts.values()) {
      const member = membership?.member;
      if (member !== undefined) found.push([key, member]);
    }
    return found.sort((a, b) => compareUtf8(a[0], b[0])).map(([, member]) => member);
  }

  /** Nodes whose agents died, and nobody wrote so yet. */
  unnotedDeaths(): readonly { readonly node: string; readonly stateRevision: number }[] {
    const found: { node: string; stateRevision: number }[] = [];
    for (const { key, membership } of this.#table.state.hosts.values()) {
      if (membership === undefined || membership.live !== undefined || !membership.isUp) continue;
      found.push({ node: key, stateRevision: membership.stateRevision });
    }
    return found;
  }

  /** Who holds a node's name, and the revision of its row. */
  live(name: string): (LiveInfo & { readonly revision: number }) | undefined {
    return this.#table.state.hosts.get(fold(name))?.membership?.live;
  }

  /** Nodes with exactly this address. */
  nodesByAddress(address: string): readonly NodeRow[] {
    return this.#table.state.nodeAddresses.get(address).map((host) => host.row);
  }

  /** Instances whose own address is exactly this; those that use their node's are not among them. */
  servicesByAddress(address: string): readonly ServiceRow[] {
    return this.#table.state.serviceAddresses.get(address);
  }

  #view<T>(
    wanted: readonly string[],
    index: (state: CatalogState) => number,
    read: (state: CatalogState) => T,
  ): View<T> {
    return {
      topics: wanted,
      index: () => Math.max(1, index(this.#table.state)),
      read: () => read(this.#table.state),
    };
  }

  #serviceMap(state: CatalogState): ReadonlyMap<string, readonly string[]> {
    const known = this.#services;
    if (known !== undefined && known.state === state && known.changes === state.serviceChanges)
      return known.map;
    const pairs: (readonly [string, readonly string[]])[] = [];
    for (const name of state.names.values()) pairs.push(...tagUnion(name));
    const map = new Map(pairs.sort((a, b) => compareUtf8(a[0], b[0])));
    this.#services = { state, changes: state.serviceChanges, map };
    return map;
  }
}

const none: readonly never[] = Object.freeze([]);

function servicesIndex(state: CatalogState): number {
  return Math.max(state.servicesIndex, state.serviceGraves.floor);
}

function checksIndex(state: CatalogState): number {
  return Math.max(state.checksIndex, state.checkGraves.floor);
}

function serviceIndex(state: CatalogState, key: string): number {
  const name = state.names.get(key);
  if (name === undefined || name.rows.length === 0) {
    return Math.max(name?.index ?? 0, state.extinction, state.serviceGraves.floor);
  }
  return Math.max(name.index, state.serviceGraves.floor, state.checkGraves.floor);
}

function instanceOf(service: ServiceRow): Instance {
  const host = service.host as HostEntry;
  const own = listOf(service.checks);
  const shared = host.nodeChecks;
  const checks = own.length === 0 ? shared : shared.length === 0 ? own : [...shared, ...own];
  return { service, node: host.row, checks };
}

function findHost(state: CatalogState, nameOrId: string): HostEntry | undefined {
  const key = fold(nameOrId);
  const named = state.hosts.get(key);
  if (named?.present) return named;
  const identified = state.hostsById.get(key);
  if (identified !== undefined) return identified;
  if (!uuidPrefix.test(key)) return undefined;
  let found: HostEntry | undefined;
  for (const [id, host] of state.hostsById) {
    if (!id.startsWith(key)) continue;
    if (found !== undefined) return undefined;
    found = host;
  }
  return found;
}

/** A deleted node is found by its name alone: asked for by ID it may have been any. */
function missingNodeIndex(state: CatalogState, nameOrId: string): number {
  const key = fold(nameOrId);
  const deleted = uuidPrefix.test(key)
    ? state.nodesIndex
    : state.nodeGraves.revisionOf(nodeTombstoneKey(key));
  return Math.max(deleted, state.nodeGraves.floor);
}

const uuidPrefix = /^[0-9a-f]{2}[0-9a-f-]{0,34}$/;

function* allServices(state: CatalogState): Iterable<ServiceRow> {
  for (const host of state.sortedHosts()) yield* sortedById(host.services.values());
}

function checksOfService(state: CatalogState, key: string): readonly CheckRow[] {
  const found: CheckRow[] = [];
  const hosts = new Set<HostEntry>();
  for (const row of state.names.get(key)?.rows ?? none) hosts.add(row.host as HostEntry);
  for (const host of hosts) {
    const rows: CheckRow[] = [];
    for (const service of host.services.values()) {
      for (const check of listOf(service.checks)) if (fold(check.serviceName) === key) rows.push(check);
    }
    found.push(...sortedById(rows));
  }
  return found;
}

function checksInState(state: CatalogState, wanted: string): readonly CheckRow[] {
  const hosts = state.sortedHosts();
  if (wanted !== 'any' && state.checkStates.covers(wanted)) {
    return [...state.checkStates.get(wanted)].sort(compareChecks);
  }
  const found: CheckRow[] = [];
  for (const host of hosts) {
    for (const row of sortedById(host.checks.values())) {
      if (wanted === 'any' || fold(row.status) === wanted) found.push(row);
    }
  }
  return found;
}

function compareChecks(a: CheckRow, b: CheckRow): number {
  const byNode = a.host === b.host ? 0 : compareUtf8((a.host as HostEntry).key, (b.host as HostEntry).key);
  return byNode !== 0 ? byNode : compareUtf8(a.id, b.id);
}

function sortedById<T extends { readonly id: string }>(rows: Iterable<T>): readonly T[] {
  const all = [...rows];
  const compare = all.length > shortList ? comparerOf(all.map(({ id }) => id)) : compareUtf8;
  return all.sort((a, b) => compare(a.id, b.id));
}

const shortList = 64;

function tagUnion(name: NameEntry): ReadonlyMap<string, readonly string[]> {
  if (name.tagUnion !== undefined) return name.tagUnion;
  const tags = new Map<string, Set<string>>();
  let last: ServiceShape | undefined;
  for (const row of name.rows) {
    // Instances mostly share one shape: its tags are known.
    if (row.shape === last) continue;
    last = row.shape;
    let union = tags.get(row.name);
    if (union === undefined) tags.set(row.name, (union = new Set()));
    for (const tag of row.tags) union.add(tag);
  }
  name.tagUnion = new Map([...tags].map(([exact, union]) => [exact, [...union]]));
  return name.tagUnion;
}
