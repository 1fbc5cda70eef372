/** What an agent keeps on disk and where its catalog is: memory, embedded in the data directory, or etcd. */
import { randomUUID } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Config, StoreConfig } from '../config/config.ts';
import { Backoff } from '../lib/backoff.ts';
import type { Clock } from '../lib/clock.ts';
import type { Logger } from '../lib/log.ts';
import { pause } from '../lib/pause.ts';
import { LevelPersistence } from '../registry/persistence-level.ts';
import { openDataDir } from '../store/embedded/data-dir.ts';
import { openEmbeddedStore } from '../store/embedded/embedded-store.ts';
import { MemoryStore } from '../store/memory/memory-store.ts';
import { openOffset } from '../store/offset.ts';
import { type Store, StoreError } from '../store/store.ts';
import type { Closers } from './lifecycle.ts';

export interface Disk {
  readonly store: Store;
  /** No other process can write to the store. */
  readonly sole: boolean;
  readonly nodeId: string;
  readonly persistence: LevelPersistence | undefined;
  /** Where the template runner notes owed commands; undefined with -dev. */
  readonly renderPath: string | undefined;
}

interface DiskDeps {
  readonly clock: Clock;
  readonly log: Logger;
  /** Is given what to close, in order of opening. */
  readonly stack: Closers;
  readonly signal: AbortSignal;
}

export async function openDisk(config: Config, deps: DiskDeps): Promise<Disk> {
  const { clock, stack } = deps;
  if (config.dev) {
    const store = new MemoryStore({}, { clock });
    stack.add('store', () => store.close());
    const nodeId = config.nodeId || randomUUID();
    return { store, sole: true, nodeId, persistence: undefined, renderPath: undefined };
  }
  const dir = await openDataDir(config.dataDir);
  stack.add('data directory', () => dir.close());
  const store = await openStore(config.store, dir.storePath, deps);
  const persistence = await LevelPersistence.open(dir.registryPath);
  stack.add('registry records', () => persistence.close());
  const renderPath = join(dir.path, 'render');
  mkdirSync(renderPath, { recursive: true, mode: 0o700 });
  const sole = config.store.url === '';
  return { store, sole, nodeId: config.nodeId || dir.nodeId, persistence, renderPath };
}

async function openStore(config: StoreConfig, path: string, given: DiskDeps): Promise<Store> {
  const { clock, log, stack, signal } = given;
  const deps = { clock, log: log.child('store'), signal };
  const engine = config.url === '' ? await openEmbeddedStore({ path }, deps) : await openEtcd(config, deps);
  stack.add('store', () => engine.close());
  return openOffset(engine);
}

/**
 * Waits for an etcd that is not there yet: hosts of a cluster may start in any order. Loaded only when it is used: gRPC
 * takes its time.
 */
async function openEtcd(
  config: StoreConfig,
  { signal, ...deps }: Pick<DiskDeps, 'clock' | 'log' | 'signal'>,
): Promise<Store> {
  const { openEtcdStore } = await import('../store/etcd/etcd-store.ts');
  const backoff = new Backoff({ minMs: 200, maxMs: 2000 });
  const { clock, log } = deps;
  const late = clock.after(lateMs, () => log.warn({}, 'the store does not answer yet; waiting for it'));
  try {
    for (let tries = 1; ; tries++) {
      try {
        return await openEtcdStore(config, deps);
      } catch (error) {
        if (!mayCome(error) || signal.aborted) throw error;
        if (tries === 1) log.warn({ err: error }, 'the store does not answer; trying until it does');
        await pause(clock, backoff.nextMs(), signal);
        if (signal.aborted) throw error;
      }
    }
  } finally {
    late.cancel();
  }
}

/** Much longer than a start takes, and shorter than anybody's patience. */
const lateMs = 1500;

/** A server that says no, as to a wrong password, will go on saying so. */
function mayCome(error: unknown): boolean {
  if (!(error instanceof StoreError) || error.code !== 'unavailable') return false;
  return (error.cause as { readonly kind?: unknown } | undefined)?.kind !== 'verdict';
}
