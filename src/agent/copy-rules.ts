import * as catalog from '../catalog/keys.ts';
import { encodeFloor } from '../catalog/codec.ts';
import { downPrefix } from '../cluster/departure.ts';
import { stewardPrefix } from '../cluster/steward-table.ts';
import { decodeKv, encodeKv } from '../kv/codec.ts';
import { floorKey, floorPrefix, rowPrefix, tombstonePrefix, treeTombstonePrefix } from '../kv/keys.ts';
import { alivePrefix, delayPrefix, endedKey, endedPrefix, sessionPrefix } from '../kv/session-keys.ts';
import { type CopyRules, kindOf } from '../store/copy-rows.ts';

/**
 * What becomes of each kind of row when a store moves.
 *
 * Members go along without their liveness: their nodes are critical until their agents are there, and are reaped if they never
 * come; without them the rows of an agent that stays away would pass for good. Floors stand for all tombstones.
 * Sessions end, so their locks are released. Leases never move.
 */
const kinds: Readonly<Record<string, 'copy' | 'leave'>> = {
  [catalog.nodePrefix]: 'copy',
  [catalog.servicePrefix]: 'copy',
  [catalog.checkPrefix]: 'copy',
  [catalog.tombstonePrefix]: 'leave',
  [catalog.floorPrefix]: 'leave',
  [catalog.memberPrefix]: 'copy',
  [catalog.livePrefix]: 'leave',
  [catalog.statePrefix]: 'leave',
  [rowPrefix]: 'copy',
  [tombstonePrefix]: 'leave',
  [treeTombstonePrefix]: 'leave',
  [floorPrefix]: 'leave',
  [sessionPrefix]: 'leave',
  [alivePrefix]: 'leave',
  [delayPrefix]: 'leave',
  [endedPrefix]: 'leave',
  [stewardPrefix]: 'leave',
  [downPrefix]: 'leave',
};

export const copyRules: CopyRules = {
  of: (key) => kinds[kindOf(key)],
  value: ({ key, value }) => (key.startsWith(rowPrefix) ? released(value) : value),
  added: (index) => [
    ...[catalog.nodeFloorKey, catalog.serviceFloorKey, catalog.checkFloorKey, floorKey].map((key) => ({
      key,
      value: encodeFloor(index),
    })),
    // Its revision is what counts, see session-keys.ts.
    { key: endedKey, value: encodeFloor(0) },
  ],
  livePrefix: catalog.livePrefix,
};

/** A KV row as it is without a session; its lock index stays. */
function released(value: Uint8Array): Uint8Array {
  const row = decodeKv('', value, 0, 0);
  if (row.session === '') return value;
  return encodeKv({ value: row.value, flags: row.flags, lockIndex: row.lockIndex, session: '' });
}
