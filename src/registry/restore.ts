import type { Clock } from '../lib/clock.ts';
import { eachInSlices } from '../lib/slices.ts';
import type { CheckDefinition, ServiceRegistration } from '../model/registration.ts';
import type { Service } from '../model/service.ts';
import type { Gates } from './gates.ts';
import type { CatalogRows } from './own-rows.ts';
import type { Persisted, PersistedChange } from './persistence.ts';
import type { LocalState } from './local-state.ts';
import type { LastKnown, Truth } from './truth.ts';

/** What the configuration files define. */
export interface Configured {
  readonly services: readonly ServiceRegistration[];
  /** Checks of the node, or of services by id. */
  readonly checks: readonly CheckDefinition[];
}

export interface RestoreDeps {
  readonly state: LocalState;
  readonly gates: Gates;
  readonly catalogRows: () => CatalogRows;
  readonly clock: Clock;
}

/**
 * What a restart must not change: registrations from the disk and from files come back with the status that the catalog
 * last had, and so do those of sources that report later.
 */
export class Restore {
  readonly #deps: RestoreDeps;
  #persisted: Persisted = nothing;
  #isRestoring = false;
  /** Checks from the disk whose service has not come yet. */
  readonly #waiting = new Map<string, CheckDefinition[]>();

  constructor(deps: RestoreDeps) {
    this.#deps = deps;
  }

  /**
   * Registers what files and disk say, in slices; what files define wins. Nothing else may change the truth meanwhile.
   * Returns the records that are of no use any more and the checks of files that name a service that is not there.
   */
  async run(
    persisted: Persisted,
    configured: Configured,
    truth: Truth,
  ): Promise<{ readonly stale: readonly PersistedChange[]; readonly refused: readonly string[] }> {
    const { state, clock } = this.#deps;
    this.#persisted = persisted;
    this.#isRestoring = true;
    const stale: PersistedChange[] = [];
    const refused = configure(configured, state, truth);
    await eachInSlices(persisted.services, clock, (service) => {
      if (state.services.has(service.id)) stale.push({ type: 'service', id: service.id, value: null });
      else truth.putService(service, 'api');
    });
    await eachInSlices(persisted.checks, clock, (check) => {
      if (state.checks.has(check.id)) stale.push({ type: 'check', id: check.id, value: null });
      else if (check.serviceId === '' || state.services.has(check.serviceId)) truth.putCheck(check, 'api');
      else this.#wait(check);
    });
    await eachInSlices(persisted.ttls.keys(), clock, (id) => {
      if (!state.checks.has(id)) stale.push({ type: 'ttl', id, value: null });
    });
    this.#persisted = nothing;
    this.#isRestoring = false;
    return { stale, refused };
  }

  /** Checks that waited for this service. */
  takeWaiting(serviceId: string): readonly CheckDefinition[] {
    const checks = this.#waiting.get(serviceId) ?? [];
    this.#waiting.delete(serviceId);
    return checks;
  }

  /** Every source has reported: services that did not come will not, and what waits for them goes. */
  dropWaiting(): readonly PersistedChange[] {
    const checks = Array.from(this.#waiting.values()).flat();
    this.#waiting.clear();
    return checks.map(({ id }) => ({ type: 'check', id, value: null }));
  }

  lastKnown(definition: CheckDefinition): LastKnown | undefined {
    if (!this.#applies) return undefined;
    const row = this.#deps.catalogRows().checks.get(definition.id);
    const isSame =
      row !== undefined && row.serviceId === definition.serviceId && row.type === definition.kind.type;
    const report = this.#persisted.ttls.get(definition.id);
    const ttlLeftMs = report === undefined ? 0 : report.expiresAtMs - this.#deps.clock.wallMs();
    if (report === undefined || ttlLeftMs <= 0 || definition.kind.type !== 'ttl') {
      return isSame ? { status: row.status, output: row.output } : undefined;
    }
    const left = { ttlLeftMs: Math.min(ttlLeftMs, definition.kind.ttlMs) };
    if (!isSame) return { status: report.status, output: report.output, ...left };
    // The row decides about the status, or the restart would change it. The report may have the newer output.
    if (row.status !== report.status) return { status: row.status, output: row.output, ...left };
    return { status: row.status, output: report.output, deferOutput: row.output !== report.output, ...left };
  }

  /** Tags that somebody else put in place of a service's own, before this agent was restarted. */
  lastTags(service: Service): readonly string[] | undefined {
    if (!service.enableTagOverride || !this.#applies || this.#deps.state.services.has(service.id))
      return undefined;
    return this.#deps.catalogRows().services.get(service.id)?.tags;
  }

  get #applies(): boolean {
    return this.#isRestoring || !this.#deps.gates.isOpen;
  }

  #wait(check: CheckDefinition): void {
    const others = this.#waiting.get(check.serviceId);
    if (others === undefined) this.#waiting.set(check.serviceId, [check]);
    else others.push(check);
  }
}

/**
 * Registers what the files define now, in place of what they defined before. Returns the ids of checks whose service is
 * not registered: they are left out.
 */
export function configure(configured: Configured, state: LocalState, truth: Truth): readonly string[] {
  for (const registration of configured.services) truth.register(registration, 'file', true);
  const refused: string[] = [];
  for (const check of configured.checks) {
    if (check.serviceId !== '' && !state.services.has(check.serviceId)) refused.push(check.id);
    else truth.putCheck(check, 'file');
  }
  return refused;
}

/** Ids default to names. */
export function withIds({ services, checks }: Configured): Configured {
  return {
    services: services.map((registration) => {
      const { service } = registration;
      return service.id === ''
        ? { ...registration, service: { ...service, id: service.name } }
        : registration;
    }),
    checks: checks.map((check) => (check.id === '' ? { ...check, id: check.name } : check)),
  };
}

const nothing: Persisted = { services: [], checks: [], ttls: new Map(), unreadable: [] };
