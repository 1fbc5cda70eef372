import type { Service } from '../model/service.ts';
import type { Action, Claim, ClaimEvents, OwnedService, Target } from './target.ts';
import { RegistrarError } from './target.ts';

/** A target in memory that a test can read, upset and switch off. */
export class MemoryTarget implements Target {
  readonly name = 'memory';
  refreshMs = 0;
  readonly held = new Map<string, OwnedService>();
  readonly applied: Action[][] = [];
  /** Thrown by every call while it is set. */
  failure: Error | undefined;
  /** Given by `apply` for these service ids. */
  readonly refused = new Map<string, Error>();
  readonly #claims = new Map<string, ClaimEvents>();
  #gate: Promise<void> | undefined;
  #openGate: () => void = () => {};

  async services(): Promise<readonly OwnedService[]> {
    if (this.failure !== undefined) throw this.failure;
    return [...this.held.values()];
  }

  async apply(actions: readonly Action[]): Promise<readonly (Error | undefined)[]> {
    this.applied.push([...actions]);
    await this.#gate;
    if (this.failure !== undefined) throw this.failure;
    return actions.map((action) => this.#apply(action));
  }

  async claim(registrarId: string, events: ClaimEvents): Promise<Claim> {
    if (this.failure !== undefined) throw this.failure;
    if (this.#claims.has(registrarId)) throw new RegistrarError('claimed', `${registrarId} is taken`);
    this.#claims.set(registrarId, events);
    return { release: async () => void this.#claims.delete(registrarId) };
  }

  // ---- for tests ----

  /** Applies wait until `open`. */
  shut(): void {
    this.#gate = new Promise((resolve) => (this.#openGate = resolve));
  }

  open(): void {
    this.#gate = undefined;
    this.#openGate();
  }

  doubt(): void {
    for (const { onDoubt } of this.#claims.values()) onDoubt();
  }

  /** `id address:port status` of every service, sorted. */
  rows(): string[] {
    return [...this.held.values()]
      .map(
        ({ service, docker }) => `${service.id} ${service.address}:${service.port} ${docker?.status ?? '-'}`,
      )
      .sort();
  }

  #apply(action: Action): Error | undefined {
    const id =
      action.type === 'status' ? action.checkId.replace(/^service:(.*):docker$/, '$1') : serviceId(action);
    const refusal = this.refused.get(id);
    if (refusal !== undefined) return refusal;
    if (action.type === 'deregister') this.held.delete(id);
    else if (action.type === 'register') this.#register(id, action);
    else return this.#setStatus(id, action.status, action.output);
    return undefined;
  }

  /** As registries do: a check that was there keeps its status. */
  #register(id: string, action: Action & { type: 'register' }): void {
    const docker = this.held.get(id)?.docker ?? dockerOf(action);
    this.held.set(id, { service: action.registration.service, docker });
  }

  #setStatus(id: string, status: string, output: string): Error | undefined {
    const held = this.held.get(id);
    if (held?.docker === undefined) return new Error(`no check of ${id}`);
    this.held.set(id, { ...held, docker: { status, output } });
    return undefined;
  }
}

/** A service that no registrar registered. */
export function foreignService(id: string, parts: Partial<Service> = {}): OwnedService {
  return {
    service: {
      id,
      name: id,
      tags: [],
      address: '10.0.0.9',
      port: 99,
      taggedAddresses: null,
      meta: null,
      weights: { passing: 1, warning: 1 },
      enableTagOverride: false,
      socketPath: '',
      ...parts,
    },
    docker: undefined,
  };
}

function serviceId(action: Exclude<Action, { type: 'status' }>): string {
  return action.type === 'register' ? action.registration.service.id : action.serviceId;
}

function dockerOf(action: Action & { type: 'register' }): OwnedService['docker'] {
  const check = action.registration.checks.find(({ kind }) => kind.type === 'docker');
  return check === undefined ? undefined : { status: check.status, output: '' };
}
