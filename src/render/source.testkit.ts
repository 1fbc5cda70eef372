/** A Source whose answers a test sets by hand. Queries are named by their dependency ids' queries: `service web`, `key a`. */
import type { Answers, HealthService, Query, Source, Subscription } from './source.ts';

export class ScriptedSource implements Source {
  readonly name = 'script';
  readonly #answers = new Map<string, { readonly data: unknown }>();
  readonly #watchers = new Map<string, Set<{ onChange: () => void; onError: (error: Error) => void }>>();

  /** Queries that somebody follows now. */
  get followed(): readonly string[] {
    return [...this.#watchers].filter(([, watchers]) => watchers.size > 0).map(([name]) => name);
  }

  /** Gives a query an answer and tells its followers. */
  set(name: string, data: Answers[keyof Answers]): void {
    this.#answers.set(name, { data });
    for (const watcher of Array.from(this.#watchers.get(name) ?? [])) watcher.onChange();
  }

  fail(name: string, error: Error): void {
    for (const watcher of Array.from(this.#watchers.get(name) ?? [])) watcher.onError(error);
  }

  subscribe<Q extends Query>(
    query: Q,
    onChange: () => void,
    onError: (error: Error) => void,
  ): Subscription<Q> {
    const name = nameOf(query);
    const watcher = { onChange, onError };
    const watchers = this.#watchers.get(name) ?? new Set();
    watchers.add(watcher);
    this.#watchers.set(name, watchers);
    return {
      current: () => this.#answers.get(name) as { readonly data: Answers[Q['type']] } | undefined,
      close: () => void watchers.delete(watcher),
    };
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}

function nameOf(query: Query): string {
  switch (query.type) {
    case 'key':
      return `key ${query.key}`;
    case 'prefix':
      return `prefix ${query.prefix}`;
    case 'services':
    case 'nodes':
    case 'datacenters':
      return query.type;
    case 'document':
      return query.path;
    case 'service':
    case 'node':
      return `${query.type} ${query.name}`;
  }
}

/** An instance from what a test cares about. */
export function instance(parts: Partial<HealthService>): HealthService {
  return {
    node: 'n1',
    nodeId: '',
    nodeAddress: '10.0.0.1',
    nodeTaggedAddresses: null,
    nodeMeta: null,
    nodeDatacenter: 'dc1',
    id: 'web',
    name: 'web',
    address: '10.0.0.1',
    port: 80,
    tags: [],
    serviceMeta: {},
    serviceTaggedAddresses: null,
    status: 'passing',
    checks: [],
    weights: { passing: 1, warning: 1 },
    ...parts,
  };
}
