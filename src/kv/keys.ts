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

/** What a batch may have changed. A prefix is watched by its folder, which may be wider. */
export const topics = {
  any: 'kv',
  key: (key: string): string => `kv=${key}`,
  folder: (folder: string): string => `kv/${folder}`,
} as const;

/** The part of a prefix up to its last slash. */
export function folderOf(prefix: string): string {
  return prefix.slice(0, prefix.lastIndexOf('/') + 1);
}

/** All folders that hold `key`, '' first: `a/b/c` -> '', 'a/', 'a/b/'. */
export function* foldersOf(key: string): Generator<string> {
  yield '';
  for (let at = key.indexOf('/'); at >= 0; at = key.indexOf('/', at + 1)) yield key.slice(0, at + 1);
}
