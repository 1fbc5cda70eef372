import type { ContainerSnapshot } from '../docker/docker.ts';
import { sharedWith } from './address.ts';
import { desiredServices, noServices, type Desired, type DesiredService } from './desired.ts';
import type { DesiredOptions } from './options.ts';

/** The containers that are up, what each should have, and who gets an id that several want. No I/O. */
export class Containers {
  readonly #options: DesiredOptions;
  readonly #registrarId: string;
  readonly #byId = new Map<string, Entry>();
  /** Service id -> those who want it, by container id. */
  readonly #wanted = new Map<string, Map<string, Claimant>>();
  /** Container id -> those that live in its network namespace. */
  readonly #sharers = new Map<string, Set<string>>();

  constructor(options: DesiredOptions, registrarId: string) {
    this.#options = options;
    this.#registrarId = registrarId;
  }

  get size(): number {
    return this.#byId.size;
  }

  ids(): readonly string[] {
    return [...this.#byId.keys()];
  }

  has(containerId: string): boolean {
    return this.#byId.has(containerId);
  }

  get(containerId: string): ContainerSnapshot | undefined {
    return this.#byId.get(containerId)?.snapshot;
  }

  /** What is wrong with a container's env and labels. */
  problems(containerId: string): readonly string[] {
    return this.#byId.get(containerId)?.desired.problems ?? [];
  }

  /** Ids of all services that are wanted. */
  serviceIds(): IterableIterator<string> {
    return this.#wanted.keys();
  }

  /**
   * Who gets a service id: of several containers the one that started last, as with compose, which starts the new
   * container while the old one goes.
   */
  desired(serviceId: string): DesiredService | undefined {
    let best: Claimant | undefined;
    for (const claimant of this.#wanted.get(serviceId)?.values() ?? []) {
      if (best === undefined || isLater(claimant, best)) best = claimant;
    }
    return best?.service;
  }

  /** Puts what Docker said in place of what was known; returns the ids of services that this may have changed. */
  put(snapshot: ContainerSnapshot): ReadonlySet<string> {
    const touched = new Set<string>();
    this.#share(snapshot.id, sharedWith(snapshot));
    this.#byId.set(snapshot.id, { snapshot, desired: this.#byId.get(snapshot.id)?.desired ?? noServices });
    this.#derive(snapshot.id, touched, new Set());
    return touched;
  }

  remove(containerId: string): ReadonlySet<string> {
    const touched = new Set<string>();
    this.#share(containerId, '');
    const entry = this.#byId.get(containerId);
    if (entry === undefined) return touched;
    this.#byId.delete(containerId);
    this.#replace(entry, noServices, touched);
    this.#deriveSharers(containerId, touched, new Set([containerId]));
    return touched;
  }

  /** `seen`: Docker makes no ring of containers that share a network, but snapshots of two moments might. */
  #derive(containerId: string, touched: Set<string>, seen: Set<string>): void {
    const entry = this.#byId.get(containerId);
    if (entry === undefined || seen.has(containerId)) return;
    seen.add(containerId);
    const desired = desiredServices(entry.snapshot, this.#options, this.#registrarId, (id) => this.get(id));
    this.#byId.set(containerId, { snapshot: entry.snapshot, desired });
    this.#replace(entry, desired, touched);
    this.#deriveSharers(containerId, touched, seen);
  }

  #deriveSharers(ownerId: string, touched: Set<string>, seen: Set<string>): void {
    for (const id of this.#sharers.get(ownerId) ?? []) this.#derive(id, touched, seen);
  }

  #replace({ snapshot, desired: before }: Entry, after: Desired, touched: Set<string>): void {
    for (const { id } of before.services) {
      const claimants = this.#wanted.get(id);
      claimants?.delete(snapshot.id);
      if (claimants?.size === 0) this.#wanted.delete(id);
      touched.add(id);
    }
    for (const service of after.services) {
      const claimants = this.#wanted.get(service.id) ?? new Map<string, Claimant>();
      claimants.set(snapshot.id, { service, startedMs: timeMs(snapshot.startedAt) });
      this.#wanted.set(service.id, claimants);
      touched.add(service.id);
    }
  }

  #share(containerId: string, ownerId: string): void {
    const before = this.#byId.get(containerId);
    const beforeOwner = before === undefined ? '' : sharedWith(before.snapshot);
    if (beforeOwner !== '' && beforeOwner !== ownerId) {
      const rest = this.#sharers.get(beforeOwner);
      rest?.delete(containerId);
      if (rest?.size === 0) this.#sharers.delete(beforeOwner);
    }
    if (ownerId !== '')
      this.#sharers.set(ownerId, (this.#sharers.get(ownerId) ?? new Set()).add(containerId));
  }
}

interface Entry {
  readonly snapshot: ContainerSnapshot;
  readonly desired: Desired;
}

interface Claimant {
  readonly service: DesiredService;
  readonly startedMs: number;
}

function isLater(a: Claimant, b: Claimant): boolean {
  return a.startedMs !== b.startedMs
    ? a.startedMs > b.startedMs
    : a.service.containerId > b.service.containerId;
}

/** RFC 3339 with nanoseconds -> ms since the epoch with fractions, the scale of ContainerEvent.timeMs; 0 if unreadable. */
export function timeMs(rfc3339: string): number {
  const whole = Date.parse(rfc3339.replace(/\.\d+/, ''));
  if (Number.isNaN(whole)) return 0;
  const fraction = /\.(\d+)/.exec(rfc3339)?.[1];
  return whole + (fraction === undefined ? 0 : Number(`0.${fraction}`) * 1000);
}
