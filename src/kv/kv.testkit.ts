import { type CatalogKit, type KitOptions, startCatalog } from '../catalog/catalog.testkit.ts';
import type { Store } from '../store/store.ts';
import { Kv } from './kv.ts';
import { KvTable } from './kv-table.ts';
import { SessionReaper } from './session-reaper.ts';
import { SessionRules } from './session-rules.ts';
import { SessionTable } from './session-table.ts';
import { type SessionRequest, Sessions, type SessionsOptions } from './sessions.ts';

/** Keys, sessions and locks over a store, as one agent has them. */
export interface LockKit {
  readonly base: CatalogKit;
  readonly kv: Kv;
  readonly kvTable: KvTable;
  readonly sessions: Sessions;
  readonly sessionTable: SessionTable;
  readonly reaper: SessionReaper;
  /** A reaper that commits through another store, such as one that fails. */
  reaperOn(store: Store): SessionReaper;
}

export interface LockKitOptions extends Omit<KitOptions, 'tables'>, SessionsOptions {}

export async function startLocks(options: LockKitOptions = {}): Promise<LockKit> {
  const kvTable = new KvTable();
  const sessionTable = new SessionTable();
  const base = await startCatalog({ ...options, tables: [kvTable, sessionTable] });
  const { store, replica, clock, catalog } = base;
  const rules = new SessionRules({ sessions: sessionTable, catalog });
  const reaperOn = (own: Store): SessionReaper =>
    new SessionReaper({}, { store: own, replica, sessions: sessionTable, kv: kvTable, rules, clock });
  const reaper = reaperOn(store);
  return {
    base,
    kv: new Kv({}, { store, replica, table: kvTable, clock, sessions: rules }),
    kvTable,
    sessions: new Sessions(options, { store, replica, table: sessionTable, rules, reaper }),
    sessionTable,
    reaper,
    reaperOn,
  };
}

/** Runs a test on a kit of its own. */
export async function withLocks(
  run: (kit: LockKit) => Promise<void>,
  options: LockKitOptions = {},
): Promise<void> {
  const kit = await startLocks(options);
  try {
    await run(kit);
  } finally {
    await kit.base.stop();
  }
}

/** A session of node n without checks, TTL and lock delay. */
export function aSession(parts: Partial<SessionRequest> = {}): SessionRequest {
  return {
    name: '',
    node: 'n',
    lockDelayNs: 0,
    behavior: '',
    ttl: '',
    nodeChecks: [],
    serviceChecks: null,
    checks: [],
    ...parts,
  };
}

export const bytes = (text: string): Uint8Array => Buffer.from(text);
