/** The store's promises on a real etcd of one member; a case has a namespace of its own. */
import { after, before } from 'node:test';

import { sleep } from '../../src/lib/abort.ts';
import { systemClock } from '../../src/lib/clock.ts';
import { silentLogger } from '../../src/lib/log.ts';
import { storeConformance } from '../../src/store/conformance.testkit.ts';
import { openEtcdStore } from '../../src/store/etcd/etcd-store.ts';
import type { Store } from '../../src/store/store.ts';
import { type Etcd, startEtcd } from './etcd.testkit.ts';

let etcd: Etcd;
let cases = 0;
before(async () => {
  etcd = await startEtcd();
});
after(() => etcd.stop());

storeConformance(
  'etcd',
  async () => {
    const url = `etcd://${etcd.endpoints.join(',')}/case-${++cases}`;
    const opened: Store[] = [];
    const open = async (): Promise<Store> => {
      const store = await openEtcdStore({ url }, { clock: systemClock, log: silentLogger });
      opened.push(store);
      return store;
    };
    const [member] = etcd.members;
    return {
      store: await open(),
      ring: 10_000,
      advance: (ms) => sleep(ms),
      reopen: async () => {
        await opened.at(-1)?.close();
        await member!.terminate();
        await member!.start();
        return open();
      },
      crash: async () => {
        await member!.kill();
        await member!.start();
        return open();
      },
      dispose: async () => {
        for (const store of opened) await store.close();
      },
    };
  },
  {
    skip: {
      'follow: a revision that is no longer kept is compacted': 'etcd keeps all until it is told to compact',
      'follow: from before a reopening is compacted, from the barrier after it is not':
        'etcd keeps its history across restarts',
    },
  },
);
