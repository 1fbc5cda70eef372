import { type Check, serfHealth } from '../model/check.ts';
import { metaProblem } from '../model/meta-rules.ts';
import type { Node } from '../model/node.ts';
import { defaultWeights, type Service } from '../model/service.ts';
import { weightsProblem } from '../model/service-rules.ts';
import type { Compare, Operation } from '../store/store.ts';
import { encodeCheck, encodeNode, encodeService, encodeTombstone, noTags } from './codec.ts';
import type { HostEntry } from './entries.ts';
import * as keys from './keys.ts';
import { type Step, unchanged } from './plan.ts';
import type { CheckRow, ServiceRow } from './rows.ts';
import { sameCheck, sameNode, sameService, sameValue } from './same.ts';
import type { CatalogState } from './state.ts';
import { invalid } from './validate.ts';

/**
 * What has to be written so that a wish comes true, given the catalog as the replica shows it: pure, so that a refused
 * commit is answered by planning anew.
 *
 * Out: steps, parents put before children and children deleted before parents, so that a plan may be cut after any
 * step. Rows that would not change take no step. A row that leaves a view leaves a tombstone in the same step.
 * Throws CatalogError `invalid` with Consul's text.
 */
export class Planner {
  readonly steps: Step[] = [];
  readonly #state: CatalogState;
  readonly #revision: number;
  readonly #tombstone: Uint8Array;
  readonly #fill: number;
  /** Keys that this plan puts: they can't be compared in the commit that makes them. */
  readonly #put = new Set<string>();
  /** The services of the node as they will be. */
  readonly #services = new Map<string, Service>();
  /** Instances that each name loses. */
  readonly #losses = new Map<string, number>();

  /** `revision`: what `state` shows. `fill`: steps after which a caller may stop, since no commit holds more. */
  constructor(state: CatalogState, options: { revision: number; wallMs: number; fill: number }) {
    this.#state = state;
    this.#revision = options.revision;
    this.#tombstone = encodeTombstone(options.wallMs);
    this.#fill = options.fill;
  }

  /** More steps would not fit into one commit: commit these and plan anew. */
  get full(): boolean {
    return this.steps.length >= this.#fill;
  }

  /** The node's row. An existing one is left alone when `skipUpdate`. */
  putNode(node: Node, skipUpdate: boolean): void {
    const host = this.#present(node.name);
    if (host !== undefined && (skipUpdate || sameNode(host.row, node))) return;
    const renamed = this.#renamedFrom(node);
    const old = renamed ?? host;
    if (renamed !== undefined) this.#deleteChildren(renamed);
    const key = keys.nodeKey(node.name);
    const operations: Operation[] = [{ put: key, value: encodeNode(node, old?.row.createIndex) }];
    const compares: Compare[] = [unchanged(key, host?.row)];
    if (renamed !== undefined) {
      operations.push(...this.#deleteNodeRow(renamed));
      compares.push(...this.#nothingNew(renamed));
    }
    this.steps.push({ operations, compares });
    this.#put.add(key);
  }

  /** A service of a node that is there or put by this plan. */
  putService(node: string, wanted: Service): void {
    const service = normalised(wanted);
    this.#services.set(service.id, service);
    const existing = this.#present(node)?.services.get(service.id);
    if (existing !== undefined && sameService(existing, service)) return;
    const problem = metaProblem(service.meta);
    if (problem !== undefined) {
      const where = `for node ${node} and serviceID ${service.id}`;
      throw invalid(`failed inserting service: Invalid Service Meta ${where}: ${problem}`);
    }
    const key = keys.serviceKey(node, service.id);
    const operations: Operation[] = [{ put: key, value: encodeService(service) }];
    const compares = [...this.#nodeStays(node), unchanged(key, existing)];
    this.#put.add(key);
    if (existing !== undefined && existing.name !== service.name) {
      const renamed = this.#rename(node, existing);
      operations.push(...renamed.operations);
      compares.push(...renamed.compares);
    }
    this.steps.push({ operations, compares });
  }

  /** The old name loses the instance; its checks, which are found by their service's name, go with it. */
  #rename(node: string, existing: ServiceRow): Step {
    const operations: Operation[] = [];
    const compares: Compare[] = [];
    for (const check of (existing.host as HostEntry).checksOf(existing.id)) {
      const step = this.#checkStep(node, check);
      operations.push(...(step?.operations ?? []));
      compares.push(...(step?.compares ?? []));
    }
    const service = this.#services.get(existing.id);
    const leaves = service !== undefined && keys.fold(existing.name) !== keys.fold(service.name);
    if (leaves) operations.push(...this.#serviceLeaves(node, existing));
    return { operations, compares };
  }

  /** A check of the node or of one of its services; its service's name and tags are filled in. */
  putCheck(node: string, wanted: Check): void {
    const step = this.#checkStep(node, wanted);
    if (step !== undefined) this.steps.push(step);
  }

  #checkStep(node: string, wanted: Check): Step | undefined {
    const host = this.#present(node);
    const service = this.#service(host, wanted.serviceId);
    if (wanted.serviceId !== '' && service === undefined) {
      throw invalid(`failed inserting check: Missing service registration on node ${JSON.stringify(node)}`);
    }
    const status = wanted.status === '' ? 'critical' : wanted.status;
    const check = storedCheck(wanted, status, service?.name ?? wanted.serviceName);
    const tags = service?.tags ?? noTags;
    const existing = host?.checks.get(check.id);
    // What an agent's node says of its agent is not for others to write.
    if (existing !== undefined && existing === host?.derived) return undefined;
    if (existing !== undefined && sameCheck(existing, check) && sameValue(existing.serviceTags, tags))
      return undefined;
    const key = keys.checkKey(node, check.id);
    const operations: Operation[] = [{ put: key, value: encodeCheck(check, tags) }];
    if (existing !== undefined) {
      const left = this.#attachedTo(host, existing);
      const joined = service === undefined ? '' : keys.fold(service.name);
      if (left !== undefined && left !== joined) operations.push(this.#checkTombstone(left, node));
    }
    const compares = [...this.#nodeStays(node), unchanged(key, existing)];
    if (service !== undefined) compares.push(...this.#serviceStays(node, host, service.id));
    this.#put.add(key);
    return { operations, compares };
  }

  /** Gives the checks of a service, as they are stored, its name and tags as this plan leaves them. */
  refreshChecks(node: string, serviceId: string, except: ReadonlySet<string>): void {
    for (const check of this.#present(node)?.checksOf(serviceId) ?? []) {
      if (!except.has(check.id)) this.putCheck(node, check);
    }
  }

  deleteCheck(node: string, id: string): void {
    const host = this.#present(node);
    const check = host?.checks.get(id);
    if (host === undefined || check === undefined || check === host.derived) return;
    this.#deleteCheckRow(host, check);
  }

  /** A service with its checks. `alone`: refused if a check of the node changes meanwhile, so that none is orphaned. */
  deleteService(node: string, id: string, alone: boolean): void {
    const host = this.#present(node);
    const service = host?.services.get(id);
    if (host === undefined || service === undefined) return;
    for (const check of host.checksOf(id)) {
      // A check that this plan moves elsewhere stays.
      if (!this.#put.has(keys.checkKey(host.key, check.id))) this.#deleteCheckRow(host, check);
    }
    const compares = alone ? [this.#nothingNewUnder(keys.checksOfNode(host.key))] : [];
    this.#deleteServiceRow(host, service, compares);
  }

  /** The node with all that is on it. */
  deleteNode(node: string): void {
    const host = this.#present(node);
    if (host === undefined) return;
    this.#deleteChildren(host);
    this.steps.push({
      operations: this.#deleteNodeRow(host),
      compares: [unchanged(keys.nodeKey(host.key), host.row), ...this.#nothingNew(host)],
    });
  }

  #present(node: string): HostEntry | undefined {
    const host = this.#state.hosts.get(keys.fold(node));
    return host?.present ? host : undefined;
  }

  /** The node that holds this ID under another name, if the name may be taken. */
  #renamedFrom(node: Node): HostEntry | undefined {
    if (node.id === '') return undefined;
    const holder = this.#state.hostsById.get(node.id);
    if (holder === undefined) {
      const problem = this.#nameTaken(node, true);
      if (problem !== undefined) {
        throw invalid(`failed inserting node: Error while renaming Node ID: "${node.id}": ${problem}`);
      }
      return undefined;
    }
    if (holder.key === keys.fold(node.name)) return undefined;
    const problem = this.#nameTaken(node, false);
    if (problem !== undefined) {
      const whose = `"${node.id}" (${node.address})`;
      throw invalid(`failed inserting node: Error while renaming Node ID: ${whose}: ${problem}`);
    }
    return holder;
  }

  /** Why another node keeps this name: it is alive, as its serfHealth says. One without an ID may be `upgraded`. */
  #nameTaken(node: Node, upgraded: boolean): string | undefined {
    const host = this.#present(node.name);
    if (host === undefined || host.row.id === node.id || (host.row.id === '' && upgraded)) return undefined;
    // An agent takes the name before it writes its row.
    if (host.membership?.live?.id === node.id) return undefined;
    const serf = host.checks.get(serfHealth);
    if (serf === undefined || serf.status === 'critical') return undefined;
    const { id, name, address } = host.row;
    return `Node name ${node.name} is reserved by node ${id} with name ${name} (${address})`;
  }

  #service(host: HostEntry | undefined, id: string): Service | undefined {
    return id === '' ? undefined : (this.#services.get(id) ?? host?.services.get(id));
  }

  /** Folded name of the service that a stored check counts for, '' for the node; undefined if that is gone. */
  #attachedTo(host: HostEntry | undefined, check: CheckRow): string | undefined {
    if (check.serviceId === '') return '';
    const service = host?.services.get(check.serviceId);
    return service === undefined ? undefined : keys.fold(service.name);
  }

  #nodeStays(node: string): readonly Compare[] {
    const key = keys.nodeKey(node);
    return this.#put.has(key) ? [] : [{ key, exists: true }];
  }

  #serviceStays(node: string, host: HostEntry | undefined, id: string): readonly Compare[] {
    const key = keys.serviceKey(node, id);
    return this.#put.has(key) ? [] : [unchanged(key, host?.services.get(id))];
  }

  #nothingNewUnder(prefix: string): Compare {
    return { prefix, modRevisionBelow: this.#revision + 1 };
  }

  #nothingNew(host: HostEntry): readonly Compare[] {
    return [
      { key: keys.memberKey(host.key), modRevision: host.membership?.infoRevision ?? 0 },
      this.#nothingNewUnder(keys.checksOfNode(host.key)),
      this.#nothingNewUnder(keys.servicesOfNode(host.key)),
    ];
  }

  #deleteChildren(host: HostEntry): void {
    for (const check of host.checks.values()) {
      if (this.full) return;
      const stored = check === host.derived ? host.hidden : check;
      if (stored !== undefined) this.#deleteCheckRow(host, stored);
    }
    for (const service of host.services.values()) {
      if (this.full) return;
      this.#deleteServiceRow(host, service, []);
    }
  }

  #deleteNodeRow(host: HostEntry): Operation[] {
    const operations: Operation[] = [
      { delete: keys.nodeKey(host.key) },
      { put: keys.nodeTombstoneKey(host.key), value: this.#tombstone },
    ];
    // The derived check goes with the row.
    if (host.derived !== undefined) operations.push(this.#checkTombstone('', host.key));
    return operations;
  }

  #deleteServiceRow(host: HostEntry, service: ServiceRow, compares: readonly Compare[]): void {
    const key = keys.serviceKey(host.key, service.id);
    this.steps.push({
      operations: [{ delete: key }, ...this.#serviceLeaves(host.key, service)],
      compares: [unchanged(key, service), ...compares],
    });
  }

  #deleteCheckRow(host: HostEntry, check: CheckRow): void {
    const key = keys.checkKey(host.key, check.id);
    this.steps.push({
      operations: [{ delete: key }, this.#checkTombstone(this.#attachedTo(host, check) ?? '', host.key)],
      compares: [unchanged(key, check)],
    });
  }

  #serviceLeaves(node: string, service: ServiceRow): Operation[] {
    const name = keys.fold(service.name);
    const lost = (this.#losses.get(name) ?? 0) + 1;
    this.#losses.set(name, lost);
    const operations: Operation[] = [{ put: keys.serviceTombstoneKey(name, node), value: this.#tombstone }];
    if (lost === this.#state.names.get(name)?.rows.length) {
      operations.push({ put: keys.extinctionKey, value: this.#tombstone });
    }
    return operations;
  }

  #checkTombstone(service: string, node: string): Operation {
    return { put: keys.checkTombstoneKey(service, node), value: this.#tombstone };
  }
}

/** `wanted` may be a row, whose fields have to be read one by one. */
function storedCheck(wanted: Check, status: string, serviceName: string): Check {
  const { id, name, notes, output, serviceId, type, interval, timeout, definition, deregisterAfterMs } =
    wanted;
  const given = {
    id,
    name,
    notes,
    output,
    serviceId,
    type,
    interval,
    timeout,
    definition,
    deregisterAfterMs,
  };
  return { ...given, status, serviceName };
}

/** Weights that make no sense count as the default ones. */
function normalised(service: Service): Service {
  return weightsProblem(service.weights) === undefined ? service : { ...service, weights: defaultWeights };
}
