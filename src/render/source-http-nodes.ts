/**
 * Which services changed, asked by node: a few nodes are sooner read than hundreds of services. What an instance's own index
 * says is held against the index of the answer that is known: the answer is behind when the instance is newer, or gone.
 */
import type { ServiceStamps } from './consul-answers.ts';
import type { ConsulQueries, Place } from './consul-queries.ts';
import { askFresh } from './source-http-ask.ts';
import type { AskOptions } from './source-http-ask.ts';
import type { Entry } from './source-http-entry.ts';
import type { HealthService } from './source.ts';

interface NodeStamp {
  /** The server's, of the node and all that runs there. */
  readonly index: number;
  readonly instances: ServiceStamps;
  /** By service, its name in lower case, when the newest of its instances changed. */
  readonly services: ReadonlyMap<string, number>;
}

export class NodeStamps {
  readonly #place: Place;
  readonly #queries: ConsulQueries;
  readonly #options: AskOptions;
  #nodes: ReadonlyMap<string, NodeStamp> = new Map();

  constructor(place: Place, queries: ConsulQueries, options: AskOptions) {
    this.#place = place;
    this.#queries = queries;
    this.#options = options;
  }

  /** One reading of all `nodes`: the newest index of them. Undefined: the server does not tell, or not now. Never rejects. */
  async read(nodes: readonly string[], signal: AbortSignal): Promise<number | undefined> {
    const read = new Map<string, NodeStamp>();
    try {
      for (const node of nodes) {
        const stamp = await this.#readNode(node, signal);
        if (stamp === undefined) return undefined;
        read.set(node, stamp);
      }
    } catch {
      return undefined;
    }
    this.#nodes = read;
    return Math.max(...Array.from(read.values(), ({ index }) => index));
  }

  async #readNode(node: string, signal: AbortSignal): Promise<NodeStamp | undefined> {
    const known = this.#nodes.get(node);
    const { maxStaleMs } = this.#options;
    const options = { maxStaleMs, signal };
    const short = await this.#queries.nodeStampsIfMoved(this.#place, node, known?.index ?? 0, options);
    if (short !== 'unusual' && 'same' in short) return known;
    const { index, data } = short === 'unusual' ? await this.#readLong(node, signal) : short;
    if (data === undefined) return undefined;
    const services = new Map<string, number>();
    for (const one of data.values()) {
      const name = one.service.toLowerCase();
      services.set(name, Math.max(one.index, services.get(name) ?? 0));
    }
    return { index, instances: data, services };
  }

  #readLong(node: string, signal: AbortSignal): ReturnType<ConsulQueries['nodeStamps']> {
    return askFresh((read) => this.#queries.nodeStamps(this.#place, node, read), 0, this.#options, signal);
  }

  /** Whether, by the last reading, the instances that the query's answer told of have changed since. */
  isAheadOf(entry: Entry): boolean {
    // Its first reading is still to come.
    if (entry.query.type !== 'service' || entry.current === undefined) return false;
    const name = entry.query.name.toLowerCase();
    for (const { services } of this.#nodes.values()) if ((services.get(name) ?? 0) > entry.index) return true;
    const instances = entry.current.data as readonly HealthService[];
    return instances.some(
      ({ node, id }) => this.#nodes.get(node)?.instances.get(id)?.service.toLowerCase() !== name,
    );
  }
}
