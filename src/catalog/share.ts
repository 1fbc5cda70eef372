import type { Check } from '../model/check.ts';
import { defaultWeights, type Service } from '../model/service.ts';
import { type CheckFields, noTags, type ServiceFields } from './codec.ts';
import type { CheckRow, ServiceRow } from './rows.ts';
import { sameValue } from './same.ts';

/**
 * Stored fields -> model values, sharing with an older version and with a sibling (the row of the same service name
 * read before) what is equal. Siblings nearly always agree on name, tags and meta, so this keeps one copy of each
 * without a table of all values ever seen.
 */

export function shareService(
  fields: ServiceFields,
  old: ServiceRow | undefined,
  sibling: ServiceRow | undefined,
): Service {
  const [id, name, address = '', port = 0, tags, meta, taggedAddresses, weights, override, socketPath = ''] =
    fields;
  return {
    id: old?.id === id ? old.id : id,
    name: pick(name, sibling?.name),
    address: pick(address, old?.address),
    port,
    tags: tags ? pickValue(tags, sibling?.tags) : noTags,
    meta: meta ? pickValue(meta, sibling?.meta) : null,
    taggedAddresses: taggedAddresses ? pickValue(taggedAddresses, sibling?.taggedAddresses) : null,
    weights: weights
      ? pickValue({ passing: weights[0], warning: weights[1] }, sibling?.weights)
      : defaultWeights,
    enableTagOverride: override === 1,
    socketPath,
  };
}

export function shareCheck(
  fields: CheckFields,
  old: CheckRow | undefined,
  sibling: CheckRow | undefined,
  service: ServiceRow | undefined,
  none: readonly string[],
): { check: Check; serviceTags: readonly string[] } {
  const [id, name, status, output = '', serviceId = '', serviceName = '', tags] = fields;
  const [, , , , , , , type = '', interval = '', timeout = '', notes = '', definition = null] = fields;
  const check = {
    id: old?.id === id ? old.id : id,
    name: name === id ? id : pick(name, sibling?.name),
    status: pick(status, sibling?.status),
    output: pick(output, sibling?.output),
    serviceId: pick(serviceId, service?.id),
    serviceName: pick(serviceName, service?.name),
    type: pick(type, sibling?.type),
    interval: pick(interval, sibling?.interval),
    timeout: pick(timeout, sibling?.timeout),
    notes: pick(notes, sibling?.notes),
    definition: definition === null ? null : pickValue(definition, sibling?.definition),
  };
  return { check, serviceTags: tags ? pickValue(tags, service?.tags) : none };
}

function pick(value: string, known: string | undefined): string {
  return known === value ? known : value;
}

function pickValue<T extends object>(value: T, known: T | null | undefined): T {
  return known !== null && known !== undefined && sameValue(value, known) ? known : value;
}
