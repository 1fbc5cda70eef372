import type { Catalog } from '../catalog/catalog.ts';
import { fold, liveKey } from '../catalog/keys.ts';
import type { CheckRow } from '../catalog/rows.ts';
import type { CatalogWriter } from '../catalog/writer.ts';
import type { Clock } from '../lib/clock.ts';
import { parseDurationNs } from '../lib/duration.ts';
import type { Logger } from '../lib/log.ts';
import type { Job } from './steward.ts';

/** However short the limit that a check asks for. Source: consul.md 2.5. */
const minAfterMs = 60_000;

/**
 * Deregisters services of nodes without a live agent, dead or external, once a check of theirs has been critical for
 * longer than it allows. A live agent does that for its own node. The time is this steward's: a new one counts anew.
 */
export class CriticalServices implements Job {
  readonly name = 'critical services';
  readonly #deps: {
    readonly catalog: Pick<Catalog, 'checksInState' | 'live'>;
    readonly writer: Pick<CatalogWriter, 'deregister'>;
    readonly clock: Clock;
    readonly log: Logger;
  };
  /** By node and check. */
  #since = new Map<string, number>();

  constructor(deps: {
    readonly catalog: Pick<Catalog, 'checksInState' | 'live'>;
    readonly writer: Pick<CatalogWriter, 'deregister'>;
    readonly clock: Clock;
    readonly log: Logger;
  }) {
    this.#deps = deps;
  }

  async run(signal: AbortSignal): Promise<void> {
    const { catalog, clock } = this.#deps;
    const nowMs = clock.monotonicMs();
    const since = new Map<string, number>();
    const overdue: CheckRow[] = [];
    for (const check of catalog.checksInState('critical').read()) {
      const allowedMs = check.serviceId === '' ? 0 : allowed(check);
      if (allowedMs <= 0 || catalog.live(check.node.name) !== undefined) continue;
      const key = `${fold(check.node.name)}\0${check.id}`;
      const fromMs = this.#since.get(key) ?? nowMs;
      since.set(key, fromMs);
      if (nowMs - fromMs >= Math.max(minAfterMs, allowedMs)) overdue.push(check);
    }
    this.#since = since;
    for (const check of overdue) if (!signal.aborted) await this.#deregister(check);
  }

  async #deregister({ node: { name: node }, serviceId }: CheckRow): Promise<void> {
    const fence = { key: liveKey(node), modRevision: 0 };
    await this.#deps.writer.deregister({ node, serviceId }, { fence: () => fence });
    this.#deps.log.info(
      { node, service: serviceId },
      'deregistered a service that was critical for too long',
    );
  }
}

/** Agents' checks say so in their row, those of external monitors in their definition. */
function allowed({ deregisterAfterMs, definition }: CheckRow): number {
  if (deregisterAfterMs > 0) return deregisterAfterMs;
  const given =
    definition?.['DeregisterCriticalServiceAfterDuration'] ?? definition?.['DeregisterCriticalServiceAfter'];
  const ns = typeof given === 'string' ? parseDurationNs(given) : given;
  return typeof ns === 'number' ? ns / 1e6 : 0;
}
