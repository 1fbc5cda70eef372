import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { dirname } from 'node:path';
import type { TestDockerd } from '../docker/dockerd.testkit.ts';

interface Network {
  readonly Driver: string;
  readonly Id: string;
  readonly Options: Readonly<Record<string, string>>;
  readonly IPAM: { readonly Config: readonly { readonly Subnet: string }[] | null };
}

/** What a daemon makes on the host while it runs, to be looked for at its end. */
export class Traces {
  readonly #dockerd: TestDockerd;
  readonly #folder: string;
  readonly #links = new Set<string>();
  readonly #subnets = new Set<string>();
  readonly #namespaces = new Set<string>();

  constructor(dockerd: TestDockerd) {
    this.#dockerd = dockerd;
    this.#folder = dirname(dockerd.socketPath);
  }

  /** Remembers the daemon's bridges, the ends of its containers' wires and their network namespaces. */
  async note(): Promise<void> {
    const { api } = this.#dockerd;
    const networks = (await api.call('GET', '/networks')) as readonly Network[];
    for (const { Driver, Id, Options, IPAM } of networks) {
      if (Driver !== 'bridge') continue;
      const bridge = Options['com.docker.network.bridge.name'] ?? `br-${Id.slice(0, 12)}`;
      this.#links.add(bridge);
      for (const name of readOr([], () => readdirSync(`/sys/class/net/${bridge}/brif`)))
        this.#links.add(name);
      for (const { Subnet } of IPAM.Config ?? []) this.#subnets.add(Subnet);
    }
    const list = (await api.call('GET', '/containers/json')) as readonly { readonly Id: string }[];
    const found = await Promise.all(
      list.map(({ Id }) => api.call('GET', `/containers/${Id}/json`).catch(() => undefined)),
    );
    for (const container of found as ({ readonly State: { readonly Pid: number } } | undefined)[]) {
      const namespace = namespaceOf(container?.State.Pid ?? 0);
      if (namespace !== '' && namespace !== namespaceOf('self')) this.#namespaces.add(namespace);
    }
  }

  /** What is still there, in words. */
  left(): readonly string[] {
    const inUse = new Set(processIds().map(namespaceOf));
    const rules = readOr('', () =>
      execFileSync('iptables-save', { stdio: ['ignore', 'pipe', 'ignore'] }).toString(),
    );
    const names = [...this.#links, ...this.#subnets];
    const mounts = readFileSync('/proc/mounts', 'utf8').split('\n');
    return [
      ...processesNaming(this.#folder),
      ...[...this.#links]
        .filter((name) => existsSync(`/sys/class/net/${name}`))
        .map((name) => `link ${name}`),
      ...[...this.#namespaces].filter((name) => inUse.has(name)),
      ...mounts.filter((line) => line.includes(this.#folder)),
      ...rules.split('\n').filter((rule) => names.some((name) => rule.includes(` ${name}`))),
      ...(existsSync(this.#folder) ? [this.#folder] : []),
    ];
  }
}

/** Processes that name something in a folder on their command line. */
export function processesNaming(folder: string): readonly string[] {
  return processIds()
    .filter((pid) => Number(pid) !== process.pid)
    .map((pid) => ({ pid, command: readOr('', () => readFileSync(`/proc/${pid}/cmdline`, 'utf8')) }))
    .filter(({ command }) => command.includes(`${folder}/`))
    .map(({ pid, command }) => `process ${pid}: ${command.replaceAll('\0', ' ')}`);
}

function processIds(): readonly string[] {
  return readdirSync('/proc').filter((name) => /^\d+$/.test(name));
}

function namespaceOf(pid: string | number): string {
  return readOr('', () => readlinkSync(`/proc/${pid}/ns/net`));
}

function readOr<T>(otherwise: T, read: () => T): T {
  try {
    return read();
  } catch {
    return otherwise;
  }
}
