import { aliasResult, type AliasedCheck } from '../health/alias.ts';
import type { ProbeResult } from '../health/probe.ts';
import type { CheckKind } from '../model/registration.ts';
import type { LocalCheck } from './local.ts';
import type { LocalState } from './local-state.ts';

type AliasKind = Extract<CheckKind, { type: 'alias' }>;

/** A node of the catalog as an alias check sees it. */
export interface AliasedNode {
  readonly checks: readonly AliasedCheck[];
  readonly serviceIds: ReadonlySet<string>;
  /** What is published when any of it changes. */
  readonly topics: readonly string[];
}

export interface AliasesDeps {
  readonly state: LocalState;
  readonly nodeName: string;
  readonly catalogNode: (name: string) => AliasedNode;
  readonly subscribe: (topics: readonly string[], onChange: () => void) => () => void;
  /** A service that is not registered yet may still come: nothing is said about it until then. */
  readonly mayStillCome: (serviceId: string) => boolean;
  readonly store: (check: LocalCheck, result: ProbeResult) => void;
  /** Something outside this registry changed: settle soon. */
  readonly onRemoteChange: () => void;
}

/**
 * Which checks mirror which services. Whoever changes a check or a service touches it here; `settle` then brings every
 * alias that follows it up to date, each at most once, so that aliases of each other come to rest.
 */
export class Aliases {
  readonly #deps: AliasesDeps;
  /** Ids of alias checks on this node by the service they mirror; '' for the node alone. */
  readonly #local = new Map<string, Set<string>>();
  readonly #remote = new Map<string, () => void>();
  readonly #dirty = new Set<string>();

  constructor(deps: AliasesDeps) {
    this.#deps = deps;
  }

  add(id: string, kind: AliasKind): void {
    this.remove(id);
    this.#dirty.add(id);
    if (this.#isLocal(kind)) {
      const ids = this.#local.get(kind.service);
      if (ids === undefined) this.#local.set(kind.service, new Set([id]));
      else ids.add(id);
      return;
    }
    const { topics } = this.#deps.catalogNode(kind.node);
    const unsubscribe = this.#deps.subscribe(topics, () => {
      this.#dirty.add(id);
      this.#deps.onRemoteChange();
    });
    this.#remote.set(id, unsubscribe);
  }

  remove(id: string): void {
    this.#dirty.delete(id);
    this.#remote.get(id)?.();
    this.#remote.delete(id);
    for (const [service, ids] of this.#local) {
      if (ids.delete(id) && ids.size === 0) this.#local.delete(service);
    }
  }

  /** A service, or a check of it, came, went or changed; '' for a check of the node, which counts for every service. */
  touch(serviceId: string): void {
    if (this.#local.size === 0) return;
    if (serviceId === '') this.touchAll();
    else for (const id of this.#local.get(serviceId) ?? []) this.#dirty.add(id);
  }

  touchAll(): void {
    for (const ids of this.#local.values()) for (const id of ids) this.#dirty.add(id);
  }

  settle(): void {
    const done = new Set<string>();
    // A stored result may touch more aliases: they join the end of the same iteration.
    for (const id of this.#dirty) {
      this.#dirty.delete(id);
      if (done.has(id)) continue;
      done.add(id);
      const check = this.#deps.state.checks.get(id);
      if (check !== undefined) this.#evaluate(check);
    }
  }

  close(): void {
    for (const unsubscribe of this.#remote.values()) unsubscribe();
    this.#remote.clear();
  }

  #evaluate(check: LocalCheck): void {
    const { kind } = check.template;
    if (kind.type !== 'alias') return;
    const target = { serviceId: kind.service, selfId: check.id };
    if (!this.#isLocal(kind)) {
      const { checks, serviceIds } = this.#deps.catalogNode(kind.node);
      const serviceExists = serviceIds.has(kind.service);
      this.#deps.store(check, aliasResult(checks, { ...target, node: kind.node, serviceExists }));
      return;
    }
    const { state, nodeName } = this.#deps;
    const serviceExists = state.services.has(kind.service);
    if (!serviceExists && kind.service !== '' && this.#deps.mayStillCome(kind.service)) return;
    const checks = this.#localChecks(kind.service);
    this.#deps.store(check, aliasResult(checks, { ...target, node: nodeName, serviceExists }));
  }

  #localChecks(serviceId: string): readonly LocalCheck[] {
    const ofNode = this.#deps.state.nodeChecks();
    return serviceId === '' ? ofNode : [...ofNode, ...this.#deps.state.checksOf(serviceId)];
  }

  #isLocal(kind: AliasKind): boolean {
    return kind.node === '' || kind.node.toLowerCase() === this.#deps.nodeName.toLowerCase();
  }
}
