/**
 * Durable puts through the embedded engine, and through Kv on top of it, against bare group commits of classic-level:
 * 32 writers, 100-byte values, each round on a fresh directory, the sides taking turns.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

import { ClassicLevel } from 'classic-level';

import { CatalogTable } from '../src/catalog/catalog-table.ts';
import { Replica } from '../src/catalog/replica.ts';
import { Kv } from '../src/kv/kv.ts';
import { KvTable } from '../src/kv/kv-table.ts';
import { systemClock } from '../src/lib/clock.ts';
import { silentLogger } from '../src/lib/log.ts';
import { openEmbeddedStore } from '../src/store/embedded/embedded-store.ts';
import { Watches } from '../src/watch/watches.ts';

export interface BenchResult {
  readonly name: string;
  readonly ratio: number;
  readonly limit: number;
  readonly detail: string;
}

interface Side {
  put(key: string, value: Uint8Array): Promise<unknown>;
  close(): Promise<void>;
}

const writers = 32;
const rounds = 15;
const roundMs = 300;
/** Most puts overwrite: a writer makes some 150 a round. */
const keysPerWriter = 50;

export async function run(): Promise<BenchResult[]> {
  const rates = { kv: [] as number[], store: [] as number[], bare: [] as number[], leanest: [] as number[] };
  const sides = Object.keys(rates) as (keyof typeof rates)[];
  // The first turn warms up.
  for (let round = 0; round <= rounds; round++) {
    for (const side of round % 2 === 0 ? sides : [...sides].reverse()) {
      const rate = await putsPerSecond(open[side]);
      if (round > 0) rates[side].push(rate);
    }
  }
  const bare = median(rates.bare);
  // Neighbours in time are compared: the machine's own pace changes from round to round.
  const against = (side: 'kv' | 'store'): number =>
    median(rates[side].map((rate, round) => rate / rates.bare[round]!));
  const puts = (rate: number): string => `${Math.round(rate)}/s`;
  const sidesDetail = `array batch ${puts(bare)}, chained batch ${puts(median(rates.leanest))}`;
  return [
    {
      name: `durable puts of Kv, ${writers} writers, against bare classic-level group commits`,
      ratio: against('kv'),
      limit: 0.8,
      detail: `Kv ${puts(median(rates.kv))}, ${sidesDetail}`,
    },
    {
      name: `durable puts of the embedded store, ${writers} writers, against bare classic-level group commits`,
      ratio: against('store'),
      limit: 0.8,
      detail: `store ${puts(median(rates.store))}, ${sidesDetail}`,
    },
  ];
}

const open: Record<'kv' | 'store' | 'bare' | 'leanest', (path: string) => Promise<Side>> = {
  kv: async (path) => {
    const store = await openEmbeddedStore({ path }, { clock: systemClock, log: silentLogger });
    const table = new KvTable();
    const watches = new Watches({ clock: systemClock });
    const tables = [new CatalogTable(), table];
    const replica = new Replica({}, { store, tables, watches, log: silentLogger });
    const stop = new AbortController();
    const running = replica.run(stop.signal);
    await replica.loaded;
    const kv = new Kv({}, { store, replica, table, clock: systemClock });
    return {
      put: (key, value) => kv.put(key, value, 0n),
      close: async () => {
        stop.abort();
        await running;
        await store.close();
      },
    };
  },
  store: async (path) => {
    const store = await openEmbeddedStore({ path }, { clock: systemClock, log: silentLogger });
    // Someone follows, as the catalog's replica always does.
    const stop = new AbortController();
    const following = (async () => {
      for await (const batch of store.follow(await store.barrier(), stop.signal)) void batch.revision;
    })();
    return {
      put: (key, value) => store.commit({ then: [{ put: key, value }] }),
      close: async () => {
        stop.abort();
        await following;
        await store.close();
      },
    };
  },
  bare: (path) =>
    openBare(path, (level, group) =>
      level.batch(
        group.map(({ key, value }) => ({ type: 'put', key, value })),
        { sync: true },
      ),
    ),
  leanest: (path) =>
    openBare(path, async (level, group) => {
      const batch = level.batch();
      for (const { key, value } of group) batch.put(key, value);
      await batch.write({ sync: true });
    }),
};

type Level = ClassicLevel<string, Uint8Array>;
interface Put {
  readonly key: string;
  readonly value: Uint8Array;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

/** One batch in flight, everything queued meanwhile in the next. */
async function openBare(
  path: string,
  write: (level: Level, group: readonly Put[]) => Promise<void>,
): Promise<Side> {
  const level: Level = new ClassicLevel(path, { keyEncoding: 'utf8', valueEncoding: 'view' });
  await level.open();
  let queue: Put[] = [];
  let busy = false;
  const flush = async (): Promise<void> => {
    while (queue.length > 0) {
      const group = queue;
      queue = [];
      try {
        await write(level, group);
        for (const { resolve } of group) resolve();
      } catch (error) {
        for (const { reject } of group) reject(error);
      }
      await new Promise((resolve) => setImmediate(resolve));
    }
    busy = false;
  };
  return {
    put: (key, value) =>
      new Promise<void>((resolve, reject) => {
        queue.push({ key, value, resolve, reject });
        if (busy) return;
        busy = true;
        setImmediate(() => void flush());
      }),
    close: () => level.close(),
  };
}

async function putsPerSecond(openSide: (path: string) => Promise<Side>): Promise<number> {
  const base = await mkdtemp(join(tmpdir(), 'portolan-bench-'));
  try {
    const side = await openSide(join(base, 'data'));
    const startMs = performance.now();
    let puts = 0;
    const writer = async (name: number): Promise<void> => {
      // What is already so would not be written.
      for (let i = 0; performance.now() - startMs < roundMs; i++, puts++) {
        const value = new Uint8Array(100).fill(i);
        await side.put(`kv/writer-${name}/key-${i % keysPerWriter}`, value);
      }
    };
    await Promise.all(Array.from({ length: writers }, (_, name) => writer(name)));
    const rate = (puts / (performance.now() - startMs)) * 1000;
    await side.close();
    return rate;
  } finally {
    await rm(base, { recursive: true, force: true });
  }
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  for (const { name, ratio, limit, detail } of await run()) {
    console.log(
      `${ratio >= limit ? 'ok  ' : 'FAIL'} ${ratio.toFixed(2)} (limit ${limit}) ${name}: ${detail}`,
    );
  }
}
