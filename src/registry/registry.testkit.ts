import { type CatalogKit, putAgent, startCatalog } from '../catalog/catalog.testkit.ts';
import { silentLogger } from '../lib/log.ts';
import type { CheckDefinition, ServiceRegistration } from '../model/registration.ts';
import { defaultWeights, type Service } from '../model/service.ts';
import type { Persistence } from './persistence.ts';
import { Registry, type RegistryDeps, type RegistryOptions } from './registry.ts';
import { selfRows } from './self.ts';

export const nodeName = 'n1';

export interface World {
  readonly kit: CatalogKit;
  readonly registry: Registry;
  /** What the catalog shows of this node: `name@id tags` of services, `id status output` of checks. */
  services(): readonly string[];
  checks(): readonly string[];
  /** The store's newest revision: what every write moves. */
  revision(): number;
  /** Turns the clock by as much as a full sync may take to come. */
  nextFullSync(): Promise<void>;
  /** Ends the registry alone, as kill -9 would; the catalog stays. */
  kill(): Promise<void>;
  stop(): Promise<void>;
}

export interface WorldOptions {
  /** Another world's, to be the next life of the same agent. */
  readonly kit?: CatalogKit;
  readonly persistence?: Persistence;
  readonly options?: Partial<RegistryOptions>;
  readonly deps?: Partial<RegistryDeps>;
  /** Before `run`. */
  readonly prepare?: (registry: Registry) => void;
}

export const self = selfRows({
  id: '11111111-2222-3333-4444-555555555555',
  name: nodeName,
  address: '192.0.2.1',
  taggedAddresses: {},
  meta: {},
  serverPort: 8300,
  version: '1.0.0',
});

/** An agent's registry over a real catalog and a memory store; resolves after the first full sync. */
export async function startWorld(given: WorldOptions = {}): Promise<World> {
  const kit = given.kit ?? (await startCatalog());
  await putAgent(kit.store, self.node);
  const registry = new Registry(
    {
      self,
      sources: [],
      updateIntervalMs: 300_000,
      outputMaxBytes: 4096,
      discardOutput: false,
      ...given.options,
    },
    {
      catalog: kit.catalog,
      writer: kit.writer,
      watches: kit.watches,
      loaded: kit.replica.loaded,
      persistence: given.persistence,
      clock: kit.clock,
      log: silentLogger,
      random: () => 0.5,
      ...given.deps,
    },
  );
  given.prepare?.(registry);
  const controller = new AbortController();
  const running = registry.run(controller.signal);
  await registry.ready;
  const rows = (): ReturnType<CatalogKit['catalog']['rowsOf']> => kit.catalog.rowsOf(nodeName);
  const kill = async (): Promise<void> => {
    controller.abort();
    await running;
  };
  return {
    kit,
    registry,
    services: () => Array.from(rows().services.values(), serviceLine).sort(),
    checks: () => Array.from(rows().checks.values(), checkLine).sort(),
    revision: () => kit.replica.revision,
    nextFullSync: () => kit.clock.advance(120_000),
    kill,
    stop: async () => {
      await kill();
      await kit.stop();
    },
  };
}

function serviceLine({ name, id, tags }: Service): string {
  return `${name}@${id}${tags.length === 0 ? '' : ` ${tags.join(',')}`}`;
}

function checkLine({ id, status, output }: { id: string; status: string; output: string }): string {
  return `${id} ${status}${output === '' ? '' : ` ${output}`}`;
}

export function service(id: string, part: Partial<Service> = {}): Service {
  return {
    id,
    name: id,
    tags: [],
    address: '',
    port: 80,
    taggedAddresses: null,
    meta: null,
    weights: defaultWeights,
    enableTagOverride: false,
    socketPath: '',
    ...part,
  };
}

export function registration(
  id: string,
  checks: readonly CheckDefinition[] = [],
  part: Partial<Service> = {},
): ServiceRegistration {
  return { service: service(id, part), checks };
}

export const byApi = { replaceExistingChecks: false, persist: true };
