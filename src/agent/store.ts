/** What an agent keeps on disk and where its catalog is: memory, embedded in the data directory, or etcd. */
import { randomUUID } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Config, StoreConfig } from '../config/config.ts';
import type { Clock } from '../lib/clock.ts';
import type { Logger } from '../lib/log.ts';
import { LevelPersistence } from '../registry/persistence-level.ts';
import { openDataDir } from '../store/embedded/data-dir.ts';
import { openEmbeddedStore } from '../store/embedded/embedded-store.ts';
import { MemoryStore } from '../store/memory/memory-store.ts';
import { openOffset } from '../store/offset.ts';
import type { Store } from '../store/store.ts';
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

async function openStore(config: StoreConfig, path: string, { clock, log, stack }: DiskDeps): Promise<Store> {
  const deps = { clock, log: log.child('store') };
  const engine = config.url === '' ? await openEmbeddedStore({ path }, deps) : await openEtcd(config, deps);
  stack.add('store', () => engine.close());
  return openOffset(engine);
}

/** Loaded only when it is used: gRPC takes its time. */
async function openEtcd(config: StoreConfig, deps: Pick<DiskDeps, 'clock' | 'log'>): Promise<Store> {
  const { openEtcdStore } = await import('../store/etcd/etcd-store.ts');
  return openEtcdStore(config, deps);
}
