/**
 * The registrar's Target inside the agent: this process's registry.
 *
 * After a restart the registry knows nothing of containers, while the catalog still shows the last known state: those
 * rows count as held too, so that they can turn critical when Docker stays away.
 */
import type { Catalog } from '../catalog/catalog.ts';
import type { CatalogWriter } from '../catalog/writer.ts';
import type { Kv } from '../kv/kv.ts';
import type { Clock } from '../lib/clock.ts';
import type { Check } from '../model/check.ts';
import type { Service } from '../model/service.ts';
import { parseMark } from '../registrar/mark.ts';
import { claimByKey, claimKey, type ClaimKv } from '../registrar/claim.ts';
import {
  type Action,
  type Claim,
  type ClaimEvents,
  type OwnedService,
  RegistrarError,
  type Target,
} from '../registrar/target.ts';
import type { Watches } from '../watch/watches.ts';
import type { Registry } from '../registry/registry.ts';

export interface RegistryTargetDeps {
  readonly registry: Registry;
  readonly catalog: Catalog;
  readonly writer: Pick<CatalogWriter, 'syncNode'>;
  readonly kv: Kv;
  readonly watches: Watches;
  readonly clock: Clock;
}

const dockerCheckId = (serviceId: string): string => `service:${serviceId}:docker`;

export class RegistryTarget implements Target {
  readonly name = 'this agent';
  readonly refreshMs = 0;
  readonly #deps: RegistryTargetDeps;

  constructor(deps: RegistryTargetDeps) {
    this.#deps = deps;
  }

  services(): Promise<readonly OwnedService[]> {
    const { registry } = this.#deps;
    const held: OwnedService[] = [];
    for (const service of registry.services().values()) {
      held.push({ service, docker: registry.checks().get(dockerCheckId(service.id)) });
    }
    const rows = this.#rows();
    for (const service of rows.services.values()) {
      if (registry.service(service.id) !== undefined || parseMark(service) === undefined) continue;
      // Without its hash it counts as different: the first list registers it anew, which moves no equal row.
      const { ['portolan-hash']: _, ...meta } = service.meta ?? {};
      held.push({ service: withMeta(service, meta), docker: rows.checks.get(dockerCheckId(service.id)) });
    }
    return Promise.resolve(held);
  }

  async apply(actions: readonly Action[]): Promise<readonly (Error | undefined)[]> {
    // Decided once, before anything changes: registering a service makes its checks the registry's.
    const registered = new Set(
      actions.flatMap((action) =>
        action.type === 'register' ? [dockerCheckId(action.registration.service.id)] : [],
      ),
    );
    const isRowOnly = actions.map((action) => this.#isRowOnly(action, registered));
    const done = await this.#deps.registry.applyActions(actions.filter((_, at) => !isRowOnly[at]));
    const left = actions.filter((_, at) => isRowOnly[at]);
    if (left.length === 0) return done;
    await this.#applyToRows(left);
    const outcomes = done[Symbol.iterator]();
    return isRowOnly.map((rowOnly) => (rowOnly ? undefined : outcomes.next().value));
  }

  /**
   * One registry has one registrar inside its process, and the data directory's lock keeps other agents out: no key is
   * written, so that a restart moves no index. A registrar outside that has claimed this id over HTTP is asked first.
   */
  async claim(registrarId: string, events: ClaimEvents, signal: AbortSignal): Promise<Claim> {
    const { kv, clock } = this.#deps;
    if (kv.get(claimKey(registrarId)).read() === undefined) return { release: () => Promise.resolve() };
    return claimByKey(registrarId, { kv: this.#claimKv(), clock }, events, signal);
  }

  #claimKv(): ClaimKv {
    const { kv, watches } = this.#deps;
    return {
      get: async (key, { index = 0, waitMs = 0, signal = new AbortController().signal }) => {
        const view = kv.get(key);
        if (index > 0) await watches.park(view, index, waitMs, signal);
        return { data: view.read(), index: view.index() };
      },
      put: (key, value, { cas }) => kv.put(key, Buffer.from(value), 0n, { cas }),
      delete: (key, { cas }) => kv.delete(key, { cas }),
    };
  }

  /** A status or an end for a service of a former life, which the catalog shows and the registry does not hold. */
  #isRowOnly(action: Action, registered: ReadonlySet<string>): boolean {
    const { registry } = this.#deps;
    if (action.type === 'register') return false;
    if (action.type === 'status') {
      if (registry.checks().has(action.checkId) || registered.has(action.checkId)) return false;
      return this.#rows().checks.has(action.checkId);
    }
    return registry.service(action.serviceId) === undefined && this.#rows().services.has(action.serviceId);
  }

  async #applyToRows(actions: readonly Action[]): Promise<void> {
    const rows = this.#rows();
    const { registry, writer } = this.#deps;
    const putChecks = actions.flatMap((action) => {
      const row = action.type === 'status' ? rows.checks.get(action.checkId) : undefined;
      return row === undefined || action.type !== 'status'
        ? []
        : [withStatus(row, action.status, action.output)];
    });
    const deleteServices = actions.flatMap((action) =>
      action.type === 'deregister' ? [action.serviceId] : [],
    );
    const changes = { node: registry.node, putServices: [], deleteServices, putChecks, deleteChecks: [] };
    try {
      await writer.syncNode(changes, { rederivable: true });
    } catch (cause) {
      throw new RegistrarError('target', `the catalog did not take the change: ${(cause as Error).message}`, {
        cause,
      });
    }
  }

  #rows(): ReturnType<Catalog['rowsOf']> {
    return this.#deps.catalog.rowsOf(this.#deps.registry.node.name);
  }
}

function withStatus(row: Check, status: string, output: string): Check {
  const { id, name, notes, serviceId, serviceName, type, interval, timeout, definition } = row;
  const { deregisterAfterMs } = row;
  const kept = { id, name, notes, serviceId, serviceName, type, interval, timeout, definition };
  return { ...kept, deregisterAfterMs, status, output };
}

/** Field by field: what a row has by getters a spread would leave out. */
function withMeta(row: Service, meta: Service['meta']): Service {
  const { id, name, tags, address, port, taggedAddresses, weights, enableTagOverride, socketPath } = row;
  return { id, name, tags, address, port, taggedAddresses, meta, weights, enableTagOverride, socketPath };
}
