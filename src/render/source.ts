/**
 * Where a template's queries get their data: this process's replica, or a Consul HTTP API. The runner asks for queries by
 * value; the same query asked twice is one subscription.
 *
 * Answers come filtered and in their final order:
 * - service: instances with the tag (when not '') whose aggregated status is among the filters (`any` takes all), by node name
 *   then service id, or by distance when `near` is given; tags sorted. answers.ts has the rules.
 * - services by name; nodes by name then address (or distance); a node's services by name then id.
 * - prefix: every key that starts with the prefix, by its bytes; `key` is the path without the prefix and leading slashes.
 * - datacenters by name; `onlyReachable` leaves out those that do not answer.
 * An empty `dc` is the source's own; node '' is the node of the asked agent.
 */
export type Query = QueryScope &
  (
    | {
        readonly type: 'service';
        readonly name: string;
        readonly tag: string;
        readonly dc: string;
        readonly near: string;
        readonly filters: readonly string[];
        /** Instances to reach over the mesh: proxies, and services that speak it themselves. */
        readonly connect?: true;
      }
    | { readonly type: 'services'; readonly dc: string }
    | { readonly type: 'node'; readonly name: string; readonly dc: string }
    | { readonly type: 'nodes'; readonly dc: string; readonly near: string }
    | { readonly type: 'key'; readonly key: string; readonly dc: string }
    | { readonly type: 'prefix'; readonly prefix: string; readonly dc: string }
    | { readonly type: 'datacenters'; readonly dc: ''; readonly onlyReachable: boolean }
    | {
        /** What an endpoint of Consul's says that Portolan has no part in. */
        readonly type: 'document';
        readonly path: string;
        readonly dc: '';
        /** Left out: none is named. */
        readonly partition?: string;
      }
  );

/** What a query string may add after `?`; a source that knows no such division answers as if it were absent. */
export interface QueryScope {
  readonly scope?: {
    readonly namespace: string;
    readonly partition: string;
    readonly peer: string;
    readonly samenessGroup: string;
  };
}

/** Catalog data as templates see it (consul-template's dependency structs), by query type. */
export interface Answers {
  readonly service: readonly HealthService[];
  readonly services: readonly CatalogSnippet[];
  readonly node: CatalogNode | null;
  readonly nodes: readonly NodeRecord[];
  /** null: the key does not exist. */
  readonly key: string | null;
  readonly prefix: readonly KeyPair[];
  readonly datacenters: readonly string[];
  /** Decoded JSON. */
  readonly document: unknown;
}

export interface HealthService {
  readonly node: string;
  readonly nodeId: string;
  readonly nodeAddress: string;
  readonly nodeTaggedAddresses: Readonly<Record<string, string>> | null;
  readonly nodeMeta: Readonly<Record<string, string>> | null;
  readonly nodeDatacenter: string;
  readonly id: string;
  readonly name: string;
  /** The instance's own address, else its node's. */
  readonly address: string;
  readonly port: number;
  readonly tags: readonly string[];
  readonly serviceMeta: Readonly<Record<string, string>> | null;
  readonly serviceTaggedAddresses: Readonly<
    Record<string, { readonly address: string; readonly port: number }>
  > | null;
  /** Aggregated: `passing warning critical maintenance`. */
  readonly status: string;
  readonly checks: readonly HealthCheck[];
  readonly weights: { readonly passing: number; readonly warning: number };
}

export interface HealthCheck {
  readonly node: string;
  readonly checkId: string;
  readonly name: string;
  readonly status: string;
  readonly notes: string;
  readonly output: string;
  readonly serviceId: string;
  readonly serviceName: string;
  readonly serviceTags: readonly string[] | null;
  readonly type: string;
  // What follows may be left out, also by an older version that shares or saved its answers.
  readonly exposedPort?: number;
  /** As Consul's API has it: `HTTP`, `Header`, `Interval` … */
  readonly definition?: Readonly<Record<string, unknown>> | null;
  readonly createIndex?: number;
  readonly modifyIndex?: number;
  readonly scope?: { readonly namespace: string; readonly partition: string; readonly peer: string };
}

export interface CatalogSnippet {
  readonly name: string;
  readonly tags: readonly string[];
}

export interface NodeRecord {
  readonly id: string;
  readonly node: string;
  readonly address: string;
  readonly datacenter: string;
  readonly taggedAddresses: Readonly<Record<string, string>> | null;
  readonly meta: Readonly<Record<string, string>> | null;
}

export interface CatalogNode {
  readonly node: NodeRecord;
  readonly services: readonly NodeService[];
}

export interface NodeService {
  readonly id: string;
  readonly service: string;
  readonly tags: readonly string[];
  readonly meta: Readonly<Record<string, string>> | null;
  readonly port: number;
  readonly address: string;
  readonly enableTagOverride: boolean;
}

export interface KeyPair {
  readonly path: string;
  readonly key: string;
  readonly value: string;
  readonly createIndex: number;
  readonly modifyIndex: number;
  readonly lockIndex: number;
  readonly flags: bigint;
  readonly session: string;
}

export interface CurrentAnswer<Q extends Query = Query> {
  readonly data: Answers[Q['type']];
  /** Wall clock, milliseconds: the source could not be asked since the start, and said this then. Left out: it says so now. */
  readonly savedAtMs?: number;
}

/** Latest data of one query. `undefined` data: not known yet. */
export interface Subscription<Q extends Query = Query> {
  current(): CurrentAnswer<Q> | undefined;
  close(): void;
}

export interface Source {
  /** For messages: `this agent` or the URL. */
  readonly name: string;
  /**
   * Starts to follow a query. `onChange` is called (synchronously, on the leading edge) whenever `current()` has become
   * different, the first answer included; failures are retried inside, forever, and reported by `onError`.
   */
  subscribe<Q extends Query>(
    query: Q,
    onChange: () => void,
    onError: (error: Error) => void,
  ): Subscription<Q>;
  close(): Promise<void>;
}
