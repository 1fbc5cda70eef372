import type { Clock } from '../lib/clock.ts';
import { pause } from '../lib/pause.ts';
import type { LocalCheck } from './local.ts';

/** However short the limit that a check asks for. */
const minAfterMs = 60_000;
const reapIntervalMs = 30_000;

/** Since when checks with `deregister_critical_service_after` are critical. Others cost nothing here. */
export class CriticalSince {
  readonly #clock: Clock;
  readonly #since = new Map<LocalCheck['id'], number>();

  constructor(deps: { readonly clock: Clock }) {
    this.#clock = deps.clock;
  }

  /** The check's status was set. */
  note(check: LocalCheck): void {
    const { template, id } = check;
    if (template.deregisterCriticalAfterMs <= 0 || check.service === undefined) this.#since.delete(id);
    else if (check.status !== 'critical') this.#since.delete(id);
    else if (!this.#since.has(id)) this.#since.set(id, this.#clock.monotonicMs());
  }

  forget(id: string): void {
    this.#since.delete(id);
  }

  /** Services of which a check has been critical for as long as it allows. */
  overdue(checks: ReadonlyMap<string, LocalCheck>): readonly string[] {
    const nowMs = this.#clock.monotonicMs();
    const services = new Set<string>();
    for (const [id, since] of this.#since) {
      const check = checks.get(id);
      if (check === undefined) continue;
      const allowedMs = Math.max(minAfterMs, check.template.deregisterCriticalAfterMs);
      if (nowMs - since >= allowedMs) services.add(check.serviceId);
    }
    return [...services];
  }

  /** Calls `reap` now and then until `signal` aborts. */
  async run(reap: () => void, signal: AbortSignal): Promise<void> {
    for (;;) {
      await pause(this.#clock, reapIntervalMs, signal);
      if (signal.aborted) return;
      if (this.#since.size > 0) reap();
    }
  }
}
