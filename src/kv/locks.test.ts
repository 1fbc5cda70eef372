import assert from 'node:assert/strict';
import { test } from 'node:test';

import { aNode } from '../catalog/catalog.testkit.ts';
import { aSession, bytes, type LockKit, withLocks } from './kv.testkit.ts';
import { KvError } from './kv.ts';
import type { SessionRequest } from './sessions.ts';

const absent = '6a3a07c4-1b42-4b0b-8b2c-1f4bb5a5a001';

interface Row {
  readonly value: string;
  readonly flags: bigint;
  readonly lockIndex: number;
  readonly session: string;
}

function row({ kv }: LockKit, key: string): Row | undefined {
  const found = kv.get(key).read();
  if (found === undefined) return undefined;
  const { flags, lockIndex, session } = found;
  return { value: Buffer.from(found.value).toString(), flags, lockIndex, session };
}

async function session(kit: LockKit, parts: Partial<SessionRequest> = {}): Promise<string> {
  await kit.base.writer.register({ node: aNode('n'), skipNodeUpdate: false, checks: [] });
  return kit.sessions.create(aSession(parts));
}

test('the first acquires, the holder may again, another is refused and changes nothing', () =>
  withLocks(async (kit) => {
    const [one, two] = [await session(kit), await session(kit)];
    const { kv } = kit;
    assert.equal(await kv.acquire('a', bytes('1'), 7n, one), true);
    assert.deepEqual(row(kit, 'a'), { value: '1', flags: 7n, lockIndex: 1, session: one });
    const index = kv.get('a').index();
    assert.equal(await kv.acquire('a', bytes('2'), 0n, two), false);
    assert.equal(await kv.release('a', bytes('2'), 0n, two), false);
    assert.equal(await kv.acquire('a', bytes('1'), 7n, one), true);
    assert.equal(kv.get('a').index(), index, 'the same again is not written');
    assert.equal(await kv.acquire('a', bytes('3'), 0n, one.toUpperCase()), true);
    assert.deepEqual(row(kit, 'a'), { value: '3', flags: 0n, lockIndex: 1, session: one });
  }));

test('a release writes value and flags, keeps the lock index and happens once; the next holder counts it up', () =>
  withLocks(async (kit) => {
    const [one, two] = [await session(kit), await session(kit)];
    const { kv } = kit;
    await kv.acquire('a', bytes('1'), 0n, one);
    assert.equal(await kv.release('a', bytes(''), 5n, one), true);
    assert.deepEqual(row(kit, 'a'), { value: '', flags: 5n, lockIndex: 1, session: '' });
    assert.equal(await kv.release('a', bytes(''), 5n, one), false);
    assert.equal(await kv.release('missing', bytes(''), 5n, one), false);
    assert.equal(await kv.acquire('a', bytes('2'), 0n, two), true);
    assert.deepEqual(row(kit, 'a'), { value: '2', flags: 0n, lockIndex: 2, session: two });
  }));

test('a plain put keeps the holder and sets the lock index to 0; a delete frees the key', () =>
  withLocks(async (kit) => {
    const [one, two] = [await session(kit), await session(kit)];
    const { kv } = kit;
    await kv.acquire('a', bytes('1'), 0n, one);
    assert.equal(await kv.put('a', bytes('plain'), 0n), true);
    assert.deepEqual(row(kit, 'a'), { value: 'plain', flags: 0n, lockIndex: 0, session: one });
    await kv.acquire('a', bytes('2'), 0n, one);
    assert.equal(row(kit, 'a')?.lockIndex, 0);
    assert.equal(await kv.delete('a'), true);
    assert.equal(await kv.acquire('a', bytes('3'), 0n, two), true);
    assert.deepEqual(row(kit, 'a'), { value: '3', flags: 0n, lockIndex: 1, session: two });
    await kv.deleteTree('');
    await kit.sessions.destroy(one);
    await kit.sessions.destroy(two);
    assert.equal(row(kit, 'a'), undefined);
  }));

test("no session, one that is not there and one that was destroyed are refused in Consul's words", () =>
  withLocks(async (kit) => {
    const gone = await session(kit);
    await kit.sessions.destroy(gone);
    const refused: readonly (readonly [string, string])[] = [
      ['', 'missing session'],
      ['not-a-session', 'failed session lookup: index error: UUID must be 36 characters'],
      [absent, `invalid session "${absent}"`],
      [gone, `invalid session "${gone}"`],
    ];
    for (const [id, message] of refused) {
      await assert.rejects(kit.kv.acquire('a', bytes('1'), 0n, id), (error: unknown) => {
        assert.ok(error instanceof KvError);
        assert.deepEqual([error.code, error.message], ['session', message]);
        return true;
      });
    }
    await assert.rejects(kit.kv.release('a', bytes('1'), 0n, ''), { message: 'missing session' });
    assert.equal(await kit.kv.release('a', bytes('1'), 0n, absent), false);
    assert.equal(row(kit, 'a'), undefined);
  }));

test('the end of a session releases or deletes what it held, in the commit that removes it', () =>
  withLocks(async (kit) => {
    const releases = await session(kit);
    const deletes = await session(kit, { behavior: 'delete' });
    const { kv } = kit;
    await kv.acquire('released', bytes('1'), 3n, releases);
    await kv.acquire('let-go', bytes('1'), 0n, deletes);
    await kv.release('let-go', bytes('1'), 0n, deletes);
    await kv.acquire('deleted', bytes('1'), 0n, deletes);
    await kv.acquire('deleted-too', bytes('1'), 0n, deletes);
    await kit.sessions.destroy(releases);
    assert.deepEqual(row(kit, 'released'), { value: '1', flags: 3n, lockIndex: 1, session: '' });
    assert.equal(kv.get('released').index(), kit.sessions.list().index());
    await kit.sessions.destroy(deletes);
    assert.deepEqual(kv.keys('', '').read(), ['let-go', 'released']);
    assert.equal(kv.get('deleted').index(), kit.sessions.list().index());
    assert.equal(kv.get('deleted-too').index(), kit.sessions.list().index());
  }));

test('after a session that held a key nobody acquires it for the lock delay, after a release at once', () =>
  withLocks(async (kit) => {
    const { kv, base } = kit;
    const one = await session(kit, { lockDelayNs: 2e9 });
    const two = await session(kit);
    await kv.acquire('a', bytes('1'), 0n, one);
    await kv.acquire('b', bytes('1'), 0n, one);
    await kv.release('b', bytes('1'), 0n, one);
    await kit.sessions.destroy(one);
    assert.equal(await kv.acquire('a', bytes('2'), 0n, two), false);
    assert.equal(await kv.acquire('b', bytes('2'), 0n, two), true);
    assert.equal(await kv.put('a', bytes('plain'), 0n), true, 'plain writes do not care');
    assert.equal(await kv.acquire('a', bytes('2'), 0n, absent), false, 'the delay is looked at first');
    await base.clock.advance(1_900);
    assert.equal(await kv.acquire('a', bytes('2'), 0n, two), false);
    await base.clock.advance(200);
    assert.equal(await kv.acquire('a', bytes('2'), 0n, two), true);
  }));

test('a lock delay of 0 is none, and one of more than a minute is a minute', () =>
  withLocks(async (kit) => {
    const { kv, base } = kit;
    const [none, long] = [await session(kit), await session(kit, { lockDelayNs: 90e9 })];
    const next = await session(kit);
    await kv.acquire('none', bytes('1'), 0n, none);
    await kv.acquire('long', bytes('1'), 0n, long);
    await kit.sessions.destroy(none);
    await kit.sessions.destroy(long);
    assert.equal(await kv.acquire('none', bytes('2'), 0n, next), true);
    assert.equal(await kv.acquire('long', bytes('2'), 0n, next), false);
    await base.clock.advance(60_100);
    assert.equal(await kv.acquire('long', bytes('2'), 0n, next), true);
  }));

test('a lock that another agent lets go at this moment is acquired, not refused', () =>
  withLocks(async (kit) => {
    const [one, two] = [await session(kit), await session(kit)];
    await withLocks(async (other) => {
      await kit.kv.acquire('a', bytes('1'), 0n, one);
      await other.base.replica.waitFor(await kit.base.store.barrier());
      const released = kit.kv.release('a', bytes('1'), 0n, one);
      // The other agent's replica still shows the holder; only a barrier tells better.
      assert.equal(await other.kv.acquire('a', bytes('2'), 0n, two), true);
      assert.equal(await released, true);
    }, kit.base);
  }));
