/**
 * What an agent adds to etcd. KV puts of 32 clients through an agent against a bare node:http server that passes them on with
 * grpc-js; and the time from a write at one agent to the answer of a query parked at another against etcd's own, from a put to the event
 * of its watch. The sides take turns.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { Agent, createServer, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

import { Client, credentials, Metadata } from '@grpc/grpc-js';

import { encodeWatch, type WatchAnswer, watchMethod } from '../src/store/etcd/messages.ts';
import { WireWriter } from '../src/store/etcd/wire.ts';
import { type RunningAgent, startAgent } from '../test/e2e/agent.testkit.ts';
import { startEtcd } from '../test/etcd/etcd.testkit.ts';

export interface BenchResult {
  readonly name: string;
  readonly ratio: number;
  readonly limit: number;
  /** Whether more than the limit is too slow, or less. */
  readonly bound: 'most' | 'least';
  readonly detail: string;
}

const pairs = 11;
const writes = 400;

export async function run(): Promise<BenchResult[]> {
  const base = await mkdtemp(join(tmpdir(), 'portolan-bench-'));
  const etcd = await startEtcd();
  const agents: RunningAgent[] = [];
  const endpoint = etcd.endpoints[0]!;
  const proxy = await startProxy(endpoint);
  try {
    const start = async (name: string): Promise<RunningAgent> => {
      const args = [`-store=etcd://${endpoint}/bench`, `-node=${name}`];
      const agent = await startAgent({ dataDir: join(base, name), args });
      agents.push(agent);
      return agent;
    };
    const script = join(base, 'put.lua');
    await writeFile(script, putScript);
    const a = await start('a');
    const put = await puts(a.url, proxy.url, script);
    // Only now: it would apply every put too, on the cores that are measured.
    return [put, ...(await visibility(a, await start('b'), endpoint))];
  } finally {
    proxy.child.kill('SIGKILL');
    for (const agent of agents) await agent.stop();
    await etcd.stop();
    await rm(base, { recursive: true, force: true });
  }
}

// The keys differ, so that writes meet neither each other nor a lock; so do the values, since the same again is no change.
const putScript = `
wrk.method = "PUT"
math.randomseed(os.time())
local run = math.random(1000000000)
local pad = string.rep("x", 80)
local n = 0
request = function()
  n = n + 1
  return wrk.format(nil, "/v1/kv/bench/" .. (n % 1000), nil, run .. "." .. n .. pad)
end
`;

async function puts(agent: string, proxy: string, script: string): Promise<BenchResult> {
  const rates: { agent: number; proxy: number }[] = [];
  // The first turn warms up.
  for (let pair = 0; pair <= pairs; pair++) {
    const first = await putsPerSecond(pair % 2 === 0 ? agent : proxy, script);
    const second = await putsPerSecond(pair % 2 === 0 ? proxy : agent, script);
    if (pair === 0) continue;
    rates.push(pair % 2 === 0 ? { agent: first, proxy: second } : { agent: second, proxy: first });
  }
  const ratios = rates.map((rate) => rate.agent / rate.proxy);
  const of = (side: 'agent' | 'proxy'): number =>
    Math.round(
      quantile(
        rates.map((rate) => rate[side]),
        0.5,
      ),
    );
  return {
    name: 'KV puts of 32 clients through an agent, against a bare proxy to the same etcd',
    ratio: quantile(ratios, 0.5),
    limit: 0.6,
    bound: 'least',
    detail: `agent ${of('agent')}/s, proxy ${of('proxy')}/s, ${pairs} pairs from ${Math.min(...ratios).toFixed(2)} to ${Math.max(...ratios).toFixed(2)}`,
  };
}

async function putsPerSecond(url: string, script: string): Promise<number> {
  const child = spawn('wrk', ['-t1', '-c32', '-d1s', '-s', script, url], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let output = '';
  child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
  const [code] = (await once(child, 'close')) as [number];
  const rate = Number(/Requests\/sec:\s+([\d.]+)/.exec(output)?.[1]);
  if (code !== 0 || !(rate > 0) || /Non-2xx/.test(output)) throw new Error(`wrk: ${output}`);
  return rate;
}

async function visibility(a: RunningAgent, b: RunningAgent, endpoint: string): Promise<BenchResult[]> {
  const client = new Client(`dns:${endpoint}`, credentials.createInsecure());
  const events = watchBare(client);
  const http = new Agent({ keepAlive: true });
  const agentMs: number[] = [];
  const bareMs: number[] = [];
  let { index } = await send(http, 'PUT', `${a.url}/v1/kv/seen`).then(() =>
    send(http, 'GET', `${b.url}/v1/kv/seen`),
  );
  for (let i = -20; i < writes; i++) {
    const parked = send(http, 'GET', `${b.url}/v1/kv/seen?wait=10s&index=${index}`);
    // The query must be parked before the write.
    await new Promise((resolve) => setTimeout(resolve, 3));
    const startMs = performance.now();
    void send(http, 'PUT', `${a.url}/v1/kv/seen`);
    ({ index } = await parked);
    const agentTookMs = performance.now() - startMs;
    await new Promise((resolve) => setTimeout(resolve, 3));
    const bareStartMs = performance.now();
    const seen = events.next();
    void putBare(client, 'bare', Buffer.from(String(i)));
    await seen;
    if (i < 0) continue;
    agentMs.push(agentTookMs);
    bareMs.push(performance.now() - bareStartMs);
  }
  events.stop();
  client.close();
  http.destroy();
  return ([0.5, 0.99] as const).map((share) => {
    const [agent, bare] = [quantile(agentMs, share), quantile(bareMs, share)];
    return {
      name: `a write at one agent seen at another, ${share === 0.5 ? 'median' : 'p99'}, against etcd's put to event`,
      ratio: agent / bare,
      limit: share === 0.5 ? 3 : 5,
      bound: 'most',
      detail: `agents ${agent.toFixed(2)} ms, etcd ${bare.toFixed(2)} ms, ${writes} writes each`,
    };
  });
}

function send(agent: Agent, method: string, url: string): Promise<{ readonly index: string }> {
  return new Promise((resolve, reject) => {
    const sent = request(url, { method, agent }, (response) => {
      response.resume();
      response.on('end', () => {
        if (response.statusCode !== 200) reject(new Error(`${method} ${url}: ${response.statusCode}`));
        else resolve({ index: String(response.headers['x-consul-index'] ?? '') });
      });
    });
    sent.on('error', reject);
    // A value of its own each time: the same again would be no change.
    sent.end(method === 'PUT' ? String(Math.random()).padEnd(100) : undefined);
  });
}

function watchBare(client: Client): { next(): Promise<void>; stop(): void } {
  const stream = client.makeBidiStreamRequest(watchMethod.path, asIs, watchMethod.decode, new Metadata());
  let wake = (): void => undefined;
  stream.on('data', (answer: WatchAnswer) => {
    if (answer.events.length > 0) wake();
  });
  stream.on('error', () => undefined);
  stream.write(encodeWatch({ key: Buffer.from('bare') }, 0));
  return { next: () => new Promise((resolve) => (wake = resolve)), stop: () => stream.cancel() };
}

const asIs = (bytes: Buffer): Buffer => bytes;

function putBare(client: Client, key: string, value: Buffer): Promise<void> {
  const message = new WireWriter().text(1, key).bytes(2, value).finish();
  return new Promise((resolve, reject) => {
    client.makeUnaryRequest('/etcdserverpb.KV/Put', asIs, asIs, message, (error) => {
      if (error === null) resolve();
      else reject(error);
    });
  });
}

/** The bare proxy as a process of its own, as the agent is one. */
async function startProxy(endpoint: string): Promise<{ readonly url: string; readonly child: ChildProcess }> {
  const argv = [fileURLToPath(import.meta.url), 'proxy', endpoint];
  const child = spawn(process.execPath, argv, { stdio: ['ignore', 'pipe', 'inherit'] });
  const [line] = (await once(child.stdout, 'data')) as [Buffer];
  return { url: line.toString().trim(), child };
}

function serveProxy(endpoint: string): void {
  const client = new Client(`dns:${endpoint}`, credentials.createInsecure());
  const server = createServer((incoming, response) => {
    const chunks: Buffer[] = [];
    incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
    incoming.on('end', () => {
      putBare(client, incoming.url ?? '', Buffer.concat(chunks)).then(
        () => response.setHeader('Content-Type', 'application/json').end('true'),
        () => response.writeHead(500).end(),
      );
    });
  });
  server.listen(0, '127.0.0.1', () => {
    console.log(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  });
}

function quantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((x, y) => x - y);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const [, , role, endpoint] = process.argv;
  if (role === 'proxy' && endpoint !== undefined) serveProxy(endpoint);
  else {
    for (const { name, ratio, limit, bound, detail } of await run()) {
      const ok = bound === 'least' ? ratio >= limit : ratio <= limit;
      console.log(`${ok ? 'ok  ' : 'FAIL'} ${ratio.toFixed(2)} (limit ${limit}) ${name}: ${detail}`);
    }
  }
}
