/**
 * What an agent's reads cost over etcd and over its own directory: the same rows, the same load, taking turns. Both are answered from
 * memory, so the engine should not show.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

import { type RunningAgent, startAgent } from '../test/e2e/agent.testkit.ts';
import { startEtcd } from '../test/etcd/etcd.testkit.ts';

export interface BenchResult {
  readonly name: string;
  readonly ratio: number;
  readonly limit: number;
  readonly detail: string;
}

const pairs = 11;
const limit = 0.85;

type Load = (agent: RunningAgent, questions: string) => Promise<number>;

const cases: readonly { readonly name: string; readonly load: Load }[] = [
  { name: 'DNS over UDP, 1 instance', load: (agent, questions) => dnsPerSecond(agent.ports.dns, questions) },
  {
    name: 'health/service, 100 instances',
    load: ({ url }) => httpPerSecond(`${url}/v1/health/service/hundred`),
  },
  {
    name: 'health/service?stale, 1 instance',
    load: ({ url }) => httpPerSecond(`${url}/v1/health/service/one?stale`),
  },
  { name: 'kv get', load: ({ url }) => httpPerSecond(`${url}/v1/kv/bench/key`) },
];

export async function run(): Promise<BenchResult[]> {
  const base = await mkdtemp(join(tmpdir(), 'portolan-bench-'));
  const etcd = await startEtcd();
  const agents: RunningAgent[] = [];
  try {
    const over = `-store=etcd://${etcd.endpoints.join(',')}/bench`;
    for (const [name, args] of [
      ['etcd', [over]],
      ['embedded', []],
    ] as const) {
      const agent = await startAgent({ dataDir: join(base, name), args });
      agents.push(agent);
      await fill(agent);
    }
    const questions = join(base, 'questions');
    await writeFile(questions, 'one.service.consul A\n');
    const results: BenchResult[] = [];
    for (const { name, load } of cases) {
      results.push(await compare(name, (agent) => load(agent, questions), agents[0]!, agents[1]!));
    }
    return results;
  } finally {
    for (const agent of agents) await agent.stop();
    await etcd.stop();
    await rm(base, { recursive: true, force: true });
  }
}

async function compare(
  name: string,
  load: (agent: RunningAgent) => Promise<number>,
  etcd: RunningAgent,
  embedded: RunningAgent,
): Promise<BenchResult> {
  const rates: { etcd: number; embedded: number }[] = [];
  // The first turn warms up.
  for (let pair = 0; pair <= pairs; pair++) {
    const first = await load(pair % 2 === 0 ? etcd : embedded);
    const second = await load(pair % 2 === 0 ? embedded : etcd);
    if (pair === 0) continue;
    rates.push(pair % 2 === 0 ? { etcd: first, embedded: second } : { etcd: second, embedded: first });
  }
  const ratios = rates.map((rate) => rate.etcd / rate.embedded);
  const of = (side: 'etcd' | 'embedded'): number => Math.round(median(rates.map((rate) => rate[side])));
  return {
    name: `${name}, over etcd against over the embedded store`,
    ratio: median(ratios),
    limit,
    detail: `etcd ${of('etcd')}/s, embedded ${of('embedded')}/s, ${pairs} pairs from ${Math.min(...ratios).toFixed(2)} to ${Math.max(...ratios).toFixed(2)}`,
  };
}

async function fill({ url }: RunningAgent): Promise<void> {
  const put = async (path: string, body: string): Promise<void> => {
    const response = await fetch(url + path, { method: 'PUT', body });
    if (response.status !== 200) throw new Error(`${path}: ${response.status} ${await response.text()}`);
  };
  for (let i = 0; i < 100; i++) {
    const node = { Node: `n${i}`, Address: `10.1.0.${i}` };
    const service = (name: string) => ({ ...node, Service: { ID: name, Service: name, Port: 8080 } });
    await put('/v1/catalog/register', JSON.stringify(service('hundred')));
    if (i === 0) await put('/v1/catalog/register', JSON.stringify(service('one')));
  }
  await put('/v1/kv/bench/key', 'x'.repeat(100));
}

async function dnsPerSecond(port: number, questions: string): Promise<number> {
  const at = ['-s', '127.0.0.1', '-p', String(port), '-d', questions];
  const output = await outputOf('dnsperf', [...at, '-c', '4', '-q', '40', '-t', '1', '-l', '1']);
  return rateOf(/Queries per second:\s+([\d.]+)/, output);
}

async function httpPerSecond(url: string): Promise<number> {
  const output = await outputOf('wrk', ['-t1', '-c32', '-d1s', url]);
  if (/Non-2xx/.test(output)) throw new Error(`wrk: ${output}`);
  return rateOf(/Requests\/sec:\s+([\d.]+)/, output);
}

async function outputOf(command: string, args: readonly string[]): Promise<string> {
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  let output = '';
  child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
  const [code] = (await once(child, 'close')) as [number];
  if (code !== 0) throw new Error(`${command} failed: ${output}`);
  return output;
}

function rateOf(pattern: RegExp, output: string): number {
  const rate = Number(pattern.exec(output)?.[1]);
  if (!(rate > 0)) throw new Error(`no rate in: ${output}`);
  return rate;
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  for (const { name, ratio, limit: least, detail } of await run()) {
    console.log(
      `${ratio >= least ? 'ok  ' : 'FAIL'} ${ratio.toFixed(2)} (limit ${least}) ${name}: ${detail}`,
    );
  }
}
