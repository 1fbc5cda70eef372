/**
 * Keys of the catalog's rows in the store. In key order parents come before their children: nodes (`n/`), services
 * (`s/`), checks (`u/`), then tombstones of each (`x/`). Node and service names are folded, since they compare in any
 * case; ids are taken as they are. The separator is NUL, which no name may hold.
 */

export const nodePrefix = 'n/';
export const servicePrefix = 's/';
export const checkPrefix = 'u/';
export const tombstonePrefix = 'x/';
export const nodeTombstonePrefix = 'x/n/';
export const serviceTombstonePrefix = 'x/s/';
export const checkTombstonePrefix = 'x/u/';
/** Written whenever any service name loses its last instance; never collected. */
export const extinctionKey = 'x/e';
export const floorPrefix = 'f/';
export const nodeFloorKey = 'f/n';
export const serviceFloorKey = 'f/s';
export const checkFloorKey = 'f/u';

export const memberPrefix = 'member/';
export const livePrefix = 'live/';
export const statePrefix = 'state/';

/** How a node or service name is compared. */
export function fold(name: string): string {
  return name.toLowerCase();
}

export function nodeKey(node: string): string {
  return nodePrefix + fold(node);
}

/** Prefix of all services of a node. */
export function servicesOfNode(node: string): string {
  return `${servicePrefix}${fold(node)}\0`;
}

/** Prefix of all checks of a node. */
export function checksOfNode(node: string): string {
  return `${checkPrefix}${fold(node)}\0`;
}

export function serviceKey(node: string, id: string): string {
  return servicesOfNode(node) + id;
}

export function checkKey(node: string, id: string): string {
  return checksOfNode(node) + id;
}

/** An agent runs this node. */
export function memberKey(node: string): string {
  return memberPrefix + fold(node);
}

/** On the lease of the agent that runs this node: there as long as it is alive. */
export function liveKey(node: string): string {
  return livePrefix + fold(node);
}

/** Written when an agent came to life or was seen dead: the revision of its node's serfHealth. */
export function stateKey(node: string): string {
  return statePrefix + fold(node);
}

export function nodeTombstoneKey(node: string): string {
  return nodeTombstonePrefix + fold(node);
}

/** A service name lost an instance on a node; one row for all such losses, at the newest's revision. */
export function serviceTombstoneKey(service: string, node: string): string {
  return `${serviceTombstonePrefix}${fold(service)}\0${fold(node)}`;
}

/** A service name lost a check on a node, or the node itself did (`service` is ''). */
export function checkTombstoneKey(service: string, node: string): string {
  return `${checkTombstonePrefix}${fold(service)}\0${fold(node)}`;
}

/** Service and node, both folded, of a tombstone of a service or check. */
export function tombstoneParts(key: string): readonly [service: string, node: string] {
  const from = serviceTombstonePrefix.length;
  const end = key.indexOf('\0', from);
  return end < 0 ? [key.slice(from), ''] : [key.slice(from, end), key.slice(end + 1)];
}
