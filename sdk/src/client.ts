import { AgentClient } from './client-agent.ts';
import { CatalogClient } from './client-catalog.ts';
import { HealthClient } from './client-health.ts';
import { KvClient } from './client-kv.ts';
import { Transport, type ClientOptions, type RequestOptions } from './transport.ts';
import { paths } from './wire/mod.ts';

/** A client of Portolan's HTTP API, and of any Consul's. Runs wherever there is fetch; holds no state. */
export class Client {
  readonly address: string;
  readonly agent: AgentClient;
  readonly catalog: CatalogClient;
  readonly health: HealthClient;
  readonly kv: KvClient;
  readonly status: StatusClient;

  constructor(options: ClientOptions) {
    const transport = new Transport(options);
    this.address = transport.address;
    this.agent = new AgentClient(transport);
    this.catalog = new CatalogClient(transport);
    this.health = new HealthClient(transport);
    this.kv = new KvClient(transport);
    this.status = new StatusClient(transport);
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
