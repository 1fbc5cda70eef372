/** The store's promises on three etcd servers that are restarted, one after another, all the time. */
import { after, before, describe } from 'node:test';

import { sleep } from '../../src/lib/abort.ts';
import { storeConformance } from '../../src/store/conformance.testkit.ts';
import type { Opened } from '../../src/store/conformance.testkit.ts';
import { entry } from '../../src/store/conformance/harness.testkit.ts';
import { appliesOnce } from '../../src/store/etcd/translate.ts';
import type { Commit, CommitResult, Store } from '../../src/store/store.ts';
import { type Etcd, startEtcd } from './etcd.testkit.ts';
import { openStore, urlOf } from './stores.testkit.ts';

const once = 'it is shown on one server';
const rearmed = 'a new leader gives all leases their full time again';

describe('three servers that are restarted', () => {
  let etcd: Etcd;
  let cases = 0;
  const over = new AbortController();
  let restarting: Promise<void>;
  before(async () => {
    etcd = await startEtcd({ members: 3 });
    restarting = restartInTurn(etcd, over.signal);
  });
  after(async () => {
    over.abort();
    await restarting;
    await etcd.stop();
  });
  const open = async (): Promise<Opened> => {
    const store = await openStore({ url: urlOf(etcd, `case-${++cases}`) });
    return { store: certain(store), ring: 10_000, advance: (ms) => sleep(ms), dispose: () => store.close() };
  };
  storeConformance('etcd rolling', open, {
    // What one server shows of a single commit needs no second showing.
    only: /^(?:read|barrier|follow|lease)|else branch|revisions|every compare|limits|rederivable/,
    skip: {
      'commit: a buffer that its owner changes afterwards changes nothing':
        'it may have to be sent again by its caller',
      'commit: revisions are never given twice, also after a reopening': once,
      'commit: what was acknowledged is there after a reopening, with its revisions': once,
      'commit: what was acknowledged is there after a crash, and no revision is given twice': once,
      'commit: of those that race for one key exactly one wins':
        'the one that won may be told that it is not known',
      'commit: one who commits without a pause lets others run': once,
      'follow: a revision that is no longer kept is compacted': 'etcd keeps all until it is told to compact',
      'follow: from before a reopening is compacted, from the barrier after it is not': once,
      'commit: writers that read, compare and write lose no update':
        'who creates the row may not be told; those who change it are counted in etcd-store.e2e.test.ts',
      'lease: when its time runs out its keys vanish in one commit, and only they': rearmed,
      'lease: keepAlive extends it by its full time, and is false once it is gone': rearmed,
      'lease: known by its id it can be extended and ended by anyone': rearmed,
      'lease: after a reopening it is still known by its id': once,
      'lease: outlives a reopening with its full time, and its keys vanish afterwards': once,
    },
  });
});

async function restartInTurn(etcd: Etcd, signal: AbortSignal): Promise<void> {
  for (let turn = 0; !signal.aborted; turn++) {
    const member = etcd.members[turn % 3]!;
    await (turn % 2 === 0 ? member.terminate() : member.kill());
    await sleep(100);
    await member.start();
    await sleep(500, signal);
  }
}

/**
 * The store with every doubt resolved, as a careful caller does it: whether a commit was carried out is read from a row that it
 * put. The cases themselves have nobody else who writes the same.
 */
function certain(store: Store): Store {
  const commit = async (what: Commit): Promise<CommitResult> => {
    const put = what.then.find((operation) => 'put' in operation);
    const before = put === undefined ? 0 : ((await entry(store, put.put))?.modRevision ?? 0);
    const result = await store.commit(what);
    if (result.outcome !== 'unknown' || appliesOnce(what)) return result;
    const now = put === undefined ? 0 : ((await entry(store, put.put))?.modRevision ?? 0);
    return now > before ? { outcome: 'committed', revision: now } : commit(what);
  };
  return new Proxy(store, {
    get: (target, name) => {
      if (name === 'commit') return commit;
      const member: unknown = Reflect.get(target, name, target);
      return typeof member === 'function' ? member.bind(target) : member;
    },
  });
}
