/** Addresses of interfaces: an IP address, its network, and what can be told of both. */
import { formatIp, parseIp } from '../../../lib/ip.ts';

export interface Address {
  readonly family: 4 | 6;
  readonly value: bigint;
  /** Leading bits that name the network. */
  readonly prefix: number;
}

/** Of `10.0.0.1`, `10.0.0.0/8`, `fe80::1/64`; undefined when it is none. An address alone is a network of its own. */
export function parseAddress(text: string): Address | undefined {
  const [ip = '', bits] = text.split('/');
  const bytes = parseIp(ip);
  if (bytes === undefined) return undefined;
  // An IPv4 address written as an IPv6 one stays one.
  const family = ip.includes(':') ? 6 : 4;
  const mapped = family === 6 && bytes.length === 4 ? 0xffff_0000_0000n : 0n;
  const prefix = bits === undefined ? widthOf(family) : Number(bits);
  if (bits !== undefined && (!/^\d{1,3}$/.test(bits) || prefix > widthOf(family))) return undefined;
  return { family, value: mapped + BigInt(`0x${Buffer.from(bytes).toString('hex')}`), prefix };
}

export function widthOf(family: 4 | 6): number {
  return family === 4 ? 32 : 128;
}

function allOnes(family: 4 | 6): bigint {
  return (1n << BigInt(widthOf(family))) - 1n;
}

export function hostMask({ family, prefix }: Address): bigint {
  return (1n << BigInt(widthOf(family) - prefix)) - 1n;
}

export function netMask(address: Address): bigint {
  return allOnes(address.family) ^ hostMask(address);
}

export function networkOf(address: Address): bigint {
  return address.value & netMask(address);
}

export function lastOf(address: Address): bigint {
  return address.value | hostMask(address);
}

/** Cuts to the family's width. */
export function wrapped(family: 4 | 6, value: bigint): bigint {
  return BigInt.asUintN(widthOf(family), value);
}

export function contains(network: Address, address: Address): boolean {
  if (network.family !== address.family) return false;
  return networkOf(network) <= networkOf(address) && lastOf(network) >= lastOf(address);
}

export function ipText(family: 4 | 6, value: bigint): string {
  const hex = value.toString(16).padStart(widthOf(family) / 4, '0');
  const bytes = Buffer.from(hex, 'hex');
  // Go shows the IPv4 address in an IPv6 one.
  if (family === 6 && value >> 32n === 0xffffn) return formatIp(bytes.subarray(12));
  return formatIp(bytes);
}

export function addressText({ family, value, prefix }: Address): string {
  return prefix === widthOf(family) ? ipText(family, value) : `${ipText(family, value)}/${prefix}`;
}

/** By the name that `attr` and `join` use; undefined: there is no such attribute of the family. */
export function addressAttribute(address: Address, name: string): string | undefined {
  const { family, value, prefix } = address;
  const width = widthOf(family);
  // On a point-to-point link both addresses are usable.
  const reserved = family === 4 && prefix < 31 ? 1n : 0n;
  switch (name) {
    case 'address':
      return ipText(family, value);
    case 'host':
      return ipText(family, value);
    case 'port':
      return '0';
    case 'netmask':
      return ipText(family, netMask(address));
    case 'network':
      return ipText(family, networkOf(address));
    case 'mask_bits':
      return String(prefix);
    case 'binary':
      return value.toString(2).padStart(width, '0');
    case 'hex':
      return value.toString(16).padStart(width / 4, '0');
    case 'first_usable':
      return ipText(family, networkOf(address) + reserved);
    case 'last_usable':
      return ipText(family, lastOf(address) - reserved);
    case 'octets':
      return Buffer.from(value.toString(16).padStart(width / 4, '0'), 'hex').join(' ');
    case 'size':
      return (hostMask(address) + 1n).toString();
    case 'broadcast':
      return family === 4 ? ipText(family, lastOf(address)) : undefined;
    case 'uint32':
      return family === 4 ? value.toString() : undefined;
    case 'uint128':
      return family === 6 ? value.toString() : undefined;
    case 'string':
      return addressText(address);
    case 'type':
      return family === 4 ? 'IPv4' : 'IPv6';
    default:
      return undefined;
  }
}
