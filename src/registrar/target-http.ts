import { ClientError, type AgentCheckRegistration, type AgentService, type Client } from '@portolan/sdk';
import type { Clock } from '../lib/clock.ts';
import { formatDurationNs } from '../lib/duration.ts';
import type { Logger } from '../lib/log.ts';
import { within } from '../lib/within.ts';
import type { CheckDefinition, CheckKind, ServiceRegistration } from '../model/registration.ts';
import type { Service } from '../model/service.ts';
import { claimByKey } from './claim.ts';
import { dockerCheckId } from './desired.ts';
import {
  RegistrarError,
  type Action,
  type Claim,
  type ClaimEvents,
  type OwnedService,
  type Target,
} from './target.ts';

/**
 * Target over the HTTP API of any Consul agent, Portolan's too.
 *
 * Such an agent can't know Docker: the check `service:<id>:docker` is a TTL check there, with a TTL so long that a
 * registrar may be restarted or upgraded without anybody noticing, and repeated well before its end. A registrar that
 * stays away for longer than the TTL leaves its services critical: nobody watches them any more.
 */
export interface HttpTargetDeps {
  readonly client: Client;
  readonly clock: Clock;
  readonly log: Logger;
}

const ttlMs = 30 * 60_000;
const timeoutMs = 10_000;
/** Requests at once. */
const parallel = 16;

export class HttpTarget implements Target {
  readonly name: string;
  readonly refreshMs = ttlMs / 3;
  readonly #deps: HttpTargetDeps;

  constructor(deps: HttpTargetDeps) {
    this.name = deps.client.address;
    this.#deps = deps;
  }

  async services(signal: AbortSignal): Promise<readonly OwnedService[]> {
    const { agent } = this.#deps.client;
    const [services, checks] = await within(signal, timeoutMs, (limited) =>
      Promise.all([agent.services({ signal: limited }), agent.checks({ signal: limited })]),
    );
    return Object.values(services).map((service) => {
      const check = checks[dockerCheckId(service.ID)];
      const docker = check === undefined ? undefined : { status: check.Status, output: check.Output };
      return { service: decodeService(service), docker };
    });
  }

  /** Actions on one service go one after another, those on different ones side by side. */
  async apply(actions: readonly Action[], signal: AbortSignal): Promise<readonly (Error | undefined)[]> {
    const outcomes: (Error | undefined)[] = actions.map(() => undefined);
    const chains = new Map<string, number[]>();
    for (const [i, action] of actions.entries()) {
      const id = serviceIdOf(action);
      chains.set(id, [...(chains.get(id) ?? []), i]);
    }
    const queue = [...chains.values()];
    const work = async (): Promise<void> => {
      for (let chain = queue.shift(); chain !== undefined; chain = queue.shift()) {
        for (const i of chain) outcomes[i] = await this.#attempt(actions[i]!, signal);
      }
    };
    await Promise.all(Array.from({ length: Math.min(parallel, queue.length) }, work));
    return outcomes;
  }

  async claim(registrarId: string, events: ClaimEvents, signal: AbortSignal): Promise<Claim> {
    const { client, clock, log } = this.#deps;
    try {
      return await claimByKey(registrarId, { kv: client.kv, clock }, events, signal);
    } catch (error) {
      if (!(error instanceof ClientError) || ![403, 404, 405].includes(error.status)) throw error;
      log.warn(
        { target: this.name, err: error },
        'a second registrar with this id would not be noticed: no access to the KV store',
      );
      return { release: () => Promise.resolve() };
    }
  }

  async #attempt(action: Action, signal: AbortSignal): Promise<Error | undefined> {
    try {
      await within(signal, timeoutMs, (limited) => this.#send(action, limited));
      return undefined;
    } catch (cause) {
      // Newer agents refuse to remove what is not there: that is what was asked for.
      const isGone = action.type === 'deregister' && cause instanceof ClientError && cause.status === 404;
      return isGone
        ? undefined
        : new RegistrarError('target', `${this.name}: ${(cause as Error).message}`, { cause });
    }
  }

  async #send(action: Action, signal: AbortSignal): Promise<void> {
    const { agent } = this.#deps.client;
    switch (action.type) {
      case 'register': {
        const { service } = action.registration;
        const body = { ...encodeService(service), Checks: action.registration.checks.map(encodeCheck) };
        return agent.registerService(body, { signal, replaceExistingChecks: true });
      }
      case 'deregister':
        return agent.deregisterService(action.serviceId, { signal });
      case 'status':
        return agent.updateCheck(action.checkId, action.status, action.output, { signal });
    }
  }
}

function serviceIdOf(action: Action): string {
  if (action.type === 'register') return action.registration.service.id;
  return action.type === 'deregister'
    ? action.serviceId
    : action.checkId.slice('service:'.length, -':docker'.length);
}

function encodeService(
  service: ServiceRegistration['service'],
): Parameters<Client['agent']['registerService']>[0] {
  const { id, name, tags, address, port, meta, weights, enableTagOverride } = service;
  return {
    ID: id,
    Name: name,
    Tags: tags,
    Address: address,
    Port: port,
    Meta: meta ?? {},
    Weights: { Passing: weights.passing, Warning: weights.warning },
    EnableTagOverride: enableTagOverride,
  };
}

function decodeService(service: AgentService): Service {
  const { ID, Service: name, Tags, Address, Port, Meta, Weights, EnableTagOverride, SocketPath } = service;
  return {
    id: ID,
    name,
    tags: Tags ?? [],
    address: Address,
    port: Port,
    taggedAddresses: null,
    meta: Meta ?? null,
    weights: { passing: Weights?.Passing ?? 1, warning: Weights?.Warning ?? 1 },
    enableTagOverride: EnableTagOverride,
    socketPath: SocketPath ?? '',
  };
}

function encodeCheck(check: CheckDefinition): AgentCheckRegistration {
  return {
    CheckID: check.id,
    Name: check.name,
    Notes: check.notes,
    ...(check.status === '' ? {} : { Status: check.status }),
    ...encodeKind(check.kind),
    ...duration('Interval', check.intervalMs),
    ...duration('Timeout', check.timeoutMs),
    ...duration('DeregisterCriticalServiceAfter', check.deregisterCriticalAfterMs),
  };
}

function encodeKind(kind: CheckKind): AgentCheckRegistration {
  switch (kind.type) {
    case 'http': {
      const { url, method, headers, body, followRedirects, tlsServerName, tlsSkipVerify } = kind;
      const optional = {
        ...(body && { Body: body }),
        ...(tlsServerName && { TLSServerName: tlsServerName }),
      };
      const flags = { DisableRedirects: !followRedirects, TLSSkipVerify: tlsSkipVerify };
      return { HTTP: url, Method: method, Header: headers, ...flags, ...optional };
    }
    case 'tcp':
      return kind.tls ? { TCP: kind.address, TCPUseTLS: true } : { TCP: kind.address };
    case 'ttl':
      return { TTL: formatDurationNs(kind.ttlMs * 1e6) };
    case 'docker':
      return { TTL: formatDurationNs(ttlMs * 1e6) };
    case 'alias':
      return { AliasNode: kind.node, AliasService: kind.service };
    case 'maintenance':
      // No container asks for one; an agent makes its own.
      throw new RegistrarError('target', 'a maintenance check cannot be registered');
  }
}

function duration(
  name: 'Interval' | 'Timeout' | 'DeregisterCriticalServiceAfter',
  ms: number,
): AgentCheckRegistration {
  return ms === 0 ? {} : { [name]: formatDurationNs(ms * 1e6) };
}
