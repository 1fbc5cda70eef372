import type { Service } from './service.ts';

/**
 * A check as its owner defines it, before it has run: what agent/check/register, a service file or a container's
 * labels ask for. Durations in milliseconds; 0 means unset. Source: consul.md 1.1, "Check definition".
 */
export interface CheckDefinition {
  /** '' = derived: `service:<id>` (`:n` when several) in a service, the name otherwise. */
  readonly id: string;
  readonly name: string;
  readonly notes: string;
  /** '' = a check of the node. */
  readonly serviceId: string;
  /** Status until it first ran; '' = critical. */
  readonly status: string;
  readonly kind: CheckKind;
  readonly intervalMs: number;
  readonly timeoutMs: number;
  readonly outputMaxBytes: number;
  readonly successBeforePassing: number;
  readonly failuresBeforeWarning: number;
  readonly failuresBeforeCritical: number;
  /** 0 = never. */
  readonly deregisterCriticalAfterMs: number;
}

/** What a check does. A new kind is one entry here, one file in health/ and one line in its table. */
export type CheckKind =
  | { readonly type: 'ttl'; readonly ttlMs: number }
  | {
      readonly type: 'http';
      readonly url: string;
      readonly method: string;
      readonly headers: Readonly<Record<string, readonly string[]>>;
      readonly body: string;
      readonly followRedirects: boolean;
      readonly tlsServerName: string;
      readonly tlsSkipVerify: boolean;
    }
  | {
      readonly type: 'tcp';
      readonly address: string;
      readonly tls: boolean;
      /** Only with `tls`; default: the host of `address`. */
      readonly tlsServerName?: string;
      readonly tlsSkipVerify?: boolean;
    }
  /** Mirrors another service's worst status. */
  | { readonly type: 'alias'; readonly node: string; readonly service: string }
  /** Status comes from outside by id (Docker HEALTHCHECK); nobody runs or expires it. */
  | { readonly type: 'docker' }
  | { readonly type: 'maintenance' };

/** A service with its checks, as given to a registry in one piece. */
export interface ServiceRegistration {
  readonly service: Service;
  readonly checks: readonly CheckDefinition[];
}
