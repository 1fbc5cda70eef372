/** A real agent as a process of its own, on free ports, ended by pid. */
import { type ChildProcess, spawn } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { repoRoot } from '../../src/lib/repo-root.testkit.ts';

/** For node; `bin/portolan` is a shell script around it. */
export const program = join(repoRoot(import.meta.url), 'dist', 'src', 'main.js');

export interface Ports {
  readonly http: number;
  readonly dns: number;
}

export interface AgentOptions {
  /** Extra flags; ports, node name and the registrar switch come from here. */
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** Default: free ones. */
  readonly ports?: Ports;
  /** '' = -dev. */
  readonly dataDir?: string;
  /** Unix socket of a Docker Engine; without it the registrar is off. */
  readonly dockerSocket?: string;
}

export interface RunningAgent {
  readonly ports: Ports;
  readonly url: string;
  readonly pid: number;
  log(): string;
  /** Resolves with the exit code; -1 when a signal ended it. */
  readonly exited: Promise<number>;
  stop(signal?: NodeJS.Signals): Promise<number>;
}

/** Starts `portolan agent` and waits until it says that it is ready. */
export async function startAgent(options: AgentOptions = {}): Promise<RunningAgent> {
  const ports = options.ports ?? (await freePorts());
  const agent = spawnAgent(options, ports);
  const deadline = performance.now() + 30_000;
  for (;;) {
    if (agent.log().includes('agent is ready')) return agent;
    const code = await Promise.race([agent.exited, delay(20).then(() => undefined)]);
    if (code !== undefined) throw new Error(`the agent ended with ${code}:\n${agent.log()}`);
    if (performance.now() > deadline) {
      await agent.stop('SIGKILL');
      throw new Error(`the agent is not ready after 30 s:\n${agent.log()}`);
    }
  }
}

/** Starts `portolan agent` and does not wait. */
export function spawnAgent(options: AgentOptions, ports: Ports): RunningAgent {
  const args = [
    'agent',
    '-node=e2e',
    '-advertise=127.0.0.1',
    `-http-port=${ports.http}`,
    `-dns-port=${ports.dns}`,
    ...(options.dataDir === undefined || options.dataDir === ''
      ? ['-dev']
      : [`-data-dir=${options.dataDir}`]),
    ...(options.dockerSocket === undefined
      ? ['--registrar=false']
      : [`-docker-host=unix://${options.dockerSocket}`]),
    ...(options.args ?? []),
  ];
  return { ports, url: `http://127.0.0.1:${ports.http}`, ...spawnProgram(args, options.env) };
}

/** Starts `portolan` with these words and does not wait. */
export function spawnProgram(
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Omit<RunningAgent, 'ports' | 'url'> {
  const child = spawn(process.execPath, [program, ...args], {
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let log = '';
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk: Buffer) => (log += chunk.toString()));
  const exited = once(child, 'exit').then(([code]) => (code as number | null) ?? -1);
  // A test run that stops half-way leaves nothing behind.
  const onExit = (): void => void child.kill('SIGKILL');
  process.once('exit', onExit);
  void exited.then(() => process.removeListener('exit', onExit));
  return {
    pid: child.pid ?? 0,
    log: () => log,
    exited,
    stop: (signal = 'SIGTERM') => stopChild(child, exited, signal),
  };
}

async function stopChild(
  child: ChildProcess,
  exited: Promise<number>,
  signal: NodeJS.Signals,
): Promise<number> {
  child.kill(signal);
  const timer = setTimeout(() => child.kill('SIGKILL'), 10_000);
  const code = await exited;
  clearTimeout(timer);
  return code;
}

/** Two ports that nobody uses at the moment; DNS needs one that is free for both UDP and TCP. */
export async function freePorts(): Promise<Ports> {
  const http = await freeTcpPort();
  for (;;) {
    const dns = await freeTcpPort();
    if (dns !== http && (await isFreeUdpPort(dns))) return { http, dns };
  }
}

export async function freeTcpPort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
}

function isFreeUdpPort(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createSocket('udp4');
    socket.once('error', () => resolve(false));
    socket.bind(port, '127.0.0.1', () => socket.close(() => resolve(true)));
  });
}

/** Polls until `look` returns something other than undefined; throws what `explain` says after `timeoutMs`. */
export async function until<T>(
  look: () => Promise<T | undefined> | T | undefined,
  timeoutMs: number,
  explain: () => string,
): Promise<T> {
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    const found = await look();
    if (found !== undefined) return found;
    if (performance.now() > deadline) throw new Error(`after ${timeoutMs} ms: ${explain()}`);
    await delay(10);
  }
}
