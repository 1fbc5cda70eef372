import { AgentClient } from './client-agent.ts';
import { CatalogClient } from './client-catalog.ts';
import { HealthClient } from './client-health.ts';
import { KvClient } from './client-kv.ts';
import { SessionClient } from './client-session.ts';
import {
  Transport,
  type Answer,
  type ClientOptions,
  type Query,
  type ReadOptions,
  type RequestOptions,
} from './transport.ts';
import { paths } from './wire/mod.ts';

/** A client of Portolan's HTTP API, and of any Consul's. Runs wherever there is fetch; holds no state. */
export class Client {
  readonly address: string;
  readonly agent: AgentClient;
  readonly catalog: CatalogClient;
  readonly health: HealthClient;
  readonly kv: KvClient;
  readonly session: SessionClient;
  readonly status: StatusClient;
  readonly #transport: Transport;

  constructor(options: ClientOptions) {
    const transport = new Transport(options);
    this.#transport = transport;
    this.address = transport.address;
    this.agent = new AgentClient(transport);
    this.catalog = new CatalogClient(transport);
    this.health = new HealthClient(transport);
    this.kv = new KvClient(transport);
    this.session = new SessionClient(transport);
    this.status = new StatusClient(transport);
  }

  /** Reads JSON from an endpoint that has no method here, such as `/v1/peerings`. */
  get<T>(path: string, query: Query = [], options: ReadOptions = {}): Promise<Answer<T | undefined>> {
    return this.#transport.read<T>(path, query, options);
  }
}

/** Cheap questions that every server answers; good for probes. */
export class StatusClient {
  readonly #transport: Transport;

  constructor(transport: Transport) {
    this.#transport = transport;
  }

  /** host:port of the leader, '' if there is none. */
  async leader(options?: RequestOptions): Promise<string> {
    return (await this.#transport.read<string>(paths.statusLeader, [], options)).data ?? '';
  }

  async peers(options?: RequestOptions): Promise<readonly string[]> {
    return (await this.#transport.read<readonly string[]>(paths.statusPeers, [], options)).data ?? [];
  }
}
