import { compareUtf8 } from '../lib/bytes.ts';
import { serfHealth } from '../model/check.ts';
import { type CheckFields, type NodeFields, type ServiceFields } from './codec.ts';
import { compareIds, compareServices, HostEntry, listOf, NameEntry, search } from './entries.ts';
import { Graveyard } from './graveyard.ts';
import { checkFloorKey, fold, nodeFloorKey, serviceFloorKey } from './keys.ts';
import { type LiveInfo, type MemberInfo, Membership } from './member.ts';
import { CheckRow, NodeRow, ServiceRow } from './rows.ts';
import { AddressIndex, LateAddressIndex, StateIndex } from './secondary.ts';
import { checkOwn, checkShape, serviceOwn, serviceShape } from './share.ts';
import { topics as topicOf } from './topics.ts';

/**
 * The catalog's rows and everything that is derived from them, changed one row at a time.
 *
 * In: rows and tombstones with their revisions, in any order within one revision. Out: secondary indexes, and the
 * newest revision that each view shows. Those are kept by taking the maximum as rows come. That equals the maximum
 * over the rows and tombstones that are there, floors included, because whoever takes a row out of a view leaves a
 * tombstone of a newer revision: a replica that loads and one that followed agree.
 */
export class CatalogState {
  readonly hosts = new Map<string, HostEntry>();
  readonly names = new Map<string, NameEntry>();
  readonly hostsById = new Map<string, HostEntry>();
  readonly serviceAddresses = new LateAddressIndex<ServiceRow>(() => this.#allServices());
  readonly nodeAddresses = new AddressIndex<HostEntry>();
  readonly checkStates = new StateIndex();
  readonly nodeGraves = new Graveyard(nodeFloorKey);
  readonly serviceGraves = new Graveyard(serviceFloorKey);
  readonly checkGraves = new Graveyard(checkFloorKey);
  nodesIndex = 0;
  servicesIndex = 0;
  checksIndex = 0;
  /** Newest revision at which any service name lost its last instance: the index of names that are not there. */
  extinction = 0;
  /** Counts changes of service rows, for what is derived from all of them. */
  serviceChanges = 0;
  #sortedHosts: HostEntry[] | undefined = undefined;
  #lastNodeCheck: CheckRow | undefined = undefined;

  /** Nodes that have a row, by folded name. */
  sortedHosts(): readonly HostEntry[] {
    if (this.#sortedHosts === undefined) {
      const present = [...this.hosts.values()].filter((host) => host.present);
      this.#sortedHosts = present.sort((a, b) => compareUtf8(a.key, b.key));
    }
    return this.#sortedHosts;
  }

  putNode(key: string, fields: NodeFields, createRevision: number, revision: number, out: Topics): void {
    const host = this.#host(key);
    const [name, id = '', address = '', taggedAddresses = null, meta = null, createIndex] = fields;
    this.#unlinkNode(host);
    const node = { id, name, address, taggedAddresses, meta };
    host.row = new NodeRow(node, createIndex ?? createRevision, revision);
    if (!host.present) this.#sortedHosts = undefined;
    host.present = true;
    host.createRevision = createRevision;
    if (id !== '') this.hostsById.set(id, host);
    this.nodeAddresses.add(address, host);
    this.nodesIndex = Math.max(this.nodesIndex, revision);
    host.index = Math.max(host.index, revision);
    out?.push(topicOf.nodes, topicOf.node(key));
    this.#touchHost(host, revision, out);
    this.#derive(host, out);
  }

  deleteNode(key: string, out: Topics): void {
    const host = this.hosts.get(key);
    if (host === undefined || !host.present) return;
    this.#unlinkNode(host);
    host.present = false;
    this.#sortedHosts = undefined;
    out?.push(topicOf.nodes, topicOf.node(key));
    this.#touchHost(host, 0, out);
    this.#derive(host, out);
    this.#dropHost(host);
  }

  putService(
    hostKey: string,
    fields: ServiceFields,
    createRevision: number,
    revision: number,
    out: Topics,
  ): void {
    const host = this.#host(hostKey);
    const name = this.#name(fold(fields[1]));
    const old = host.services.get(fields[0]);
    const like = name.lastService;
    const row = new ServiceRow(
      host,
      serviceShape(fields, like),
      serviceOwn(fields, like, old),
      createRevision,
      revision,
    );
    if (old !== undefined) this.#unlinkService(host, old, fold(old.name) !== name.key, out);
    host.addService(row);
    name.lastService = row;
    name.tagUnion = undefined;
    const at = search(name.rows, row, compareServices);
    if (at < 0) name.rows.splice(-1 - at, 0, row);
    else name.rows[at] = row;
    this.serviceAddresses.add(row);
    this.serviceChanges += 1;
    this.servicesIndex = Math.max(this.servicesIndex, revision);
    host.index = Math.max(host.index, revision);
    name.index = Math.max(name.index, revision, host.nodeLevel);
    for (const check of listOf(row.checks)) name.index = Math.max(name.index, check.modifyIndex);
    out?.push(topicOf.services, topicOf.node(hostKey), topicOf.service(name.key));
  }

  deleteService(hostKey: string, id: string, out: Topics): void {
    const host = this.hosts.get(hostKey);
    const row = host?.services.get(id);
    if (host === undefined || row === undefined) return;
    this.#unlinkService(host, row, true, out);
    host.removeService(row);
    this.serviceChanges += 1;
    out?.push(topicOf.services, topicOf.node(hostKey));
    this.#dropHost(host);
  }

  putCheck(
    hostKey: string,
    fields: CheckFields,
    createRevision: number,
    revision: number,
    out: Topics,
  ): void {
    const host = this.#host(hostKey);
    const old = host.checks.get(fields[0]);
    const service = host.services.get(fields[4] ?? '');
    const name = service === undefined ? undefined : this.names.get(fold(service.name));
    const like = service === undefined ? this.#lastNodeCheck : name?.lastCheck;
    const row = new CheckRow(
      host,
      checkShape(fields, like, service),
      checkOwn(fields, like, service, old),
      createRevision,
      revision,
    );
    if (name !== undefined) name.lastCheck = row;
    else this.#lastNodeCheck = row;
    this.checksIndex = Math.max(this.checksIndex, revision);
    if (old !== undefined && old === host.derived) {
      host.hidden = row;
      return;
    }
    this.#showCheck(host, old, row, out);
    if (row.serviceId === '') this.#touchHost(host, revision, out);
    else if (name !== undefined) this.#touchName(name, revision, out);
  }

  deleteCheck(hostKey: string, id: string, out: Topics): void {
    const host = this.hosts.get(hostKey);
    const row = host?.checks.get(id);
    if (host === undefined || row === undefined) return;
    if (row === host.derived) {
      host.hidden = undefined;
      return;
    }
    this.#unlinkCheck(host, row, out);
    host.checks.delete(id);
    this.#dropHost(host);
  }

  putMember(key: string, info: MemberInfo, createRevision: number, revision: number, out: Topics): void {
    const [host, membership] = this.#membership(key);
    membership.info = info;
    membership.createRevision = createRevision;
    membership.infoRevision = revision;
    this.#memberChanged(host, out);
  }

  deleteMember(key: string, out: Topics): void {
    const [host, membership] = this.#membership(key);
    membership.info = undefined;
    membership.infoRevision = membership.createRevision = 0;
    this.#memberChanged(host, out);
  }

  putLive(key: string, live: LiveInfo, revision: number, out: Topics): void {
    const [host, membership] = this.#membership(key);
    membership.live = { ...live, revision };
    this.#memberChanged(host, out);
  }

  /** A lease that ends leaves no tombstone: until `state/` says so, the batch's revision is the check's. */
  deleteLive(key: string, revision: number, out: Topics): void {
    const [host, membership] = this.#membership(key);
    membership.live = undefined;
    membership.vanishedAt = revision;
    this.#memberChanged(host, out);
  }

  putState(key: string, isUp: boolean, revision: number, out: Topics): void {
    const [host, membership] = this.#membership(key);
    membership.isUp = isUp;
    membership.stateRevision = revision;
    membership.vanishedAt = 0;
    this.#memberChanged(host, out);
  }

  deleteState(key: string, out: Topics): void {
    const [host, membership] = this.#membership(key);
    membership.isUp = false;
    membership.stateRevision = 0;
    this.#memberChanged(host, out);
  }

  /** Everything at `revision` is there. Whose agent died before that, and nobody wrote so, counts as seen dead now. */
  settleMembers(revision: number): void {
    for (const host of this.hosts.values()) {
      const { membership } = host;
      if (membership === undefined || membership.live !== undefined || !membership.isUp) continue;
      membership.vanishedAt = revision;
      this.#derive(host, undefined);
    }
  }

  buryNode(key: string, revision: number, wallMs: number): void {
    this.nodeGraves.bury(key, revision, wallMs);
    this.nodesIndex = Math.max(this.nodesIndex, revision);
  }

  buryService(key: string, name: string, hostKey: string, revision: number, wallMs: number): void {
    const entry = this.#name(name);
    if (!this.serviceGraves.has(key)) entry.tombstones += 1;
    this.serviceGraves.bury(key, revision, wallMs);
    entry.index = Math.max(entry.index, revision);
    this.servicesIndex = Math.max(this.servicesIndex, revision);
    const host = this.hosts.get(hostKey);
    if (host !== undefined) host.index = Math.max(host.index, revision);
  }

  /** `name` is '' for a check of the node itself. */
  buryCheck(key: string, name: string, hostKey: string, revision: number, wallMs: number): void {
    this.checkGraves.bury(key, revision, wallMs);
    this.checksIndex = Math.max(this.checksIndex, revision);
    if (name === '') {
      const host = this.hosts.get(hostKey);
      if (host !== undefined) this.#touchHost(host, revision, undefined);
      return;
    }
    const entry = this.names.get(name);
    if (entry !== undefined) entry.index = Math.max(entry.index, revision);
  }

  unburyService(key: string, name: string): void {
    if (!this.serviceGraves.remove(key)) return;
    const entry = this.#name(name);
    entry.tombstones -= 1;
    this.#dropName(entry);
  }

  #membership(key: string): readonly [HostEntry, Membership] {
    const host = this.#host(key);
    return [host, (host.membership ??= new Membership())];
  }

  #memberChanged(host: HostEntry, out: Topics): void {
    out?.push(topicOf.members);
    this.#derive(host, out);
    if (host.membership?.empty) host.membership = undefined;
    this.#dropHost(host);
  }

  /** The serfHealth of an agent's node follows from its membership; a stored one is shown where there is none. */
  #derive(host: HostEntry, out: Topics): void {
    const old = host.derived;
    const row = host.present ? host.membership?.check(host, host.createRevision) : undefined;
    if (row === undefined && old === undefined) return;
    if (row !== undefined && old?.status === row.status && old.modifyIndex === row.modifyIndex) return;
    const before = host.checks.get(serfHealth);
    if (row !== undefined && old === undefined) host.hidden = before;
    const shown = row ?? host.hidden;
    host.derived = row;
    if (row === undefined) host.hidden = undefined;
    if (shown === undefined) {
      this.#unlinkCheck(host, old!, out);
      host.checks.delete(serfHealth);
      return;
    }
    this.#showCheck(host, before, shown, out);
    this.checksIndex = Math.max(this.checksIndex, shown.modifyIndex);
    this.#touchHost(host, shown.modifyIndex, out);
  }

  #showCheck(host: HostEntry, old: CheckRow | undefined, row: CheckRow, out: Topics): void {
    if (old !== undefined) this.#unlinkCheck(host, old, out);
    host.checks.set(row.id, row);
    this.#linkCheck(host, row);
    this.checkStates.add(row);
    this.#checkTopics(host, row, out);
  }

  *#allServices(): Generator<ServiceRow> {
    for (const host of this.hosts.values()) yield* host.services.values();
  }

  #host(key: string): HostEntry {
    let host = this.hosts.get(key);
    if (host === undefined) {
      host = new HostEntry(key);
      this.hosts.set(key, host);
    }
    return host;
  }

  #name(key: string): NameEntry {
    let name = this.names.get(key);
    if (name === undefined) {
      name = new NameEntry(key);
      this.names.set(key, name);
    }
    return name;
  }

  #dropHost(host: HostEntry): void {
    if (host.empty) this.hosts.delete(host.key);
  }

  #dropName(name: NameEntry): void {
    if (name.empty) this.names.delete(name.key);
  }

  #touchName(name: NameEntry, revision: number, out: Topics): void {
    name.index = Math.max(name.index, revision);
    out?.push(topicOf.service(name.key));
  }

  /** What every instance on the node shows has changed. */
  #touchHost(host: HostEntry, revision: number, out: Topics): void {
    host.nodeLevel = Math.max(host.nodeLevel, revision);
    for (const row of host.services.values()) {
      const name = this.names.get(fold(row.name));
      if (name !== undefined) this.#touchName(name, revision, out);
    }
  }

  #unlinkNode(host: HostEntry): void {
    if (!host.present) return;
    // The id may have gone to another node in the same batch.
    if (this.hostsById.get(host.row.id) === host) this.hostsById.delete(host.row.id);
    this.nodeAddresses.remove(host.row.address, host);
  }

  /** `leaves`: the name loses this instance; otherwise its place is kept for the next version. */
  #unlinkService(host: HostEntry, row: ServiceRow, leaves: boolean, out: Topics): void {
    this.serviceAddresses.remove(row);
    const name = this.names.get(fold(row.name));
    if (name === undefined) return;
    name.tagUnion = undefined;
    out?.push(topicOf.service(name.key));
    if (!leaves) return;
    const at = search(name.rows, row, compareServices);
    if (at >= 0) name.rows.splice(at, 1);
    if (name.rows.length === 0) name.lastService = name.lastCheck = undefined;
    this.#dropName(name);
  }

  #linkCheck(host: HostEntry, row: CheckRow): void {
    if (row.serviceId === '') {
      host.nodeChecks = [...host.nodeChecks, row].sort(compareIds);
      return;
    }
    const others = host.checksOf(row.serviceId);
    host.setChecksOf(row.serviceId, others.length === 0 ? [row] : [...others, row].sort(compareIds));
  }

  #unlinkCheck(host: HostEntry, row: CheckRow, out: Topics): void {
    this.checkStates.remove(row);
    this.#checkTopics(host, row, out);
    if (row.serviceId === '') {
      host.nodeChecks = host.nodeChecks.filter((other) => other !== row);
      this.#touchHost(host, 0, out);
      return;
    }
    host.setChecksOf(
      row.serviceId,
      host.checksOf(row.serviceId).filter((other) => other !== row),
    );
    const service = host.services.get(row.serviceId);
    if (service !== undefined) out?.push(topicOf.service(fold(service.name)));
  }

  #checkTopics(host: HostEntry, row: CheckRow, out: Topics): void {
    if (out === undefined) return;
    out.push(topicOf.checks, topicOf.checksOfNode(host.key), topicOf.checksInState(fold(row.status)));
    if (row.serviceName !== '') out.push(topicOf.checksOfService(fold(row.serviceName)));
  }
}

/** Undefined while loading, when nobody is to be told. */
export type Topics = string[] | undefined;
