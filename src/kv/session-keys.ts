/** Keys of sessions in the store. */

/** A session: `session/<id>`. It stays until everything that the session held is released. */
export const sessionPrefix = 'session/';
/**
 * A session that may still take locks has `alive/<id>`; one with a TTL has it on a lease of twice that time. Whoever
 * ends a session deletes it first: from then on nothing is acquired for it any more.
 */
export const alivePrefix = 'alive/';
/** A key that may not be locked at the moment has `delay/<key>`, on a lease of the lock delay. */
export const delayPrefix = 'delay/';
/** Written with every session that is removed, never collected: its revision is the index of what is not there. */
export const endedKey = 'sessions/ended';
export const endedPrefix = 'sessions/';

/** What a batch may have changed. Arguments are ids and folded node names. */
export const sessionTopics = {
  any: 'sessions',
  one: (id: string): string => `session/${id}`,
  node: (node: string): string => `sessions/node/${node}`,
  /** An alive key has vanished. */
  dead: 'sessions/dead',
} as const;
