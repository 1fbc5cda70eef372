import { setTimeout as delay } from 'node:timers/promises';
import type { ChaosCluster } from './cluster.testkit.ts';
import type { HealthWatch, Transition } from './health-watch.testkit.ts';

export interface LossReport {
  /** Of any node's liveness, while packets were lost and for two seconds after it. */
  readonly transitions: readonly Transition[];
  readonly asked: number;
  readonly failed: number;
  readonly slowestMs: number;
}

/** Three of ten packets between agents and etcd's members are lost, in both directions, while a client of each agent writes. */
export async function loseForAWhile(
  cluster: ChaosCluster,
  watch: HealthWatch,
  totalMs: number,
): Promise<LossReport> {
  const { agents, exchanges, network } = cluster;
  const before = watch.transitions.length;
  for (const { host } of agents) network.isolate(host, 0.3);
  const report = { asked: 0, failed: 0, slowestMs: 0 };
  const until = performance.now() + totalMs;
  const write = async (url: string): Promise<void> => {
    for (let turn = 0; performance.now() < until; turn++) {
      const calledAt = performance.now();
      const reply = await exchanges.ask(url, { method: 'PUT', path: '/v1/kv/loss', body: `${url} ${turn}` });
      report.asked++;
      if (reply.kind !== 'answer' || reply.status !== 200) report.failed++;
      report.slowestMs = Math.max(report.slowestMs, performance.now() - calledAt);
      await delay(300);
    }
  };
  try {
    await Promise.all(agents.map(({ url }) => write(url)));
  } finally {
    network.heal();
  }
  // What was lost last may only show when its lease ends.
  await delay(2000);
  return { ...report, transitions: watch.transitions.slice(before) };
}
