import assert from 'node:assert/strict';
import { test } from 'node:test';
import { aCheck, aNode, aService } from '../catalog/catalog.testkit.ts';
import { silentLogger } from '../lib/log.ts';
import { type Store, StoreError } from '../store/store.ts';
import { startAgent, type TestAgent } from './cluster.testkit.ts';
import { CriticalServices } from './critical-services.ts';

async function fill({ kit }: TestAgent, name: string): Promise<void> {
  await kit.writer.register({
    node: aNode(name),
    skipNodeUpdate: false,
    service: aService(`web of ${name}`, 'web'),
    checks: [aCheck('alive', `web of ${name}`)],
  });
}

const isThere = ({ kit }: TestAgent, name: string): boolean => kit.catalog.rowsOf(name).node !== undefined;

test('one agent is the steward; when it dies another is, and its death is written down', async () => {
  const a = await startAgent({ name: 'a' });
  const b = await startAgent({ name: 'b', of: a.kit });
  const c = await startAgent({ name: 'c', of: a.kit });
  await fill(a, 'a');
  await a.clock.advance(1000);
  assert.deepEqual(
    [a, b, c].map(({ steward }) => steward.isLead),
    [true, false, false],
  );
  assert.equal(c.stewardTable.lead?.address, 'a:8300');
  await a.kill();
  await b.clock.advance(10_000);
  assert.equal([b, c].filter(({ steward }) => steward.isLead).length, 1);
  assert.deepEqual(b.kit.catalog.unnotedDeaths(), []);
  assert.equal(b.serf('a'), 'critical');
  const late = await startAgent({ name: 'd', of: b.kit });
  assert.equal(late.kit.catalog.checksOfNode('a').index(), b.kit.catalog.checksOfNode('a').index());
  for (const agent of [b, c, late]) await agent.kill();
});

test('a restarted steward goes on as the steward', async () => {
  const first = await startAgent();
  await first.kill();
  const second = await startAgent({ of: first.kit });
  await second.clock.advance(100);
  assert.equal(second.steward.isLead, true);
  await second.kill();
});

test('a job that fails does not keep the others from their turn', async () => {
  let runs = 0;
  const agent = await startAgent({
    jobs: [
      { name: 'bad', run: () => Promise.reject(new Error('no')) },
      { name: 'good', run: async () => void (runs += 1) },
    ],
  });
  await agent.clock.advance(12_000);
  assert.ok(runs >= 3, String(runs));
  await agent.kill();
});

test('a node is reaped when its agent was gone for the time, also across stewards; one that came back is not', async () => {
  const reconnectTimeoutMs = 3_600_000;
  const a = await startAgent({ name: 'a', reconnectTimeoutMs });
  const dead = await startAgent({ name: 'dead', of: a.kit });
  const gone = await startAgent({ name: 'gone', of: a.kit });
  for (const name of ['a', 'dead', 'gone']) await fill(a, name);
  await dead.kill();
  await gone.kill();
  await a.clock.advance(30 * 60_000);
  const b = await startAgent({ name: 'b', of: a.kit, reconnectTimeoutMs });
  await a.kill();
  await b.clock.advance(10 * 60_000);
  const back = await startAgent({ name: 'dead', of: b.kit });
  await b.clock.advance(25 * 60_000);
  assert.deepEqual(b.statuses(), ['a failed', 'b alive', 'dead alive']);
  assert.deepEqual(
    ['a', 'dead', 'gone'].map((name) => isThere(b, name)),
    [true, true, false],
  );
  assert.equal(b.kit.catalog.service('web').read().length, 2);
  for (const agent of [b, back]) await agent.kill();
});

test('a node under a new name leaves nothing under the old one', async () => {
  const a = await startAgent({ name: 'a' });
  const before = await startAgent({ name: 'before', id: 'x', of: a.kit });
  await fill(a, 'before');
  await before.kill();
  const after = await startAgent({ name: 'after', id: 'x', of: a.kit });
  await a.clock.advance(20_000);
  assert.deepEqual(a.statuses(), ['a alive', 'after alive']);
  assert.equal(isThere(a, 'before'), false);
  for (const agent of [a, after]) await agent.kill();
});

test('who is forced out goes at once, with all that is on its node; who is alive stays', async () => {
  const a = await startAgent({ name: 'a' });
  const b = await startAgent({ name: 'b', of: a.kit });
  await fill(a, 'b');
  await a.departure.force('B', { forget: false });
  assert.equal(isThere(a, 'b'), true);
  await b.kill();
  await a.clock.advance(10_000);
  await a.departure.force('B', { forget: false });
  await a.clock.advance(0);
  assert.deepEqual([isThere(a, 'b'), a.kit.catalog.service('web').read().length], [false, 0]);
  assert.deepEqual(a.statuses(), ['a alive', 'b left']);
  await a.departure.force('b', { forget: true });
  await a.clock.advance(0);
  assert.deepEqual(a.statuses(), ['a alive']);
  await assert.rejects(a.departure.force('b', { forget: true }), { code: 'unknown-member' });
  await a.kill();
});

test('an agent that left is a member that left, and is alive again when it starts', async () => {
  const a = await startAgent({ name: 'a' });
  const b = await startAgent({ name: 'b', of: a.kit });
  await fill(a, 'b');
  assert.equal(await b.departure.leave('b', b.liveness.leave()!), true);
  assert.equal(b.liveness.fence(), undefined);
  await b.liveness.end();
  await b.kill();
  await a.clock.advance(10_000);
  assert.deepEqual(a.statuses(), ['a alive', 'b left']);
  assert.equal(isThere(a, 'b'), false);
  const again = await startAgent({ name: 'b', of: a.kit });
  assert.deepEqual(again.statuses(), ['a alive', 'b alive']);
  for (const agent of [a, again]) await agent.kill();
});

test('a service whose check is critical for too long goes with its node’s agent dead, or without any', async () => {
  const a = await startAgent({ name: 'a' });
  const dead = await startAgent({ name: 'dead', of: a.kit });
  const alive = await startAgent({ name: 'alive', of: a.kit });
  const critical = { status: 'critical', deregisterAfterMs: 120_000 };
  for (const name of ['dead', 'alive', 'external']) {
    await a.kit.writer.register({
      node: aNode(name),
      skipNodeUpdate: false,
      service: aService('s', name),
      checks: [aCheck('c', 's', critical)],
    });
  }
  const definition = { DeregisterCriticalServiceAfterDuration: '5m' };
  await a.kit.writer.register({
    node: aNode('monitored'),
    skipNodeUpdate: false,
    service: aService('s', 'monitored'),
    checks: [aCheck('c', 's', { status: 'critical', definition })],
  });
  await dead.kill();
  const job = new CriticalServices({ ...a.kit, log: silentLogger });
  const names = async (minutes: number): Promise<readonly string[]> => {
    for (let i = 0; i < minutes; i++) {
      await job.run(new AbortController().signal);
      await a.clock.advance(60_000);
    }
    return [...a.kit.catalog.services().read().keys()];
  };
  assert.deepEqual(await names(2), ['alive', 'dead', 'external', 'monitored']);
  assert.deepEqual(await names(2), ['alive', 'monitored']);
  assert.deepEqual(await names(3), ['alive']);
  for (const agent of [a, alive]) await agent.kill();
});

/** A store of which the n-th commit and all later ones fail, before or after they were applied. */
function dyingAt(n: number, applied: boolean): (store: Store) => Store {
  let commits = 0;
  return (store) =>
    new Proxy(store, {
      get: (target, property) => {
        const value = Reflect.get(target, property) as unknown;
        if (property !== 'commit') return typeof value === 'function' ? value.bind(target) : value;
        return async (commit: Parameters<Store['commit']>[0]) => {
          commits += 1;
          if (commits === n && applied) await target.commit(commit);
          if (commits >= n) throw new StoreError('unavailable', 'killed');
          return target.commit(commit);
        };
      },
    });
}

for (const applied of [false, true]) {
  test(`a reaping that is broken off anywhere is finished by the next steward, ${applied ? 'after' : 'before'} a commit`, async () => {
    for (let n = 1; n <= 8; n++) {
      const reconnectTimeoutMs = 60_000;
      const first = await startAgent({ name: 'a', reconnectTimeoutMs });
      const dead = await startAgent({ name: 'dead', of: first.kit });
      await fill(first, 'dead');
      await dead.kill();
      await first.kill();
      const dying = await startAgent({
        name: 'b',
        of: first.kit,
        reconnectTimeoutMs,
        through: dyingAt(n + 1, applied),
      });
      await dying.clock.advance(100_000);
      await dying.kill();
      const next = await startAgent({ name: 'c', of: first.kit, reconnectTimeoutMs });
      await next.clock.advance(100_000);
      assert.deepEqual(next.statuses(), ['c alive'], `commit ${n}`);
      assert.equal(isThere(next, 'dead'), false);
      assert.equal(next.kit.catalog.service('web').read().length, 0);
      await next.kill();
    }
  });
}
