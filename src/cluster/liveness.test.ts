import assert from 'node:assert/strict';
import { test } from 'node:test';
import { aNode, aService } from '../catalog/catalog.testkit.ts';
import { CatalogError } from '../catalog/errors.ts';
import { liveKey } from '../catalog/keys.ts';
import { type Lease, type Store, StoreError } from '../store/store.ts';
import { prepareAgent, startAgent, type TestAgent, ttlSeconds } from './cluster.testkit.ts';
import { ClusterError } from './errors.ts';

/** A store whose leases do what `answer` says instead of being extended. */
function withLease(answer: () => Promise<boolean> | undefined): (store: Store) => Store {
  return (store) =>
    new Proxy(store, {
      get: (target, property) => {
        const value = Reflect.get(target, property) as unknown;
        if (property !== 'lease') return typeof value === 'function' ? value.bind(target) : value;
        return async (ttl: number): Promise<Lease> => {
          const lease = await target.lease(ttl);
          return { ...lease, keepAlive: () => answer() ?? lease.keepAlive() };
        };
      },
    });
}

const unavailable = (): Promise<never> => Promise.reject(new StoreError('unavailable', 'away'));

async function registerNode({ kit }: TestAgent, name = 'n1'): Promise<void> {
  await kit.writer.register({ node: aNode(name, { id: '' }), skipNodeUpdate: false, checks: [] });
}

const codeOf = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    () => undefined,
    (error: ClusterError | CatalogError) => error.code,
  );

test('an agent takes its name, and its node is passing for everybody', async () => {
  const agent = await startAgent();
  await registerNode(agent);
  const watcher = await startAgent({ name: 'n2', of: agent.kit });
  assert.deepEqual([agent.serf('n1'), watcher.serf('n1')], ['passing', 'passing']);
  assert.deepEqual(watcher.statuses(), ['n1 alive', 'n2 alive']);
  await agent.clock.advance(60_000);
  assert.equal(watcher.serf('n1'), 'passing');
  await agent.kill();
  await watcher.kill();
});

test('a killed agent is critical within its lease, and passing as soon as it is back', async () => {
  const [agent, watcher] = [await startAgent(), await startAgent({ name: 'n2' })];
  await watcher.kill();
  const other = await startAgent({ name: 'n2', of: agent.kit });
  await registerNode(agent);
  await agent.kill();
  await agent.clock.advance((ttlSeconds - 2) * 1000);
  assert.equal(other.serf('n1'), 'passing');
  await agent.clock.advance(3000);
  assert.equal(other.serf('n1'), 'critical');
  const back = await startAgent({ of: agent.kit });
  assert.equal(other.serf('n1'), 'passing');
  await back.kill();
  await other.kill();
});

test('a restart inside the lease moves no index and writes no state', async () => {
  const first = await startAgent();
  await registerNode(first);
  const { catalog } = first.kit;
  const indexes = (): readonly number[] => [
    catalog.checksOfNode('n1').index(),
    catalog.nodes().index(),
    catalog.node('n1').index(),
  ];
  const before = indexes();
  const watcher = await startAgent({ name: 'n2', of: first.kit });
  await first.kill();
  const second = await startAgent({ of: first.kit });
  await first.clock.advance(20_000);
  assert.deepEqual(
    [second.kit.catalog.checksOfNode('n1').index(), second.kit.catalog.node('n1').index()],
    [before[0], before[2]],
  );
  assert.equal(second.serf('n1'), 'passing');
  await second.kill();
  await watcher.kill();
});

test('a name that another agent holds is refused once that has outlived its lease', async () => {
  const holder = await startAgent();
  const rival = await prepareAgent({ id: 'another', of: holder.kit });
  const outcome = codeOf(rival.start());
  await holder.clock.advance(30_000);
  assert.equal(await outcome, 'name-taken');
  await rival.kill();
  await holder.kill();
});

test('a name whose holder is dead is taken when the lease is over', async () => {
  const holder = await startAgent();
  await holder.kill();
  const heir = await prepareAgent({ id: 'another', of: holder.kit });
  const started = heir.start();
  await holder.clock.advance(30_000);
  await started;
  assert.equal(heir.kit.catalog.live('n1')?.id, 'another');
  await heir.kill();
});

test('an agent whose data were cloned ends: the newer life has the name', async () => {
  const first = await startAgent();
  const outcome = codeOf(first.ended);
  const clone = await startAgent({ of: first.kit });
  await clone.clock.advance(2000);
  assert.equal(await outcome, 'superseded');
  assert.equal(clone.kit.catalog.live('n1')?.incarnation, clone.liveness.incarnation);
  await first.kill();
  await clone.kill();
});

test('a lease that is gone is taken anew and everything is compared again', async () => {
  let gone = false;
  const agent = await startAgent({ through: withLease(() => (gone ? Promise.resolve(false) : undefined)) });
  assert.deepEqual(agent.events, ['regained']);
  gone = true;
  await agent.kit.store.commit({ then: [{ delete: liveKey('n1') }] });
  await agent.clock.advance(300);
  gone = false;
  await agent.clock.advance(3000);
  assert.notEqual(agent.liveness.fence(), undefined);
  assert.equal(agent.kit.catalog.live('n1')?.incarnation, agent.liveness.incarnation);
  await agent.kill();
});

test('a row that somebody removed is put back, on the same lease', async () => {
  const agent = await startAgent();
  await registerNode(agent);
  await agent.kit.store.commit({ then: [{ delete: liveKey('n1') }] });
  await agent.clock.advance(1500);
  assert.equal(agent.serf('n1'), 'passing');
  await agent.clock.advance(30_000);
  assert.equal(agent.serf('n1'), 'passing');
  await agent.kill();
});

test('renewals that fail lose nothing until the lease has surely ended; an answer brings it back', async () => {
  let away = false;
  const agent = await startAgent({ through: withLease(() => (away ? unavailable() : undefined)) });
  await agent.clock.advance(1500);
  away = true;
  await agent.clock.advance(5000);
  assert.notEqual(agent.liveness.fence(), undefined);
  assert.deepEqual(agent.events, ['regained']);
  await agent.clock.advance(3000);
  assert.equal(agent.liveness.fence(), undefined);
  assert.deepEqual(agent.events, ['regained', 'lost']);
  away = false;
  await agent.clock.advance(2000);
  assert.notEqual(agent.liveness.fence(), undefined);
  assert.deepEqual(agent.events, ['regained', 'lost', 'regained']);
  await agent.kill();
});

test('a renewal that hangs is overtaken by one other, no more', async () => {
  const hanging: ((lives: boolean) => void)[] = [];
  const agent = await startAgent({
    through: withLease(() => new Promise((resolve) => hanging.push(resolve))),
  });
  await agent.clock.advance(6000);
  assert.equal(hanging.length, 2);
  await agent.clock.advance(6000);
  assert.equal(agent.liveness.fence(), undefined);
  const killed = agent.kill();
  for (const answer of hanging) answer(false);
  await killed;
});

test('a store that was restored to before this life took the name: it is taken again', async () => {
  const first = await startAgent();
  await first.kill();
  const older = { key: liveKey('n1'), createRevision: 1, modRevision: 1 };
  const value = Buffer.from(JSON.stringify({ id: 'id of n1', incarnation: 'of the backup' }));
  let isGone = false;
  let isRestored = false;
  const agent = await startAgent({
    of: first.kit,
    through: (store) => {
      const leased = withLease(() => (isGone ? Promise.resolve(false) : undefined))(store);
      return new Proxy(leased, {
        get: (target, property) => {
          if (property !== 'read' || !isRestored) return Reflect.get(target, property) as unknown;
          return async function* () {
            yield { revision: 1, entries: [{ ...older, value }] };
          };
        },
      });
    },
  });
  const outcome = codeOf(agent.ended);
  [isGone, isRestored] = [true, true];
  await agent.clock.advance(1500);
  [isGone, isRestored] = [false, false];
  await agent.clock.advance(3000);
  assert.notEqual(agent.liveness.fence(), undefined);
  await agent.kill();
  assert.equal(await outcome, undefined);
});

test('what is fenced is written by the holder alone', async () => {
  const first = await startAgent();
  const fence = first.liveness.fence();
  const changes = {
    node: aNode('n1'),
    putServices: [aService('web', 'web')],
    deleteServices: [],
    putChecks: [],
    deleteChecks: [],
  };
  const options = { rederivable: true, fence: () => fence };
  await first.kit.writer.syncNode(changes, options);
  const second = await startAgent({ of: first.kit });
  const later = { ...changes, putServices: [aService('web', 'web', { port: 1 })] };
  assert.equal(await codeOf(first.kit.writer.syncNode(later, options)), 'fenced');
  assert.equal(
    await codeOf(first.kit.writer.syncNode(later, { rederivable: true, fence: () => undefined })),
    'fenced',
  );
  assert.equal(second.kit.catalog.rowsOf('n1').services.get('web')?.port, 0);
  await first.kill();
  await second.kill();
});

test('a store of this process alone: a new node ID takes the name at once, former names are dead', async () => {
  const first = await startAgent({ name: 'old', sole: true });
  await first.kill();
  const second = await startAgent({ name: 'n1', sole: true, of: first.kit });
  assert.deepEqual(second.statuses(), ['n1 alive', 'old failed']);
  await second.kill();
  const third = await startAgent({ name: 'n1', id: 'changed', sole: true, of: first.kit });
  assert.equal(third.kit.catalog.live('n1')?.id, 'changed');
  await third.kill();
});

test('the store is away at the start: the name is taken when it answers', async () => {
  let away = true;
  const agent = await prepareAgent({
    through: (store) =>
      new Proxy(store, {
        get: (target, property) => {
          const value = Reflect.get(target, property) as unknown;
          if (property === 'commit' && away) return unavailable;
          return typeof value === 'function' ? value.bind(target) : value;
        },
      }),
  });
  const started = agent.start();
  await agent.clock.advance(5000);
  assert.equal(agent.liveness.fence(), undefined);
  away = false;
  await agent.clock.advance(2000);
  await started;
  assert.notEqual(agent.liveness.fence(), undefined);
  await agent.kill();
});
