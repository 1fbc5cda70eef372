/** The addresses of this machine's interfaces, as templates see them. */
import { readFileSync } from 'node:fs';
import { networkInterfaces } from 'node:os';
import { addressText, parseAddress } from './address.ts';
import type { Address } from './address.ts';

export interface InterfaceAddress {
  readonly address: Address;
  readonly name: string;
  /** 0 when the system does not tell. */
  readonly index: number;
  readonly mtu: number;
  readonly mac: string;
  /** In Go's order: `up broadcast loopback pointtopoint multicast running`. */
  readonly flags: readonly string[];
}

/** In the order of the interfaces' numbers. */
export function allInterfaces(): readonly InterfaceAddress[] {
  const found = Object.entries(networkInterfaces()).flatMap(([name, addresses]) =>
    (addresses ?? []).flatMap(({ cidr, mac, internal }): readonly InterfaceAddress[] => {
      const address = parseAddress(cidr?.replace(/%[^/]*/, '') ?? '');
      if (address === undefined) return [];
      const flags = flagsOf(name, internal);
      return [{ address, name, mac, flags, index: numberIn(name, 'ifindex'), mtu: numberIn(name, 'mtu') }];
    }),
  );
  return found.sort((a, b) => a.index - b.index);
}

const flagBits: readonly (readonly [string, number])[] = [
  ['up', 0x1],
  ['broadcast', 0x2],
  ['loopback', 0x8],
  ['pointtopoint', 0x10],
  ['multicast', 0x1000],
  ['running', 0x40],
];

function flagsOf(name: string, internal: boolean): readonly string[] {
  const bits = numberIn(name, 'flags');
  // Only interfaces that are up are listed.
  if (bits === 0)
    return internal ? ['up', 'loopback', 'running'] : ['up', 'broadcast', 'multicast', 'running'];
  // The kernel keeps "running" elsewhere; what is listed runs.
  return flagBits.filter(([flag, bit]) => flag === 'running' || (bits & bit) !== 0).map(([flag]) => flag);
}

function numberIn(name: string, file: string): number {
  try {
    return Number(readFileSync(`/sys/class/net/${name}/${file}`, 'utf8').trim()) || 0;
  } catch {
    return 0;
  }
}

/** Name of the interface that the default route leaves by; undefined: there is none. */
export function defaultInterface(): string | undefined {
  try {
    const rows = readFileSync('/proc/net/route', 'utf8')
      .split('\n')
      .slice(1)
      .map((line) => line.split(/\s+/));
    const routes = rows.filter(
      ([, destination, gateway, , , , , mask]) =>
        destination === '00000000' && mask === '00000000' && gateway !== '00000000',
    );
    return routes.sort((a, b) => Number(a[6]) - Number(b[6]))[0]?.[0];
  } catch {
    return undefined;
  }
}

/** `10.0.0.1/24 {2 1500 eth0 02:42:0a:00:00:01 up|broadcast|multicast|running}`. */
export function interfaceText({ address, index, mtu, name, mac, flags }: InterfaceAddress): string {
  const hardware = mac === '00:00:00:00:00:00' ? '' : mac;
  return `${addressText(address)} {${index} ${mtu} ${name} ${hardware} ${flags.join('|')}}`;
}
