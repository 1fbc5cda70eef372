import type { Catalog } from '../catalog/catalog.ts';
import type { CatalogWriter } from '../catalog/writer.ts';
import type { Kv } from '../kv/kv.ts';
import type { Sessions } from '../kv/sessions.ts';
import type { Clock } from '../lib/clock.ts';
import type { CheckStatus } from '../model/check.ts';
import type { CheckDefinition, ServiceRegistration } from '../model/registration.ts';
import type { Service } from '../model/service.ts';
import type { AgentSelf, AgentTemplate, Member } from '@portolan/sdk/wire';
import type { HttpMetrics } from './metrics.ts';
import type { Views } from './views.ts';

/** What handlers are given. Each interface says only what they use. */
export interface Deps {
  readonly options: HandlerOptions;
  readonly catalog: Catalog;
  readonly writer: CatalogWriter;
  readonly kv: Kv;
  readonly sessions: Sessions;
  readonly registry: LocalRegistry;
  readonly agent: AgentInfo;
  readonly views: Views;
  readonly metrics: HttpMetrics;
  /** Left out: the agent has no templates. */
  readonly templates?: () => readonly AgentTemplate[];
  readonly clock: Clock;
}

export interface HandlerOptions {
  readonly datacenter: string;
  /** Most bytes in one KV value. */
  readonly kvMaxValueBytes: number;
  /** Most bytes in any other body. */
  readonly maxBodyBytes: number;
  /** Where `GET /` sends a browser; undefined without a user interface. */
  readonly uiPath: string | undefined;
  /** Answer agent/metrics?format=prometheus. */
  readonly prometheus: boolean;
}

/** This agent as it describes itself. */
export interface AgentInfo {
  readonly nodeName: string;
  readonly nodeId: string;
  readonly version: string;
  readonly revision: string;
  /** RFC 3339. */
  readonly buildDate: string;
  readonly nodeMeta: Readonly<Record<string, string>>;
  /** This agent first. */
  members(): readonly Member[];
  /** host:port of the leader, '' if none is known. */
  leader(): string;
  peers(): readonly string[];
  /** Resolves when this agent's node is out of the catalog; it stops then. Throws ClusterError. */
  leave(): Promise<void>;
  /** Resolves when the configuration files are read anew. Throws an error whose message says what is wrong with them. */
  reload(): Promise<void>;
  /** Takes a dead agent out of the catalog; `prune`: its name is forgotten too. Throws ClusterError `unknown-member`. */
  forceLeave(node: string, options: { readonly prune: boolean }): Promise<void>;
  debugConfig(): Readonly<Record<string, unknown>>;
  stats(): AgentSelf['Stats'];
}

/** A check of this agent as its registry holds it. */
export interface LocalCheck {
  readonly id: string;
  readonly name: string;
  readonly status: string;
  readonly notes: string;
  readonly output: string;
  readonly serviceId: string;
  readonly serviceName: string;
  readonly serviceTags: readonly string[];
  readonly type: string;
  readonly interval: string;
  readonly timeout: string;
}

/** The part of registry/ that the agent endpoints use. */
export interface LocalRegistry {
  services(): ReadonlyMap<string, Service>;
  service(id: string): Service | undefined;
  checks(): ReadonlyMap<string, LocalCheck>;
  registerService(
    registration: ServiceRegistration,
    options: { readonly replaceExistingChecks: boolean; readonly persist: boolean },
  ): Promise<void>;
  /** False when there was no such service. */
  deregisterService(id: string): Promise<boolean>;
  registerCheck(definition: CheckDefinition): Promise<void>;
  deregisterCheck(id: string): Promise<boolean>;
  updateTtlCheck(id: string, status: CheckStatus, output: string): Promise<void>;
  setServiceMaintenance(id: string, enable: boolean, reason: string): Promise<void>;
  setNodeMaintenance(enable: boolean, reason: string): Promise<void>;
  /** Calls `listener` with the id of every service that changed; returns the end of the subscription. */
  onChange(listener: (serviceId: string) => void): () => void;
}
