/**
 * What agents cost etcd: 2,000 simulated ones, each as an agent is towards etcd (a connection of its own, one watch of the
 * whole namespace, a leased row, a keepalive every second), on one member, directly and through etcd's grpc-proxy. Told:
 * how long a put takes to reach the last watcher, and etcd's CPU time and memory a watcher.
 *
 * The simulated agents share the machine with etcd, so that latencies are an upper bound. Takes about 2 minutes.
 */
import { type ChildProcess, fork, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import { Client, type ClientDuplexStream, credentials, Metadata } from '@grpc/grpc-js';
import {
  encodeGrant,
  encodeLeaseId,
  encodeTxn,
  encodeWatch,
  keepAliveMethod,
  type Method,
  methods,
  watchMethod,
} from '../src/store/etcd/messages.ts';
import { type Etcd, freePorts, startEtcd } from '../test/etcd/etcd.testkit.ts';

export interface BenchResult {
  readonly name: string;
  readonly ratio: number;
  readonly limit: number;
  readonly detail: string;
}

const processes = 2;
const stages = [500, 2000] as const;
const puts = 12;
const idleSeconds = 5;
const ttlSeconds = 8;
const range = { key: Buffer.from('portolan/'), end: Buffer.from('portolan0') };

export async function run(): Promise<BenchResult[]> {
  const direct = await measure('direct');
  const proxied = await measure('proxy');
  const most = stages.at(-1)!;
  const one = direct[0]!;
  const last = direct.at(-1)!;
  const through = proxied.at(-1)!;
  return [
    {
      name: `put to the last of ${most} watchers, a watcher, in microseconds`,
      ratio: ((last.lastMs - one.lastMs) / (most - one.watchers)) * 1000,
      limit: 150,
      detail: `${last.lastMs.toFixed(1)} ms to the last of ${most}, ${one.lastMs.toFixed(1)} ms to one`,
    },
    {
      name: 'memory of etcd a watcher with its connection and lease, in KiB',
      ratio: (last.rssKib - one.rssKib) / (most - one.watchers),
      limit: 500,
      detail: `${Math.round(last.rssKib / 1024)} MiB with ${most}, ${Math.round(one.rssKib / 1024)} MiB with one`,
    },
    {
      name: `CPU of etcd for ${most} idle watchers behind its grpc-proxy, against directly`,
      ratio: through.idleCpu / last.idleCpu,
      limit: 1,
      detail: `${percent(through.idleCpu)} of a core behind it, ${percent(last.idleCpu)} directly`,
    },
  ];
}

interface Stage {
  readonly way: Way;
  readonly watchers: number;
  readonly rssKib: number;
  /** Share of one core while only leases are kept alive. */
  readonly idleCpu: number;
  /** CPU time of one put with all its events, in milliseconds. */
  readonly putCpuMs: number;
  /** Median and worst time from the call of a put until the last watcher has it. */
  readonly lastMs: number;
  readonly worstMs: number;
}

type Way = 'direct' | 'proxy';

async function measure(way: Way): Promise<readonly Stage[]> {
  const etcd = await startEtcd();
  const proxy = way === 'proxy' ? await startProxy(etcd) : undefined;
  const endpoint = proxy?.endpoint ?? etcd.endpoints[0]!;
  const crowd = await Promise.all(Array.from({ length: processes }, () => Crowd.start(endpoint)));
  const writer = new Client(etcd.endpoints[0]!, credentials.createInsecure());
  try {
    const found: Stage[] = [];
    for (const watchers of [1, ...stages]) {
      await Promise.all(crowd.map((part, index) => part.grow(share(watchers, index))));
      await delay(2000);
      const stage = await measureStage(way, watchers, etcd.members[0]!.pid!, crowd, writer);
      console.log(`     ${tell(stage)}`);
      found.push(stage);
    }
    return found;
  } finally {
    writer.close();
    for (const part of crowd) part.stop();
    proxy?.child.kill('SIGKILL');
    await etcd.stop();
  }
}

async function measureStage(
  way: Way,
  watchers: number,
  pid: number,
  crowd: readonly Crowd[],
  writer: Client,
): Promise<Stage> {
  const idleFrom = cpuMs(pid);
  await delay(idleSeconds * 1000);
  const idleCpu = (cpuMs(pid) - idleFrom) / (idleSeconds * 1000);
  const busyFrom = cpuMs(pid);
  const beganMs = performance.now();
  const times: number[] = [];
  for (let number = 1; number <= puts; number++) {
    const value = `${watchers} ${number}`;
    const seen = crowd.map((part) => part.seen(value));
    const from = process.hrtime.bigint();
    await persist(() => put(writer, 'portolan/x/bench', value));
    const lasts = await Promise.all(seen);
    times.push(Math.max(...lasts.map((at) => Number(at - from) / 1e6)));
    await delay(100);
  }
  const idleShare = idleCpu * (performance.now() - beganMs);
  const putCpuMs = Math.max(0, (cpuMs(pid) - busyFrom - idleShare) / puts);
  times.sort((a, b) => a - b);
  const [lastMs, worstMs] = [times[Math.floor(times.length / 2)]!, times.at(-1)!];
  return { way, watchers, rssKib: rssKib(pid), idleCpu, putCpuMs, lastMs, worstMs };
}

function share(watchers: number, index: number): number {
  return Math.floor(watchers / processes) + (index < watchers % processes ? 1 : 0);
}

function tell({ way, watchers, rssKib: kib, idleCpu, putCpuMs, lastMs, worstMs }: Stage): string {
  const latency = `put to last watcher ${lastMs.toFixed(1)} ms (worst ${worstMs.toFixed(1)})`;
  const cpu = `idle ${percent(idleCpu)} of a core, a put ${putCpuMs.toFixed(1)} ms`;
  return `${way} ${watchers}: ${latency}; etcd ${Math.round(kib / 1024)} MiB, ${cpu}`;
}

function percent(of: number): string {
  return `${(of * 100).toFixed(1)} %`;
}

/** A process of simulated agents, seen from the bench. */
class Crowd {
  readonly #child: ChildProcess;
  readonly #waiting = new Map<string, (at: bigint) => void>();
  #grown: () => void = () => {};
  #size = 0;

  private constructor(child: ChildProcess) {
    this.#child = child;
    child.on('message', (message: CrowdMessage) => {
      if (message.type === 'grown') this.#grown();
      else this.#waiting.get(message.value)?.(BigInt(message.at));
    });
  }

  static async start(endpoint: string): Promise<Crowd> {
    const child = fork(process.argv[1]!, ['--crowd', endpoint]);
    await once(child, 'spawn');
    return new Crowd(child);
  }

  async grow(to: number): Promise<void> {
    this.#size = to;
    this.#child.send({ to });
    await new Promise<void>((resolve) => (this.#grown = resolve));
  }

  /** When the last of its watchers saw the value, on the machine's monotonic clock. */
  seen(value: string): Promise<bigint> {
    if (this.#size === 0) return Promise.resolve(0n);
    return new Promise((resolve) =>
      this.#waiting.set(value, (at) => {
        this.#waiting.delete(value);
        resolve(at);
      }),
    );
  }

  stop(): void {
    this.#child.kill('SIGKILL');
  }
}

type CrowdMessage =
  | { readonly type: 'grown' }
  | { readonly type: 'seen'; readonly value: string; readonly at: string };

/** The process of simulated agents. */
function simulate(endpoint: string): void {
  const watchers: Client[] = [];
  const seen = new Map<string, number>();
  const onValue = (value: string): void => {
    const count = (seen.get(value) ?? 0) + 1;
    seen.set(value, count);
    if (count < watchers.length) return;
    seen.delete(value);
    process.send!({ type: 'seen', value, at: String(process.hrtime.bigint()) });
  };
  process.on('disconnect', () => process.exit());
  process.on('message', ({ to }: { to: number }) => {
    void (async () => {
      while (watchers.length < to) {
        const batch = Math.min(20, to - watchers.length);
        const opened = await Promise.all(
          Array.from({ length: batch }, (_, index) =>
            openAgent(endpoint, `${process.pid}-${watchers.length + index}`, onValue),
          ),
        );
        watchers.push(...opened);
      }
      process.send!({ type: 'grown' });
    })();
  });
}

/** Resolves when its watch is made. */
async function openAgent(endpoint: string, name: string, onValue: (value: string) => void): Promise<Client> {
  const client = new Client(endpoint, credentials.createInsecure(), { 'grpc.use_local_subchannel_pool': 1 });
  const lease = await persist(() => grant(client));
  // Beside what is watched: thousands that start at once would tell each other of each other.
  const revision = await persist(() => put(client, `started/${name}`, '{}', lease));
  const keeping = stream(client, keepAliveMethod);
  keeping.on('data', () => {});
  // Agents started at different moments: so are their keepalives.
  setTimeout(() => setInterval(() => keeping.write(encodeLeaseId(lease)), 1000), Math.random() * 1000);
  await new Promise<void>((resolve) => follow(client, onValue, resolve, revision + 1));
  return client;
}

/** One watch of everything, made again where it stopped when etcd ends it (as it does for want of a leader). */
function follow(
  client: Client,
  onValue: (value: string) => void,
  onMade: () => void,
  fromRevision: number,
): void {
  let next = fromRevision;
  let isOver = false;
  const watch = stream(client, watchMethod);
  const again = (): void => {
    if (!isOver) setTimeout(() => follow(client, onValue, onMade, next), 100);
    isOver = true;
  };
  watch.on('end', again).on('error', again);
  watch.on('data', (bytes: Buffer) => {
    const answer = watchMethod.decode(bytes);
    if (answer.created) onMade();
    if (answer.canceled) again();
    next = Math.max(next, answer.header.revision + 1);
    for (const { kv } of answer.events)
      if (kv.key.toString() === 'portolan/x/bench') onValue(kv.value.toString());
  });
  watch.write(encodeWatch(range, fromRevision));
}

function stream(client: Client, method: Method<unknown>): ClientDuplexStream<Buffer, Buffer> {
  const metadata = new Metadata();
  metadata.set('hasleader', 'true');
  const same = (bytes: Buffer): Buffer => bytes;
  const opened = client.makeBidiStreamRequest(method.path, same, same, metadata);
  // Who cares listens too.
  opened.on('error', () => {});
  return opened;
}

async function grant(client: Client): Promise<bigint> {
  const id = BigInt(Math.floor(Math.random() * Number.MAX_SAFE_INTEGER)) + 1n;
  await call(client, methods.grant, encodeGrant(id, ttlSeconds));
  return id;
}

/** Again and again: a machine that is busy with other things keeps etcd from answering in time. */
async function persist<T>(step: () => Promise<T>): Promise<T> {
  for (let tries = 1; ; tries++) {
    try {
      return await step();
    } catch (error) {
      if (tries >= 5) throw error;
      await delay(500);
    }
  }
}

async function put(client: Client, key: string, value: string, lease?: bigint): Promise<number> {
  const operation = { put: Buffer.from(key), value: Buffer.from(value) };
  const success = [lease === undefined ? operation : { ...operation, lease }];
  const answer = await call(client, methods.txn, encodeTxn({ compare: [], success, failure: [] }));
  return answer.header.revision;
}

function call<Answer>(client: Client, method: Method<Answer>, bytes: Buffer): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const same = (message: Buffer): Buffer => message;
    client.makeUnaryRequest(method.path, same, method.decode, bytes, (error, answer) => {
      if (error !== null || answer === undefined) reject(error ?? new Error('no answer'));
      else resolve(answer);
    });
  });
}

async function startProxy(etcd: Etcd): Promise<{ child: ChildProcess; endpoint: string }> {
  const [port] = await freePorts(1);
  const endpoint = `127.0.0.1:${port}`;
  const args = ['grpc-proxy', 'start', `--endpoints=${etcd.endpoints[0]}`, `--listen-addr=${endpoint}`];
  const child = spawn('etcd', args, { stdio: 'ignore' });
  await delay(1000);
  return { child, endpoint };
}

/** CPU time so far, user and system; the kernel counts in hundredths of a second. */
function cpuMs(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) * 10;
}

function rssKib(pid: number): number {
  return Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]);
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const [mode, endpoint] = process.argv.slice(2);
  if (mode === '--crowd') simulate(endpoint!);
  else {
    for (const { name, ratio, limit, detail } of await run()) {
      const isOk = ratio <= limit;
      console.log(`${isOk ? 'ok  ' : 'FAIL'} ${ratio.toFixed(2)} (at most ${limit}) ${name}: ${detail}`);
      if (!isOk) process.exitCode = 1;
    }
  }
}
