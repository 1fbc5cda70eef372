import { createHash } from 'node:crypto';
import type { Service } from '../model/service.ts';

/** 16 hex digits that stand for all that clients see of a service; the order of keys does not count. */
export function contentHash(service: Service): string {
  const content = [
    service.id,
    service.name,
    service.tags,
    service.address,
    service.port,
    sorted(service.taggedAddresses)?.map(([tag, { address, port }]) => [tag, address, port]),
    sorted(service.meta),
    [service.weights.passing, service.weights.warning],
    service.enableTagOverride,
    service.socketPath,
  ];
  return createHash('sha256').update(JSON.stringify(content)).digest('hex').slice(0, 16);
}

function sorted<T>(record: Readonly<Record<string, T>> | null): [string, T][] | null {
  if (record === null) return null;
  return Object.entries(record).sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
}
