import type { CheckDefinition } from '../model/registration.ts';
import type { Service } from '../model/service.ts';

/**
 * The persistence seam: what of the registry survives a restart. Services and checks that came by the API, maintenance,
 * and what TTL checks last reported. Containers' services are found out again and file-defined ones are read again.
 *
 * Promises (persistence.testkit.ts): `write` is all or nothing, writes apply in call order, and with `durable` it
 * survives power loss when it resolves, without it at least kill -9. `load` shows what was written before.
 */
export interface Persistence {
  load(): Promise<Persisted>;
  write(changes: readonly PersistedChange[], options: { readonly durable: boolean }): Promise<void>;
  close(): Promise<void>;
}

export interface Persisted {
  readonly services: readonly Service[];
  /** Ids and service ids are filled in. Maintenance is a check of kind `maintenance`. */
  readonly checks: readonly CheckDefinition[];
  /** By check id. */
  readonly ttls: ReadonlyMap<string, TtlState>;
  /** Records that could not be read, for the log; they are left where they are. */
  readonly unreadable: readonly string[];
}

export interface TtlState {
  readonly status: string;
  readonly output: string;
  /** When the report goes stale, in milliseconds of the wall clock. */
  readonly expiresAtMs: number;
}

/** One record; null removes it. */
export type PersistedChange =
  | { readonly type: 'service'; readonly id: string; readonly value: Service | null }
  | { readonly type: 'check'; readonly id: string; readonly value: CheckDefinition | null }
  | { readonly type: 'ttl'; readonly id: string; readonly value: TtlState | null };
