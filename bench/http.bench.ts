/**
 * The HTTP API against bare node:http servers: reads that send the same bytes, puts over the same group commits, and
 * parked queries against held requests. Each server is a process of its own, the load the same, the sides take turns.
 */
import { fork, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { connect, type AddressInfo, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

import { ClassicLevel } from 'classic-level';

import { startHttp } from '../src/http/http.testkit.ts';
import { systemClock } from '../src/lib/clock.ts';
import { silentLogger } from '../src/lib/log.ts';
import { defaultWeights } from '../src/model/service.ts';
import { openEmbeddedStore } from '../src/store/embedded/embedded-store.ts';

export interface BenchResult {
  readonly name: string;
  readonly ratio: number;
  readonly limit: number;
  readonly detail: string;
}

interface Side {
  readonly child: ChildProcess;
  readonly port: number;
}

const rounds = 7;
const parkedClients = 1000;

const reads = [
  { name: 'health/service, 1 instance', path: '/v1/health/service/one' },
  { name: 'health/service, 100 instances', path: '/v1/health/service/hundred' },
  { name: 'kv get', path: '/v1/kv/bench/key' },
] as const;

export async function run(): Promise<BenchResult[]> {
  const results: BenchResult[] = [];
  const api = await start('api');
  try {
    for (const { name, path } of reads) results.push(await compareReads(name, path, api));
  } finally {
    api.child.kill();
  }
  results.push(await comparePuts(), await compareWakeUps());
  return results;
}

async function compareReads(name: string, path: string, api: Side): Promise<BenchResult> {
  const body = Buffer.from(await (await fetch(`http://127.0.0.1:${api.port}${path}`)).arrayBuffer());
  const bare = await start('bare', body.toString('base64'));
  try {
    const [ours, theirs] = await takeTurns([
      () => requestsPerSecond(`http://127.0.0.1:${api.port}${path}`),
      () => requestsPerSecond(`http://127.0.0.1:${bare.port}${path}`),
    ]);
    return {
      name: `${name}, against a bare node:http server sending the same ${body.length} bytes`,
      ratio: ours / theirs,
      limit: 0.6,
      detail: `api ${Math.round(ours)}/s, bare ${Math.round(theirs)}/s`,
    };
  } finally {
    bare.child.kill();
  }
}

async function comparePuts(): Promise<BenchResult> {
  const base = await mkdtemp(join(tmpdir(), 'portolan-bench-'));
  const api = await start('put-api', join(base, 'api'));
  const bare = await start('put-bare', join(base, 'bare'));
  const script = join(base, 'put.lua');
  await writeFile(script, putScript);
  try {
    const [ours, theirs] = await takeTurns([
      () => requestsPerSecond(`http://127.0.0.1:${api.port}/`, ['-s', script]),
      () => requestsPerSecond(`http://127.0.0.1:${bare.port}/`, ['-s', script]),
    ]);
    return {
      name: 'durable kv put, 32 writers, against a bare node:http server over bare group commits',
      ratio: ours / theirs,
      limit: 0.6,
      detail: `api ${Math.round(ours)}/s, bare ${Math.round(theirs)}/s`,
    };
  } finally {
    for (const { child } of [api, bare]) {
      child.kill();
      await once(child, 'exit');
    }
    await rm(base, { recursive: true, force: true });
  }
}

/** Each connection writes keys of its own, 100 bytes a value, each value another. */
const putScript = `
local n = 0
wrk.method = 'PUT'
request = function()
  n = n + 1
  return wrk.format(nil, '/v1/kv/bench/key-' .. (n % 64000), nil, string.format('%020d', n) .. string.rep('v', 80))
end
`;

async function compareWakeUps(): Promise<BenchResult> {
  const api = await start('api');
  const bare = await start('held');
  try {
    const [ours, theirs] = await takeTurns([() => wakeUp(api.port), () => wakeUp(bare.port)]);
    return {
      name: `${parkedClients} parked queries woken by one write, p99, against a bare server answering held requests`,
      // Told as a share, as all others are: a third is three times as long.
      ratio: theirs / ours,
      limit: 1 / 3,
      detail: `api ${ours.toFixed(1)} ms, bare ${theirs.toFixed(1)} ms`,
    };
  } finally {
    api.child.kill();
    bare.child.kill();
  }
}

/** p99 of the times from the write to each answer's first byte. */
async function wakeUp(port: number): Promise<number> {
  const value = 'v'.repeat(40);
  const path = '/v1/kv/bench/parked';
  const url = `http://127.0.0.1:${port}${path}`;
  await (await fetch(url, { method: 'PUT', body: `${value}${Math.random()}` })).text();
  const index = (await fetch(url)).headers.get('x-consul-index');
  const sockets = await Promise.all(
    Array.from({ length: parkedClients }, async () => {
      const socket = connect(port, '127.0.0.1');
      await once(socket, 'connect');
      socket.write(`GET ${path}?index=${index}&wait=60s HTTP/1.1\r\nHost: bench\r\n\r\n`);
      return socket;
    }),
  );
  await new Promise((resolve) => setTimeout(resolve, 300));
  const answered = sockets.map((socket) => firstByte(socket));
  const startedAt = performance.now();
  const written = fetch(url, { method: 'PUT', body: `${value}${Math.random()}` });
  const times = (await Promise.all(answered)).map((at) => at - startedAt).sort((a, b) => a - b);
  await (await written).text();
  for (const socket of sockets) socket.destroy();
  return times[Math.floor(times.length * 0.99)]!;
}

function firstByte(socket: Socket): Promise<number> {
  return new Promise((resolve) => {
    socket.once('data', (chunk: Buffer) => {
      if (!chunk.toString('latin1').startsWith('HTTP/1.1 200')) throw new Error(chunk.toString());
      resolve(performance.now());
    });
  });
}

/** Medians of each side; the first turn warms up. */
async function takeTurns(
  sides: readonly [() => Promise<number>, () => Promise<number>],
): Promise<[number, number]> {
  const values: [number[], number[]] = [[], []];
  for (let round = 0; round <= rounds; round++) {
    for (const side of round % 2 === 0 ? ([0, 1] as const) : ([1, 0] as const)) {
      const value = await sides[side]();
      if (round > 0) values[side].push(value);
    }
  }
  return [median(values[0]), median(values[1])];
}

async function requestsPerSecond(url: string, extra: readonly string[] = []): Promise<number> {
  const args = ['-t1', '-c32', '-d1s', ...extra, url];
  const child = spawn('wrk', args, { stdio: ['ignore', 'pipe', 'inherit'] });
  let output = '';
  child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
  const [code] = (await once(child, 'close')) as [number];
  const rate = Number(/Requests\/sec:\s+([\d.]+)/.exec(output)?.[1]);
  if (code !== 0 || !(rate > 0) || /Non-2xx/.test(output)) throw new Error(`wrk failed: ${output}`);
  return rate;
}

async function start(role: string, argument = ''): Promise<Side> {
  const child = fork(process.argv[1]!, [role, argument]);
  const [port] = (await once(child, 'message')) as [number];
  return { child, port };
}

const roles: Readonly<Record<string, (argument: string) => Promise<number>>> = {
  api: async () => {
    const kit = await startHttp();
    for (let i = 0; i < 100; i++) await putInstance(kit, i);
    await kit.kv.put('bench/key', Buffer.from('x'.repeat(100)), 0n);
    return kit.port;
  },

  /** As little as node:http can do to send these bytes. */
  bare: (body) => {
    const bytes = Buffer.from(body, 'base64');
    const headers = { 'Content-Type': 'application/json', 'Content-Length': bytes.length };
    return listen((_request, response) => {
      response.writeHead(200, headers);
      response.end(bytes);
    });
  },

  /** Holds GETs of the current index until a PUT comes, then answers all with 200 bytes. */
  held: () => {
    const held: ServerResponse[] = [];
    const body = Buffer.alloc(200, 'x');
    let index = 1;
    const answer = (response: ServerResponse): void => {
      const headers = { 'Content-Type': 'application/json', 'Content-Length': body.length };
      response.writeHead(200, { ...headers, 'X-Consul-Index': String(index) });
      response.end(body);
    };
    return listen((request, response) => {
      if (request.method === 'GET') {
        if (request.url!.includes(`index=${index}&`)) held.push(response);
        else answer(response);
        return;
      }
      request.resume();
      request.on('end', () => {
        index++;
        for (const waiting of held.splice(0)) answer(waiting);
        response.end('true');
      });
    });
  },

  'put-api': async (path) => {
    const store = await openEmbeddedStore({ path }, { clock: systemClock, log: silentLogger });
    return (await startHttp({ store })).port;
  },

  'put-bare': async (path) => {
    const level = new ClassicLevel<string, Uint8Array>(path, { valueEncoding: 'view' });
    await level.open();
    const commit = groupCommits(level);
    return listen((request, response) => {
      const chunks: Buffer[] = [];
      request.on('data', (chunk: Buffer) => chunks.push(chunk));
      request.on('end', () => {
        void commit(request.url!, Buffer.concat(chunks)).then(() => response.end('true'));
      });
    });
  },
};

/** What comes while a batch is written goes into the next one. */
function groupCommits(
  level: ClassicLevel<string, Uint8Array>,
): (key: string, value: Uint8Array) => Promise<void> {
  let queue: { key: string; value: Uint8Array; done: () => void }[] = [];
  let busy = false;
  const flush = async (): Promise<void> => {
    while (queue.length > 0) {
      const group = queue;
      queue = [];
      await level.batch(
        group.map(({ key, value }) => ({ type: 'put' as const, key, value })),
        { sync: true },
      );
      for (const { done } of group) done();
      await new Promise((resolve) => setImmediate(resolve));
    }
    busy = false;
  };
  return (key, value) =>
    new Promise((done) => {
      queue.push({ key, value, done });
      if (busy) return;
      busy = true;
      setImmediate(() => void flush());
    });
}

async function putInstance(kit: Awaited<ReturnType<typeof startHttp>>, i: number): Promise<void> {
  const node = `node-${String(i).padStart(3, '0')}`;
  for (const name of i === 0 ? ['one', 'hundred'] : ['hundred']) {
    await kit.writer.register({
      node: { id: '', name: node, address: `10.0.0.${i}`, taggedAddresses: null, meta: null },
      skipNodeUpdate: false,
      service: {
        id: name,
        name,
        tags: ['v1'],
        address: '',
        port: 8080,
        taggedAddresses: null,
        meta: null,
        weights: defaultWeights,
        enableTagOverride: false,
        socketPath: '',
      },
      checks: [
        {
          id: `${name}-check`,
          name: 'check',
          status: 'passing',
          notes: '',
          output: 'fine',
          serviceId: name,
          serviceName: name,
          type: 'http',
          interval: '10s',
          timeout: '1s',
          definition: null,
        },
      ],
    });
  }
}

async function listen(
  handler: (request: IncomingMessage, response: ServerResponse) => void,
): Promise<number> {
  const server = createServer(handler);
  server.keepAliveTimeout = 60_000;
  server.listen({ port: 0, host: '127.0.0.1', backlog: 16_384 });
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const [role = '', argument = ''] = process.argv.slice(2);
  const serve = roles[role];
  if (serve !== undefined) process.send!(await serve(argument));
  else {
    for (const { name, ratio, limit, detail } of await run()) {
      const isFine = ratio >= limit;
      console.log(
        `${isFine ? 'ok  ' : 'FAIL'} ${ratio.toFixed(2)} (limit ${limit.toFixed(2)}) ${name}: ${detail}`,
      );
      if (!isFine) process.exitCode = 1;
    }
  }
}
