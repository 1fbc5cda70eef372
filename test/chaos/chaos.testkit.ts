import { setMaxListeners } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { until } from '../e2e/agent.testkit.ts';
import { CatalogClients, compareCatalog } from './catalog-clients.testkit.ts';
import { ChaosCluster } from './cluster.testkit.ts';
import { DnsWatch } from './dns-watch.testkit.ts';
import { type HistoryEvent, readHistory } from './etcd-history.testkit.ts';
import { doFaults } from './faults.testkit.ts';
import { HealthWatch } from './health-watch.testkit.ts';
import { KvClients } from './kv-clients.testkit.ts';
import { LockClients } from './lock-clients.testkit.ts';
import { judgeLocks } from './lock-verdict.testkit.ts';
import { type LossReport, loseForAWhile } from './loss.testkit.ts';
import { Random } from './random.testkit.ts';
import { buildSchedule, type Fault, tellFault } from './schedule.testkit.ts';
import { judgeKv } from './verdict.testkit.ts';

export interface ChaosOptions {
  readonly seed: number;
  /** Faults go on for so long. */
  readonly faultMs: number;
  readonly say?: (line: string) => void;
}

export interface ChaosReport {
  /** Readable by itself; empty = all is well. */
  readonly faults: readonly string[];
  readonly figures: readonly string[];
}

/** Of the agents' store in etcd. */
const namespace = 'portolan';

/** From the last fault on; then everything must be right. */
const settleMs = 10_000;

/** Three hosts with etcd and agents, clients on them, and faults; then everything is judged. */
export async function runChaos(options: ChaosOptions): Promise<ChaosReport> {
  const random = new Random(options.seed);
  const schedule = buildSchedule(random.fork(), options.faultMs);
  const cluster = await ChaosCluster.open({ proxied: true, config: 'session_ttl_min = "1s"\n' });
  const stop = new AbortController();
  // Every fault and every client waits on it.
  setMaxListeners(0, stop.signal);
  try {
    const run = new ChaosRun(cluster, random, schedule);
    return await run.go(options, stop);
  } catch (error) {
    cluster.keepsLogs = true;
    options.say?.(`logs: ${cluster.folder}`);
    throw error;
  } finally {
    stop.abort();
    await cluster.close();
  }
}

/** Hosts that lose 30 % of their packets for a while, and what that did to their liveness. */
export async function runLoss(totalMs: number): Promise<LossReport> {
  const cluster = await ChaosCluster.open({ separateEtcd: true });
  const watch = new HealthWatch(cluster.agents, cluster.exchanges);
  const stop = new AbortController();
  const watching = watch.run(stop.signal);
  try {
    const nodes = cluster.agents.map(({ node }) => node);
    for (const node of nodes) await watch.all(node, 'passing', nodes, 5000);
    return await loseForAWhile(cluster, watch, totalMs);
  } finally {
    stop.abort();
    await watching;
    await cluster.close();
  }
}

class ChaosRun {
  readonly #cluster: ChaosCluster;
  readonly #schedule: readonly Fault[];
  readonly #kv: KvClients;
  readonly #catalog: CatalogClients;
  readonly #locks: LockClients;
  readonly #dns: readonly DnsWatch[];
  readonly #figures: string[] = [];
  #events: readonly HistoryEvent[] = [];

  constructor(cluster: ChaosCluster, random: Random, schedule: readonly Fault[]) {
    const { agents, urls, exchanges } = cluster;
    this.#cluster = cluster;
    this.#schedule = schedule;
    const deps = (): { exchanges: typeof exchanges; random: Random } => ({
      exchanges,
      random: random.fork(),
    });
    this.#kv = new KvClients({ urls, clients: 6, keys: 4, pauseMs: 40 }, deps());
    this.#locks = new LockClients({ urls, clients: 4, keys: 2, ttl: '3s', lockDelay: '1s' }, deps());
    this.#catalog = new CatalogClients(agents, deps());
    this.#dns = agents.map(
      ({ node, host, process }) =>
        new DnsWatch({ name: node, host: host.address, port: 8600 }, () => process.isLive),
    );
  }

  async go(options: ChaosOptions, stop: AbortController): Promise<ChaosReport> {
    const say = options.say ?? (() => {});
    const clients = [
      this.#kv.run(stop.signal),
      this.#locks.run(stop.signal),
      this.#catalog.run(stop.signal),
      ...this.#dns.map((watch) => watch.run('consul', stop.signal)),
    ];
    const beganAt = performance.now();
    await doFaults(this.#cluster, this.#schedule, stop.signal, (fault) => say(tellFault(fault)));
    const healedAt = performance.now();
    // Clients go on for a while: what is healed must also work.
    await delay(2000);
    stop.abort();
    await Promise.all(clients);
    const settled = await this.#settled(healedAt);
    say('judging');
    const faults = [...settled.faults, ...(await this.#judge(beganAt))];
    const figures = [
      `${this.#schedule.length} faults in ${(options.faultMs / 1000).toFixed(0)} s, settled ${settled.afterS} s after the last`,
      ...this.#figures,
    ];
    if (faults.length === 0) return { faults, figures };
    this.#keepHistories(beganAt);
    this.#cluster.keepsLogs = true;
    return {
      faults,
      figures: [...figures, ...this.#schedule.map(tellFault), `logs: ${this.#cluster.folder}`],
    };
  }

  /** Waits until every agent is up, sees what the agents hold, and all nodes passing. */
  async #settled(healedAt: number): Promise<{ faults: readonly string[]; afterS: string }> {
    let last: readonly string[] = [];
    const look = async (): Promise<true | undefined> => {
      last = await this.#differences();
      return last.length === 0 || undefined;
    };
    try {
      await until(look, settleMs - (performance.now() - healedAt), () => '');
      return { faults: [], afterS: ((performance.now() - healedAt) / 1000).toFixed(1) };
    } catch {
      const faults = last.map((text) => `${settleMs / 1000} s after the last fault: ${text}`);
      return { faults, afterS: 'not' };
    }
  }

  async #differences(): Promise<readonly string[]> {
    const { agents, exchanges, urls } = this.#cluster;
    const found: string[] = [];
    for (const agent of agents) {
      if (!agent.process.isLive) found.push(`${agent.node} is not up`);
      else found.push(...(await compareCatalog(exchanges, agents, agent)));
      const checks = await exchanges.get<{ Node: string; CheckID: string; Status: string }[]>(
        agent.url,
        '/v1/health/state/any?consistent',
      );
      const alive = checks?.filter(({ CheckID, Status }) => CheckID === 'serfHealth' && Status === 'passing');
      if (alive?.length !== urls.length)
        found.push(`${agent.node} sees ${alive?.length ?? 'no'} nodes alive`);
    }
    return found;
  }

  /** Beside the logs, for whoever looks for the cause. */
  #keepHistories(beganAt: number): void {
    const { histories } = this.#kv;
    const events = this.#events.map(({ key, revision, value }) => [revision, key, value?.toString('latin1')]);
    const kept = { beganAt, kv: [...histories], locks: [...this.#locks.histories], events };
    writeFileSync(join(this.#cluster.folder, 'histories.json'), JSON.stringify(kept));
  }

  async #judge(beganAt: number): Promise<readonly string[]> {
    const { agents, etcd, exchanges, urls } = this.#cluster;
    await this.#kv.readAll();
    const events = await readHistory(`http://${etcd.endpoints[0]}`, namespace);
    this.#events = events;
    const kv = await judgeKv(this.#kv, urls, exchanges, { beganAt, events });
    const locks = judgeLocks(this.#locks, events);
    const held = (await Promise.all(agents.map((agent) => this.#catalog.judgeAgent(agent)))).flat();
    const silences = this.#dns.flatMap((watch) =>
      watch.silences.map(({ name, answer }) => `DNS of ${name}, which was live: ${answer}`),
    );
    const asked = this.#dns.reduce((sum, watch) => sum + watch.asked, 0);
    this.#figures.push(kv.figures, locks.figures);
    this.#figures.push(`${this.#catalog.requests} registrations, ${asked} questions to DNS`);
    return [...kv.faults, ...locks.faults, ...held, ...silences];
  }
}

/** What a failed run says: the seed, what was wrong, what was done, and where the logs are. */
export function tellFailure(options: ChaosOptions, report: ChaosReport): string {
  const shown = report.faults.slice(0, 10);
  const more = report.faults.length - shown.length;
  return [
    `seed ${options.seed}: ${report.faults.length} faults`,
    ...shown,
    ...(more > 0 ? [`and ${more} more`] : []),
    ...report.figures,
  ].join('\n');
}
