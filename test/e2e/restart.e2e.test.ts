/** A restart changes nothing by itself: what clients put is there, at the indexes that they saw. */
import assert from 'node:assert/strict';
import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { freePorts, type RunningAgent, startAgent, until } from './agent.testkit.ts';
import { scratchFolder } from './command.testkit.ts';

interface Seen {
  readonly index: string | null;
  readonly body: unknown;
}

/** Every view that a client may watch, with the index that it would wait with. */
const views = [
  '/v1/catalog/nodes',
  '/v1/catalog/services',
  '/v1/catalog/node/e2e',
  '/v1/catalog/service/web',
  '/v1/health/service/web',
  '/v1/health/service/api',
  '/v1/health/service/gone',
  '/v1/health/service/consul',
  '/v1/health/node/e2e',
  '/v1/health/state/any',
  '/v1/health/state/critical',
  '/v1/kv/app/?recurse',
  '/v1/kv/app/deleted',
  '/v1/kv/?keys&separator=/',
] as const;
const locals = [
  '/v1/agent/services',
  '/v1/agent/checks',
  '/v1/agent/service/web',
  '/v1/agent/members',
] as const;

async function look(agent: RunningAgent): Promise<Readonly<Record<string, Seen>>> {
  const seen: Record<string, Seen> = {};
  for (const path of [...views, ...locals]) {
    const response = await fetch(agent.url + path);
    const text = await response.text();
    const body: unknown = response.status === 200 ? JSON.parse(text) : `${response.status} ${text}`;
    seen[path] = { index: response.headers.get('x-consul-index'), body };
  }
  return seen;
}

async function put(agent: RunningAgent, path: string, body: unknown = ''): Promise<void> {
  const text = typeof body === 'string' ? body : JSON.stringify(body);
  const response = await fetch(agent.url + path, { method: 'PUT', body: text });
  assert.equal(response.status, 200, `${path}: ${await response.text()}`);
}

async function fill(agent: RunningAgent, checkUrl: string): Promise<void> {
  await put(agent, '/v1/agent/service/register', {
    Name: 'web',
    Port: 8080,
    Tags: ['v1'],
    Meta: { team: 'shop' },
    Checks: [
      { CheckID: 'web-ttl', Name: 'ttl', TTL: '1h' },
      { CheckID: 'web-http', Name: 'http', HTTP: checkUrl, Interval: '1s' },
    ],
  });
  await put(agent, '/v1/agent/check/update/web-ttl', { Status: 'warning', Output: 'nearly full' });
  await put(agent, '/v1/agent/service/register', { Name: 'api', ID: 'api-1', Address: '192.0.2.9', Port: 1 });
  await put(agent, '/v1/agent/service/maintenance/api-1?enable=true&reason=new%20disk');
  await put(agent, '/v1/agent/check/register', { Name: 'disk', TTL: '1h', Status: 'critical', Notes: 'df' });
  await put(agent, '/v1/agent/service/register', { Name: 'gone' });
  await put(agent, '/v1/agent/service/deregister/gone');
  await put(agent, '/v1/catalog/register', {
    Node: 'far',
    Address: '192.0.2.50',
    Service: { Service: 'web', ID: 'far-web' },
  });
  await put(agent, '/v1/kv/app/config?flags=42', 'a=1');
  await put(agent, '/v1/kv/app/deleted', 'x');
  assert.equal((await fetch(`${agent.url}/v1/kv/app/deleted`, { method: 'DELETE' })).status, 200);
}

function startHealthy(): Promise<Server> {
  const server = createServer((_, response) => response.end('fine'));
  return new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve(server)));
}

test('services, checks, maintenance, TTL states and keys survive kill -9 and SIGTERM, and no index moves', async (t) => {
  const dataDir = join(scratchFolder(t), 'data');
  const healthy = await startHealthy();
  t.after(() => healthy.close());
  const ports = await freePorts();
  let agent = await startAgent({ dataDir, ports });
  t.after(() => agent.stop('SIGKILL'));
  await fill(agent, `http://127.0.0.1:${(healthy.address() as AddressInfo).port}/`);
  // The HTTP check's first run makes it passing.
  const output = async (): Promise<string> => {
    const checks = (await (await fetch(`${agent.url}/v1/health/checks/web`)).json()) as {
      CheckID: string;
      Output: string;
    }[];
    return checks.find(({ CheckID }) => CheckID === 'web-http')?.Output ?? '';
  };
  await put(agent, '/v1/agent/maintenance?enable=true&reason=move');
  await until(
    async () => ((await output()).includes('fine') ? true : undefined),
    15_000,
    () => agent.log(),
  );
  const before = await look(agent);
  assert.match(JSON.stringify(before['/v1/health/service/api']), /Maintenance.*new disk/);
  assert.match(JSON.stringify(before['/v1/health/node/e2e']), /_node_maintenance/);
  assert.match(JSON.stringify(before['/v1/health/service/web']), /nearly full/);

  for (const signal of ['SIGKILL', 'SIGTERM', 'SIGKILL'] as const) {
    await agent.stop(signal);
    agent = await startAgent({ dataDir, ports });
    const now = await look(agent);
    for (const path of Object.keys(before))
      assert.deepEqual(now[path], before[path], `${path} after ${signal}`);
  }

  // A write goes on above every index that was ever seen.
  const highest = Math.max(...views.map((path) => Number(before[path]?.index)));
  await put(agent, '/v1/kv/app/new', 'x');
  const response = await fetch(`${agent.url}/v1/kv/app/new`);
  assert.ok(Number(response.headers.get('x-consul-index')) > highest);
  assert.equal(await agent.stop(), 0);
});

test('a restart keeps the node ID and renders nothing; -dev starts anew', async (t) => {
  const folder = scratchFolder(t);
  const dataDir = join(folder, 'data');
  const [template, out, marks] = [join(folder, 'in.ctmpl'), join(folder, 'out'), join(folder, 'marks')];
  writeFileSync(
    template,
    '{{ range service "web|any" }}{{ .Address }}:{{ .Port }} {{ .Status }}\n{{ end }}{{ key "k" }}',
  );
  const args = [`-template=${template}:${out}:echo run >> ${marks}`];
  let agent = await startAgent({ dataDir, args });
  t.after(() => agent.stop('SIGKILL'));
  const id = async (): Promise<string> => {
    const self = (await (await fetch(`${agent.url}/v1/agent/self`)).json()) as { Config: { NodeID: string } };
    return self.Config.NodeID;
  };
  await put(agent, '/v1/agent/service/register', { Name: 'web', Port: 1, Address: '192.0.2.1' });
  await put(agent, '/v1/kv/k', 'v');
  const runs = (): number => (existsSync(marks) ? readFileSync(marks, 'utf8').split('\n').length - 1 : 0);
  await until(
    () => (runs() > 0 ? true : undefined),
    5000,
    () => agent.log(),
  );
  assert.equal(readFileSync(out, 'utf8'), '192.0.2.1:1 passing\nv');
  const [nodeId, ran, written] = [await id(), runs(), statSync(out).mtimeMs];

  await agent.stop('SIGKILL');
  agent = await startAgent({ dataDir, args });
  await delay(300);
  assert.deepEqual([await id(), runs(), statSync(out).mtimeMs], [nodeId, ran, written]);
  await agent.stop();
  agent = await startAgent();
  assert.notEqual(await id(), nodeId);
  assert.equal((await fetch(`${agent.url}/v1/kv/k`)).status, 404);
});

test('a service that left the configuration files is gone after a restart, one registered over HTTP stays', async (t) => {
  const folder = scratchFolder(t);
  const dataDir = join(folder, 'data');
  const config = join(folder, 'web.hcl');
  writeFileSync(config, 'service { name = "web" port = 80 check { ttl = "1h" } }\nservice { name = "old" }');
  const args = [`-config-file=${config}`];
  let agent = await startAgent({ dataDir, args });
  t.after(() => agent.stop('SIGKILL'));
  await put(agent, '/v1/agent/service/register', { Name: 'api' });
  const names = async (): Promise<readonly string[]> =>
    Object.keys((await (await fetch(`${agent.url}/v1/catalog/services`)).json()) as object).sort();
  assert.deepEqual(await names(), ['api', 'consul', 'old', 'web']);
  await agent.stop();
  writeFileSync(config, 'service { name = "web" port = 81 }');
  agent = await startAgent({ dataDir, args });
  assert.deepEqual(await names(), ['api', 'consul', 'web']);
  const web = (await (await fetch(`${agent.url}/v1/health/service/web`)).json()) as readonly {
    Service: { Port: number };
    Checks: readonly object[];
  }[];
  assert.deepEqual(
    web.map(({ Service, Checks }) => [Service.Port, Checks.length]),
    [[81, 1]],
  );
});
