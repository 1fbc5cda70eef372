/**
 * Questions over UDP against a bare UDP echo in Node that sends as many bytes: each server in a process of its own, the
 * same load from dnsperf, taking turns.
 */
import { fork, spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

import { startCatalog } from '../src/catalog/catalog.testkit.ts';
import { DnsServer } from '../src/dns/dns.ts';
import { defaultAnswers, encodeQuery } from '../src/dns/dns.testkit.ts';
import { silentLogger } from '../src/lib/log.ts';
import { defaultWeights } from '../src/model/service.ts';

export interface BenchResult {
  readonly name: string;
  readonly ratio: number;
  readonly limit: number;
  readonly detail: string;
}

interface Case {
  readonly name: string;
  readonly limit: number;
  readonly names: readonly string[];
  readonly type: 'A' | 'SRV';
  /** dnsperf offers 4096 bytes. */
  readonly edns: boolean;
}

const rounds = 9;
const roundSeconds = 1;

const oneInstance = Array.from({ length: 500 }, (_, i) => `svc-${String(i).padStart(3, '0')}.service.consul`);

const cases: readonly Case[] = [
  { name: '1 instance, 500 names, A', limit: 0.6, names: oneInstance, type: 'A', edns: false },
  { name: '1 instance, 500 names, SRV', limit: 0.6, names: oneInstance, type: 'SRV', edns: true },
  { name: '100 instances, A', limit: 0.4, names: ['big.service.consul'], type: 'A', edns: true },
  { name: '100 instances, SRV', limit: 0.4, names: ['big.service.consul'], type: 'SRV', edns: true },
];

export async function run(): Promise<BenchResult[]> {
  const directory = await mkdtemp(join(tmpdir(), 'portolan-bench-'));
  const server = await start('serve');
  try {
    const results: BenchResult[] = [];
    for (const each of cases) results.push(await compare(each, server.port, directory));
    return results;
  } finally {
    server.child.kill();
    await rm(directory, { recursive: true, force: true });
  }
}

async function compare(each: Case, port: number, directory: string): Promise<BenchResult> {
  const reply = await askOnce(port, each);
  const echo = await start('echo', reply.toString('base64'));
  const questions = join(directory, 'questions');
  await writeFile(questions, each.names.map((name) => `${name} ${each.type}\n`).join(''));
  const rates = { dns: [] as number[], echo: [] as number[] };
  try {
    // The first turn warms up.
    for (let round = 0; round <= rounds; round++) {
      const sides = [
        ['dns', port],
        ['echo', echo.port],
      ] as const;
      for (const [side, at] of round % 2 === 0 ? sides : sides.toReversed()) {
        const rate = await repliesPerSecond(at, questions, each.edns);
        if (round > 0) rates[side].push(rate);
      }
    }
  } finally {
    echo.child.kill();
  }
  const [dns, bare] = [median(rates.dns), median(rates.echo)];
  return {
    name: `DNS over UDP, ${each.name}, against a bare UDP echo of ${reply.length} bytes`,
    ratio: dns / bare,
    limit: each.limit,
    detail: `dns ${Math.round(dns)}/s, echo ${Math.round(bare)}/s`,
  };
}

async function askOnce(port: number, { names, type, edns }: Case): Promise<Buffer> {
  const socket = createSocket('udp4');
  socket.send(encodeQuery({ name: names[0]!, type, ...(edns ? { udpSize: 4096 } : {}) }), port, '127.0.0.1');
  const [reply] = (await once(socket, 'message')) as [Buffer];
  socket.close();
  return reply;
}

async function repliesPerSecond(port: number, questions: string, edns: boolean): Promise<number> {
  // Few enough on their way that no socket's buffer overflows.
  const common = ['-s', '127.0.0.1', '-p', String(port), '-d', questions, '-c', '4', '-q', '40', '-t', '1'];
  const args = [...common, '-l', String(roundSeconds), ...(edns ? ['-e'] : [])];
  const child = spawn('dnsperf', args, { stdio: ['ignore', 'pipe', 'inherit'] });
  let output = '';
  child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
  const [code] = (await once(child, 'close')) as [number];
  const rate = Number(/Queries per second:\s+([\d.]+)/.exec(output)?.[1]);
  const lost = Number(/Queries lost:\s+(\d+)/.exec(output)?.[1] ?? 0);
  if (code !== 0 || !(rate > 0)) throw new Error(`dnsperf failed: ${output}`);
  if (lost > rate * roundSeconds * 0.01) throw new Error(`${lost} queries lost: ${output}`);
  return rate;
}

async function start(
  role: string,
  ...args: readonly string[]
): Promise<{ child: ChildProcess; port: number }> {
  const child = fork(process.argv[1]!, [role, ...args]);
  const [port] = (await once(child, 'message')) as [number];
  return { child, port };
}

async function serve(): Promise<void> {
  const kit = await startCatalog();
  const put = async (node: string, address: string, name: string): Promise<void> => {
    await kit.writer.register({
      node: { id: '', name: node, address, taggedAddresses: null, meta: null },
      skipNodeUpdate: false,
      service: {
        id: name,
        name,
        tags: [],
        address: '',
        port: 8080,
        taggedAddresses: null,
        meta: null,
        weights: defaultWeights,
        enableTagOverride: false,
        socketPath: '',
      },
      checks: [],
    });
  };
  for (const name of oneInstance) await put('node-000', '10.0.0.1', name.split('.')[0]!);
  for (let i = 0; i < 100; i++) await put(`node-${String(i).padStart(3, '0')}`, `10.1.0.${i}`, 'big');
  const server = new DnsServer(
    { ...defaultAnswers, addresses: ['127.0.0.1'], port: 0 },
    { catalog: kit.catalog, log: silentLogger },
  );
  process.send!((await server.listen())[0]!.port);
}

/** As little as Node can do to answer: one buffer, the ID put in. */
async function echo(bytes: Buffer): Promise<void> {
  const socket = createSocket('udp4');
  socket.on('message', (packet, from) => {
    bytes[0] = packet[0]!;
    bytes[1] = packet[1]!;
    socket.send(bytes, from.port, from.address);
  });
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  process.send!(socket.address().port);
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const [role, argument = ''] = process.argv.slice(2);
  if (role === 'serve') await serve();
  else if (role === 'echo') await echo(Buffer.from(argument, 'base64'));
  else {
    for (const { name, ratio, limit, detail } of await run()) {
      console.log(
        `${ratio >= limit ? 'ok  ' : 'FAIL'} ${ratio.toFixed(2)} (limit ${limit}) ${name}: ${detail}`,
      );
    }
  }
}
