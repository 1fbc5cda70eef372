import { randomUUID } from 'node:crypto';
import { Catalog } from '../catalog/catalog.ts';
import { CatalogTable } from '../catalog/catalog-table.ts';
import { Replica } from '../catalog/replica.ts';
import { CatalogWriter } from '../catalog/writer.ts';
import { Kv } from '../kv/kv.ts';
import { KvTable } from '../kv/kv-table.ts';
import { SessionReaper } from '../kv/session-reaper.ts';
import { SessionRules } from '../kv/session-rules.ts';
import { SessionTable } from '../kv/session-table.ts';
import { Sessions } from '../kv/sessions.ts';
import { systemClock, type Clock } from '../lib/clock.ts';
import { silentLogger } from '../lib/log.ts';
import { Registry } from '../registry/registry.ts';
import { selfRows } from '../registry/self.ts';
import { MemoryStore } from '../store/memory/memory-store.ts';
import type { Store } from '../store/store.ts';
import { Watches } from '../watch/watches.ts';
import { lonelyAgent } from './agent-info.testkit.ts';
import { HttpServer, type HttpDeps, type HttpOptions } from './http.ts';

/** A whole agent in this process, but for DNS, containers and templates: a memory store and all above it. */
export interface HttpKit {
  readonly url: string;
  readonly port: number;
  readonly node: string;
  readonly nodeId: string;
  readonly store: Store;
  readonly catalog: Catalog;
  readonly writer: CatalogWriter;
  readonly kv: Kv;
  readonly registry: Registry;
  readonly watches: Watches;
  readonly server: HttpServer;
  stop(): Promise<void>;
}

export interface HttpKitOptions {
  readonly http?: Partial<HttpOptions>;
  readonly deps?: Partial<HttpDeps>;
  readonly store?: Store;
  readonly clock?: Clock;
}

export async function startHttp(options: HttpKitOptions = {}): Promise<HttpKit> {
  const clock = options.clock ?? systemClock;
  const store = options.store ?? new MemoryStore({}, { clock });
  const watches = new Watches({ clock });
  const table = new CatalogTable();
  const kvTable = new KvTable();
  const sessionTable = new SessionTable();
  const replica = new Replica(
    {},
    { store, tables: [table, kvTable, sessionTable], watches, log: silentLogger },
  );
  const catalog = new Catalog({ datacenter: 'dc1' }, { table });
  const writer = new CatalogWriter({}, { store, replica, table, clock });
  const rules = new SessionRules({ sessions: sessionTable, catalog });
  const kv = new Kv({}, { store, replica, table: kvTable, clock, sessions: rules });
  const reaper = new SessionReaper({}, { store, replica, sessions: sessionTable, kv: kvTable, rules, clock });
  const sessions = new Sessions({}, { store, replica, table: sessionTable, rules, reaper });
  const node = 'kit';
  const nodeId = randomUUID();
  const self = selfRows({
    id: nodeId,
    name: node,
    address: '127.0.0.1',
    taggedAddresses: {},
    meta: {},
    serverPort: 8300,
    version: '0.0.0',
  });
  const registry = new Registry(
    { self, sources: [], updateIntervalMs: 300_000, outputMaxBytes: 4096, discardOutput: false },
    { catalog, writer, loaded: replica.loaded, watches, persistence: undefined, clock, log: silentLogger },
  );
  const agent = lonelyAgent({ nodeName: node, nodeId, nodeMeta: self.node.meta ?? {} });
  const server = new HttpServer(
    { host: '127.0.0.1', port: 0, datacenter: 'dc1', maxConnectionsPerClient: 0, ...options.http },
    {
      catalog,
      writer,
      kv,
      sessions,
      registry,
      watches,
      clock,
      agent,
      log: silentLogger,
      store,
      replica,
      ...options.deps,
    },
  );
  const controller = new AbortController();
  const running = [replica.run(controller.signal), registry.run(controller.signal)];
  await registry.ready;
  const { port } = await server.listen();
  const stop = async (): Promise<void> => {
    await server.close();
    controller.abort();
    await Promise.all(running);
  };
  const url = `http://127.0.0.1:${port}`;
  return { url, port, node, nodeId, store, catalog, writer, kv, registry, watches, server, stop };
}
