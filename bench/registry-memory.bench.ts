/**
 * 100,000 instances of one agent, registered, persisted and reported on as PUT /v1/agent/service/register and
 * /v1/agent/check/update do: memory above the base. Run with --expose-gc; the young generation is limited as
 * bin/portolan limits it.
 */
import { spawnSync } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

import { Catalog } from '../src/catalog/catalog.ts';
import { CatalogTable } from '../src/catalog/catalog-table.ts';
import { Replica } from '../src/catalog/replica.ts';
import { CatalogWriter } from '../src/catalog/writer.ts';
import { KvTable } from '../src/kv/kv-table.ts';
import { systemClock } from '../src/lib/clock.ts';
import { silentLogger } from '../src/lib/log.ts';
import type { ServiceRegistration } from '../src/model/registration.ts';
import { defaultWeights } from '../src/model/service.ts';
import { LevelPersistence } from '../src/registry/persistence-level.ts';
import { Registry } from '../src/registry/registry.ts';
import { selfRows } from '../src/registry/self.ts';
import { openEmbeddedStore } from '../src/store/embedded/embedded-store.ts';
import { Watches } from '../src/watch/watches.ts';

export interface BenchResult {
  readonly name: string;
  readonly ratio: number;
  readonly limit: number;
  readonly detail: string;
}

const instances = 100_000;
const names = 1000;
const clients = 256;
const limitBytes = 2560;

/** Memory of a process, in bytes. */
interface Memory {
  readonly rss: number;
  readonly heapUsed: number;
  readonly heapTotal: number;
  readonly external: number;
}

export async function run(): Promise<BenchResult[]> {
  const { status, stdout } = spawnSync(
    process.execPath,
    ['--expose-gc', '--max-semi-space-size=8', fileURLToPath(import.meta.url), '--fill'],
    { encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] },
  );
  if (status !== 0) throw new Error('filling failed');
  const { before, after } = JSON.parse(stdout) as { before: Memory; after: Memory };
  const each = (part: keyof Memory): string => ((after[part] - before[part]) / instances).toFixed(0);
  return [
    {
      name: `bytes of RSS an instance with its check, ${instances} on one agent`,
      ratio: (limitBytes * instances) / (after.rss - before.rss),
      limit: 1,
      detail: `${each('rss')} B each, at most ${limitBytes}; heap ${each('heapUsed')} B used, ${each('heapTotal')} B in all, external ${each('external')} B`,
    },
  ];
}

/** In a process of its own: RSS never shrinks again by all that another benchmark took. */
async function fillAndWeigh(): Promise<{ before: Memory; after: Memory }> {
  const root = await mkdtemp(join(tmpdir(), 'registry-'));
  try {
    const agent = await start(root);
    // Code, tables and first blocks are not an instance's.
    await fill(agent.registry, 0, 100);
    const before = await settled();
    await fill(agent.registry, 100, 100 + instances);
    const after = await settled();
    const rows = agent.catalog.rowsOf('bench');
    const last = rows.checks.get(`service:web-${99 + instances}`);
    if (rows.services.size !== instances + 101 || last?.output !== outputOf(99 + instances)) {
      throw new Error('the catalog does not show what was registered');
    }
    await agent.stop();
    return { before, after };
  } finally {
    await rm(root, { recursive: true, force: true });
  }
}

interface Agent {
  readonly registry: Registry;
  readonly catalog: Catalog;
  stop(): Promise<void>;
}

async function start(root: string): Promise<Agent> {
  const clock = systemClock;
  const log = silentLogger;
  const store = await openEmbeddedStore({ path: join(root, 'store') }, { clock, log });
  const persistence = await LevelPersistence.open(join(root, 'registry'));
  const table = new CatalogTable();
  const watches = new Watches({ clock });
  const replica = new Replica({}, { store, tables: [table, new KvTable()], watches, log });
  const catalog = new Catalog({ datacenter: 'dc1' }, { table });
  const registry = new Registry(
    { self, sources: [], updateIntervalMs: 300_000, outputMaxBytes: 4096, discardOutput: false },
    {
      catalog,
      writer: new CatalogWriter({}, { store, replica, table, clock }),
      watches,
      loaded: replica.loaded,
      persistence,
      clock,
      log,
    },
  );
  const controller = new AbortController();
  const running = Promise.all([replica.run(controller.signal), registry.run(controller.signal)]);
  await registry.ready;
  return {
    registry,
    catalog,
    stop: async () => {
      controller.abort();
      await running;
      await persistence.close();
      await store.close();
    },
  };
}

const self = selfRows({
  id: '11111111-2222-3333-4444-555555555555',
  name: 'bench',
  address: '192.0.2.1',
  taggedAddresses: {},
  meta: {},
  serverPort: 8300,
  version: '1.0.0',
});

/** Each instance is registered, then reported on once. */
async function fill(registry: Registry, from: number, to: number): Promise<void> {
  let next = from;
  const work = async (): Promise<void> => {
    for (let i = next++; i < to; i = next++) {
      // Every request's strings are fresh ones, as a body's are.
      const registration = JSON.parse(JSON.stringify(registrationOf(i))) as ServiceRegistration;
      await registry.registerService(registration, { replaceExistingChecks: false, persist: true });
      await registry.updateTtlCheck(`service:web-${i}`, 'passing', outputOf(i));
    }
  };
  await Promise.all(Array.from({ length: clients }, work));
}

function registrationOf(i: number): ServiceRegistration {
  return {
    service: {
      id: `web-${i}`,
      name: `web-${i % names}`,
      tags: ['v1', 'primary'],
      address: `10.${1 + (i >> 16)}.${(i >> 8) & 255}.${i & 255}`,
      port: 8080,
      taggedAddresses: null,
      meta: { team: 'red' },
      weights: defaultWeights,
      enableTagOverride: false,
      socketPath: '',
    },
    checks: [
      {
        id: '',
        name: '',
        notes: '',
        serviceId: '',
        status: '',
        kind: { type: 'ttl', ttlMs: 3_600_000 },
        intervalMs: 0,
        timeoutMs: 0,
        outputMaxBytes: 0,
        successBeforePassing: 0,
        failuresBeforeWarning: 0,
        failuresBeforeCritical: 0,
        deregisterCriticalAfterMs: 0,
      },
    ],
  };
}

/** 50 bytes. */
function outputOf(i: number): string {
  return `alive, said the worker ${String(i).padStart(27, '0')}`;
}

async function settled(): Promise<Memory> {
  if (globalThis.gc === undefined) throw new Error('run with --expose-gc');
  for (let i = 0; i < 6; i++) {
    globalThis.gc();
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
  return process.memoryUsage();
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  if (process.argv[2] === '--fill') {
    process.stdout.write(JSON.stringify(await fillAndWeigh()));
  } else {
    for (const { name, ratio, limit, detail } of await run()) {
      console.log(
        `${ratio >= limit ? 'ok  ' : 'FAIL'} ${ratio.toFixed(2)} (limit ${limit}) ${name}: ${detail}`,
      );
      if (ratio < limit) process.exitCode = 1;
    }
  }
}
