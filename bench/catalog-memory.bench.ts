/**
 * The catalog at 100,000 instances over the embedded store: memory above the base, reads against a small catalog, and
 * the time from exec to the first right answer against a bare LevelDB that iterates and parses the same rows.
 * Run with --expose-gc.
 */
import { spawnSync } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

import { ClassicLevel } from 'classic-level';

import { Catalog } from '../src/catalog/catalog.ts';
import { CatalogTable } from '../src/catalog/catalog-table.ts';
import { Replica } from '../src/catalog/replica.ts';
import { CatalogWriter } from '../src/catalog/writer.ts';
import { KvTable } from '../src/kv/kv-table.ts';
import { systemClock } from '../src/lib/clock.ts';
import { silentLogger } from '../src/lib/log.ts';
import { defaultWeights } from '../src/model/service.ts';
import { openEmbeddedStore } from '../src/store/embedded/embedded-store.ts';
import type { Store } from '../src/store/store.ts';
import { Watches } from '../src/watch/watches.ts';

export interface BenchResult {
  readonly name: string;
  readonly ratio: number;
  readonly limit: number;
  readonly detail: string;
}

const instances = 100_000;
const nodes = 200;
const names = 1000;
const writers = 256;
const rounds = 11;
const bootRounds = 7;

export async function run(): Promise<BenchResult[]> {
  const root = await mkdtemp(join(tmpdir(), 'catalog-'));
  try {
    const small = await start(join(root, 'small'));
    await fill(small, 100, 1);
    const large = await start(join(root, 'large'));
    const before = await settledRss();
    await fill(large, instances, names);
    const after = await settledRss();
    const reads = compareReads(small.catalog, large.catalog);
    await copyBare(large.store, join(root, 'bare'));
    await small.stop();
    await large.stop();
    const boots = compareBoots(join(root, 'large'), join(root, 'bare'));
    const bytes = (after - before) / instances;
    return [
      {
        name: `bytes of RSS an instance with its check, ${instances} over ${nodes} nodes and ${names} names`,
        ratio: 1536 / bytes,
        limit: 1,
        detail: `${bytes.toFixed(0)} B each, at most 1536`,
      },
      {
        name: `health of a service with 100 instances, among ${instances} against among 100`,
        ratio: reads.ratio,
        limit: 0.85,
        detail: `${reads.small.toFixed(1)} µs among 100, ${reads.large.toFixed(1)} µs among ${instances}`,
      },
      {
        name: 'exec to the first right answer, against a bare iterate and JSON.parse of the same rows',
        ratio: (2 * boots.bare) / boots.ours,
        limit: 1,
        detail: `ours ${boots.ours.toFixed(0)} ms, bare ${boots.bare.toFixed(0)} ms; at most twice`,
      },
    ];
  } finally {
    await rm(root, { recursive: true, force: true });
  }
}

interface Running {
  readonly store: Store;
  readonly catalog: Catalog;
  readonly writer: CatalogWriter;
  stop(): Promise<void>;
}

async function start(path: string): Promise<Running> {
  const store = await openEmbeddedStore({ path }, { clock: systemClock, log: silentLogger });
  const table = new CatalogTable();
  const watches = new Watches({ clock: systemClock });
  const replica = new Replica({}, { store, tables: [table, new KvTable()], watches, log: silentLogger });
  const controller = new AbortController();
  const running = replica.run(controller.signal);
  await replica.loaded;
  return {
    store,
    catalog: new Catalog({ datacenter: 'dc1' }, { table }),
    writer: new CatalogWriter({}, { store, replica, table, clock: systemClock }),
    stop: async () => {
      controller.abort();
      await running;
      await store.close();
    },
  };
}

/** Registers `count` instances, one request each, as PUT /v1/catalog/register does. */
async function fill(to: Running, count: number, services: number): Promise<void> {
  let next = 0;
  const work = async (): Promise<void> => {
    for (let i = next++; i < count; i = next++) await registerOne(to.writer, i, services);
  };
  await Promise.all(Array.from({ length: writers }, work));
}

async function registerOne(writer: CatalogWriter, i: number, services: number): Promise<void> {
  // A service's instances are on different nodes.
  const node = (i + Math.floor(i / services)) % nodes;
  const id = `web-${i}`;
  await writer.register({
    node: {
      id: '',
      name: `node-${node}`,
      address: `10.0.${node >> 8}.${node & 255}`,
      taggedAddresses: null,
      meta: null,
    },
    skipNodeUpdate: false,
    service: {
      id,
      name: `web-${i % services}`,
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
        id: `service:${id}`,
        name: `Service 'web-${i % services}' check`,
        status: 'passing',
        notes: '',
        output: `HTTP GET http://10.0.0.1:8080/: 200 OK ${String(i).padStart(11, '0')}`,
        serviceId: id,
        serviceName: '',
        type: 'http',
        interval: '10s',
        timeout: '',
        definition: null,
      },
    ],
  });
}

async function settledRss(): Promise<number> {
  if (globalThis.gc === undefined) throw new Error('run with --expose-gc');
  for (let i = 0; i < 6; i++) {
    globalThis.gc();
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  return process.memoryUsage().rss;
}

function compareReads(
  small: Catalog,
  large: Catalog,
): { readonly ratio: number; readonly small: number; readonly large: number } {
  const ratios: number[] = [];
  const times = { small: [] as number[], large: [] as number[] };
  // The first turn warms up.
  for (let round = 0; round <= rounds; round++) {
    const inSmall = readMicros(small);
    const inLarge = readMicros(large);
    if (round === 0) continue;
    times.small.push(inSmall);
    times.large.push(inLarge);
    ratios.push(inSmall / inLarge);
  }
  return { ratio: median(ratios), small: median(times.small), large: median(times.large) };
}

/** Microseconds a read of one service's 100 instances with all that an encoder would look at. */
function readMicros(catalog: Catalog): number {
  const reads = 2000;
  const startedAt = performance.now();
  let seen = 0;
  for (let i = 0; i < reads; i++) {
    const view = catalog.health('web-0');
    seen += view.index();
    for (const { node, service, checks } of view.read()) {
      seen += node.address.length + service.port + checks.length + (checks[0]?.output.length ?? 0);
    }
  }
  if (seen === 0) throw new Error('nothing was read');
  return ((performance.now() - startedAt) * 1000) / reads;
}

/** The same rows under the same keys in a LevelDB without anything around them. */
async function copyBare(store: Store, path: string): Promise<void> {
  const level = new ClassicLevel<string, Uint8Array>(path, { keyEncoding: 'utf8', valueEncoding: 'view' });
  await level.open();
  for await (const page of store.read({ prefix: '' })) {
    await level.batch(page.entries.map(({ key, value }) => ({ type: 'put', key, value })));
  }
  await level.close();
}

function compareBoots(ours: string, bare: string): { readonly ours: number; readonly bare: number } {
  const times = { ours: [] as number[], bare: [] as number[] };
  for (let round = 0; round <= bootRounds; round++) {
    const first = execMs('--boot', ours);
    const second = execMs('--boot-bare', bare);
    if (round > 0) times.ours.push(first);
    if (round > 0) times.bare.push(second);
  }
  return { ours: median(times.ours), bare: median(times.bare) };
}

function execMs(mode: string, path: string): number {
  const startedAt = performance.now();
  const { status, stdout } = spawnSync(process.execPath, [fileURLToPath(import.meta.url), mode, path], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  if (status !== 0) throw new Error(`${mode} failed`);
  // The child says when it was done; what it does afterwards is not measured.
  return Number(stdout) - (performance.timeOrigin + startedAt);
}

async function boot(path: string): Promise<void> {
  const running = await start(path);
  const found = running.catalog.health('web-7').read();
  if (found.length !== instances / names || found[0]?.checks.length !== 1) throw new Error('a wrong answer');
  say(performance.timeOrigin + performance.now());
  await running.stop();
}

async function bootBare(path: string): Promise<void> {
  const level = new ClassicLevel<string, string>(path, { keyEncoding: 'utf8', valueEncoding: 'utf8' });
  await level.open();
  const rows: unknown[] = [];
  const iterator = level.iterator();
  for (let page = await iterator.nextv(1000); page.length > 0; page = await iterator.nextv(1000)) {
    for (const [, value] of page) if (value !== '') rows.push(JSON.parse(value));
  }
  if (rows.length < 2 * instances) throw new Error('rows are missing');
  say(performance.timeOrigin + performance.now());
  await iterator.close();
  await level.close();
}

function say(time: number): void {
  process.stdout.write(String(time));
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) {
  const [mode, path] = process.argv.slice(2);
  if (mode === '--boot') await boot(path!);
  else if (mode === '--boot-bare') await bootBare(path!);
  else {
    const results = await run();
    for (const { name, ratio, limit, detail } of results) {
      console.log(
        `${ratio >= limit ? 'ok  ' : 'FAIL'} ${ratio.toFixed(2)} (limit ${limit}) ${name}: ${detail}`,
      );
    }
    if (results.some(({ ratio, limit }) => ratio < limit)) process.exitCode = 1;
  }
}
