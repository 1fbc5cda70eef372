import { cp, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { ManualClock } from '../../lib/clock.testkit.ts';
import { silentLogger } from '../../lib/log.ts';
import { storeConformance } from '../conformance.testkit.ts';
import type { Store } from '../store.ts';
import { openEmbeddedStore } from './embedded-store.ts';

storeConformance('embedded', async () => {
  const clock = new ManualClock();
  const base = await mkdtemp(join(tmpdir(), 'portolan-store-'));
  const opened: Store[] = [];
  const open = async (path: string): Promise<Store> => {
    const store = await openEmbeddedStore({ path }, { clock, log: silentLogger });
    opened.push(store);
    return store;
  };
  let path = join(base, 'data');
  return {
    store: await open(path),
    ring: 10_000,
    advance: (ms) => clock.advance(ms),
    reopen: async () => {
      await opened.at(-1)?.close();
      return open(path);
    },
    crash: async () => {
      // The files as they are at this moment, which is what kill -9 leaves.
      const left = `${path}-left`;
      await cp(path, left, { recursive: true });
      path = left;
      return open(path);
    },
    dispose: async () => {
      for (const store of opened) await store.close();
      await rm(base, { recursive: true, force: true });
    },
  };
});
