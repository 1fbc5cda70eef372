/** Health of a node or of one service instance. Catalog registration accepts any other word too. */
export const checkStatuses = ['passing', 'warning', 'critical'] as const;
export type CheckStatus = (typeof checkStatuses)[number];

/** A check as the catalog holds it. `serviceId` is '' for a check of the node itself. */
export interface Check {
  readonly id: string;
  readonly name: string;
  /** A CheckStatus, or whatever word a catalog registration brought. */
  readonly status: string;
  readonly notes: string;
  readonly output: string;
  readonly serviceId: string;
  readonly serviceName: string;
  /** `http tcp ttl ... maintenance` or ''. */
  readonly type: string;
  /** Go duration text as registered, '' if none. */
  readonly interval: string;
  readonly timeout: string;
  /** What external monitors run (catalog registrations only), as given; null for agents' checks. */
  readonly definition: Readonly<Record<string, unknown>> | null;
  /** How long an agent's check may be critical before its service goes; none: for ever. In no answer. */
  readonly deregisterAfterMs?: number | undefined;
}

export const serfHealth = 'serfHealth';
export const nodeMaintenance = '_node_maintenance';
export const serviceMaintenancePrefix = '_service_maintenance:';

export type AggregatedStatus = CheckStatus | 'maintenance';

/** The worst of several checks: maintenance > critical > warning > passing (Consul api.HealthChecks.AggregatedStatus). */
export function aggregateStatus(
  checks: Iterable<{ readonly id: string; readonly status: string }>,
): AggregatedStatus {
  let worst: AggregatedStatus = 'passing';
  for (const { id, status } of checks) {
    if (id === nodeMaintenance || id.startsWith(serviceMaintenancePrefix)) return 'maintenance';
    if (status === 'critical') worst = 'critical';
    else if (status === 'warning' && worst === 'passing') worst = 'warning';
  }
  return worst;
}
