/**
 * The pure rules by which a source turns catalog data into answers: aggregated status, filters, orders.
 * Source: consul-template dependency/health_service.go and catalog_*.go.
 */
import { compareUtf8 } from '../lib/bytes.ts';
import type { HealthService, KeyPair, NodeRecord, NodeService, Query } from './source.ts';

/**
 * Worst of all checks, the node's included: maintenance > critical > warning > passing; none is passing. A check with
 * another word, which a registration in the catalog may bring, makes it '': nobody's filter but `any` takes that.
 */
export function aggregateStatus(
  checks: readonly { readonly checkId: string; readonly status: string }[],
): string {
  let worst = 0;
  for (const { checkId, status } of checks) {
    const isMaintenance = checkId === '_node_maintenance' || checkId.startsWith('_service_maintenance:');
    const rank = isMaintenance ? statuses.length - 1 : statuses.indexOf(status);
    if (rank < 0) return '';
    worst = Math.max(worst, rank);
  }
  return statuses[worst]!;
}

const statuses: readonly string[] = ['passing', 'warning', 'critical', 'maintenance'];

/** Whether an aggregated status is among a service query's filters. */
export function acceptsStatus(filters: readonly string[], status: string): boolean {
  return filters.includes('any') || filters.includes(status);
}

/** Instances as the query wants them: filtered, and in order unless the server's order by distance stands. */
export function selectInstances(
  query: Extract<Query, { type: 'service' }>,
  instances: readonly HealthService[],
): readonly HealthService[] {
  const chosen = instances.filter(
    (instance) =>
      acceptsStatus(query.filters, instance.status) &&
      (query.tag === '' || instance.tags.some((tag) => tag.toLowerCase() === query.tag.toLowerCase())),
  );
  return query.near === '' ? chosen.sort(byNodeThenId) : chosen;
}

function byNodeThenId(a: HealthService, b: HealthService): number {
  return compareUtf8(a.node, b.node) || compareUtf8(a.id, b.id);
}

export function byNodeThenAddress(a: NodeRecord, b: NodeRecord): number {
  return compareUtf8(a.node, b.node) || compareUtf8(a.address, b.address);
}

export function byServiceThenId(a: NodeService, b: NodeService): number {
  return compareUtf8(a.service, b.service) || compareUtf8(a.id, b.id);
}

/** A key's name below the prefix that listed it. */
export function keyBelow(prefix: string, path: string): string {
  return (path.startsWith(prefix) ? path.slice(prefix.length) : path).replace(/^\/+/, '');
}

export function byPath(a: KeyPair, b: KeyPair): number {
  return compareUtf8(a.path, b.path);
}
