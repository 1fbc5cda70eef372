/** JSON of the catalog and health endpoints. Every field is always there unless it is marked optional. */

export interface Weights {
  readonly Passing: number;
  readonly Warning: number;
}

export interface ServiceAddress {
  readonly Address: string;
  readonly Port: number;
}

/** What is left of the mesh fields in catalog answers; always these constants. */
export interface ServiceProxy {
  readonly Mode: string;
  readonly MeshGateway: Readonly<Record<string, unknown>>;
  readonly Expose: Readonly<Record<string, unknown>>;
}

/** catalog/nodes, and the node in catalog/node and health/service. */
export interface Node {
  /** Lower-case UUID, or '' for an external node without one. */
  readonly ID: string;
  readonly Node: string;
  readonly Address: string;
  readonly Datacenter: string;
  /** null if never set, as on most external nodes. */
  readonly TaggedAddresses: Readonly<Record<string, string>> | null;
  readonly Meta: Readonly<Record<string, string>> | null;
  readonly CreateIndex: number;
  readonly ModifyIndex: number;
}

/** An element of catalog/service. `ID` to `NodeMeta` are of the node. */
export interface ServiceNode {
  readonly ID: string;
  readonly Node: string;
  readonly Address: string;
  readonly Datacenter: string;
  readonly TaggedAddresses: Readonly<Record<string, string>> | null;
  readonly NodeMeta: Readonly<Record<string, string>> | null;
  readonly ServiceKind: string;
  readonly ServiceID: string;
  readonly ServiceName: string;
  readonly ServiceTags: readonly string[];
  /** '' = use `Address`. */
  readonly ServiceAddress: string;
  readonly ServiceTaggedAddresses?: Readonly<Record<string, ServiceAddress>>;
  readonly ServiceWeights: Weights;
  readonly ServiceMeta: Readonly<Record<string, string>>;
  readonly ServicePort: number;
  readonly ServiceSocketPath: string;
  readonly ServiceEnableTagOverride: boolean;
  readonly ServiceProxy: ServiceProxy;
  readonly ServiceConnect: Readonly<Record<string, unknown>>;
  readonly CreateIndex: number;
  readonly ModifyIndex: number;
}

/** A service in catalog/node, catalog/node-services and health/service. */
export interface NodeService {
  readonly ID: string;
  readonly Service: string;
  readonly Tags: readonly string[];
  /** '' = use the node's. */
  readonly Address: string;
  readonly TaggedAddresses?: Readonly<Record<string, ServiceAddress>>;
  readonly Meta: Readonly<Record<string, string>> | null;
  /** Left out when 0. */
  readonly Port?: number;
  readonly SocketPath?: string;
  readonly Weights: Weights;
  readonly EnableTagOverride: boolean;
  readonly Proxy: ServiceProxy;
  readonly Connect: Readonly<Record<string, unknown>>;
  readonly CreateIndex: number;
  readonly ModifyIndex: number;
}

export interface CatalogNode {
  readonly Node: Node;
  /** By service ID. */
  readonly Services: Readonly<Record<string, NodeService>>;
}

export interface CatalogNodeServices {
  readonly Node: Node | null;
  readonly Services: readonly NodeService[] | null;
}

export interface HealthCheck {
  readonly Node: string;
  readonly CheckID: string;
  readonly Name: string;
  /** `passing`, `warning`, `critical`; catalog registrations may bring any word. */
  readonly Status: string;
  readonly Notes: string;
  readonly Output: string;
  /** '' for a check of the node itself. */
  readonly ServiceID: string;
  readonly ServiceName: string;
  readonly ServiceTags: readonly string[];
  readonly Type: string;
  readonly Interval: string;
  readonly Timeout: string;
  readonly ExposedPort: number;
  readonly Definition: Readonly<Record<string, unknown>>;
  readonly CreateIndex: number;
  readonly ModifyIndex: number;
}

/** An element of health/service: node checks first, then the instance's own. */
export interface ServiceEntry {
  readonly Node: Node;
  readonly Service: NodeService;
  readonly Checks: readonly HealthCheck[];
}

/** Body of catalog/register. */
export interface CatalogRegistration {
  readonly Datacenter?: string;
  readonly ID?: string;
  readonly Node: string;
  readonly Address?: string;
  readonly TaggedAddresses?: Readonly<Record<string, string>>;
  readonly NodeMeta?: Readonly<Record<string, string>>;
  readonly Service?: CatalogServiceRegistration;
  readonly Check?: CatalogCheckRegistration;
  readonly Checks?: readonly CatalogCheckRegistration[];
  readonly SkipNodeUpdate?: boolean;
}

export interface CatalogServiceRegistration {
  readonly ID?: string;
  readonly Service: string;
  readonly Tags?: readonly string[];
  readonly Address?: string;
  readonly TaggedAddresses?: Readonly<Record<string, ServiceAddress>>;
  readonly Meta?: Readonly<Record<string, string>>;
  readonly Port?: number;
  readonly SocketPath?: string;
  readonly Weights?: Weights;
  readonly EnableTagOverride?: boolean;
}

export interface CatalogCheckRegistration {
  readonly Node?: string;
  readonly CheckID?: string;
  readonly Name?: string;
  readonly Status?: string;
  readonly Notes?: string;
  readonly Output?: string;
  readonly ServiceID?: string;
  readonly ServiceName?: string;
  readonly Type?: string;
  readonly Definition?: Readonly<Record<string, unknown>>;
}

/** Body of catalog/deregister. ServiceID wins over CheckID; neither means the node with all that is on it. */
export interface CatalogDeregistration {
  readonly Datacenter?: string;
  readonly Node: string;
  readonly ServiceID?: string;
  readonly CheckID?: string;
}
