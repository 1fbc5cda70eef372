import type { Check } from '../model/check.ts';
import type { Node } from '../model/node.ts';
import type { Service } from '../model/service.ts';

/** Equality of what is stored, by value: a write that changes nothing of this moves no index. */

export function sameNode(a: Node, b: Node): boolean {
  return (
    a.name === b.name &&
    a.id === b.id &&
    a.address === b.address &&
    sameValue(a.taggedAddresses, b.taggedAddresses) &&
    sameValue(a.meta, b.meta)
  );
}

export function sameService(a: Service, b: Service): boolean {
  return (
    a.id === b.id &&
    a.name === b.name &&
    a.address === b.address &&
    a.port === b.port &&
    a.enableTagOverride === b.enableTagOverride &&
    a.socketPath === b.socketPath &&
    a.weights.passing === b.weights.passing &&
    a.weights.warning === b.weights.warning &&
    sameValue(a.tags, b.tags) &&
    sameValue(a.meta, b.meta) &&
    sameValue(a.taggedAddresses, b.taggedAddresses)
  );
}

export function sameCheck(a: Check, b: Check): boolean {
  return (
    a.id === b.id &&
    a.status === b.status &&
    a.output === b.output &&
    a.name === b.name &&
    a.notes === b.notes &&
    a.serviceId === b.serviceId &&
    a.serviceName === b.serviceName &&
    a.type === b.type &&
    a.interval === b.interval &&
    a.timeout === b.timeout &&
    sameValue(a.definition, b.definition)
  );
}

/** Deep equality of JSON values; the order of an object's keys does not count. */
export function sameValue(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false;
  if (Array.isArray(a)) {
    return Array.isArray(b) && a.length === b.length && a.every((item, i) => sameValue(item, b[i]));
  }
  if (Array.isArray(b)) return false;
  const keys = Object.keys(a);
  if (keys.length !== Object.keys(b).length) return false;
  const right = b as Record<string, unknown>;
  return keys.every(
    (key) => Object.hasOwn(right, key) && sameValue((a as Record<string, unknown>)[key], right[key]),
  );
}
