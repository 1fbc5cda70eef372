import { sleep } from '../../src/lib/abort.ts';
import type { EtcdMember } from '../etcd/etcd.testkit.ts';
import type { ChaosCluster } from './cluster.testkit.ts';
import type { ChaosProcess } from './process.testkit.ts';
import type { Fault, FaultKind } from './schedule.testkit.ts';

/** How a fault begins and how it is made good again, on the parts of its host. */
interface Doer {
  begin(cluster: ChaosCluster, host: number): Promise<void> | void;
  end(cluster: ChaosCluster, host: number): Promise<void> | void;
}

const memberOf = (cluster: ChaosCluster, host: number): EtcdMember => cluster.etcd.members[host]!;
const agentOf = (cluster: ChaosCluster, host: number): ChaosProcess => cluster.agents[host]!.process;

function losing(probability: number): Doer {
  return {
    begin: ({ network }, host) => network.isolate(network.hosts[host]!, probability),
    end: ({ network }, host) => network.heal(network.hosts[host]),
  };
}

function proxying(begin: (cluster: ChaosCluster) => void): Doer {
  return {
    begin,
    end({ proxies }) {
      for (const proxy of proxies) {
        proxy.mode = 'pass';
        proxy.delayMs = 0;
      }
    },
  };
}

const doers: Readonly<Record<FaultKind, Doer>> = {
  'etcd-kill': {
    begin: (cluster, host) => memberOf(cluster, host).kill(),
    end: (cluster, host) => memberOf(cluster, host).start({ wait: false }),
  },
  'etcd-stall': {
    begin: (cluster, host) => memberOf(cluster, host).stall(),
    end: (cluster, host) => memberOf(cluster, host).resume(),
  },
  'agent-kill': {
    begin: (cluster, host) => agentOf(cluster, host).kill(),
    end(cluster, host) {
      const agent = agentOf(cluster, host);
      agent.spawn();
      // It is up when it says so; the faults that follow don't wait for that.
      agent.ready().catch(() => {});
    },
  },
  'agent-stall': {
    begin: (cluster, host) => agentOf(cluster, host).stall(),
    end: (cluster, host) => agentOf(cluster, host).resume(),
  },
  isolate: losing(1),
  loss: losing(0.3),
  deaf: {
    begin({ network }, host) {
      const deaf = network.hosts[host]!;
      for (const other of network.hosts) if (other !== deaf) network.lose(other, deaf, 1);
    },
    end: ({ network }, host) => network.heal(network.hosts[host]),
  },
  hold: proxying(({ proxies }) => {
    for (const proxy of proxies) proxy.mode = 'hold';
  }),
  slow: proxying(({ proxies }) => {
    for (const proxy of proxies) proxy.delayMs = 200;
  }),
  reset: proxying(({ proxies }) => {
    for (const proxy of proxies) {
      proxy.mode = 'refuse';
      proxy.reset();
    }
  }),
};

/** Does what the schedule says, at its times; resolves when the last fault is made good, at once when `signal` aborts. */
export async function doFaults(
  cluster: ChaosCluster,
  faults: readonly Fault[],
  signal: AbortSignal,
  onFault: (fault: Fault) => void = () => {},
): Promise<void> {
  const beganAt = performance.now();
  const doOne = async (fault: Fault): Promise<void> => {
    await sleep(fault.atMs - (performance.now() - beganAt), signal);
    if (signal.aborted) return;
    onFault(fault);
    const doer = doers[fault.kind];
    await doer.begin(cluster, fault.host);
    await sleep(fault.lastsMs, signal);
    await doer.end(cluster, fault.host);
  };
  await Promise.all(faults.map(doOne));
}
