/**
 * The template runner's Source inside the agent: answers straight from the replica in memory.
 *
 * In: queries. Out: template data, built when somebody reads it and kept until the view's index moves.
 * Invariants: `onChange` is called inside the replica's publication, so that a template renders in the same turn; what is
 * read in one turn is of one revision, since the replica shows a whole batch in one turn. An index that moves without a
 * difference in the data tells nobody, and what has not changed of a list is taken over.
 */
import { isDeepStrictEqual } from 'node:util';
import type { Catalog } from '../catalog/catalog.ts';
import type { CheckRow, Instance, NodeRow, ServiceRow } from '../catalog/rows.ts';
import type { Kv, KvRow } from '../kv/kv.ts';
import { compareUtf8 } from '../lib/bytes.ts';
import {
  aggregateStatus,
  byNodeThenAddress,
  byPath,
  byServiceThenId,
  keyBelow,
  selectInstances,
} from '../render/answers.ts';
import type {
  Answers,
  CatalogNode,
  CatalogSnippet,
  HealthCheck,
  HealthService,
  KeyPair,
  NodeRecord,
  Query,
  Source,
  Subscription,
} from '../render/source.ts';
import { fromBytes } from '../template/text.ts';
import type { View } from '../watch/view.ts';
import type { Watches } from '../watch/watches.ts';

export class ReplicaSource implements Source {
  readonly name = 'this agent';
  readonly #catalog: Catalog;
  readonly #kv: Kv;
  readonly #watches: Watches;
  readonly #ownNode: string;
  readonly #open = new Set<() => void>();
  readonly #records = new WeakMap<NodeRow, NodeRecord>();

  constructor(
    options: { readonly nodeName: string },
    deps: { readonly catalog: Catalog; readonly kv: Kv; readonly watches: Watches },
  ) {
    this.#ownNode = options.nodeName;
    this.#catalog = deps.catalog;
    this.#kv = deps.kv;
    this.#watches = deps.watches;
  }

  subscribe<Q extends Query>(
    query: Q,
    onChange: () => void,
    onError: (error: Error) => void,
  ): Subscription<Q> {
    if (query.dc !== '' && query.dc !== this.#catalog.datacenter) {
      const known = this.#catalog.datacenter;
      queueMicrotask(() =>
        onError(new Error(`no path to datacenter "${query.dc}": this agent knows "${known}" only`)),
      );
      return { current: () => undefined, close: () => {} };
    }
    if (query.type === 'document') {
      queueMicrotask(() => onError(new Error(`this agent has no ${query.path}: it is no part of Portolan`)));
      return { current: () => undefined, close: () => {} };
    }
    // The cast ties the view's type to the query's, which the switch below does case by case.
    const follower = new Follower(this.#view(query) as View<Answers[Q['type']]>, onChange);
    const unsubscribe = this.#watches.subscribe(follower.topics, () => follower.published());
    this.#open.add(unsubscribe);
    const close = (): void => {
      this.#open.delete(unsubscribe);
      unsubscribe();
    };
    return { current: () => follower.current(), close };
  }

  close(): Promise<void> {
    for (const unsubscribe of this.#open) unsubscribe();
    this.#open.clear();
    return Promise.resolve();
  }

  #view(query: Exclude<Query, { type: 'document' }>): View<Answers[Query['type']]> {
    const { datacenter } = this.#catalog;
    switch (query.type) {
      case 'service': {
        const memo = new InstanceMemo(this.#catalog.datacenter);
        return mapView(this.#catalog.health(query.name), (rows) => this.#instances(rows, query, memo));
      }
      case 'services':
        return mapView(this.#catalog.services(), snippets);
      case 'node':
        return mapView(this.#catalog.node(query.name === '' ? this.#ownNode : query.name), (found) =>
          catalogNode(found, datacenter),
        );
      case 'nodes':
        return mapView(this.#catalog.nodes(), (rows) => {
          const records = rows.map((row) => this.#record(row)).sort(byNodeThenAddress);
          return this.#nearFirst(query.near, records, (record) => record.node);
        });
      case 'key':
        return mapView(this.#kv.get(query.key), (row) => (row === undefined ? null : fromBytes(row.value)));
      case 'prefix':
        return mapView(this.#kv.list(query.prefix), (rows) =>
          rows.map((row) => keyPair(row, query.prefix)).sort(byPath),
        );
      case 'datacenters':
        return { topics: [], index: () => 1, read: () => [datacenter] };
    }
  }

  #instances(rows: readonly Instance[], query: ServiceQuery, memo: InstanceMemo): readonly HealthService[] {
    // There is no mesh here.
    if (query.connect !== undefined) return [];
    // `passing` alone is what the HTTP API is asked for too: there every check must pass, whatever words others bring.
    const onlyPassing = query.filters.length === 1 && query.filters[0] === 'passing';
    const wanted = onlyPassing
      ? rows.filter(({ checks }) => checks.every(({ status }) => status === 'passing'))
      : rows;
    const services = memo.convert(wanted);
    return selectInstances(
      query,
      this.#nearFirst(query.near, services, (service) => service.node),
    );
  }

  #record(row: NodeRow): NodeRecord {
    const known = this.#records.get(row);
    if (known !== undefined) return known;
    const record = nodeRecord(row, this.#catalog.datacenter);
    this.#records.set(row, record);
    return record;
  }

  /** As the HTTP API sorts by distance without measured ones: rows of the `near` node first. */
  #nearFirst<T>(near: string, rows: readonly T[], nodeOf: (row: T) => string): readonly T[] {
    if (near === '' || near === '_ip') return rows;
    const origin = (near === '_agent' ? this.#ownNode : near).toLowerCase();
    const isOrigin = (row: T): boolean => nodeOf(row).toLowerCase() === origin;
    return [...rows.filter(isOrigin), ...rows.filter((row) => !isOrigin(row))];
  }
}

/** Longer lists are not compared: the publication that tells of a change must not wait for it. */
const mostCompared = 2000;

function isCheap(data: Answers[Query['type']]): boolean {
  return !Array.isArray(data) || data.length <= mostCompared;
}

/** Lists by their elements, which are taken over where nothing changed, or else are small. */
function isSame(a: unknown, b: unknown): boolean {
  if (!Array.isArray(a) || !Array.isArray(b)) return isDeepStrictEqual(a, b);
  if (a.length !== b.length) return false;
  return a.every(
    (element, i) => element === b[i] || (isSnippet(element) && isDeepStrictEqual(element, b[i])),
  );
}

function isSnippet(element: object): boolean {
  return 'tags' in element && !('checks' in element);
}

/** One query: its answer as of the view's index, and whether its change has been told. */
class Follower<Data extends Answers[Query['type']]> {
  readonly #view: View<Data>;
  readonly #onChange: () => void;
  #told: number;
  #readAt = -1;
  #answer: { readonly data: Data } | undefined;
  /** Somebody has seen the new answer before it was told. */
  #isAhead = false;

  constructor(view: View<Data>, onChange: () => void) {
    this.#view = view;
    this.#onChange = onChange;
    this.#told = view.index();
  }

  get topics(): readonly string[] {
    return this.#view.topics;
  }

  current(): { readonly data: Data } {
    const index = this.#view.index();
    if (this.#answer !== undefined && this.#readAt === index) return this.#answer;
    this.#isAhead = this.#answer !== undefined && index !== this.#told;
    return this.#read(index);
  }

  published(): void {
    const index = this.#view.index();
    if (index === this.#told) return;
    this.#told = index;
    const known = this.#answer;
    const isUnseen = known !== undefined && !this.#isAhead && isCheap(known.data);
    this.#isAhead = false;
    if (isUnseen && isSame(known.data, this.#read(index).data)) this.#answer = known;
    else this.#onChange();
  }

  #read(index: number): { readonly data: Data } {
    this.#readAt = index;
    this.#answer = { data: this.#view.read() };
    return this.#answer;
  }
}

/** The instances of one query: those whose rows are the same as before are the same objects as before. */
class InstanceMemo {
  readonly #datacenter: string;
  #known = new Map<ServiceRow, { readonly rows: Instance; readonly made: HealthService }>();

  constructor(datacenter: string) {
    this.#datacenter = datacenter;
  }

  convert(instances: readonly Instance[]): readonly HealthService[] {
    const next = new Map<ServiceRow, { readonly rows: Instance; readonly made: HealthService }>();
    const services = instances.map((rows) => {
      const known = this.#known.get(rows.service);
      const entry =
        known !== undefined && isSameInstance(known.rows, rows)
          ? known
          : { rows, made: healthService(rows, this.#datacenter) };
      next.set(rows.service, entry);
      return entry.made;
    });
    this.#known = next;
    return services;
  }
}

function isSameInstance(a: Instance, b: Instance): boolean {
  return (
    a.node === b.node &&
    a.checks.length === b.checks.length &&
    a.checks.every((check, i) => check === b.checks[i])
  );
}

function mapView<T, U>(view: View<T>, map: (value: T) => U): View<U> {
  return { topics: view.topics, index: () => view.index(), read: () => map(view.read()) };
}

type ServiceQuery = Extract<Query, { type: 'service' }>;

function healthService({ node, service, checks: rows }: Instance, datacenter: string): HealthService {
  const checks = rows.map(healthCheck);
  return {
    node: node.name,
    nodeId: node.id,
    nodeAddress: node.address,
    nodeTaggedAddresses: node.taggedAddresses,
    nodeMeta: node.meta,
    nodeDatacenter: datacenter,
    id: service.id,
    name: service.name,
    address: service.address === '' ? node.address : service.address,
    port: service.port,
    tags: sorted(service.tags),
    serviceMeta: service.meta,
    serviceTaggedAddresses: service.taggedAddresses,
    status: aggregateStatus(checks),
    checks,
    weights: service.weights,
  };
}

function healthCheck(check: CheckRow): HealthCheck {
  return {
    node: check.node.name,
    checkId: check.id,
    name: check.name,
    status: check.status,
    notes: check.notes,
    output: check.output,
    serviceId: check.serviceId,
    serviceName: check.serviceName,
    serviceTags: check.serviceTags,
    type: check.type,
    exposedPort: 0,
    definition: check.definition,
    createIndex: check.createIndex,
    modifyIndex: check.modifyIndex,
  };
}

function snippets(services: ReadonlyMap<string, readonly string[]>): readonly CatalogSnippet[] {
  return [...services].map(([name, tags]) => ({ name, tags: sorted(tags) }));
}

type FoundNode = { readonly node: NodeRow; readonly services: readonly ServiceRow[] } | undefined;

function catalogNode(found: FoundNode, datacenter: string): CatalogNode | null {
  if (found === undefined) return null;
  return {
    node: nodeRecord(found.node, datacenter),
    services: found.services
      .map((row) => ({
        id: row.id,
        service: row.name,
        tags: sorted(row.tags),
        meta: row.meta,
        port: row.port,
        address: row.address,
        enableTagOverride: row.enableTagOverride,
      }))
      .sort(byServiceThenId),
  };
}

function nodeRecord(row: NodeRow, datacenter: string): NodeRecord {
  const { id, name, address, taggedAddresses, meta } = row;
  return { id, node: name, address, datacenter, taggedAddresses, meta };
}

function keyPair(row: KvRow, prefix: string): KeyPair {
  return {
    path: row.key,
    key: keyBelow(prefix, row.key),
    value: fromBytes(row.value),
    createIndex: row.createIndex,
    modifyIndex: row.modifyIndex,
    lockIndex: row.lockIndex,
    flags: row.flags,
    session: row.session,
  };
}

// consul-template sorts tags; most instances have none or one.
function sorted(tags: readonly string[]): readonly string[] {
  return tags.length < 2 ? tags : [...tags].sort(compareUtf8);
}
