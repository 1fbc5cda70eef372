import { sleep } from '../../src/lib/abort.ts';
import { until } from '../e2e/agent.testkit.ts';
import type { ClusterAgent } from './cluster.testkit.ts';
import type { Exchanges } from './exchange.testkit.ts';

export interface Transition {
  readonly seenBy: string;
  readonly node: string;
  readonly status: string;
  /** performance.now() */
  readonly at: number;
}

/** Looks at the liveness of every node through every agent, some twenty times a second, and notes each change. */
export class HealthWatch {
  readonly transitions: Transition[] = [];
  readonly #agents: readonly ClusterAgent[];
  readonly #exchanges: Exchanges;
  /** `observer node` -> status. */
  readonly #known = new Map<string, string>();

  constructor(agents: readonly ClusterAgent[], exchanges: Exchanges) {
    this.#agents = agents;
    this.#exchanges = exchanges;
  }

  async run(signal: AbortSignal): Promise<void> {
    await Promise.all(
      this.#agents.map(async (agent) => {
        while (!signal.aborted) {
          if (agent.process.isLive) await this.#look(agent);
          await sleep(50, signal);
        }
      }),
    );
  }

  /** When `node` had this status for every one of these observers, on the clock of performance.now(). */
  async all(node: string, status: string, observers: readonly string[], timeoutMs: number): Promise<number> {
    return until(
      () => {
        if (!observers.every((name) => this.#known.get(`${name} ${node}`) === status)) return undefined;
        const changes = this.transitions.filter(
          (change) => change.node === node && observers.includes(change.seenBy),
        );
        return Math.max(0, ...changes.map(({ at }) => at));
      },
      timeoutMs,
      () => `${node} is not ${status} for ${observers.join(', ')}; seen: ${this.tell()}`,
    );
  }

  tell(): string {
    return [...this.#known].map(([pair, status]) => `${pair} ${status}`).join(', ');
  }

  async #look(agent: ClusterAgent): Promise<void> {
    const checks = await this.#exchanges.get<{ Node: string; CheckID: string; Status: string }[]>(
      agent.url,
      '/v1/health/state/any?stale',
    );
    // It was stalled or ended meanwhile: what it says is of another time.
    if (!agent.process.isLive) return;
    for (const { Node: node, CheckID, Status: status } of checks ?? []) {
      if (CheckID !== 'serfHealth') continue;
      const pair = `${agent.node} ${node}`;
      const before = this.#known.get(pair);
      if (before === status) continue;
      this.#known.set(pair, status);
      if (before !== undefined)
        this.transitions.push({ seenBy: agent.node, node, status, at: performance.now() });
    }
  }
}
