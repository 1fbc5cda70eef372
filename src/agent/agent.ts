/**
 * The composition root: builds every part, starts them in the order of the data's way and stops them in reverse.
 *
 * Store -> replica -> registry -> HTTP and DNS -> registrar -> templates. Templates wait until the catalog is loaded, the
 * registry has synchronised and the registrar has a complete list (or Docker is known to be absent), so that a restart renders nothing
 * that has not changed.
 */
import { Catalog } from '../catalog/catalog.ts';
import { CatalogTable } from '../catalog/catalog-table.ts';
import { TombstoneCollector } from '../catalog/collector.ts';
import { Replica } from '../catalog/replica.ts';
import { CatalogWriter } from '../catalog/writer.ts';
import type { Steward } from '../cluster/steward.ts';
import { StewardTable } from '../cluster/steward-table.ts';
import type { Config } from '../config/config.ts';
import type { HttpDeps } from '../http/http.ts';
import { Kv } from '../kv/kv.ts';
import { KvTable } from '../kv/kv-table.ts';
import { SessionReaper } from '../kv/session-reaper.ts';
import { SessionRules } from '../kv/session-rules.ts';
import { SessionTable } from '../kv/session-table.ts';
import { Sessions } from '../kv/sessions.ts';
import { aborted } from '../lib/abort.ts';
import { type Clock, systemClock } from '../lib/clock.ts';
import type { Logger } from '../lib/log.ts';
import { compatVersion, version } from '../lib/version.ts';
import { parseMark } from '../registrar/mark.ts';
import { defaultRegistrarId } from '../registrar/options.ts';
import { Registrar } from '../registrar/registrar.ts';
import { Registry } from '../registry/registry.ts';
import { selfRows } from '../registry/self.ts';
import { TemplateRunner } from '../render/runner.ts';
import { type Store, StoreError } from '../store/store.ts';
import { Watches } from '../watch/watches.ts';
import { agentInfo } from './agent-info.ts';
import { type Cluster, clusterInfo, keepRegistryInLine, openCluster, openSteward } from './cluster.ts';
import { openEngine, registrarOptions } from './registrar-agent.ts';
import { Gauges } from './gauges.ts';
import { Closers, Loops } from './lifecycle.ts';
import { writePidFile } from './pid-file.ts';
import { Reload } from './reload.ts';
import { openServers } from './servers.ts';
import { ReplicaSource } from './source-replica.ts';
import { type Disk, openDisk } from './store.ts';
import { RegistryTarget } from './target-registry.ts';
import { templateSpecs } from './templates.ts';

export interface AgentDeps {
  readonly log: Logger;
  readonly signal: AbortSignal;
  /** The configuration, read anew. Throws ConfigError. */
  readonly load: () => Config;
  /** Calls whenever a reload is asked for by signal, until the returned function is called. */
  readonly onHangup: (listener: () => void) => () => void;
}

const registrarSource = 'registrar';

/** Runs an agent until `signal` aborts. Rejects when it can't start or a part fails for good; everything is closed then. */
export async function runAgent(config: Config, deps: AgentDeps): Promise<void> {
  const { log, signal } = deps;
  // Templates are read before anything is opened: a missing file must not cost a half-started agent.
  const specs = templateSpecs(config.templates);
  const engine = config.registrar.enabled ? openEngine(config.registrar) : undefined;
  const stack = new Closers(log.child('agent'));
  if (engine !== undefined) stack.add('Docker connection', () => engine.close());
  try {
    const clock = systemClock;
    const { nodeName: node, datacenter } = config;
    const data = config.dev ? 'in memory' : config.dataDir;
    log.child('agent').info({ version, node, datacenter, data }, 'Portolan starts');
    const disk = await openDisk(config, { clock, log, stack, signal });
    const stop = new AbortController();
    const parts = buildParts(config, disk, clock, log);
    const { registry } = parts;
    const reload = new Reload({ config, specs }, { load: deps.load, registry, log: log.child('agent') });
    const deaf = deps.onHangup(() => void reload.tryToRun());
    stack.add('signals', () => Promise.resolve(deaf()));
    const loops = startLoops(parts, stop.signal);
    stack.add('loops', async () => {
      stop.abort();
      await loops.settled();
    });
    await Promise.race([parts.replica.loaded, loops.failed, aborted(signal)]);
    if (!signal.aborted)
      await serve(config, { parts, loops, reload, engine, disk, log, stop: stop.signal, stack, signal });
  } catch (error) {
    // Told to stop while it waited for a store that is not there: that is no failure.
    const waited = signal.aborted && error instanceof StoreError && error.code === 'unavailable';
    if (!waited) throw error;
  } finally {
    await stack.close();
  }
}

interface Serving {
  readonly parts: Parts;
  readonly loops: Loops;
  readonly reload: Reload;
  readonly engine: ReturnType<typeof openEngine> | undefined;
  readonly disk: Disk;
  readonly log: Logger;
  readonly stop: AbortSignal;
  readonly stack: Closers;
  readonly signal: AbortSignal;
}

async function serve(config: Config, given: Serving): Promise<void> {
  const { parts, loops, reload, engine, disk, log, stop, stack, signal } = given;
  await Promise.race([parts.cluster.liveness.start(signal), loops.failed]);
  if (signal.aborted) return;
  keepRegistryInLine(parts.cluster, parts);
  loops.add('liveness', parts.cluster.liveness.run(stop));
  loops.add('steward', parts.steward.run(stop));
  await parts.registry.configure({ services: config.services, checks: config.nodeChecks });
  loops.add('registry', parts.registry.run(stop));
  await Promise.race([parts.registry.ready, loops.failed, aborted(signal)]);
  const gauges = openGauges(parts);
  const servers = await openServers(config, {
    http: { ...httpDeps(config, parts, disk, log, reload), ...gauges.forHttp },
    dns: { catalog: parts.catalog, log: log.child('dns'), restores: () => parts.replica.restores },
  });
  stack.add('servers', () => servers.close());
  if (config.pidFile !== '') {
    const remove = writePidFile(config.pidFile);
    stack.add('pid file', () => Promise.resolve(remove()));
  }
  if (engine !== undefined) {
    const synced = startRegistrar(config, { parts, loops, engine, log, stop, gauges });
    await Promise.race([synced, loops.failed, aborted(signal)]);
  }
  if (!signal.aborted) {
    const runner = openRunner(config, given, gauges, servers.httpUrl);
    gauges.addTemplates(() => runner.status());
    loops.add('templates', runner.run(stop));
  }
  log.child('agent').info({ node: config.nodeName, datacenter: config.datacenter }, 'agent is ready');
  await Promise.race([loops.failed, aborted(signal), parts.cluster.left.opened]);
  const ends =
    config.dev || parts.cluster.left.isOpen ? 'agent stops' : 'agent stops; services stay registered';
  log.child('agent').info({}, ends);
}

// ---- parts ----

interface Parts {
  readonly store: Store;
  readonly watches: Watches;
  readonly replica: Replica;
  readonly catalog: Catalog;
  readonly writer: CatalogWriter;
  readonly kv: Kv;
  readonly sessions: Sessions;
  readonly cluster: Cluster;
  readonly steward: Steward;
  readonly stewardTable: StewardTable;
  readonly registry: Registry;
  readonly clock: Clock;
}

function buildParts(config: Config, disk: Disk, clock: Clock, log: Logger): Parts {
  const { store } = disk;
  const watches = new Watches({ clock });
  const catalogTable = new CatalogTable();
  const kvTable = new KvTable();
  const stewardTable = new StewardTable();
  const sessionTable = new SessionTable();
  const replica = new Replica(
    {},
    {
      store,
      tables: [catalogTable, kvTable, sessionTable, stewardTable],
      watches,
      log: log.child('catalog'),
    },
  );
  const catalog = new Catalog({ datacenter: config.datacenter }, { table: catalogTable });
  const writer = new CatalogWriter({}, { store, replica, table: catalogTable, clock });
  const rules = new SessionRules({ sessions: sessionTable, catalog });
  const kv = new Kv({}, { store, replica, table: kvTable, clock, sessions: rules });
  const reaper = new SessionReaper({}, { store, replica, sessions: sessionTable, kv: kvTable, rules, clock });
  const sessions = new Sessions(
    { ttlMinMs: config.sessionTtlMinMs },
    { store, replica, table: sessionTable, rules, reaper },
  );
  const collector = new TombstoneCollector(
    {},
    {
      store,
      replica,
      clock,
      graveyards: () => [...catalogTable.graveyards(), ...kvTable.graveyards()],
    },
  );
  const clusterDeps = { store, catalog, writer, watches, clock, log };
  const cluster = openCluster(config, disk, clusterDeps);
  const steward = openSteward(config, {
    ...clusterDeps,
    cluster,
    collector,
    table: stewardTable,
    jobs: [{ name: 'sessions', run: () => reaper.reap() }],
    topics: reaper.topics,
  });
  const registry = new Registry(registryOptions(config, disk), {
    catalog,
    writer: cluster.ownRows,
    loaded: replica.loaded,
    watches,
    persistence: disk.persistence,
    clock,
    log: log.child('registry'),
  });
  return {
    store,
    watches,
    replica,
    catalog,
    writer,
    kv,
    sessions,
    cluster,
    steward,
    stewardTable,
    registry,
    clock,
  };
}

function registryOptions(config: Config, disk: Disk): ConstructorParameters<typeof Registry>[0] {
  const id = registrarId(config);
  return {
    self: selfRows({
      id: disk.nodeId,
      name: config.nodeName,
      address: config.addresses.advertise,
      taggedAddresses: config.taggedAddresses,
      meta: config.nodeMeta,
      // Clients of a cluster look for an agent's API; a lone agent says what a Consul server does.
      serverPort: disk.sole || config.ports.http < 0 ? config.ports.server : config.ports.http,
      version: compatVersion,
    }),
    // With the registrar off nobody will ask Docker again: what a former run registered goes.
    sources: config.registrar.enabled
      ? [{ name: registrarSource, owns: (service) => parseMark(service)?.registrar === id }]
      : [],
    updateIntervalMs: config.checks.updateIntervalMs,
    outputMaxBytes: config.checks.outputMaxBytes,
    discardOutput: config.checks.discardOutput,
  };
}

function registrarId(config: Config): string {
  const { id, dockerHost } = config.registrar;
  return id === '' ? defaultRegistrarId(config.nodeName, dockerHost) : id;
}

function httpDeps(config: Config, parts: Parts, disk: Disk, log: Logger, reload: Reload): HttpDeps {
  const { catalog, writer, kv, sessions, registry, watches, replica, store, clock } = parts;
  const agent = agentInfo(config, disk.nodeId, {
    registry,
    cluster: clusterInfo(config, parts),
    reload: () => reload.run(),
    revision: () => replica.revision,
    registrarId: config.registrar.enabled ? registrarId(config) : '',
  });
  return {
    catalog,
    writer,
    kv,
    sessions,
    registry,
    watches,
    clock,
    agent,
    store,
    replica,
    log: log.child('http'),
  };
}

// ---- loops ----

function startLoops(parts: Parts, stop: AbortSignal): Loops {
  const loops = new Loops();
  loops.add('replica', parts.replica.run(stop));
  return loops;
}

/** Resolves when the registrar has a complete list, or when Docker is known to be absent. */
async function startRegistrar(
  config: Config,
  given: Pick<Serving, 'parts' | 'loops' | 'log' | 'stop'> & {
    readonly engine: ReturnType<typeof openEngine>;
    readonly gauges: Gauges;
  },
): Promise<void> {
  const { registrar: own, nodeName } = config;
  const { parts, loops, engine: source, log, stop } = given;
  const registrar = new Registrar(
    { ...registrarOptions(own, nodeName, registrarId(config)), advertise: config.addresses.advertise },
    {
      source,
      target: new RegistryTarget({ ...parts, writer: parts.cluster.ownRows }),
      log: log.child('registrar'),
      clock: parts.clock,
    },
  );
  given.gauges.addRegistrar(() => registrar.stats);
  loops.add('registrar', registrar.run(stop));
  loops.add('registrar gate', openGate(registrar, parts.registry, stop));
  await registrar.firstSync;
}

/** Only a complete list may remove rows of a former life; an absent Docker leaves them as they are. */
async function openGate(registrar: Registrar, registry: Registry, stop: AbortSignal): Promise<void> {
  await Promise.race([registrar.firstList, aborted(stop)]);
  if (!stop.aborted) registry.markSourceReady(registrarSource);
}

function openGauges({ catalog, registry, replica, cluster, steward, store }: Parts): Gauges {
  const count = (wanted: string): number =>
    catalog.members().filter(({ status }) => status === wanted).length;
  return new Gauges({
    cluster: () => ({
      alive: count('alive'),
      failed: count('failed'),
      isLead: steward.isLead,
      holdsName: cluster.liveness.fence() !== undefined,
    }),
    storeAnswerAgoMs: () => store.lastAnswerAgoMs(),
    revision: () => replica.revision,
    catalog: () => ({ nodes: catalog.nodes().read().length, services: catalog.services().read().size }),
    registry: () => ({ services: registry.services().size, checks: registry.checks().size }),
  });
}

function openRunner(
  config: Config,
  { parts, reload, disk, log }: Pick<Serving, 'parts' | 'reload' | 'disk' | 'log'>,
  gauges: Gauges,
  httpUrl: string | undefined,
): TemplateRunner {
  const source = new ReplicaSource({ nodeName: config.nodeName }, parts);
  const environment: Record<string, string> = httpUrl === undefined ? {} : { CONSUL_HTTP_ADDR: httpUrl };
  const runner = new TemplateRunner(
    {
      templates: reload.specs,
      once: false,
      dry: false,
      stateDir: disk.renderPath,
      environment,
    },
    { source, log: log.child('render'), clock: parts.clock, hooks: gauges.hooks },
  );
  reload.begin(runner);
  return runner;
}
