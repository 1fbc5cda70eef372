import assert from 'node:assert/strict';
import { test } from 'node:test';

import { aCheck, agentOps, aNode, aService } from '../catalog/catalog.testkit.ts';
import { aSession, bytes, type LockKit, withLocks } from './kv.testkit.ts';
import { KvError, type KvErrorCode } from './kv.ts';
import type { SessionRequest } from './sessions.ts';

const absent = '9c6a2a1e-77a1-4f0b-9d51-3d5a0c1f0e11';

/** Node n with a passing, a warning and a critical check. */
async function aNodeWithChecks({ base: { writer } }: LockKit): Promise<void> {
  await writer.register({
    node: aNode('n'),
    skipNodeUpdate: false,
    service: aService('s', 's'),
    checks: [
      aCheck('good'),
      aCheck('warned', 's', { status: 'warning' }),
      aCheck('bad', '', { status: 'critical' }),
    ],
  });
}

function refusal(code: KvErrorCode, message: string): (error: unknown) => boolean {
  return (error) => {
    assert.ok(error instanceof KvError, String(error));
    assert.deepEqual([error.code, error.message], [code, message]);
    return true;
  };
}

const ids = (kit: LockKit): string[] =>
  kit.sessions
    .list()
    .read()
    .map((session) => session.id);

test('a session is what it was made of, in the views of all, of its node and of itself', () =>
  withLocks(async (kit) => {
    await aNodeWithChecks(kit);
    const request = aSession({
      name: 'mine',
      node: 'N',
      lockDelayNs: 90e9,
      behavior: 'delete',
      ttl: '1h30m',
      nodeChecks: ['good'],
      serviceChecks: [{ id: 'warned', namespace: '' }],
      checks: ['good'],
    });
    const id = await kit.sessions.create(request);
    const row = kit.sessions.info(id.toUpperCase()).read();
    assert.ok(row);
    const { lease, ...rest } = row;
    assert.notEqual(lease, '');
    assert.deepEqual(rest, { ...request, id, createIndex: row.createIndex, modifyIndex: row.createIndex });
    assert.deepEqual(kit.sessions.list().read(), [row]);
    assert.deepEqual(kit.sessions.ofNode('n').read(), [row]);
    assert.deepEqual(kit.sessions.ofNode('other').read(), []);
    assert.equal(kit.sessions.list().index(), row.modifyIndex);
  }));

test("what no session can be made of is refused in Consul's words", () =>
  withLocks(async (kit) => {
    await aNodeWithChecks(kit);
    const refused: readonly (readonly [Partial<SessionRequest>, KvErrorCode, string])[] = [
      [{ node: '' }, 'invalid', 'Must provide Node'],
      [{ behavior: 'explode' }, 'invalid', "Invalid Behavior setting 'explode'"],
      [{ ttl: '5s' }, 'invalid', "Invalid Session TTL '5000000000', must be between [10s=24h0m0s]"],
      [{ ttl: '25h' }, 'invalid', "Invalid Session TTL '90000000000000', must be between [10s=24h0m0s]"],
      [{ ttl: '-20s' }, 'invalid', "Invalid Session TTL '-20000000000', must be between [10s=24h0m0s]"],
      [{ ttl: 'abc' }, 'invalid', 'Session TTL \'abc\' invalid: time: invalid duration "abc"'],
      [{ ttl: '30' }, 'invalid', 'Session TTL \'30\' invalid: time: missing unit in duration "30"'],
      [{ node: 'none' }, 'refused', 'Missing node registration'],
      [{ nodeChecks: ['none'] }, 'refused', "Missing check 'none' registration"],
      [{ checks: ['none'] }, 'refused', "Missing check 'none' registration"],
      [{ serviceChecks: [{ id: 'none', namespace: '' }] }, 'refused', "Missing check 'none' registration"],
      [{ nodeChecks: ['bad'] }, 'refused', "Check 'bad' is in critical state"],
    ];
    for (const [parts, code, message] of refused)
      await assert.rejects(kit.sessions.create(aSession(parts)), refusal(code, message));
    assert.deepEqual(ids(kit), []);
  }));

test('the shortest TTL can be set', () =>
  withLocks(
    async (kit) => {
      await aNodeWithChecks(kit);
      assert.ok(await kit.sessions.create(aSession({ ttl: '1s' })));
      const message = "Invalid Session TTL '999000000', must be between [1s=24h0m0s]";
      await assert.rejects(kit.sessions.create(aSession({ ttl: '999ms' })), refusal('invalid', message));
    },
    { ttlMinMs: 1000 },
  ));

test('a refusal is decided again after a barrier', () =>
  withLocks(async (kit) => {
    // The node is committed and the replica has not seen it yet.
    const written = kit.base.writer.register({ node: aNode('n'), skipNodeUpdate: false, checks: [] });
    assert.ok(await kit.sessions.create(aSession()));
    await written;
  }));

test('an id that is none is refused with the reason', () =>
  withLocks(async (kit) => {
    const reasons: readonly (readonly [string, string])[] = [
      ['abc', 'UUID must be 36 characters'],
      ['9c6a2a1e-77a1-4f0b-9d51-3d5a0c1f0ez1', "Invalid UUID: encoding/hex: invalid byte: U+007A 'z'"],
      ['9c6a2a1e-77a1-4f0b-9d51-3d5a0c-f0e11', 'UUID should have maximum of 4 "-"; got 5'],
      ['9c6a2a1e077a1-4f0b-9d51-3d5a0c1f0e11', 'UUID (without hyphens) must be even length'],
    ];
    for (const [id, reason] of reasons) {
      const expected = refusal('session', `failed session lookup: index error: ${reason}`);
      assert.throws(() => kit.sessions.info(id), expected);
      await assert.rejects(kit.sessions.renew(id), expected);
      await assert.rejects(kit.sessions.destroy(id), expected);
    }
    assert.equal(kit.sessions.info(absent).read(), undefined);
  }));

test('the index moves with every session that comes or goes, and with nothing else', () =>
  withLocks(async (kit) => {
    await aNodeWithChecks(kit);
    const index = (): number => kit.sessions.list().index();
    assert.equal(index(), 1);
    const id = await kit.sessions.create(aSession({ ttl: '10s' }));
    const made = index();
    assert.ok(made > 1);
    await kit.sessions.renew(id);
    await kit.kv.acquire('a', bytes('1'), 0n, id);
    await kit.sessions.destroy(absent);
    assert.equal(index(), made);
    await kit.sessions.destroy(id);
    const gone = index();
    assert.ok(gone > made);
    assert.equal(kit.sessions.info(id).index(), gone);
    // A second agent that loads agrees with this one that followed.
    await withLocks(async (other) => assert.equal(other.sessions.list().index(), gone), kit.base);
  }));

test("a reader is woken by its session, its node's sessions or all of them", () =>
  withLocks(async (kit) => {
    await aNodeWithChecks(kit);
    const id = await kit.sessions.create(aSession());
    const other = await kit.sessions.create(aSession());
    const parked: string[] = [];
    const park = (name: string, view: Parameters<typeof kit.base.watches.park>[0]): void =>
      void kit.base.watches
        .park(view, view.index(), 60_000, new AbortController().signal)
        .then((moved) => parked.push(`${name} ${moved}`));
    park('info', kit.sessions.info(id));
    park('other', kit.sessions.info(other));
    park('node', kit.sessions.ofNode('n'));
    park('node m', kit.sessions.ofNode('m'));
    park('all', kit.sessions.list());
    await kit.sessions.destroy(id);
    await kit.base.clock.advance(1);
    assert.deepEqual(parked.sort(), ['all true', 'info true', 'node true']);
  }));

test('a session ends when it was not renewed for twice its TTL', () =>
  withLocks(async (kit) => {
    const { clock } = kit.base;
    await aNodeWithChecks(kit);
    const left = await kit.sessions.create(aSession({ ttl: '10s', behavior: 'delete' }));
    const renewed = await kit.sessions.create(aSession({ ttl: '10s' }));
    await kit.kv.acquire('a', bytes('1'), 0n, left);
    await clock.advance(15_000);
    assert.equal((await kit.sessions.renew(renewed))?.id, renewed);
    await clock.advance(4_000);
    await kit.reaper.reap();
    assert.ok(kit.sessions.info(left).read());
    await clock.advance(1_100);
    // It has ended, though its row is still there.
    assert.ok(kit.sessions.info(left).read());
    assert.equal(await kit.sessions.renew(left), undefined);
    await assert.rejects(
      kit.kv.acquire('b', bytes('1'), 0n, left),
      refusal('session', `invalid session "${left}"`),
    );
    await kit.reaper.reap();
    assert.deepEqual(ids(kit), [renewed]);
    assert.equal(kit.kv.get('a').read(), undefined);
    assert.equal(kit.kv.get('a').index(), kit.sessions.list().index());
  }));

test('a session without a TTL lives on, and renewing it is a success', () =>
  withLocks(async (kit) => {
    await aNodeWithChecks(kit);
    for (const ttl of ['', '0s']) {
      const id = await kit.sessions.create(aSession({ ttl }));
      await kit.base.clock.advance(100 * 3600_000);
      await kit.reaper.reap();
      assert.equal((await kit.sessions.renew(id))?.id, id);
    }
    assert.equal(await kit.sessions.renew(absent), undefined);
  }));

test('any agent can renew a session that another made', () =>
  withLocks(async (kit) => {
    await aNodeWithChecks(kit);
    const id = await kit.sessions.create(aSession({ ttl: '10s' }));
    await withLocks(async (other) => {
      for (let i = 0; i < 3; i++) {
        await kit.base.clock.advance(15_000);
        assert.equal((await other.sessions.renew(id))?.id, id);
      }
      await other.reaper.reap();
      assert.deepEqual(ids(kit), [id]);
    }, kit.base);
  }));

test('a check that turns critical or goes ends the sessions that hang on it', () =>
  withLocks(async (kit) => {
    const { writer } = kit.base;
    await aNodeWithChecks(kit);
    const onGood = await kit.sessions.create(aSession({ nodeChecks: ['good'] }));
    const onWarned = await kit.sessions.create(
      aSession({ serviceChecks: [{ id: 'warned', namespace: '' }] }),
    );
    const onNone = await kit.sessions.create(aSession());
    await kit.sessions.settle();
    assert.equal(ids(kit).length, 3);
    const check = aCheck('good', '', { status: 'critical' });
    await writer.register({ node: aNode('n'), skipNodeUpdate: false, checks: [check] });
    await kit.sessions.settle();
    assert.deepEqual(ids(kit).sort(), [onWarned, onNone].sort());
    assert.ok(!ids(kit).includes(onGood));
    await writer.deregister({ node: 'n', checkId: 'warned' });
    await kit.sessions.settle();
    assert.deepEqual(ids(kit), [onNone]);
    await writer.deregister({ node: 'n' });
    await kit.sessions.settle();
    assert.deepEqual(ids(kit), []);
  }));

test('an agent that dies takes the sessions on its serfHealth along, and nothing is acquired for them any more', () =>
  withLocks(async (kit) => {
    const { store, writer } = kit.base;
    const node = aNode('n', { id: '11111111-2222-3333-4444-555555555555' });
    await agentOps.start(store, node);
    await writer.register({ node, skipNodeUpdate: false, checks: [] });
    const id = await kit.sessions.create(aSession({ nodeChecks: ['serfHealth'] }));
    const free = await kit.sessions.create(aSession());
    assert.equal(await kit.kv.acquire('a', bytes('1'), 0n, id), true);
    // The replica does not know yet when the lock is asked for: the commit compares the agent's live key.
    const died = agentOps.die(store, node);
    await assert.rejects(
      kit.kv.acquire('b', bytes('1'), 0n, id),
      refusal('session', `invalid session "${id}"`),
    );
    await died;
    await kit.reaper.reap();
    assert.deepEqual(ids(kit), [free]);
    assert.equal(kit.kv.get('a').read()?.session, '');
    await assert.rejects(
      kit.sessions.create(aSession({ nodeChecks: ['serfHealth'] })),
      refusal('refused', "Check 'serfHealth' is in critical state"),
    );
  }));
