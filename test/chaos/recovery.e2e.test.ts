import assert from 'node:assert/strict';
import { rmSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { until } from '../e2e/agent.testkit.ts';
import { compareCatalog } from './catalog-clients.testkit.ts';
import { ChaosCluster, type ClusterAgent } from './cluster.testkit.ts';
import { HealthWatch } from './health-watch.testkit.ts';

const skip = ChaosCluster.missing() ?? false;
let cluster: ChaosCluster;
let watch: HealthWatch;
let watching: Promise<void>;
const stop = new AbortController();

before(async () => {
  if (skip !== false) return;
  cluster = await ChaosCluster.open({ proxied: true });
  watch = new HealthWatch(cluster.agents, cluster.exchanges);
  watching = watch.run(stop.signal);
  for (const agent of cluster.agents) await register(agent, 'web');
  await sameCatalog(5000);
});

after(async () => {
  if (skip !== false) return;
  stop.abort();
  await watching;
  await cluster.close();
});

test('an agent that slept through writes and a compaction of etcd sees all of it', { skip }, async () => {
  const [writer, , sleeper] = cluster.agents;
  await put(writer!, 'sleep/removed', 'x');
  await seen(sleeper!, 'sleep/', ['removed=x'], 3000);
  sleeper!.process.stall();
  // Its connections end too: what etcd had sent into them must not spare it the resynchronisation.
  for (const proxy of cluster.proxies) proxy.reset();
  await cluster.exchanges.ask(writer!.url, { method: 'DELETE', path: '/v1/kv/sleep/removed' });
  for (let number = 0; number < 30; number++) await put(writer!, 'sleep/again', `${number}`);
  await register(writer!, 'new-while-asleep');
  await compact();
  sleeper!.process.resume();
  await seen(sleeper!, 'sleep/', ['again=29'], 5000);
  await sameCatalog(5000);
});

test('a member of etcd is replaced by an empty one: agents go on with it', { skip }, async () => {
  const { etcd, agents } = cluster;
  const leaving = etcd.members[1]!;
  // id, status, name, peer URL, client URL
  const lines = (await etcd.ctl('member', 'list')).split('\n').map((line) => line.split(', '));
  const [id = '', , , peerUrl = ''] = lines.find(([, , name]) => name === leaving.name) ?? [];
  await leaving.kill();
  // Without its leader etcd decides nothing until there is another, and an answer that is late may be that of a removal.
  const remove = (): Promise<string | undefined> =>
    etcd.ctl('member', 'remove', id).catch((error: Error) => /not found/.exec(error.message)?.[0]);
  await until(remove, 15_000, () => 'etcd lets no member go');
  // etcd takes nobody in while its members have known each other for less than five seconds.
  const add = (): Promise<string | undefined> =>
    etcd.ctl('member', 'add', leaving.name, `--peer-urls=${peerUrl}`).catch(() => undefined);
  await until(add, 15_000, () => 'etcd takes no new member');
  rmSync(leaving.dataDir, { recursive: true });
  await leaving.start({ args: ['--initial-cluster-state=existing'] });
  // Now the new one is needed for a majority.
  await etcd.members[0]!.kill();
  for (const agent of agents) await writable(agent, 10_000);
  await register(agents[1]!, 'after-replacement');
  await sameCatalog(5000);
  await etcd.members[0]!.start();
});

test('all members of etcd are killed and started: nothing is lost and no node changes its status', {
  skip,
}, async (t) => {
  const [first] = cluster.agents;
  for (let number = 0; number < 20; number++) await put(first!, `restart/${number}`, 'kept');
  const before = watch.transitions.length;
  await Promise.all(cluster.etcd.members.map((member) => member.kill()));
  await Promise.all(cluster.etcd.members.map((member) => member.start()));
  const upAt = performance.now();
  for (const agent of cluster.agents) await writable(agent, 10_000);
  t.diagnostic(`every agent writes again after ${(performance.now() - upAt).toFixed(0)} ms`);
  const wanted = Array.from({ length: 20 }, (_, number) => `${number}=kept`).sort();
  for (const agent of cluster.agents) await seen(agent, 'restart/', wanted, 3000);
  await sameCatalog(3000);
  assert.deepEqual(watch.transitions.slice(before), []);
});

test('all data of etcd are gone: agents register again what they own', { skip }, async (t) => {
  const { etcd, agents } = cluster;
  await Promise.all(etcd.members.map((member) => member.kill()));
  for (const { dataDir } of etcd.members) rmSync(dataDir, { recursive: true });
  await Promise.all(etcd.members.map((member) => member.start()));
  const upAt = performance.now();
  for (const agent of agents) await writable(agent, 15_000);
  await sameCatalog(15_000);
  t.diagnostic(`the catalog is complete again after ${(performance.now() - upAt).toFixed(0)} ms`);
  const held = await cluster.exchanges.get<Record<string, unknown>>(agents[0]!.url, '/v1/agent/services');
  assert.ok(held !== undefined && 'new-while-asleep' in held, 'the agent kept what it had registered');
  for (const agent of agents) await seen(agent, 'restart/', [], 3000);
});

async function register(agent: ClusterAgent, id: string): Promise<void> {
  const body = JSON.stringify({ ID: id, Name: id, Port: 80 });
  const reply = await cluster.exchanges.ask(agent.url, {
    method: 'PUT',
    path: '/v1/agent/service/register',
    body,
  });
  assert.ok(reply.kind === 'answer' && reply.status === 200, JSON.stringify(reply));
}

async function put(agent: ClusterAgent, key: string, value: string): Promise<void> {
  const reply = await cluster.exchanges.ask(agent.url, {
    method: 'PUT',
    path: `/v1/kv/${key}`,
    body: value,
  });
  assert.ok(reply.kind === 'answer' && reply.body.trim() === 'true', JSON.stringify(reply));
}

async function writable(agent: ClusterAgent, timeoutMs: number): Promise<void> {
  let last = '';
  await until(
    async () => {
      const path = `/v1/kv/writable/${agent.node}`;
      const reply = await cluster.exchanges.ask(agent.url, { method: 'PUT', path, body: 'x' });
      last = JSON.stringify(reply);
      return (reply.kind === 'answer' && reply.status === 200) || undefined;
    },
    timeoutMs,
    () => `${agent.node} does not write: ${last}`,
  );
}

/** Waits until the replica of `agent` holds exactly these rows below `prefix`. */
async function seen(
  agent: ClusterAgent,
  prefix: string,
  wanted: readonly string[],
  timeoutMs: number,
): Promise<void> {
  let rows: readonly string[] = [];
  await until(
    async () => {
      const path = `/v1/kv/${prefix}?recurse&stale`;
      const found = await cluster.exchanges.get<{ Key: string; Value: string }[]>(agent.url, path);
      rows = (found ?? [])
        .map(({ Key, Value }) => `${Key.slice(prefix.length)}=${Buffer.from(Value, 'base64').toString()}`)
        .sort();
      return rows.join() === wanted.join() || undefined;
    },
    timeoutMs,
    () => `${agent.node} sees ${rows.join()}, not ${wanted.join()}`,
  );
}

/** Waits until every agent sees exactly what the agents hold. */
async function sameCatalog(timeoutMs: number): Promise<void> {
  const { agents, exchanges } = cluster;
  let last: readonly string[] = [];
  await until(
    async () => {
      last = (await Promise.all(agents.map((agent) => compareCatalog(exchanges, agents, agent)))).flat();
      return last.length === 0 || undefined;
    },
    timeoutMs,
    () => last.join('\n'),
  );
}

async function compact(): Promise<void> {
  const out = await cluster.etcd.ctl('endpoint', 'status', '-w', 'json');
  const [status] = JSON.parse(out) as { Status: { header: { revision: number } } }[];
  await cluster.etcd.ctl('compact', String(status!.Status.header.revision), '--physical');
}
