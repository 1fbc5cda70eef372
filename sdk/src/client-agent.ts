import type { RequestOptions, Transport } from './transport.ts';
import {
  paths,
  type AgentCheckRegistration,
  type AgentMetrics,
  type AgentSelf,
  type AgentService,
  type AgentServiceRegistration,
  type AgentTemplate,
  type AgentVersion,
  type HealthCheck,
  type Member,
} from './wire/mod.ts';

export type CheckStatus = 'passing' | 'warning' | 'critical';

/** The agent that answers: its own services, checks and state. */
export class AgentClient {
  readonly #transport: Transport;

  constructor(transport: Transport) {
    this.#transport = transport;
  }

  self(options?: RequestOptions): Promise<AgentSelf> {
    return this.#get(paths.agentSelf, options);
  }

  version(options?: RequestOptions): Promise<AgentVersion> {
    return this.#get(paths.agentVersion, options);
  }

  metrics(options?: RequestOptions): Promise<AgentMetrics> {
    return this.#get(paths.agentMetrics, options);
  }

  /** How the templates of the agent are doing; only Portolan has this endpoint. */
  templates(options?: RequestOptions): Promise<readonly AgentTemplate[]> {
    return this.#get(paths.agentTemplates, options);
  }

  members(options?: RequestOptions): Promise<readonly Member[]> {
    return this.#get(paths.agentMembers, options);
  }

  /** The agent reads its configuration files again; rejects when there is a mistake in them, which changes nothing. */
  reload(options?: RequestOptions): Promise<void> {
    return this.#put(paths.agentReload, options);
  }

  /** The agent's node leaves the catalog, then the agent stops. */
  leave(options?: RequestOptions): Promise<void> {
    return this.#put(paths.agentLeave, options);
  }

  /** Takes a dead agent's node out of the catalog; `prune`: the agent is no member any more either. */
  async forceLeave(node: string, options: RequestOptions & { prune?: boolean } = {}): Promise<void> {
    const query = options.prune === true ? ([['prune', '']] as const) : [];
    await this.#transport.write('PUT', `${paths.agentForceLeave}${twice(node)}`, query, undefined, options);
  }

  /** By service ID. */
  services(options?: RequestOptions & { filter?: string }): Promise<Readonly<Record<string, AgentService>>> {
    return this.#get(paths.agentServices, options, options?.filter);
  }

  /** By check ID. */
  checks(options?: RequestOptions & { filter?: string }): Promise<Readonly<Record<string, HealthCheck>>> {
    return this.#get(paths.agentChecks, options, options?.filter);
  }

  /** undefined when the agent has no such service. With `hash` it waits until the service's hash is another. */
  async service(
    id: string,
    options: RequestOptions & { hash?: string; waitMs?: number } = {},
  ): Promise<AgentService | undefined> {
    const query = [
      ['hash', options.hash],
      ['wait', options.waitMs === undefined ? undefined : `${Math.round(options.waitMs)}ms`],
    ] as const;
    const answer = await this.#transport.read<AgentService>(
      `${paths.agentService}${twice(id)}`,
      query,
      pick(options),
      true,
    );
    return answer.data;
  }

  /** Replaces the service with this ID; checks that are not listed stay unless `replaceExistingChecks`. */
  async registerService(
    registration: AgentServiceRegistration,
    options: RequestOptions & { replaceExistingChecks?: boolean } = {},
  ): Promise<void> {
    const query =
      options.replaceExistingChecks === true ? ([['replace-existing-checks', 'true']] as const) : [];
    await this.#transport.write('PUT', paths.agentServiceRegister, query, registration, options);
  }

  deregisterService(id: string, options?: RequestOptions): Promise<void> {
    return this.#put(`${paths.agentServiceDeregister}${twice(id)}`, options);
  }

  async registerCheck(check: AgentCheckRegistration, options?: RequestOptions): Promise<void> {
    await this.#transport.write('PUT', paths.agentCheckRegister, [], check, options);
  }

  deregisterCheck(id: string, options?: RequestOptions): Promise<void> {
    return this.#put(`${paths.agentCheckDeregister}${twice(id)}`, options);
  }

  /** Sets the status of a TTL check and starts its time anew. */
  async updateCheck(id: string, status: CheckStatus, output = '', options?: RequestOptions): Promise<void> {
    const body = { Status: status, Output: output };
    await this.#transport.write('PUT', `${paths.agentCheckUpdate}${twice(id)}`, [], body, options);
  }

  /** Turns maintenance mode of a service, or of the whole node when `id` is undefined, on or off. */
  async maintenance(
    id: string | undefined,
    enable: boolean,
    reason = '',
    options?: RequestOptions,
  ): Promise<void> {
    const path = id === undefined ? paths.agentMaintenance : `${paths.agentServiceMaintenance}${twice(id)}`;
    const query = [
      ['enable', String(enable)],
      ['reason', reason === '' ? undefined : reason],
    ] as const;
    await this.#transport.write('PUT', path, query, '', options);
  }

  async #get<T>(path: string, options: RequestOptions | undefined, filter?: string): Promise<T> {
    const answer = await this.#transport.read<T>(path, [['filter', filter]], pick(options));
    return answer.data as T;
  }

  async #put(path: string, options: RequestOptions | undefined): Promise<void> {
    await this.#transport.write('PUT', path, [], '', options);
  }
}

/** Agent endpoints decode the names in their paths twice. */
function twice(name: string): string {
  return encodeURIComponent(name.includes('%') ? name.replaceAll('%', '%25') : name);
}

function pick(options: RequestOptions | undefined): RequestOptions {
  return {
    ...(options?.signal === undefined ? {} : { signal: options.signal }),
    ...(options?.datacenter === undefined ? {} : { datacenter: options.datacenter }),
    ...(options?.token === undefined ? {} : { token: options.token }),
  };
}
