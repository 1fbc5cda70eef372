import type { Compare, Operation, StoreLimits } from '../store/store.ts';

/** Operations that must be applied together, with what must still hold when they are. */
export interface Step {
  readonly operations: readonly Operation[];
  readonly compares: readonly Compare[];
}

/** As many steps, from the first on, as one commit may hold; at least one. Later operations on a key replace earlier. */
export function firstCommit(
  steps: readonly Step[],
  limits: StoreLimits,
): { readonly when: readonly Compare[]; readonly then: readonly Operation[]; readonly whole: boolean } {
  const operations = new Map<string, Operation>();
  const compares = new Map<string, Compare>();
  let bytes = 0;
  let taken = 0;
  for (const step of steps) {
    bytes += step.operations.reduce((sum, operation) => sum + sizeOf(operation), 0);
    const tooMany =
      operations.size + step.operations.length > limits.ops ||
      compares.size + step.compares.length > limits.ops;
    if (taken > 0 && (tooMany || bytes > limits.bytes)) break;
    for (const operation of step.operations) operations.set(keyOf(operation), operation);
    for (const compare of step.compares) compares.set(nameOf(compare), compare);
    taken += 1;
  }
  return { when: [...compares.values()], then: [...operations.values()], whole: taken === steps.length };
}

export function unchanged(key: string, row: { readonly modifyIndex: number } | undefined): Compare {
  return row === undefined ? { key, exists: false } : { key, modRevision: row.modifyIndex };
}

function keyOf(operation: Operation): string {
  if ('put' in operation) return operation.put;
  return 'delete' in operation ? operation.delete : operation.deletePrefix;
}

function sizeOf(operation: Operation): number {
  const value = 'put' in operation ? operation.value.byteLength : 0;
  // Keys may hold characters of up to three bytes a unit; a little too much is fine.
  return keyOf(operation).length * 3 + value + 16;
}

function nameOf(compare: Compare): string {
  if ('key' in compare) return 'exists' in compare ? `e${compare.key}` : `r${compare.key}`;
  return `p${compare.prefix}`;
}
