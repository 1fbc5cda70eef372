import type { View } from '../watch/view.ts';

/** What DNS needs of the catalog. */
export interface DnsCatalog {
  readonly datacenter: string;
  /** Instances of a service, its name in any case. */
  health(name: string): View<readonly DnsInstance[]>;
  node(nameOrId: string): View<{ readonly node: DnsNode } | undefined>;
  /** In canonical text, in any order, as are services. */
  nodesByAddress(address: string): readonly DnsNode[];
  servicesByAddress(address: string): readonly { readonly name: string }[];
}

export interface DnsNode {
  readonly id: string;
  readonly name: string;
  readonly address: string;
  readonly meta: Readonly<Record<string, string>> | null;
}

export interface DnsInstance {
  readonly node: DnsNode;
  readonly service: {
    readonly name: string;
    readonly tags: readonly string[];
    /** '' = the node's. */
    readonly address: string;
    readonly port: number;
    readonly weights: { readonly passing: number; readonly warning: number };
  };
  /** Of the node and of the instance. */
  readonly checks: readonly { readonly id: string; readonly status: string }[];
}
