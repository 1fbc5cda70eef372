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
    (a.deregisterAfterMs ?? 0) === (b.deregisterAfterMs ?? 0) &&
    sameValue(a.definition, b.definition)
  );
}

export function sameTexts(a: readonly string[], b: readonly string[]): boolean {
  if (a === b) return true;
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}

/** Deep equality of JSON values; the order of an object's keys does not count. */
export function sameValue(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false;
  if (Array.isArray(a)) {
    return Array.isArray(b) && a.length === b.length && a.every((item, i) => sameValue(item, b[i]));
  }
  return !Array.isArray(b) && sameRecord(a as Record<string, unknown>, b as Record<string, unknown>);
}

function sameRecord(a: Record<string, unknown>, b: Record<string, unknown>): boolean {
  let left = 0;
  for (const key in a) {
    if (!Object.hasOwn(b, key) || !sameValue(a[key], b[key])) return false;
    left += 1;
  }
  for (const _ in b) left -= 1;
  return left === 0;
}
