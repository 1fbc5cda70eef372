/**
 * Which services changed, from when their instances did, asked by node: a few nodes are sooner read than hundreds of services.
 * The first reading only says what there is.
 */
import type { ConsulQueries, Place, ServiceStamp } from './consul-queries.ts';
import { askFresh } from './source-http-ask.ts';
import type { AskOptions } from './source-http-ask.ts';

type Stamps = ReadonlyMap<string, ServiceStamp>;

export class NodeStamps {
  readonly #place: Place;
  readonly #queries: ConsulQueries;
  readonly #options: AskOptions;
  #known: ReadonlyMap<string, Stamps> | undefined;

  constructor(place: Place, queries: ConsulQueries, options: AskOptions) {
    this.#place = place;
    this.#queries = queries;
    this.#options = options;
  }

  /** Names of the services with a change since the reading before; undefined: it cannot be told. Never rejects. */
  async changes(nodes: readonly string[], signal: AbortSignal): Promise<ReadonlySet<string> | undefined> {
    const known = this.#known;
    try {
      const now = new Map<string, Stamps>();
      for (const node of nodes) {
        const { data } = await askFresh(
          (read) => this.#queries.nodeStamps(this.#place, node, read),
          0,
          this.#options,
          signal,
        );
        if (data === undefined) return undefined;
        now.set(node, data);
      }
      this.#known = now;
      return known === undefined ? undefined : differences(known, now);
    } catch {
      this.#known = undefined;
      return undefined;
    }
  }
}

function differences(before: ReadonlyMap<string, Stamps>, after: ReadonlyMap<string, Stamps>): Set<string> {
  const names = new Set<string>();
  const none: Stamps = new Map();
  for (const node of new Set([...before.keys(), ...after.keys()])) {
    const was = before.get(node) ?? none;
    const is = after.get(node) ?? none;
    for (const [id, { service, index }] of is) {
      const known = was.get(id);
      if (known?.index === index && known.service === service) continue;
      names.add(service);
      if (known !== undefined) names.add(known.service);
    }
    for (const [id, { service }] of was) if (!is.has(id)) names.add(service);
  }
  return names;
}
