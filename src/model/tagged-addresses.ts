import type { Service, ServiceAddress } from './service.ts';

/**
 * Tagged addresses as a row keeps them. Nearly every service has just the two that follow from its own address (see
 * `defaultTaggedAddresses`): their family says all about them, where three objects would cost as much as the row.
 */
export type PackedAddresses = 'ipv4' | 'ipv6' | Service['taggedAddresses'];

export function packAddresses(
  service: Pick<Service, 'address' | 'port' | 'taggedAddresses'>,
): PackedAddresses {
  const tagged = service.taggedAddresses;
  if (tagged === null) return null;
  const family = tagged['lan_ipv4'] === undefined ? 'ipv6' : 'ipv4';
  let matching = 0;
  for (const tag in tagged) {
    const { address, port } = tagged[tag]!;
    const follows = tag === `lan_${family}` || tag === `wan_${family}`;
    if (!follows || address !== service.address || port !== service.port) return tagged;
    matching += 1;
  }
  return matching === 2 ? family : tagged;
}

/** Perhaps a fresh object at every look. */
export function unpackAddresses(
  packed: PackedAddresses,
  { address, port }: ServiceAddress,
): Service['taggedAddresses'] {
  if (packed === 'ipv4') return { lan_ipv4: { address, port }, wan_ipv4: { address, port } };
  if (packed === 'ipv6') return { lan_ipv6: { address, port }, wan_ipv6: { address, port } };
  return packed;
}
