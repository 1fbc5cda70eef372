/** Keys of KV rows and of their tombstones in the store. */

/** A row: `kv/<key>`. */
export const rowPrefix = 'kv/';
/** A deleted key: `kx/<key>`. */
export const tombstonePrefix = 'kx/';
/** A deleted subtree: `kt/<prefix>`. */
export const treeTombstonePrefix = 'kt/';
/** The floor of all tombstones that were collected. */
export const floorKey = 'kf/kv';
export const floorPrefix = 'kf/';

/**
 * What a batch may have changed: the stored key of a row, and that of each folder that holds it, up to its slash. A
 * prefix is watched by its folder, which may be wider.
 */
export const topics = {
  any: rowPrefix,
  key: (key: string): string => rowPrefix + key,
  folder: (prefix: string): string => rowPrefix + prefix.slice(0, prefix.lastIndexOf('/') + 1),
} as const;

/**
 * Folders that hold `key`, from the outermost, by the length of their names: that of the whole (0), then whatever this
 * says for the last, until it says -1: `a/b/c` -> 0, 2, 4, -1.
 */
export function nextFolder(key: string, length: number): number {
  const slash = key.indexOf('/', length);
  return slash < 0 ? -1 : slash + 1;
}
