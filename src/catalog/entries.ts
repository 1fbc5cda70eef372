import { compareUtf8 } from '../lib/bytes.ts';
import type { Membership } from './member.ts';
import { type CheckRow, type Host, NodeRow, type ServiceRow } from './rows.ts';

/** The mutable records that secondary indexes are made of; only the catalog's state changes them. */

/** All that is known of one node. It may exist before its row, and after it while children remain. */
export class HostEntry implements Host {
  /** Folded name. */
  readonly key: string;
  row: NodeRow;
  /** Whether the node's own row is there. */
  present = false;
  readonly services = new Map<string, ServiceRow>();
  readonly checks = new Map<string, CheckRow>();
  /** Checks of the node itself, by id; replaced, never changed, since answers share it. */
  nodeChecks: readonly CheckRow[] = none;
  /** Checks whose service is not there, by its id; the others are with their service's row. */
  readonly orphans = new Map<string, CheckRow | readonly CheckRow[]>();
  /** Who runs the node; undefined for an external node. */
  membership: Membership | undefined = undefined;
  /** The node's serfHealth where it is not stored; it is among `checks` and `nodeChecks`. */
  derived: CheckRow | undefined = undefined;
  /** A stored serfHealth that the derived one hides. */
  hidden: CheckRow | undefined = undefined;
  /** Of the node's row in the store. */
  createRevision = 0;
  /** Newest revision of what all its instances show: the node's row and its own checks. */
  nodeLevel = 0;
  /** Newest revision of the node's row and its services, living and gone. */
  index = 0;

  constructor(key: string) {
    this.key = key;
    this.row = new NodeRow({ id: '', name: key, address: '', taggedAddresses: null, meta: null }, 0, 0);
  }

  get empty(): boolean {
    const hasRows = this.present || this.services.size > 0 || this.checks.size > 0;
    return !hasRows && this.membership === undefined && this.hidden === undefined;
  }

  /** Checks of one instance without those of the node. */
  checksOf(serviceId: string): readonly CheckRow[] {
    const service = this.services.get(serviceId);
    return listOf(service === undefined ? this.orphans.get(serviceId) : service.checks);
  }

  setChecksOf(serviceId: string, checks: readonly CheckRow[]): void {
    const kept = checks.length < 2 ? checks[0] : checks;
    const service = this.services.get(serviceId);
    if (service !== undefined) service.checks = kept;
    else if (kept === undefined) this.orphans.delete(serviceId);
    else this.orphans.set(serviceId, kept);
  }

  /** A new version of a service takes over the checks of the old one, or those that waited for it. */
  addService(row: ServiceRow): void {
    const old = this.services.get(row.id);
    row.checks = old === undefined ? this.orphans.get(row.id) : old.checks;
    if (old === undefined && row.checks !== undefined) this.orphans.delete(row.id);
    this.services.set(row.id, row);
  }

  removeService(row: ServiceRow): void {
    this.services.delete(row.id);
    if (row.checks !== undefined) this.orphans.set(row.id, row.checks);
  }
}

export function listOf(checks: CheckRow | readonly CheckRow[] | undefined): readonly CheckRow[] {
  if (checks === undefined) return none;
  return Array.isArray(checks) ? (checks as readonly CheckRow[]) : [checks as CheckRow];
}

/** All that is known of one service name; it stays while instances or tombstones of the name are there. */
export class NameEntry {
  /** Folded name. */
  readonly key: string;
  /** Instances by node, then id. */
  readonly rows: ServiceRow[] = [];
  /** Newest revision of what the view of this service shows. */
  index = 0;
  tombstones = 0;
  /** Last row read under this name: repeated values of later rows are shared with it. */
  lastService: ServiceRow | undefined = undefined;
  lastCheck: CheckRow | undefined = undefined;
  /** Union of tags by exact name, made when asked for; undefined after a change. */
  tagUnion: ReadonlyMap<string, readonly string[]> | undefined = undefined;

  constructor(key: string) {
    this.key = key;
  }

  get empty(): boolean {
    return this.rows.length === 0 && this.tombstones === 0;
  }
}

const none: readonly never[] = Object.freeze([]);

export function compareServices(a: ServiceRow, b: ServiceRow): number {
  if (a.host !== b.host) {
    const byNode = compareUtf8((a.host as HostEntry).key, (b.host as HostEntry).key);
    if (byNode !== 0) return byNode;
  }
  return compareUtf8(a.id, b.id);
}

export function compareIds(a: { readonly id: string }, b: { readonly id: string }): number {
  return compareUtf8(a.id, b.id);
}

/** Position of `row` in `rows`, or where it would have to go (-1 - position). */
export function search<T>(rows: readonly T[], row: T, compare: (a: T, b: T) => number): number {
  let low = 0;
  let high = rows.length;
  // Rows are mostly loaded in order: the end is tried first.
  if (high > 0) {
    const order = compare(rows[high - 1]!, row);
    if (order < 0) return -1 - high;
    if (order === 0) return high - 1;
  }
  while (low < high) {
    const middle = (low + high) >> 1;
    const order = compare(rows[middle]!, row);
    if (order === 0) return middle;
    if (order < 0) low = middle + 1;
    else high = middle;
  }
  return -1 - low;
}
