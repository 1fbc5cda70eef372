/** The store's promises on a real etcd; each case has a namespace of its own, so that they run side by side. */
import { after, before, describe } from 'node:test';

import { sleep } from '../../src/lib/abort.ts';
import { storeConformance } from '../../src/store/conformance.testkit.ts';
import type { Opened } from '../../src/store/conformance.testkit.ts';
import type { Store } from '../../src/store/store.ts';
import { type Etcd, startEtcd } from './etcd.testkit.ts';
import { openStore, urlOf } from './stores.testkit.ts';

const keepsAll = {
  'follow: a revision that is no longer kept is compacted': 'etcd keeps all until it is told to compact',
  'follow: from before a reopening is compacted, from the barrier after it is not':
    'etcd keeps its history across restarts',
};
const crash = 'commit: what was acknowledged is there after a crash, and no revision is given twice';
// These name revisions to the unit, and the cases that run beside them write.
const exact = {
  'commit: a refused one without an else branch changes nothing and names the revision of that moment':
    'with one server that is restarted, where nobody else writes',
  'read: an empty selection is one page without entries, at a revision':
    'with one server that is restarted, where nobody else writes',
  'read: pages are whole, in order, no longer than asked for and of one revision while writes go on':
    'with one server that is restarted, where nobody else writes',
};
const rearmed = 'lease: outlives a reopening with its full time, and its keys vanish afterwards';

let cases = 0;

async function openCase(etcd: Etcd, beforeReopening: () => Promise<void>): Promise<Opened> {
  const url = urlOf(etcd, `case-${++cases}`);
  const opened: Store[] = [];
  const open = async (): Promise<Store> => {
    const store = await openStore({ url });
    opened.push(store);
    return store;
  };
  return {
    store: await open(),
    ring: 10_000,
    advance: (ms) => sleep(ms),
    reopen: async () => {
      await opened.at(-1)?.close();
      await beforeReopening();
      return open();
    },
    crash: async () => {
      await etcd.members[0]!.kill();
      await etcd.members[0]!.start();
      return open();
    },
    dispose: async () => {
      for (const store of opened) await store.close();
    },
  };
}

describe('one server', { concurrency: 8 }, () => {
  let etcd: Etcd;
  before(async () => {
    etcd = await startEtcd();
  });
  after(() => etcd.stop());
  storeConformance('etcd', () => openCase(etcd, async () => undefined), {
    skip: {
      ...keepsAll,
      ...exact,
      [crash]: 'it would end the other cases: below',
      [rearmed]: 'a lease goes on in etcd while nobody has opened the store; a restart of etcd is below',
    },
  });
});

describe('one server that is restarted', () => {
  let etcd: Etcd;
  before(async () => {
    etcd = await startEtcd();
  });
  after(() => etcd.stop());
  const restart = async (): Promise<void> => {
    await etcd.members[0]!.terminate();
    await etcd.members[0]!.start();
  };
  storeConformance('etcd restarted', () => openCase(etcd, restart), {
    only: /crash|reopening|of that moment|an empty selection|pages are whole/,
    skip: { ...keepsAll, 'lease: after a reopening it is still known by its id': 'as with one server above' },
  });
});
