/** `embedded:DIR` and `etcd://...` as the words of a command line, and the stores that they name. */
import { access } from 'node:fs/promises';
import { join } from 'node:path';
import { ConfigError } from '../config/config-error.ts';
import { storeConfig } from '../config/store.ts';
import { systemClock } from '../lib/clock.ts';
import type { Logger } from '../lib/log.ts';
import { openDataDir } from '../store/embedded/data-dir.ts';
import { openEmbeddedStore } from '../store/embedded/embedded-store.ts';
import type { Store } from '../store/store.ts';
import { CliError } from './command.ts';

/** What an etcd needs besides its address. */
export interface EtcdFlags {
  readonly user?: string;
  readonly password?: string;
  readonly caFile?: string;
  readonly certFile?: string;
  readonly keyFile?: string;
}

export interface OpenPlace {
  /** The bare engine. */
  readonly store: Store;
  /** Nobody else can write to it. */
  readonly isHeld: boolean;
  close(): Promise<void>;
}

const embedded = 'embedded:';

/** Throws CliError with exit code 2 for a word that names no store, or a source that is not there. */
export async function openPlace(
  flag: '--from' | '--to',
  word: string,
  etcd: EtcdFlags,
  log: Logger,
): Promise<OpenPlace> {
  if (word.startsWith(embedded) && word.length > embedded.length) {
    return openDirectory(flag, word.slice(embedded.length), log);
  }
  if (!/^etcds?:\/\//.test(word)) {
    const text = `${flag} ${word}: give embedded:DIR (an agent's data directory) or etcd://host:2379,host:2379/prefix`;
    throw new CliError(text, 2);
  }
  return openEtcd(flag, word, etcd, log);
}

async function openDirectory(flag: string, path: string, log: Logger): Promise<OpenPlace> {
  if (flag === '--from') {
    await access(join(path, 'VERSION')).catch((cause: unknown) => {
      const text = `${flag} embedded:${path}: there is no data directory of an agent; give what -data-dir says`;
      throw Object.assign(new CliError(text, 2), { cause });
    });
  }
  const dir = await openDataDir(path);
  try {
    const store = await openEmbeddedStore({ path: dir.storePath }, { clock: systemClock, log });
    const close = async (): Promise<void> => {
      await store.close();
      await dir.close();
    };
    return { store, isHeld: true, close };
  } catch (error) {
    await dir.close();
    throw error;
  }
}

/** Loaded only when it is used: gRPC takes its time. */
async function openEtcd(flag: string, url: string, etcd: EtcdFlags, log: Logger): Promise<OpenPlace> {
  const { openEtcdStore } = await import('../store/etcd/etcd-store.ts');
  try {
    const config = {
      ...storeConfig({ url }, false),
      user: etcd.user ?? '',
      password: etcd.password ?? '',
      caFile: etcd.caFile ?? '',
      certFile: etcd.certFile ?? '',
      keyFile: etcd.keyFile ?? '',
    };
    const store = await openEtcdStore(config, { clock: systemClock, log });
    return { store, isHeld: false, close: () => store.close() };
  } catch (error) {
    if (error instanceof ConfigError) throw new CliError(`${flag}: ${error.message}`, 2);
    throw error;
  }
}
