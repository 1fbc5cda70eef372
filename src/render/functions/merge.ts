/**
 * mergeMap and mergeMapWithOverride: one map taken over into another, maps inside maps as well.
 * Source: mergo 1.0 (deepMerge of maps).
 */
import { defineFunction } from '../../template/functions.ts';
import type { GoFunction } from '../../template/functions.ts';
import { GoMap, Slice } from '../../template/values.ts';
import { isEmptyValue, NilDereference } from './reflect.ts';

export interface MergeOptions {
  /** What the source has wins, empty values too; else only what the target lacks or has empty is taken. */
  readonly overwrite: boolean;
}

const anyMap = 'map[string]any';

export const mergeFunctions: readonly GoFunction[] = [
  // mergo's options may follow, of which a template can write none but nil: calling that is Go's fault.
  defineFunction(
    'mergeMap',
    { params: [anyMap, anyMap, '...func(*mergo.Config)'], result: anyMap },
    (target, source, ...options) => {
      if (options.length > 0) throw new NilDereference();
      return mergeInto(target, source, { overwrite: false });
    },
  ),
  defineFunction('mergeMapWithOverride', { params: [anyMap, anyMap], result: anyMap }, (target, source) =>
    mergeInto(target, source, { overwrite: true }),
  ),
];

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
