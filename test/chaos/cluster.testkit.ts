import { copyFileSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Etcd, startEtcd } from '../etcd/etcd.testkit.ts';
import { Exchanges } from './exchange.testkit.ts';
import { FaultProxy } from './fault-proxy.testkit.ts';
import { TestNetwork, type TestHost } from './network.testkit.ts';
import { ChaosProcess, portolanCommand } from './process.testkit.ts';

export interface ClusterOptions {
  /** Hosts with an etcd member and an agent each. Default 3. */
  readonly hosts?: number;
  /** Put before the agents' hosts: hosts of their own for etcd, so that the agents' network is not etcd's. Default false. */
  readonly separateEtcd?: boolean;
  /** The last host's agent reaches etcd through fault proxies. Default false. */
  readonly proxied?: boolean;
  /** More lines of the agents' configuration. */
  readonly config?: string;
  /** More flags of etcd. */
  readonly etcdFlags?: readonly string[];
}

export interface ClusterAgent {
  readonly node: string;
  readonly url: string;
  readonly host: TestHost;
  readonly process: ChaosProcess;
  readonly dataDir: string;
}

/** Hosts of their own with etcd and Portolan on them, all real; nothing of them is left when it is closed. */
export class ChaosCluster {
  readonly folder: string;
  readonly network: TestNetwork;
  readonly etcd: Etcd;
  readonly agents: readonly ClusterAgent[];
  readonly proxies: readonly FaultProxy[];
  readonly exchanges = new Exchanges();
  /** Set when something went wrong: the logs stay. */
  keepsLogs = false;

  /** A run that is stopped half-way leaves nothing either. Hosts and processes have handlers of their own. */
  readonly #onExit = (): void => {
    if (!this.keepsLogs) rmSync(this.folder, { recursive: true, force: true, maxRetries: 5 });
  };

  private constructor(folder: string, parts: Parts, options: ClusterOptions) {
    this.folder = folder;
    this.network = parts.network;
    this.etcd = parts.etcd;
    this.proxies = parts.proxies;
    process.once('exit', this.#onExit);
    const hosts = this.network.hosts.slice(-hostCount(options));
    this.agents = hosts.map((host, index) => {
      const isProxied = this.proxies.length > 0 && index === hosts.length - 1;
      const endpoints = isProxied ? this.proxies.map(({ address }) => address) : this.etcd.endpoints;
      return agent(folder, host, `n${index + 1}`, `etcd://${endpoints.join(',')}/portolan`, options.config);
    });
  }

  /** Why it can't be set up here, for a test's `skip`. */
  static missing(): string | undefined {
    return (
      TestNetwork.missing() ?? (existsSync('/usr/bin/etcd') ? undefined : 'needs etcd (apt: etcd-server)')
    );
  }

  /** With everything up. Takes about 3 s. */
  static async open(options: ClusterOptions = {}): Promise<ChaosCluster> {
    const folder = mkdtempSync(join(tmpdir(), 'portolan-chaos-'));
    const names = namesOf(options);
    const network = await TestNetwork.open(names);
    const hosts = network.hosts.slice(0, hostCount(options));
    let etcd: Etcd | undefined;
    const proxies: FaultProxy[] = [];
    try {
      etcd = await startEtcd({
        members: hosts.length,
        dataRoot: folder,
        hosts: hosts.map(({ address }) => address),
        ports: hosts.map(() => ({ client: 2379, peer: 2380 })),
        exec: (argv, index) => [...hosts[index]!.prefix, ...argv],
        args: options.etcdFlags ?? [],
      });
      if (options.proxied === true)
        for (const endpoint of etcd.endpoints) proxies.push(await FaultProxy.open(network.address, endpoint));
    } catch (error) {
      for (const proxy of proxies) await proxy.close();
      await etcd?.stop();
      await network.close();
      rmSync(folder, { recursive: true, force: true });
      throw error;
    }
    const cluster = new ChaosCluster(folder, { network, etcd, proxies }, options);
    try {
      for (const { process: portolan } of cluster.agents) portolan.spawn();
      await Promise.all(cluster.agents.map(({ process: portolan }) => portolan.ready()));
      return cluster;
    } catch (error) {
      await cluster.close();
      throw error;
    }
  }

  get urls(): readonly string[] {
    return this.agents.map(({ url }) => url);
  }

  /** Number of etcd's term; it grows with each election. */
  async term(): Promise<number> {
    const out = await this.etcd.ctl('--command-timeout=1s', 'endpoint', 'status', '-w', 'json');
    const statuses = JSON.parse(out) as { Status: { raftTerm: number } }[];
    return Math.max(...statuses.map(({ Status }) => Status.raftTerm));
  }

  async close(): Promise<void> {
    for (const { process: portolan } of this.agents) await portolan.kill();
    for (const proxy of this.proxies) await proxy.close();
    await this.exchanges.close();
    if (this.keepsLogs)
      for (const { name, dataDir } of this.etcd.members)
        copyFileSync(`${dataDir}.log`, join(this.folder, `etcd-${name}.log`));
    await this.etcd.stop();
    await this.network.close();
    process.removeListener('exit', this.#onExit);
    this.#onExit();
  }
}

interface Parts {
  readonly network: TestNetwork;
  readonly etcd: Etcd;
  readonly proxies: readonly FaultProxy[];
}

function hostCount(options: ClusterOptions): number {
  return options.hosts ?? 3;
}

function namesOf(options: ClusterOptions): readonly string[] {
  const numbers = Array.from({ length: hostCount(options) }, (_, index) => index + 1);
  const agents = numbers.map((number) => `n${number}`);
  return options.separateEtcd === true ? [...numbers.map((number) => `e${number}`), ...agents] : agents;
}

function agent(folder: string, host: TestHost, node: string, store: string, config = ''): ClusterAgent {
  const dataDir = join(folder, node);
  const configFile = join(folder, `${node}.hcl`);
  mkdirSync(dataDir);
  writeFileSync(configFile, config);
  const command = [
    ...host.prefix,
    ...portolanCommand,
    'agent',
    `-node=${node}`,
    `-advertise=${host.address}`,
    '-client=0.0.0.0',
    `-data-dir=${dataDir}`,
    `-config-file=${configFile}`,
    `-store=${store}`,
    '--registrar=false',
  ];
  const logFile = join(folder, `${node}.log`);
  const process = new ChaosProcess({ name: node, command, logFile, readyText: 'agent is ready' });
  return { node, url: `http://${host.address}:8500`, host, process, dataDir };
}
