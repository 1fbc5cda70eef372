/** Three agents as processes on one real etcd: one catalog, whoever is killed, stalled or cloned. */
import assert from 'node:assert/strict';
import { cp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { type Etcd, startEtcd } from '../etcd/etcd.testkit.ts';
import {
  type AgentOptions,
  type RunningAgent,
  spawnAgent,
  freePorts,
  startAgent,
  until,
} from './agent.testkit.ts';

let etcd: Etcd;
/** Started early: it waits for as long as a lease lives before it gives up. */
let rival: RunningAgent;
const agents = new Map<string, RunningAgent>();

const optionsOf = (node: string, dir = node): AgentOptions => ({
  dataDir: join(etcd.dataRoot, `agent-${dir}`),
  args: [`-node=${node}`, `-store=etcd://${etcd.endpoints.join(',')}/e2e`],
});

async function start(node: string, dir = node): Promise<RunningAgent> {
  // A node's service `consul` bears the port: a restart keeps it.
  const ports = agents.get(dir)?.ports ?? (await freePorts());
  const agent = await startAgent({ ...optionsOf(node, dir), ports });
  agents.set(dir, agent);
  return agent;
}

async function get<T>(agent: RunningAgent, path: string): Promise<T> {
  const answer = await fetch(`${agent.url}/v1${path}`, { signal: AbortSignal.timeout(5000) });
  assert.equal(answer.status, 200, `${path}: ${answer.status}`);
  return (await answer.json()) as T;
}

async function put(agent: RunningAgent, path: string, body?: unknown): Promise<void> {
  const answer = await fetch(`${agent.url}/v1${path}`, {
    method: 'PUT',
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  assert.equal(answer.status, 200, `${path}: ${answer.status} ${await answer.text()}`);
}

const serf = async (agent: RunningAgent, node: string): Promise<string | undefined> =>
  (await get<{ CheckID: string; Status: string }[]>(agent, `/health/node/${node}`)).find(
    ({ CheckID }) => CheckID === 'serfHealth',
  )?.Status;

async function statusIs(node: string, want: string | undefined, ms: number, seenBy: string[]): Promise<void> {
  for (const name of seenBy) {
    const agent = agents.get(name)!;
    await until(
      async () => ((await serf(agent, node)) === want ? true : undefined),
      ms,
      () => `${name} does not show ${node} ${want}`,
    );
  }
}

before(async () => {
  etcd = await startEtcd();
  await Promise.all(['n1', 'n2', 'n3'].map((node) => start(node)));
});

after(async () => {
  await Promise.all([...agents.values(), rival].map((agent) => agent.stop('SIGKILL')));
  await etcd.stop();
});

test('three agents show one catalog, one leader and one another', async () => {
  await put(agents.get('n1')!, '/agent/service/register', { Name: 'web', Port: 80 });
  for (const agent of agents.values()) {
    await until(
      async () => ((await get<unknown[]>(agent, '/catalog/service/web')).length === 1 ? true : undefined),
      2000,
      () => 'web is not everywhere',
    );
    const consul = await get<{ Node: string; ServicePort: number }[]>(agent, '/catalog/service/consul');
    assert.deepEqual(
      consul.map(({ Node, ServicePort }) => [Node, ServicePort]),
      ['n1', 'n2', 'n3'].map((node) => [node, agents.get(node)!.ports.http]),
    );
    const members = await get<{ Name: string; Status: number }[]>(agent, '/agent/members');
    assert.deepEqual(
      members.map(({ Status }) => Status),
      [1, 1, 1],
    );
    assert.equal(await get(agent, '/status/leader'), await get(agents.get('n1')!, '/status/leader'));
    assert.equal((await get<string[]>(agent, '/status/peers')).length, 3);
  }
});

test('a killed agent is critical everywhere within 10 s; back, it passes, and what it held is there', async () => {
  rival = spawnAgent(optionsOf('n2', 'rival'), await freePorts());
  await agents.get('n1')!.stop('SIGKILL');
  const killedAt = performance.now();
  await statusIs('n1', 'critical', 10_000, ['n2', 'n3']);
  assert.ok(performance.now() - killedAt < 10_000);
  const { url } = agents.get('n2')!;
  const passing = await (await fetch(`${url}/v1/health/service/web?passing`)).json();
  assert.deepEqual(passing, []);
  await start('n1');
  await statusIs('n1', 'passing', 1000, ['n2', 'n3']);
  assert.equal((await get<unknown[]>(agents.get('n2')!, '/health/service/web?passing')).length, 1);
});

test('a restart inside the lease moves no index', async () => {
  const watcher = agents.get('n2')!;
  const indexes = async (): Promise<(string | null)[]> =>
    Promise.all(
      ['/health/node/n1', '/health/service/web', '/catalog/nodes', '/catalog/node/n1'].map(async (path) =>
        (await fetch(`${watcher.url}/v1${path}`)).headers.get('x-consul-index'),
      ),
    );
  const before_ = await indexes();
  await agents.get('n1')!.stop('SIGKILL');
  await start('n1');
  assert.deepEqual(await indexes(), before_);
});

test('a stalled agent that was replaced meanwhile ends; its heir has the name', async () => {
  const stalled = agents.get('n3')!;
  const heirDir = join(etcd.dataRoot, 'agent-heir');
  process.kill(stalled.pid, 'SIGSTOP');
  await statusIs('n3', 'critical', 10_000, ['n1', 'n2']);
  await cp(join(etcd.dataRoot, 'agent-n3'), heirDir, { recursive: true });
  await rm(join(heirDir, 'LOCK'), { force: true });
  const heir = await start('n3', 'heir');
  await statusIs('n3', 'passing', 1000, ['n1', 'n2']);
  process.kill(stalled.pid, 'SIGCONT');
  assert.equal(await stalled.exited, 3);
  assert.match(stalled.log(), /another agent has taken over the node name "n3"/);
  assert.equal(await serf(agents.get('n1')!, 'n3'), 'passing');
  const consul = await get<{ ServicePort: number }[]>(agents.get('n1')!, '/catalog/service/consul');
  assert.equal(consul[2]?.ServicePort, heir.ports.http);
});

test('a name that another node holds is refused, with who holds it and what to do', async () => {
  assert.equal(await rival.exited, 1);
  assert.match(rival.log(), /the node name "n2" is held by .* choose another name with -node/);
});

test('who leaves is gone at once, answers, and stops', async () => {
  const leaver = agents.get('n2')!;
  await put(leaver, '/agent/leave');
  assert.equal(await leaver.exited, 0);
  const rest = agents.get('n1')!;
  assert.equal(await serf(rest, 'n2'), undefined);
  const members = await get<{ Name: string; Status: number }[]>(rest, '/agent/members');
  assert.equal(members.find(({ Name }) => Name === 'n2')?.Status, 3);
  await until(
    async () => ((await get<string>(rest, '/status/leader')) === '' ? undefined : true),
    2000,
    () => 'nobody leads',
  );
});
