import { sleep } from '../../src/lib/abort.ts';
import type { Exchanges } from './exchange.testkit.ts';
import type { Random } from './random.testkit.ts';

export interface CatalogAgent {
  readonly node: string;
  readonly url: string;
}

/** What an agent must hold: `unknown` when the last request about it was not answered. */
type Wanted = 'present' | 'absent' | 'unknown';

/** Clients that register and deregister services with their agents, each client services of its own. */
export class CatalogClients {
  readonly #agents: readonly CatalogAgent[];
  readonly #exchanges: Exchanges;
  readonly #random: Random;
  /** `node id` -> what was acknowledged last. */
  readonly #wanted = new Map<string, Wanted>();
  requests = 0;

  constructor(agents: readonly CatalogAgent[], deps: { exchanges: Exchanges; random: Random }) {
    this.#agents = agents;
    this.#exchanges = deps.exchanges;
    this.#random = deps.random;
  }

  /** One client an agent. */
  async run(signal: AbortSignal): Promise<void> {
    await Promise.all(this.#agents.map((agent) => this.#runClient(agent, this.#random.fork(), signal)));
  }

  async #runClient(agent: CatalogAgent, random: Random, signal: AbortSignal): Promise<void> {
    for (let turn = 0; !signal.aborted; turn++) {
      const id = `app-${agent.node}-${random.below(12)}`;
      const name = `${agent.node} ${id}`;
      const isThere = this.#wanted.get(name) === 'present';
      const wants = isThere && random.chance(0.6) ? 'absent' : 'present';
      this.#wanted.set(name, 'unknown');
      const reply = await this.#exchanges.ask(
        agent.url,
        wants === 'absent'
          ? { method: 'PUT', path: `/v1/agent/service/deregister/${id}` }
          : {
              method: 'PUT',
              path: '/v1/agent/service/register',
              body: JSON.stringify({ ID: id, Name: 'app', Port: 1000 + (turn % 5000), Tags: [`t${turn}`] }),
            },
      );
      this.requests++;
      const isDone = reply.kind === 'answer' && reply.status === 200;
      if (isDone) this.#wanted.set(name, wants);
      await sleep(random.between(30, 170) + (isDone ? 0 : 200), signal);
    }
  }

  /** What an agent holds against what was acknowledged. */
  async judgeAgent(agent: CatalogAgent): Promise<readonly string[]> {
    const held = await this.#exchanges.get<Record<string, unknown>>(agent.url, '/v1/agent/services');
    if (held === undefined) return [`${agent.node}: /v1/agent/services is not answered`];
    return [...this.#wanted].flatMap(([name, wanted]) => {
      const [node, id = ''] = name.split(' ');
      if (node !== agent.node || wanted === 'unknown') return [];
      return (wanted === 'present') === (held[id] !== undefined)
        ? []
        : [
            `${name}: ${wanted} was acknowledged, the agent holds it ${held[id] === undefined ? 'not' : 'still'}`,
          ];
    });
  }
}

interface Service {
  readonly ID: string;
  readonly Service: string;
  readonly Port: number;
  readonly Tags: readonly string[] | null;
}

/**
 * Differences between what the agent of each node holds and what `seenBy` says that the cluster holds of that node;
 * none = equal.
 */
export async function compareCatalog(
  exchanges: Exchanges,
  agents: readonly CatalogAgent[],
  seenBy: CatalogAgent,
): Promise<readonly string[]> {
  const nodes = await exchanges.get<{ Node: string }[]>(seenBy.url, '/v1/catalog/nodes?consistent');
  if (nodes === undefined) return [`${seenBy.node} does not list the nodes`];
  const names = new Set(nodes.map(({ Node }) => Node));
  const extra = [...names].filter((name) => !agents.some(({ node }) => node === name));
  const faults = extra.map((name) => `${seenBy.node} sees a node that nobody runs: ${name}`);
  for (const agent of agents) {
    const held = await exchanges.get<Record<string, Service>>(agent.url, '/v1/agent/services');
    const entry = await exchanges.get<{ Services: Record<string, Service> } | null>(
      seenBy.url,
      `/v1/catalog/node/${agent.node}?consistent`,
    );
    const wanted = rows(held);
    const seen = rows(entry?.Services).filter((row) => !row.startsWith('consul '));
    for (const row of wanted.filter((one) => !seen.includes(one)))
      faults.push(`${seenBy.node} does not see on ${agent.node}: ${row}`);
    for (const row of seen.filter((one) => !wanted.includes(one)))
      faults.push(`${seenBy.node} sees what ${agent.node} does not hold: ${row}`);
  }
  return faults;
}

function rows(services: Readonly<Record<string, Service>> | undefined): readonly string[] {
  return Object.values(services ?? {})
    .map(({ ID, Service: name, Port, Tags }) => `${ID} ${name} ${Port} ${Tags?.join(',') ?? ''}`)
    .sort();
}
