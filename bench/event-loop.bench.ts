/**
 * How long the biggest jobs hold the event loop at 100,000 rows: at most 20 ms each. A probe asks for its turn again and
 * again; what it waits for beyond an idle loop is a hold.
 */
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type PerformanceEntry, PerformanceObserver } from 'node:perf_hooks';
import { fileURLToPath, pathToFileURL } from 'node:url';

import { Catalog } from '../src/catalog/catalog.ts';
import { CatalogTable } from '../src/catalog/catalog-table.ts';
import { Replica } from '../src/catalog/replica.ts';
import { CatalogWriter } from '../src/catalog/writer.ts';
import { Kv } from '../src/kv/kv.ts';
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

const limitMs = 20;
const many = 100_000;
const names = 1000;

interface Hold {
  readonly job: string;
  /** The longest in time of the processor, less the garbage collections in it, which are V8's. */
  readonly holdMs: number;
  /** The longest on the wall, all included. */
  readonly wallMs: number;
  readonly tookMs: number;
}

/** Two lives of an agent: the second finds what the first has written. */
export async function run(): Promise<BenchResult[]> {
  const root = await mkdtemp(join(tmpdir(), 'event-loop-'));
  try {
    const holds = [...inChild('--fill', root), ...inChild('--restart', root)];
    return holds.map(({ job, holdMs, wallMs, tookMs }) => ({
      name: `longest hold of the event loop: ${job}`,
      ratio: limitMs / holdMs,
      limit: 1,
      detail: `${holdMs.toFixed(1)} ms, at most ${limitMs}; ${wallMs.toFixed(1)} ms with garbage collections and other processes' turns; ${tookMs.toFixed(0)} ms in all`,
    }));
  } finally {
    await rm(root, { recursive: true, force: true });
  }
}

function inChild(mode: string, root: string): Hold[] {
  const { status, stdout } = spawnSync(
    process.execPath,
    ['--expose-gc', '--max-semi-space-size=8', fileURLToPath(import.meta.url), mode, root],
    { encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] },
  );
  if (status !== 0) throw new Error(`${mode} failed`);
  return JSON.parse(stdout) as Hold[];
}

/** The longest time between two turns of the event loop while `job` runs. */
async function measure(job: string, act: () => Promise<unknown>): Promise<Hold> {
  globalThis.gc?.();
  await pause(50);
  const collections: PerformanceEntry[] = [];
  const observer = new PerformanceObserver((list) => void collections.push(...list.getEntries()));
  observer.observe({ entryTypes: ['gc'] });
  let last = performance.now();
  let lastRunMs = mainThreadMs();
  const holds: { from: number; to: number; runMs: number }[] = [];
  let ended = false;
  const probe = (): void => {
    const now = performance.now();
    const runMs = mainThreadMs();
    if (now - last > 2) holds.push({ from: last, to: now, runMs: runMs - lastRunMs });
    last = now;
    lastRunMs = runMs;
    if (!ended) setImmediate(probe);
  };
  setImmediate(probe);
  const startedAt = performance.now();
  await act();
  const tookMs = performance.now() - startedAt;
  // What the job left to the event loop counts too.
  await pause(200);
  ended = true;
  await pause(20);
  observer.disconnect();
  const longest = (lengths: readonly number[]): number => lengths.reduce((a, b) => Math.max(a, b), 0);
  return {
    job,
    holdMs: longest(holds.map((hold) => hold.runMs - collectedIn(hold, collections))),
    wallMs: longest(holds.map(({ from, to }) => to - from)),
    tookMs,
  };
}

/** What the main thread has had of a processor: on a busy machine the wall clock also counts others' turns. */
function mainThreadMs(): number {
  return Number(readFileSync(`/proc/self/task/${process.pid}/schedstat`, 'latin1').split(' ')[0]) / 1e6;
}

function collectedIn(
  { from, to }: { readonly from: number; readonly to: number },
  collections: readonly PerformanceEntry[],
): number {
  let ms = 0;
  for (const { startTime, duration } of collections) {
    ms += Math.max(0, Math.min(to, startTime + duration) - Math.max(from, startTime));
  }
  return ms;
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

async function fillRoot(root: string): Promise<Hold[]> {
  const agent = await open(root);
  await agent.start();
  const holds = [
    await measure(`registering ${many} services of one agent`, () => register(agent.registry)),
    await measure(`putting ${many} keys`, () => putKeys(agent.kv, 'tree/')),
    await measure(`deleting a tree of ${many} keys`, () => agent.kv.deleteTree('tree/')),
    await measure(`registering a node with 10000 services`, () => registerNode(agent.writer, 10_000)),
    await measure(`deregistering a node with 10000 services`, () => agent.writer.deregister({ node: 'big' })),
    await measure(`services of ${names} names`, async () => {
      if (agent.catalog.services().read().size < names) throw new Error('names are missing');
    }),
    await measure(`the next list of services, after one write`, async () => {
      await registerNode(agent.writer, 1);
      agent.catalog.services().read();
    }),
    await measure(`checks in any state, ${many}`, async () => {
      if (agent.catalog.checksInState('any').read().length < many) throw new Error('checks are missing');
    }),
    await measure(`a full comparison of ${many} rows`, async () => {
      agent.registry.markSourceReady('bench');
      await pause(1500);
    }),
  ];
  await putKeys(agent.kv, 'kept/');
  await agent.stop();
  return holds;
}

async function restart(root: string): Promise<Hold[]> {
  let agent: Agent | undefined;
  const holds = [
    await measure(`restart with ${many} registrations and as many keys`, async () => {
      agent = await open(root);
      await agent.start();
    }),
  ];
  if (agent?.registry.services().size !== many) throw new Error('services are missing');
  await agent.stop();
  return holds;
}

interface Agent {
  readonly registry: Registry;
  readonly catalog: Catalog;
  readonly writer: CatalogWriter;
  readonly kv: Kv;
  start(): Promise<void>;
  stop(): Promise<void>;
}

async function open(root: string): Promise<Agent> {
  const clock = systemClock;
  const log = silentLogger;
  const store = await openEmbeddedStore({ path: join(root, 'store') }, { clock, log });
  const persistence = await LevelPersistence.open(join(root, 'registry'));
  const table = new CatalogTable();
  const kvTable = new KvTable();
  const watches = new Watches({ clock });
  const replica = new Replica({}, { store, tables: [table, kvTable], watches, log });
  const catalog = new Catalog({ datacenter: 'dc1' }, { table });
  const writer = new CatalogWriter({}, { store, replica, table, clock });
  const registry = new Registry(
    {
      self,
      // It never reports by itself: its rows are those of nobody.
      sources: [{ name: 'bench', owns: () => false }],
      updateIntervalMs: 300_000,
      outputMaxBytes: 4096,
      discardOutput: false,
    },
    { catalog, writer, watches, loaded: replica.loaded, persistence, clock, log },
  );
  const controller = new AbortController();
  const running: Promise<unknown>[] = [];
  return {
    registry,
    catalog,
    writer,
    kv: new Kv({}, { store, replica, table: kvTable, clock }),
    start: async () => {
      running.push(replica.run(controller.signal), registry.run(controller.signal));
      await registry.ready;
    },
    stop: async () => {
      controller.abort();
      await Promise.all(running);
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

async function inParallel(
  clients: number,
  count: number,
  act: (i: number) => Promise<unknown>,
): Promise<void> {
  let next = 0;
  const work = async (): Promise<void> => {
    for (let i = next++; i < count; i = next++) await act(i);
  };
  await Promise.all(Array.from({ length: clients }, work));
}

function register(registry: Registry): Promise<void> {
  return inParallel(256, many, (i) =>
    registry.registerService(registrationOf(i), { replaceExistingChecks: false, persist: true }),
  );
}

function putKeys(kv: Kv, prefix: string): Promise<void> {
  const value = new Uint8Array(100);
  return inParallel(256, many, (i) => kv.put(`${prefix}${i % 100}/key-${i}`, value, 0n));
}

function registerNode(writer: CatalogWriter, services: number): Promise<void> {
  const node = { id: '', name: 'big', address: '192.0.2.9', taggedAddresses: null, meta: null };
  return inParallel(64, services, (i) => {
    const { service } = registrationOf(i);
    const check = {
      id: `service:${service.id}`,
      name: 'alive',
      status: 'passing',
      notes: '',
      output: 'yes',
      serviceId: service.id,
      serviceName: '',
      type: 'http',
      interval: '10s',
      timeout: '',
      definition: null,
    };
    return writer.register({ node, skipNodeUpdate: false, service, checks: [check] });
  });
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
        status: 'passing',
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

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const [mode, root] = process.argv.slice(2);
  if (mode === '--fill') process.stdout.write(JSON.stringify(await fillRoot(root!)));
  else if (mode === '--restart') process.stdout.write(JSON.stringify(await restart(root!)));
  else {
    for (const { name, ratio, limit, detail } of await run()) {
      console.log(
        `${ratio >= limit ? 'ok  ' : 'FAIL'} ${ratio.toFixed(2)} (limit ${limit}) ${name}: ${detail}`,
      );
      if (ratio < limit) process.exitCode = 1;
    }
  }
}
