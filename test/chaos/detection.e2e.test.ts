import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { until } from '../e2e/agent.testkit.ts';
import { ChaosCluster } from './cluster.testkit.ts';
import { HealthWatch } from './health-watch.testkit.ts';
import { loseForAWhile } from './loss.testkit.ts';

/** With a stable leader of etcd; each new leader may add the leases' time and an election. */
const limitMs = 10_000;
const moreForEachLeaderMs = 9000;
/** From the moment that the agent has reached etcd again. */
const backMs = 1000;

const skip = ChaosCluster.missing() ?? false;
let cluster: ChaosCluster;
let watch: HealthWatch;
let watching: Promise<void>;
const stop = new AbortController();

before(async () => {
  if (skip !== false) return;
  cluster = await ChaosCluster.open({ separateEtcd: true });
  watch = new HealthWatch(cluster.agents, cluster.exchanges);
  watching = watch.run(stop.signal);
  for (const { node } of cluster.agents) await watch.all(node, 'passing', ['n1', 'n2', 'n3'], 5000);
});

after(async () => {
  if (skip !== false) return;
  stop.abort();
  await watching;
  await cluster.close();
});

test('30 % of all packets lost both ways: no node changes its status', { skip }, async (t) => {
  const lost = await loseForAWhile(cluster, watch, 15_000);
  t.diagnostic(
    `${lost.asked} writes, the slowest took ${lost.slowestMs.toFixed(0)} ms, ${lost.failed} failed`,
  );
  assert.deepEqual(lost.transitions, []);
});

test('a host that is killed and one that stalls are critical everywhere in time, and passing soon after', {
  skip,
}, async (t) => {
  const [, stalled, killed] = cluster.agents;
  const term = await cluster.term();
  const faultAt = performance.now();
  stalled!.process.stall();
  await killed!.process.kill();
  for (const node of ['n2', 'n3']) {
    const at = await watch.all(node, 'critical', ['n1'], limitMs + 3 * moreForEachLeaderMs);
    const leaders = (await cluster.term()) - term;
    t.diagnostic(
      `${node} critical after ${((at - faultAt) / 1000).toFixed(1)} s, ${leaders} new leaders of etcd`,
    );
    assert.ok(at - faultAt <= limitMs + leaders * moreForEachLeaderMs, `${node}: ${at - faultAt} ms`);
  }
  stalled!.process.resume();
  killed!.process.spawn();
  const resumedAt = performance.now();
  await killed!.process.ready();
  const readyAt = performance.now();
  const backAt = await watch.all('n3', 'passing', ['n1', 'n2', 'n3'], 5000);
  const awakeAt = await watch.all('n2', 'passing', ['n1', 'n2', 'n3'], 5000);
  t.diagnostic(`n2 passing ${(awakeAt - resumedAt).toFixed(0)} ms after it went on`);
  assert.ok(backAt - readyAt <= backMs, `n3: ${backAt - readyAt} ms after it was ready`);
  assert.ok(awakeAt - resumedAt <= 2 * backMs, `n2: ${awakeAt - resumedAt} ms after it went on`);
});

test('a host that is cut off while etcd changes its leader is critical in time, and passing soon after it is back', {
  skip,
}, async (t) => {
  const cut = cluster.agents[2]!;
  const term = await cluster.term();
  const faultAt = performance.now();
  cluster.network.isolate(cut.host);
  await delay(4000);
  const leader = await cluster.etcd.leader();
  await leader.kill();
  const at = await watch.all('n3', 'critical', ['n1', 'n2'], limitMs + 3 * moreForEachLeaderMs);
  await leader.start();
  const leaders = (await cluster.term()) - term;
  t.diagnostic(`critical after ${((at - faultAt) / 1000).toFixed(1)} s, ${leaders} new leaders of etcd`);
  assert.ok(leaders >= 1);
  assert.ok(at - faultAt <= limitMs + leaders * moreForEachLeaderMs, `${at - faultAt} ms`);
  cluster.network.heal();
  const healedAt = performance.now();
  const reachedAt = await until(
    async () => ((await knowsLeader(cut.url)) ? performance.now() : undefined),
    15_000,
    () => 'n3 does not reach etcd again',
  );
  const backAt = await watch.all('n3', 'passing', ['n1', 'n2', 'n3'], 5000);
  t.diagnostic(
    `reached etcd after ${(reachedAt - healedAt).toFixed(0)} ms, passing ${(backAt - reachedAt).toFixed(0)} ms later`,
  );
  assert.ok(backAt - reachedAt <= backMs, `${backAt - reachedAt} ms`);
});

async function knowsLeader(url: string): Promise<boolean> {
  const reply = await cluster.exchanges.ask(url, {
    method: 'GET',
    path: '/v1/kv/nothing?consistent',
    timeoutMs: 1000,
  });
  return reply.kind === 'answer' && reply.status === 404;
}
