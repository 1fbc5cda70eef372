import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';

import { aNode } from '../catalog/catalog.testkit.ts';
import { follower } from '../store/conformance/harness.testkit.ts';
import type { Store } from '../store/store.ts';
import { decodeKv } from './codec.ts';
import { rowPrefix } from './keys.ts';
import { aSession, bytes, type LockKit, startLocks } from './kv.testkit.ts';
import { alivePrefix, delayPrefix, sessionPrefix } from './session-keys.ts';
import { decodeSession } from './session-row.ts';

/**
 * Two agents on one store do what comes, some of it at the same time; the history that the store shows is then held
 * against the laws of locks.
 */
type Step =
  | {
      readonly do: 'acquire' | 'release';
      readonly agent: number;
      readonly key: number;
      readonly session: number;
    }
  | { readonly do: 'put' | 'delete'; readonly agent: number; readonly key: number }
  | { readonly do: 'destroy'; readonly agent: number; readonly session: number }
  | { readonly do: 'reap'; readonly agent: number }
  | { readonly do: 'wait'; readonly ms: number };

const agent = fc.nat(1);
const key = fc.nat(2);
const session = fc.nat(4);
const locking: fc.Arbitrary<Step> = fc.record({
  do: fc.constantFrom('acquire' as const, 'acquire' as const, 'release' as const),
  agent,
  key,
  session,
});
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 8, arbitrary: locking },
  { weight: 1, arbitrary: fc.record({ do: fc.constantFrom('put' as const, 'delete' as const), agent, key }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('destroy' as const), agent, session }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('reap' as const), agent }) },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant('wait' as const), ms: fc.constantFrom(500, 9000, 21_000) }),
  },
);
/** Steps of one inner list are begun together. */
const plan = fc.array(fc.array(step, { minLength: 1, maxLength: 5 }), { minLength: 1, maxLength: 12 });

const keyNames = ['a', 'b', 'dir/c'];

interface Outcome {
  readonly releases: number;
  readonly acquired: readonly (readonly [key: string, session: string])[];
}

async function play(kits: readonly LockKit[], steps: readonly (readonly Step[])[]): Promise<Outcome> {
  const ids: string[] = [];
  for (let i = 0; i < 5; i++) {
    const parts = { ttl: i === 0 ? '10s' : '', behavior: i === 1 ? 'delete' : '', lockDelayNs: i * 5e8 };
    ids.push(await kits[i % 2]!.sessions.create(aSession(parts)));
  }
  let releases = 0;
  const acquired: [string, string][] = [];
  const run = async (one: Step): Promise<void> => {
    if (one.do === 'wait') return kits[0]!.base.clock.advance(one.ms);
    const { kv, sessions, reaper } = kits[one.agent]!;
    if (one.do === 'reap') return reaper.reap();
    if (one.do === 'destroy') return sessions.destroy(ids[one.session]!);
    const name = keyNames[one.key]!;
    if (!('session' in one)) {
      await (one.do === 'put' ? kv.put(name, bytes('plain'), 0n) : kv.delete(name));
      return;
    }
    const value = bytes(String(one.session));
    if (one.do === 'release') {
      if (await kv.release(name, value, 0n, ids[one.session]!)) releases += 1;
    } else if (await kv.acquire(name, value, 0n, ids[one.session]!)) acquired.push([name, ids[one.session]!]);
  };
  for (const together of steps) {
    const results = await Promise.allSettled(together.map(run));
    for (const result of results)
      if (result.status === 'rejected') assert.match(String(result.reason), /invalid session/);
  }
  await Promise.all(ids.map((id, i) => kits[i % 2]!.sessions.destroy(id)));
  return { releases, acquired };
}

/** Walks the store's history and asserts what must hold at every revision. */
class Judge {
  readonly #keys = new Map<string, { session: string; lockIndex: number }>();
  readonly #alive = new Set<string>();
  readonly #delays = new Set<string>();
  readonly #lockDelays = new Map<string, number>();
  readonly held = new Set<string>();
  /** Locks that came free while their session was alive. */
  givenBack = 0;

  async walk(store: Store, from: number): Promise<void> {
    const last = await store.barrier();
    const following = follower(store, from);
    for (let at = from; at < last; ) {
      const [batch] = await following.next(1);
      at = batch!.revision;
      const [before, delaysBefore] = [new Set(this.#alive), new Set(this.#delays)];
      const puts = new Set(batch!.events.flatMap((e) => (e.type === 'put' ? [e.entry.key] : [])));
      for (const event of batch!.events) {
        if (event.type === 'delete') this.#delete(event.key, puts);
        else if (event.entry.key.startsWith(rowPrefix)) {
          const name = event.entry.key.slice(rowPrefix.length);
          const { session: holder, lockIndex } = decodeKv(name, event.entry.value, 0, 0);
          this.#row(name, { session: holder, lockIndex }, { before, delaysBefore, puts });
        } else this.#note(event.entry.key, event.entry.value);
      }
    }
    following.stop();
  }

  get free(): boolean {
    return [...this.#keys.values()].every((row) => row.session === '');
  }

  #row(
    name: string,
    row: { session: string; lockIndex: number },
    at: { before: ReadonlySet<string>; delaysBefore: ReadonlySet<string>; puts: ReadonlySet<string> },
  ): void {
    const old = this.#keys.get(name) ?? { session: '', lockIndex: 0 };
    this.#keys.set(name, row);
    if (old.session === row.session) return;
    if (old.session !== '') {
      assert.equal(row.session, '', `${name} went from one holder to another`);
      assert.equal(row.lockIndex, old.lockIndex, 'giving back keeps the lock index');
      if (at.before.has(old.session)) this.givenBack += 1;
      else if (this.#lockDelays.get(old.session)! > 0)
        assert.ok(at.puts.has(delayPrefix + name), 'a delay begins');
      return;
    }
    assert.equal(row.lockIndex, old.lockIndex + 1, 'the lock index counts acquisitions');
    assert.ok(at.before.has(row.session), `${name} was acquired for a session that had ended`);
    assert.ok(!at.delaysBefore.has(name), `${name} was acquired during its lock delay`);
    this.held.add(`${name} ${row.session}`);
  }

  #delete(storeKey: string, puts: ReadonlySet<string>): void {
    if (storeKey.startsWith(rowPrefix)) this.#keys.delete(storeKey.slice(rowPrefix.length));
    if (storeKey.startsWith(alivePrefix)) this.#alive.delete(storeKey.slice(alivePrefix.length));
    if (storeKey.startsWith(delayPrefix)) this.#delays.delete(storeKey.slice(delayPrefix.length));
    if (!storeKey.startsWith(sessionPrefix)) return;
    const id = storeKey.slice(sessionPrefix.length);
    assert.ok(!this.#alive.has(id), 'the alive key goes before the row');
    for (const [name, row] of this.#keys)
      assert.ok(
        row.session !== id || puts.has(rowPrefix + name),
        `${name} is held by a session without a row`,
      );
  }

  #note(storeKey: string, value: Uint8Array): void {
    if (storeKey.startsWith(alivePrefix)) this.#alive.add(storeKey.slice(alivePrefix.length));
    if (storeKey.startsWith(delayPrefix)) this.#delays.add(storeKey.slice(delayPrefix.length));
    if (!storeKey.startsWith(sessionPrefix)) return;
    const id = storeKey.slice(sessionPrefix.length);
    this.#lockDelays.set(id, decodeSession(id, value, 0, 0).lockDelayNs);
  }
}

test('two agents: never two holders, the lock index counts, what is acquired is given back exactly once', async () => {
  await fc.assert(
    fc.asyncProperty(plan, async (steps) => {
      const one = await startLocks();
      const two = await startLocks(one.base);
      try {
        await one.base.writer.register({ node: aNode('n'), skipNodeUpdate: false, checks: [] });
        const from = await one.base.store.barrier();
        const { releases, acquired } = await play([one, two], steps);
        const judge = new Judge();
        await judge.walk(one.base.store, from);
        for (const [name, holder] of acquired) assert.ok(judge.held.has(`${name} ${holder}`));
        assert.equal(judge.givenBack, releases);
        assert.ok(judge.free, 'the sessions have ended and nothing is held');
      } finally {
        await two.base.stop();
        await one.base.stop();
      }
    }),
    { numRuns: 150 },
  );
});
