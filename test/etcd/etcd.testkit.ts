/**
 * Real etcd (Debian's etcd-server) for tests: one member or several, each killed, stalled and started again by pid.
 * Everything is ended and removed by `stop`, and when the process exits.
 */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { closeSync, openSync, rmSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

export interface EtcdOptions {
  /** Default 1. */
  readonly members?: number;
  /** More of etcd's flags, for every member. */
  readonly args?: readonly string[];
  /** Where the data go; default a new folder in the temporary one. */
  readonly dataRoot?: string;
  /** The address of each member, for clients and peers; default 127.0.0.1 for all. */
  readonly hosts?: readonly string[];
  /** Wraps a member's command line, e.g. into `ip netns exec NAME ...`; the wrapper must exec. */
  readonly exec?: (argv: readonly string[], member: number) => readonly string[];
  /** Files for clients' TLS. */
  readonly tls?: { readonly cert: string; readonly key: string; readonly clientCa?: string };
  /** A snapshot that every member starts from. */
  readonly snapshot?: string;
  /** Ports that an earlier etcd had, so that clients find this one in its place. */
  readonly ports?: readonly { readonly client: number; readonly peer: number }[];
  /** Default `portolan-test`. */
  readonly token?: string;
}

export interface EtcdMember {
  readonly name: string;
  /** `host:port` for clients. */
  readonly endpoint: string;
  readonly ports: { readonly client: number; readonly peer: number };
  readonly dataDir: string;
  readonly pid: number | undefined;
  /** SIGKILL; resolves when it is gone. */
  kill(): Promise<void>;
  /** SIGTERM; resolves when it is gone. */
  terminate(): Promise<void>;
  /** SIGSTOP. */
  stall(): void;
  /** SIGCONT. */
  resume(): void;
  /** Starts it again on its data; resolves when it serves clients (`wait` false: at once). */
  start(options?: { readonly wait?: boolean; readonly args?: readonly string[] }): Promise<void>;
  log(): Promise<string>;
}

export interface Etcd {
  /** `host:port` of every member. */
  readonly endpoints: readonly string[];
  readonly members: readonly EtcdMember[];
  readonly dataRoot: string;
  /** Runs etcdctl (API 3) against all endpoints and returns what it prints. */
  ctl(...args: string[]): Promise<string>;
  /** The member that leads at the moment. */
  leader(): Promise<EtcdMember>;
  /** Kills all members and removes the data. */
  stop(): Promise<void>;
}

const run = promisify(execFile);

export async function startEtcd(options: EtcdOptions = {}): Promise<Etcd> {
  const dataRoot = await mkdtemp(join(options.dataRoot ?? tmpdir(), 'etcd-'));
  const count = options.members ?? 1;
  const hosts = Array.from({ length: count }, (_, i) => options.hosts?.[i] ?? '127.0.0.1');
  const ports =
    options.ports ??
    (await freePorts(count * 2)).flatMap((port, i, all) =>
      i % 2 === 0 ? [{ client: port, peer: all[i + 1]! }] : [],
    );
  const peers = hosts.map((host, i) => `m${i}=http://${host}:${ports[i]!.peer}`).join(',');
  const members = hosts.map(
    (host, i) => new Member({ options, dataRoot, host, peers, index: i, ports: ports[i]! }),
  );
  const endpoints = members.map(({ endpoint }) => endpoint);
  const onExit = (): void => {
    for (const { pid } of members) if (pid !== undefined) process.kill(pid, 'SIGKILL');
    rmSync(dataRoot, { recursive: true, force: true, maxRetries: 3 });
  };
  process.on('exit', onExit);
  const stop = async (): Promise<void> => {
    await Promise.all(members.map((member) => member.kill()));
    process.off('exit', onExit);
    await rm(dataRoot, { recursive: true, force: true, maxRetries: 3 });
  };
  const ctl = async (...args: string[]): Promise<string> => {
    const scheme = options.tls === undefined ? 'http' : 'https';
    const to = endpoints.map((endpoint) => `${scheme}://${endpoint}`).join(',');
    const argv = ['etcdctl', `--endpoints=${to}`, ...args];
    const [command, ...rest] = options.exec?.(argv, 0) ?? argv;
    const { stdout } = await run(command!, rest, { env: { ...process.env, ETCDCTL_API: '3' } });
    return stdout;
  };
  try {
    if (options.snapshot !== undefined)
      await Promise.all(members.map((member) => member.restore(options.snapshot!)));
    await Promise.all(members.map((member) => member.start()));
  } catch (error) {
    await stop();
    throw error;
  }
  return { endpoints, members, dataRoot, ctl, leader: () => leaderOf(members, ctl), stop };
}

async function leaderOf(members: readonly Member[], ctl: Etcd['ctl']): Promise<Member> {
  const deadline = performance.now() + 10_000;
  for (;;) {
    // A member that is down makes etcdctl exit with an error after printing the others.
    const out = await ctl('--command-timeout=1s', 'endpoint', 'status', '-w', 'json').catch(
      (error: { stdout?: string }) => error.stdout ?? '',
    );
    for (const { Endpoint: url, Status: status } of parseStatuses(out)) {
      const member = members.find(({ endpoint }) => url.endsWith(endpoint));
      if (status.leader !== 0 && status.leader === status.header.member_id && member !== undefined)
        return member;
    }
    if (performance.now() > deadline) throw new Error(`no member leads: ${out}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

interface EndpointStatus {
  readonly Endpoint: string;
  readonly Status: { readonly leader: number | bigint; readonly header: { readonly member_id: number } };
}

function parseStatuses(out: string): readonly EndpointStatus[] {
  const line = out.split('\n').find((text) => text.startsWith('['));
  return line === undefined ? [] : (JSON.parse(line) as EndpointStatus[]);
}

interface MemberDeps {
  readonly options: EtcdOptions;
  readonly dataRoot: string;
  readonly host: string;
  readonly peers: string;
  readonly index: number;
  readonly ports: { readonly client: number; readonly peer: number };
}

class Member implements EtcdMember {
  readonly name: string;
  readonly endpoint: string;
  readonly ports: { readonly client: number; readonly peer: number };
  readonly dataDir: string;
  readonly #deps: MemberDeps;
  readonly #logFile: string;
  #child: ChildProcess | undefined;
  #ended: Promise<void> = Promise.resolve();

  constructor(deps: MemberDeps) {
    this.#deps = deps;
    this.name = `m${deps.index}`;
    this.endpoint = `${deps.host}:${deps.ports.client}`;
    this.ports = deps.ports;
    this.dataDir = join(deps.dataRoot, this.name);
    this.#logFile = `${this.dataDir}.log`;
  }

  get pid(): number | undefined {
    return this.#child?.pid;
  }

  async kill(): Promise<void> {
    this.#child?.kill('SIGKILL');
    await this.#ended;
  }

  async terminate(): Promise<void> {
    this.#child?.kill('SIGTERM');
    await this.#ended;
  }

  stall(): void {
    this.#child?.kill('SIGSTOP');
  }

  resume(): void {
    this.#child?.kill('SIGCONT');
  }

  async start(options: { readonly wait?: boolean; readonly args?: readonly string[] } = {}): Promise<void> {
    const argv = this.#argv(options.args ?? []);
    const [command, ...rest] = this.#deps.options.exec?.(argv, this.#deps.index) ?? argv;
    const from = (await this.log()).length;
    const fd = openSync(this.#logFile, 'a');
    const child = spawn(command!, rest, { stdio: ['ignore', fd, fd] });
    closeSync(fd);
    this.#child = child;
    this.#ended = new Promise((resolve) => {
      const onEnd = (): void => {
        if (this.#child === child) this.#child = undefined;
        resolve();
      };
      child.once('exit', onEnd);
      child.once('error', onEnd);
    });
    if (options.wait !== false) await this.#serving(child, from);
  }

  async log(): Promise<string> {
    return readFile(this.#logFile, 'utf8').catch(() => '');
  }

  async restore(snapshot: string): Promise<void> {
    const { host, peers, options } = this.#deps;
    await run(
      'etcdctl',
      [
        'snapshot',
        'restore',
        snapshot,
        `--data-dir=${this.dataDir}`,
        `--name=${this.name}`,
        `--initial-cluster=${peers}`,
        `--initial-cluster-token=${options.token ?? 'portolan-test'}`,
        `--initial-advertise-peer-urls=http://${host}:${this.ports.peer}`,
      ],
      { env: { ...process.env, ETCDCTL_API: '3' } },
    );
  }

  #argv(more: readonly string[]): string[] {
    const { host, peers, options } = this.#deps;
    const scheme = options.tls === undefined ? 'http' : 'https';
    const client = `${scheme}://${host}:${this.ports.client}`;
    const peer = `http://${host}:${this.ports.peer}`;
    const { tls } = options;
    return [
      'etcd',
      `--name=${this.name}`,
      `--data-dir=${this.dataDir}`,
      `--listen-client-urls=${client}`,
      `--advertise-client-urls=${client}`,
      `--listen-peer-urls=${peer}`,
      `--initial-advertise-peer-urls=${peer}`,
      `--initial-cluster=${peers}`,
      `--initial-cluster-token=${options.token ?? 'portolan-test'}`,
      '--initial-cluster-state=new',
      // One that is alone would wait for the others' votes at each start.
      ...(options.members === undefined || options.members === 1
        ? ['--heartbeat-interval=20', '--election-timeout=200']
        : ['--heartbeat-interval=100', '--election-timeout=1000']),
      '--logger=zap',

      '--log-level=info',
      ...(tls === undefined ? [] : [`--cert-file=${tls.cert}`, `--key-file=${tls.key}`]),
      ...(tls?.clientCa === undefined ? [] : [`--trusted-ca-file=${tls.clientCa}`, '--client-cert-auth']),
      ...(options.args ?? []),
      ...more,
    ];
  }

  async #serving(child: ChildProcess, from: number): Promise<void> {
    const deadline = performance.now() + 30_000;
    for (;;) {
      const said = (await this.log()).slice(from);
      if (/serving client traffic|ready to serve client requests/.test(said)) return;
      if (this.#child !== child) throw new Error(`etcd ${this.name} ended: ${said.slice(-2000)}`);
      if (performance.now() > deadline)
        throw new Error(`etcd ${this.name} does not start: ${said.slice(-2000)}`);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
}

/** Ports of 127.0.0.1 that nobody listened on a moment ago; below those that connections are given. */
export async function freePorts(count: number): Promise<number[]> {
  const found = new Set<number>();
  while (found.size < count) {
    const port = 10_000 + Math.floor(Math.random() * 22_000);
    if (await isFree(port)) found.add(port);
  }
  return [...found];
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });
}
