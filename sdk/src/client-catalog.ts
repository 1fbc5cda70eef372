import type { Answer, ReadOptions, RequestOptions, Transport } from './transport.ts';
import {
  parameters,
  paths,
  type CatalogDeregistration,
  type CatalogNode,
  type CatalogNodeServices,
  type CatalogRegistration,
  type Node,
  type ServiceNode,
} from './wire/mod.ts';

/** What the cluster holds. */
export class CatalogClient {
  readonly #transport: Transport;

  constructor(transport: Transport) {
    this.#transport = transport;
  }

  async datacenters(options?: RequestOptions): Promise<readonly string[]> {
    const answer = await this.#transport.read<readonly string[]>(paths.catalogDatacenters, [], options);
    return answer.data ?? [];
  }

  nodes(options?: ReadOptions): Promise<Answer<readonly Node[]>> {
    return this.#read(paths.catalogNodes, [], options);
  }

  /** Service names with the tags of all their instances. */
  services(options?: ReadOptions): Promise<Answer<Readonly<Record<string, readonly string[]>>>> {
    return this.#read(paths.catalogServices, [], options);
  }

  /** Instances that have all of `tags`. */
  service(
    name: string,
    options: ReadOptions & { tags?: readonly string[] } = {},
  ): Promise<Answer<readonly ServiceNode[]>> {
    const tags = (options.tags ?? []).map((tag) => [parameters.tag, tag] as const);
    return this.#read(`${paths.catalogService}${encodeURIComponent(name)}`, tags, options);
  }

  /** By name, ID or an unambiguous prefix of the ID; data is null for an unknown node. */
  node(nameOrId: string, options?: ReadOptions): Promise<Answer<CatalogNode | null>> {
    return this.#read(`${paths.catalogNode}${encodeURIComponent(nameOrId)}`, [], options);
  }

  nodeServices(nameOrId: string, options?: ReadOptions): Promise<Answer<CatalogNodeServices>> {
    return this.#read(`${paths.catalogNodeServices}${encodeURIComponent(nameOrId)}`, [], options);
  }

  async register(registration: CatalogRegistration, options?: RequestOptions): Promise<void> {
    await this.#transport.write('PUT', paths.catalogRegister, [], registration, options);
  }

  async deregister(deregistration: CatalogDeregistration, options?: RequestOptions): Promise<void> {
    await this.#transport.write('PUT', paths.catalogDeregister, [], deregistration, options);
  }

  async #read<T>(
    path: string,
    query: readonly (readonly [string, string])[],
    options?: ReadOptions,
  ): Promise<Answer<T>> {
    return (await this.#transport.read<T>(path, query, options)) as Answer<T>;
  }
}
