/**
 * mergeMap and mergeMapWithOverride: one map taken over into another, maps inside maps as well.
 * Source: mergo 1.0 (deepMerge of maps).
 */
import { defineFunction } from '../../template/functions.ts';
import type { GoFunction } from '../../template/functions.ts';
import { GoMap, Slice } from '../../template/values.ts';
import { isEmptyValue } from './reflect.ts';

export interface MergeOptions {
  /** What the source has wins, empty values too; else only what the target lacks or has empty is taken. */
  readonly overwrite: boolean;
}

export const mergeFunctions: readonly GoFunction[] = [
  mergeFunction('mergeMap', { overwrite: false }),
  mergeFunction('mergeMapWithOverride', { overwrite: true }),
];

function mergeFunction(name: string, options: MergeOptions): GoFunction {
  const map = 'map[string]any';
  return defineFunction(name, { params: [map, map], result: map }, (target, source) =>
    mergeInto(target, source, options),
  );
}

/** Changes the target, and the maps inside it, and gives it back; a nil target becomes a new map. */
export function mergeInto(target: GoMap, source: GoMap, { overwrite }: MergeOptions): GoMap {
  const merged = target.isNil && !source.isNil ? new GoMap(target.type) : target;
  for (const [key, value] of source.entries()) {
    const held = merged.get(key);
    if (value === null || value === undefined) {
      if (overwrite) merged.set(key, value);
      continue;
    }
    if (value instanceof GoMap && held instanceof GoMap && !held.isNil) {
      mergeInto(held, value, { overwrite });
      if (!isEmptyValue(held)) continue;
    }
    // Of two lists one is taken whole.
    const keeps = !isEmptyValue(held) && !overwrite;
    if (!keeps || (value instanceof Slice && overwrite)) merged.set(key, value);
  }
  return merged;
}
