import type { Answer, ReadOptions, Transport } from './transport.ts';
import { parameters, paths, type HealthCheck, type ServiceEntry } from './wire/mod.ts';

/** Health as the catalog has it. */
export class HealthClient {
  readonly #transport: Transport;

  constructor(transport: Transport) {
    this.#transport = transport;
  }

  /** Instances with their node and checks; `passing` leaves only those whose checks all pass. */
  service(
    name: string,
    options: ReadOptions & { tags?: readonly string[]; passing?: boolean } = {},
  ): Promise<Answer<readonly ServiceEntry[]>> {
    const query: (readonly [string, string])[] = (options.tags ?? []).map(
      (tag) => [parameters.tag, tag] as const,
    );
    if (options.passing === true) query.push([parameters.passing, '1']);
    return this.#read(`${paths.healthService}${encodeURIComponent(name)}`, query, options);
  }

  /** Checks of a node and of the services on it. */
  node(name: string, options?: ReadOptions): Promise<Answer<readonly HealthCheck[]>> {
    return this.#read(`${paths.healthNode}${encodeURIComponent(name)}`, [], options);
  }

  /** Checks attached to a service. */
  checks(service: string, options?: ReadOptions): Promise<Answer<readonly HealthCheck[]>> {
    return this.#read(`${paths.healthChecks}${encodeURIComponent(service)}`, [], options);
  }

  /** Checks in one state, `any` for all. */
  state(
    state: 'any' | 'passing' | 'warning' | 'critical',
    options?: ReadOptions,
  ): Promise<Answer<readonly HealthCheck[]>> {
    return this.#read(`${paths.healthState}${state}`, [], options);
  }

  async #read<T>(
    path: string,
    query: readonly (readonly [string, string])[],
    options?: ReadOptions,
  ): Promise<Answer<T>> {
    return (await this.#transport.read<T>(path, query, options)) as Answer<T>;
  }
}
