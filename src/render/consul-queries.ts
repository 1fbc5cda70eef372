/** Queries as requests of Consul's HTTP API, and its answers as templates' data. */
import { Client, ClientError } from '@portolan/sdk';
import type { CatalogNode, ReadOptions, ServiceEntry } from '@portolan/sdk';
import type { Dispatcher } from 'undici';
import { compareUtf8 } from '../lib/bytes.ts';
import { fromBytes } from '../template/text.ts';
import { byNodeThenAddress, byPath, selectInstances } from './answers.ts';
import {
  checkStamp,
  healthService,
  keyPair,
  listed,
  named,
  nodeRecord,
  nodeServices,
  serviceStamps,
  sorted,
} from './consul-answers.ts';
import type { CheckStamp, ServiceStamps } from './consul-answers.ts';
import { isRefusal, openAgent, readRefusal, sender, serverError } from './source-http-transport.ts';
import type * as source from './source.ts';
import type { Answers, Query, QueryScope } from './source.ts';

export interface Answer<Q extends Query> {
  readonly data: Answers[Q['type']];
  readonly index: number;
  readonly knownLeader: boolean;
  readonly lastContactMs: number;
}

/** Where a query looks. */
export interface Place extends QueryScope {
  readonly dc: string;
}

/**
 * An answer of the short way, on which nothing is decoded that has not changed. `Same`: the server's index has not moved.
 * `unusual`: an error of this query's, an old answer, no index; then only the long way tells.
 */
export type IfMoved<A> = A | Same | 'unusual';

export interface Same {
  readonly same: true;
  readonly lastContactMs: number;
}

/** How the short way asks. */
export interface ShortOptions {
  readonly maxStaleMs: number;
  readonly signal: AbortSignal;
}

export interface ConsulQueriesOptions {
  readonly address: string;
  readonly token?: string;
  readonly datacenter?: string;
  /** How requests are sent (connection.ts); default: plain sockets to the address. */
  readonly dispatcher?: Dispatcher;
}

/** A plain request may take this long without a word. */
const plainLimitMs = 30_000;

/** A datacenter that says nothing for so long is not reached. */
const reachLimitMs = 5000;

type Scope = NonNullable<QueryScope['scope']>;

export class ConsulQueries {
  readonly #options: ConsulQueriesOptions;
  readonly #agent: Dispatcher;
  readonly #client: Client;
  readonly #origin: string;
  /** Of the address, before `/v1`. */
  readonly #prefix: string;
  readonly #tokenHeaders: Readonly<Record<string, string>>;
  readonly #paths = new WeakMap<Query, string>();
  #self: string | undefined;

  constructor(options: ConsulQueriesOptions) {
    const socketPath = /^unix:\/\/(.+)$/.exec(options.address)?.[1];
    this.#options = socketPath === undefined ? options : { ...options, address: 'http://localhost' };
    this.#agent = options.dispatcher ?? openAgent(socketPath);
    this.#client = this.#clientOf(undefined);
    const { origin, pathname } = new URL(this.#client.address);
    this.#origin = origin;
    this.#prefix = pathname.replace(/\/+$/, '');
    this.#tokenHeaders =
      options.token === undefined || options.token === '' ? {} : { 'X-Consul-Token': options.token };
  }

  async close(): Promise<void> {
    await this.#agent.destroy();
  }

  /** One request, held by the server while `options.index` is its view's. Throws ClientError. */
  async ask<Q extends Query>(query: Q, options: ReadOptions): Promise<Answer<Q>> {
    const client = query.scope === undefined ? this.#client : this.#clientOf(query.scope);
    const placed = query.dc === '' ? options : { ...options, datacenter: query.dc };
    return checked((await orNotConsul(() => this.#read(client, query, placed))) as Answer<Q>);
  }

  /**
   * Instances, unless the server's index of them is still `index`: the short way for reads of hundreds of services of which
   * one has changed.
   */
  async askIfMoved(
    query: ServiceQuery,
    index: number,
    options: ShortOptions,
  ): Promise<IfMoved<Answer<ServiceQuery>>> {
    if (query.connect !== undefined) return 'unusual';
    const found = await this.#getIfMoved(this.#servicePath(query), index, options);
    if (found === 'unusual' || 'same' in found) return found;
    return orNotConsul(async () => {
      const entries = listed(JSON.parse(found.text) as readonly ServiceEntry[]);
      return { ...fresh(found), data: selectInstances(query, entries.map(healthService)) };
    });
  }

  async #getIfMoved(
    path: string,
    index: number,
    { maxStaleMs, signal }: ShortOptions,
  ): Promise<IfMoved<{ readonly index: number; readonly lastContactMs: number; readonly text: string }>> {
    if (maxStaleMs <= 0) return 'unusual';
    const { statusCode, headers, body } = await orNetwork(() =>
      this.#agent.request({
        origin: this.#origin,
        path,
        method: 'GET',
        headers: this.#tokenHeaders,
        headersTimeout: plainLimitMs,
        bodyTimeout: plainLimitMs,
        signal,
      }),
    );
    if (isRefusal(statusCode)) {
      const refusal = await readRefusal(statusCode, headers, body);
      throw new ClientError('network', `${path}: ${refusal.message}`, { cause: refusal });
    }
    const lastContactMs = Number(headers['x-consul-lastcontact'] ?? 0);
    const isFresh =
      statusCode === 200 && lastContactMs <= maxStaleMs && headers['x-consul-knownleader'] !== 'false';
    const moved = Number(headers['x-consul-index'] ?? 0);
    if (isFresh && moved > 0 && moved !== index) {
      return { index: moved, lastContactMs, text: await orNetwork(() => body.text()) };
    }
    await orNetwork(() => body.dump());
    return isFresh && index > 0 && moved === index ? { same: true, lastContactMs } : 'unusual';
  }

  #servicePath(query: ServiceQuery): string {
    const known = this.#paths.get(query);
    if (known !== undefined) return known;
    const pairs = [
      ...(query.tag === '' ? [] : [`tag=${encodeURIComponent(query.tag)}`]),
      ...(isPassingOnly(query) ? ['passing=1'] : []),
      ...(query.near === '' ? [] : [`near=${encodeURIComponent(query.near)}`]),
    ];
    const path = this.#stalePath(`/v1/health/service/${encodeURIComponent(query.name)}`, pairs, query);
    this.#paths.set(query, path);
    return path;
  }

  #stalePath(path: string, parameters: readonly string[], place: Place): string {
    const dc = place.dc || this.#options.datacenter;
    const pairs = [
      ...parameters,
      'stale',
      ...(dc === undefined || dc === '' ? [] : [`dc=${encodeURIComponent(dc)}`]),
      ...(place.scope === undefined ? [] : [scopeParameters(place.scope)]),
    ];
    return `${this.#prefix}${path}?${pairs.join('&')}`;
  }

  /** What all checks say of when they changed, and of which service they are; bodies above `mostBytes` are `too-large`. */
  async checks(place: Place, mostBytes: number, options: ReadOptions): Promise<Reply<readonly CheckStamp[]>> {
    const client = this.#clientOf(place.scope, mostBytes);
    const answer = await orNotConsul(async () =>
      map(await client.health.state('any', placedAt(place, options)), (checks) =>
        listed(checks).map(checkStamp),
      ),
    );
    return checked(answer);
  }

  /** By id, the instances of a node and when each changed; undefined: the server does not say. */
  async nodeStamps(
    place: Place,
    node: string,
    options: ReadOptions,
  ): Promise<Reply<ServiceStamps | undefined>> {
    const client = this.#clientOf(place.scope);
    const answer = await orNotConsul(async () =>
      map(await client.catalog.node(node, placedAt(place, options)), (found) =>
        serviceStamps(named(found?.Services)),
      ),
    );
    return checked(answer);
  }

  /** The same, unless the server's index of the node is still `index`. */
  async nodeStampsIfMoved(
    place: Place,
    node: string,
    index: number,
    options: ShortOptions,
  ): Promise<IfMoved<Reply<ServiceStamps | undefined>>> {
    const path = this.#stalePath(`/v1/catalog/node/${encodeURIComponent(node)}`, [], place);
    const found = await this.#getIfMoved(path, index, options);
    if (found === 'unusual' || 'same' in found) return found;
    return orNotConsul(async () => {
      const answer = JSON.parse(found.text) as CatalogNode | null;
      return { ...fresh(found), data: serviceStamps(named(answer?.Services)) };
    });
  }

  /** Every row below a prefix; bodies above `mostBytes` are `too-large`. */
  async tree(
    place: Place,
    prefix: string,
    mostBytes: number,
    options: ReadOptions,
  ): Promise<Reply<readonly source.KeyPair[]>> {
    const client = this.#clientOf(place.scope, mostBytes);
    const answer = await orNotConsul(async () =>
      map(present(await client.kv.list(prefix, placedAt(place, options)), isSome), (rows) =>
        rows.map((row) => keyPair('', row)).sort(byPath),
      ),
    );
    return checked(answer);
  }

  /** The newest index of anything below a prefix: the names next to it are all that is sent. */
  async treeIndex(place: Place, prefix: string, options: ReadOptions): Promise<Reply<undefined>> {
    const client = this.#clientOf(place.scope);
    const answer = await orNotConsul(() => client.kv.keys(prefix, '/', placedAt(place, options)));
    return checked(map(present(answer, isSome), () => undefined));
  }

  async #read(client: Client, query: Query, options: ReadOptions): Promise<Answer<Query>> {
    switch (query.type) {
      case 'service':
        return map(await instances(client, query, options), (entries) =>
          selectInstances(query, listed(entries).map(healthService)),
        );
      case 'services':
        return map(await client.catalog.services(options), (services) =>
          Object.entries(named(services))
            .map(([name, tags]) => ({ name, tags: sorted(tags) }))
            .sort((a, b) => compareUtf8(a.name, b.name)),
        );
      case 'nodes':
        return map(await client.catalog.nodes(nearOptions(query.near, options)), (nodes) => {
          const records = listed(nodes).map(nodeRecord);
          return query.near === '' ? records.sort(byNodeThenAddress) : records;
        });
      case 'node':
        return map(await client.catalog.node(query.name || (await this.#ownNode(client)), options), (node) =>
          node === null ? null : { node: nodeRecord(node.Node), services: nodeServices(node.Services) },
        );
      case 'key':
        return map(
          present(await client.kv.get(query.key, options), (row) => row !== undefined),
          (row) => (row === undefined ? null : fromBytes(row.value)),
        );
      case 'prefix':
        return map(present(await client.kv.list(query.prefix, options), isSome), (rows) =>
          rows.map((row) => keyPair(query.prefix, row)).sort(byPath),
        );
      case 'document': {
        const partition = query.partition === undefined ? [] : [['partition', query.partition] as const];
        return map(await client.get<unknown>(query.path, partition, options), (data) => data);
      }
      case 'datacenters':
        return unindexed(await this.#datacenters(client, query.onlyReachable, options));
    }
  }

  async #datacenters(
    client: Client,
    onlyReachable: boolean,
    { signal }: ReadOptions,
  ): Promise<readonly string[]> {
    const request = signal === undefined ? {} : { signal };
    const names = [...((await client.catalog.datacenters(request)) ?? [])].sort(compareUtf8);
    if (!onlyReachable) return names;
    const failures = await Promise.all(
      names.map(async (datacenter) => {
        const bounded = AbortSignal.any([
          ...(signal === undefined ? [] : [signal]),
          AbortSignal.timeout(reachLimitMs),
        ]);
        try {
          await client.catalog.services({ signal: bounded, datacenter });
          return undefined;
        } catch (error) {
          signal?.throwIfAborted();
          if (saysNothingOf(error)) throw error;
          return error as Error;
        }
      }),
    );
    const reachable = names.filter((_, i) => failures[i] === undefined);
    // Its own is always reached: the server itself is in trouble.
    if (reachable.length === 0 && failures[0] !== undefined) throw failures[0];
    return reachable;
  }

  async #ownNode(client: Client): Promise<string> {
    if (this.#self !== undefined) return this.#self;
    const self = (await client.agent.self()) as { readonly Config?: { readonly NodeName?: string } };
    this.#self = self.Config?.NodeName ?? '';
    return this.#self;
  }

  #clientOf(scope: Scope | undefined, mostBytes?: number): Client {
    const { address, token, datacenter } = this.#options;
    const extra = scope === undefined ? '' : scopeParameters(scope);
    return new Client({
      address,
      fetch: sender(this.#agent, extra, mostBytes),
      ...(token === undefined || token === '' ? {} : { token }),
      ...(datacenter === undefined || datacenter === '' ? {} : { datacenter }),
    });
  }
}

function scopeParameters(scope: Scope): string {
  const pairs = [
    ['ns', scope.namespace],
    ['partition', scope.partition],
    ['peer', scope.peer],
    ['sameness-group', scope.samenessGroup],
  ] as const;
  return new URLSearchParams(
    pairs.filter(([, value]) => value !== '').map(([key, value]): [string, string] => [key, value]),
  ).toString();
}

async function instances(
  client: Client,
  query: ServiceQuery,
  options: ReadOptions,
): Promise<Reply<readonly ServiceEntry[] | undefined>> {
  const chosen = serviceOptions(query, options);
  if (query.connect === undefined) return client.health.service(query.name, chosen);
  const { tags = [], passing } = chosen;
  const parameters = [
    ...tags.map((tag) => ['tag', tag] as const),
    ...(passing === true ? [['passing', '1'] as const] : []),
  ];
  return client.get(`/v1/health/connect/${encodeURIComponent(query.name)}`, parameters, chosen);
}

type ServiceQuery = Extract<Query, { type: 'service' }>;

/** That nothing is there is said with an index; without one it was somebody else: a proxy that knows no such path. */
function present<T>(answer: Reply<T>, isThere: (data: T) => boolean): Reply<T> {
  if (answer.index > 0 || isThere(answer.data)) return answer;
  throw new ClientError('decode', "The answer is not a Consul's: not found, and no index");
}

function isSome(list: readonly unknown[]): boolean {
  return list.length > 0;
}

/** An index that is none would make the next request one without, or an error. */
function checked<A extends { readonly index: number }>(answer: A): A {
  return Number.isSafeInteger(answer.index) && answer.index >= 0 ? answer : { ...answer, index: 0 };
}

/** Whether a failure is that of the server that was asked, not of the datacenter that it was asked about. */
function saysNothingOf(error: unknown): boolean {
  const server = serverError(error);
  if (server !== undefined) return server.code === 'throttled';
  return error instanceof ClientError && error.code === 'network';
}

async function orNetwork<A>(send: () => Promise<A>): Promise<A> {
  try {
    return await send();
  } catch (error) {
    throw new ClientError('network', (error as Error).message, { cause: error });
  }
}

/** A shape that no Consul sends comes out of the conversion as one of these. */
const conversionErrors: ReadonlySet<string> = new Set(['TypeError', 'SyntaxError', 'InvalidCharacterError']);

async function orNotConsul<A>(read: () => Promise<A>): Promise<A> {
  try {
    return await read();
  } catch (error) {
    if (!(error instanceof Error) || !conversionErrors.has(error.name)) throw error;
    throw new ClientError('decode', `The answer is not a Consul's: ${error.message}`, { cause: error });
  }
}

function placedAt(place: Place, options: ReadOptions): ReadOptions {
  return place.dc === '' ? options : { ...options, datacenter: place.dc };
}

export interface Reply<A> {
  readonly data: A;
  readonly index: number;
  readonly knownLeader: boolean;
  readonly lastContactMs: number;
}

function serviceOptions(
  query: ServiceQuery,
  options: ReadOptions,
): ReadOptions & { tags?: readonly string[]; passing?: boolean } {
  return {
    ...nearOptions(query.near, options),
    ...(query.tag === '' ? {} : { tags: [query.tag] }),
    passing: isPassingOnly(query),
  };
}

function isPassingOnly({ filters }: ServiceQuery): boolean {
  return filters.length === 1 && filters[0] === 'passing';
}

function nearOptions(near: string, options: ReadOptions): ReadOptions {
  return near === '' ? options : { ...options, near };
}

function fresh({
  index,
  lastContactMs,
}: Pick<Reply<unknown>, 'index' | 'lastContactMs'>): Omit<Reply<unknown>, 'data'> {
  return { index, knownLeader: true, lastContactMs };
}

/** The server neither holds such a request nor says how old its answer is. */
function unindexed<A>(data: A): Reply<A> {
  return { data, index: 0, knownLeader: true, lastContactMs: 0 };
}

function map<A, B>(answer: Reply<A>, convert: (data: A) => B): Reply<B> {
  return { ...answer, data: convert(answer.data) };
}
