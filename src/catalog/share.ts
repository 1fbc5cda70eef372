import { defaultWeights } from '../model/service.ts';
import { packAddresses, type PackedAddresses } from '../model/tagged-addresses.ts';
import { type CheckFields, noTags, type ServiceFields } from './codec.ts';
import type { CheckOwn, CheckRow, CheckShape, ServiceOwn, ServiceRow, ServiceShape } from './rows.ts';
import { sameTexts, sameValue } from './same.ts';

/**
 * Stored fields -> the parts of a row, sharing with a sibling (the row of the same service name read before) what is
 * equal. Siblings nearly always agree, so this keeps one copy without a table of all values ever seen. An older version
 * of the row lends what is its own: its id is a key of maps, which keep the first string that they were given.
 */

export function serviceShape(fields: ServiceFields, sibling: ServiceRow | undefined): ServiceShape {
  const name = fields[1];
  const tags = fields[4] ?? noTags;
  const weights = fields[7] ? { passing: fields[7][0], warning: fields[7][1] } : defaultWeights;
  const enableTagOverride = fields[8] === 1;
  const socketPath = fields[9] ?? '';
  const known = sibling?.shape;
  if (
    known !== undefined &&
    known.name === name &&
    known.weights.passing === weights.passing &&
    known.weights.warning === weights.warning &&
    known.enableTagOverride === enableTagOverride &&
    known.socketPath === socketPath &&
    sameTexts(known.tags, tags)
  ) {
    return known;
  }
  return { name, tags, weights, enableTagOverride, socketPath };
}

export function serviceOwn(
  fields: ServiceFields,
  sibling: ServiceRow | undefined,
  old: ServiceRow | undefined,
): ServiceOwn {
  const address = pick(fields[2] ?? '', old?.address);
  const port = fields[3] ?? 0;
  const packed = packAddresses({ address, port, taggedAddresses: fields[6] ?? null });
  return {
    id: old?.id ?? fields[0],
    address,
    port,
    meta: fields[5] ? pickValue(fields[5], sibling?.meta) : null,
    addresses: pickAddresses(packed, sibling?.addresses),
  };
}

export function checkShape(
  fields: CheckFields,
  sibling: CheckRow | undefined,
  service: ServiceRow | undefined,
): CheckShape {
  const serviceName = fields[5] ?? '';
  const tags = fields[6] ?? noTags;
  const type = fields[7] ?? '';
  const interval = fields[8] ?? '';
  const timeout = fields[9] ?? '';
  const notes = fields[10] ?? '';
  const definition = fields[11] ?? null;
  const deregisterAfterMs = fields[12] ?? 0;
  const known = sibling?.shape;
  if (
    known !== undefined &&
    known.serviceName === serviceName &&
    known.type === type &&
    known.interval === interval &&
    known.timeout === timeout &&
    known.notes === notes &&
    known.deregisterAfterMs === deregisterAfterMs &&
    sameValue(known.definition, definition) &&
    sameTexts(known.serviceTags, tags)
  ) {
    return known;
  }
  return {
    serviceName: pick(serviceName, service?.name),
    serviceTags: service !== undefined && sameTexts(tags, service.tags) ? service.tags : tags,
    notes,
    type,
    interval,
    timeout,
    definition,
    deregisterAfterMs,
  };
}

export function checkOwn(
  fields: CheckFields,
  sibling: CheckRow | undefined,
  service: ServiceRow | undefined,
  old: CheckRow | undefined,
): CheckOwn {
  const id = old?.id ?? fields[0];
  const name = fields[1];
  return {
    id,
    name: name === id ? id : pick(name, sibling?.name),
    status: pick(fields[2], sibling?.status),
    output: pick(pick(fields[3] ?? '', sibling?.output), old?.output),
    serviceId: pick(fields[4] ?? '', service?.id),
  };
}

function pick(value: string, known: string | undefined): string {
  return known === value ? known : value;
}

function pickAddresses(packed: PackedAddresses, known: PackedAddresses | undefined): PackedAddresses {
  if (packed === null || typeof packed === 'string') return packed;
  return typeof known === 'string' ? packed : pickValue(packed, known);
}

function pickValue<T extends object>(value: T, known: T | null | undefined): T {
  return known !== null && known !== undefined && sameValue(value, known) ? known : value;
}
