/**
 * Choosing among interface addresses: include and exclude, sort, unique, and the ready-made lists.
 * Source: github.com/hashicorp/go-sockaddr ifaddrs.go.
 */
import { compareUtf8 } from '../../../lib/bytes.ts';
import { compileGoRegexp } from '../../../lib/go-regexp.ts';
import { quote } from '../../../template/quote.ts';
import { addressText, contains, netMask, parseAddress, widthOf } from './address.ts';
import type { Address } from './address.ts';
import { allInterfaces, defaultInterface } from './interfaces.ts';
import type { InterfaceAddress } from './interfaces.ts';
import { isOfRfc, notForwarded } from './networks.ts';

type Row = InterfaceAddress;
type Rows = readonly Row[];
type Test = (row: Row) => boolean;

/** Rows that a selector names, and the others. Lists of networks, RFCs and types may name a row more than once. */
export interface Split {
  readonly matched: Rows;
  readonly rest: Rows;
}

/** `what` names the operation in messages: `include` or `exclude`. */
export function split(what: 'include' | 'exclude', selector: string, parameter: string, rows: Rows): Split {
  switch (selector.toLowerCase()) {
    case 'address':
      return by(
        matcher('address', parameter, (row) => addressText(row.address)),
        rows,
      );
    case 'name':
      return by(
        matcher('name', parameter, (row) => row.name),
        rows,
      );
    case 'port':
      return by(
        matcher('port', parameter, () => '0'),
        rows,
      );
    case 'flag':
    case 'flags':
      return by(flagTest(parameter), rows);
    case 'network':
      return byEach(parameter.split('|').map(networkTest), rows);
    case 'rfc':
    case 'rfcs':
      return byEach(parameter.split('|').map(rfcTest), rows);
    case 'size':
      return by(sizeTest(parameter), rows);
    case 'type':
      return byTypes(parameter, rows);
    default:
      throw new Error(`invalid ${what} selector ${quote(selector)}`);
  }
}

function by(test: Test, rows: Rows): Split {
  return { matched: rows.filter(test), rest: rows.filter((row) => !test(row)) };
}

// Each test goes over all rows: what one leaves out another may bring in.
function byEach(tests: readonly Test[], rows: Rows): Split {
  const splits = tests.map((test) => by(test, rows));
  return { matched: splits.flatMap(({ matched }) => matched), rest: splits.flatMap(({ rest }) => rest) };
}

function matcher(what: string, pattern: string, textOf: (row: Row) => string): Test {
  try {
    const regexp = compileGoRegexp(pattern);
    return (row) => regexp.test(textOf(row));
  } catch (error) {
    throw new Error(`Unable to compile ${what} regexp ${quote(pattern, true)}: ${(error as Error).message}`, {
      cause: error,
    });
  }
}

function networkTest(text: string): Test {
  const network = parseAddress(text);
  if (network === undefined) {
    throw new Error(`unable to create an IP address from ${quote(text, true)}: invalid IPAddr ${text}`);
  }
  return ({ address }) => contains(network, address);
}

function rfcTest(text: string): Test {
  const number = /^\d+$/.test(text) ? Number(text) : undefined;
  const fail = (reason: string): never => {
    throw new Error(`unable to lookup RFC number ${quote(text)}: ${reason}`);
  };
  if (number === undefined) {
    const cause = `strconv.ParseUint: parsing ${quote(text)}: invalid syntax`;
    return fail(`unable to parse RFC number ${quote(text)}: ${cause}`);
  }
  const probe: Address = { family: 4, value: 0n, prefix: 32 };
  if (isOfRfc(number, probe) === undefined) return fail(`unsupported RFC ${number}`);
  return ({ address }) => isOfRfc(number, address) === true;
}

function sizeTest(text: string): Test {
  if (!/^\d+$/.test(text)) {
    const cause = `strconv.ParseUint: parsing ${quote(text)}: invalid syntax`;
    throw new Error(`invalid exclude size argument (${quote(text)}): ${cause}`);
  }
  const size = Number(text);
  return ({ address: { family, prefix } }) => {
    if (size > widthOf(family)) throw new Error(`mask size out of bounds for IPv${family} address: ${size}`);
    return prefix === size;
  };
}

function byTypes(text: string, rows: Rows): Split {
  const types = text.toLowerCase().split('|');
  for (const type of types) {
    if (['ip', 'ipv4', 'ipv6', 'unix'].includes(type)) continue;
    throw new Error(`unsupported type ${quote(type)} ${quote(text)}`);
  }
  const tests = types.map(
    (type): Test =>
      ({ address }) =>
        type === 'ip' || type === `ipv${address.family}`,
  );
  // Row by row, unlike the others.
  const pairs = rows.flatMap((row) => tests.map((test) => ({ row, chosen: test(row) })));
  return {
    matched: pairs.filter(({ chosen }) => chosen).map(({ row }) => row),
    rest: pairs.filter(({ chosen }) => !chosen).map(({ row }) => row),
  };
}

const interfaceFlags: Readonly<Record<string, string>> = {
  broadcast: 'broadcast',
  loopback: 'loopback',
  multicast: 'multicast',
  'point-to-point': 'pointtopoint',
  up: 'up',
};

const addressFlags: Readonly<Record<string, (address: Address) => boolean>> = {
  forwardable: (address) => isOfRfc(notForwarded, address) !== true,
  'global unicast': (address) =>
    !['0.0.0.0/32', '255.255.255.255/32', '127.0.0.0/8', '224.0.0.0/4', '169.254.0.0/16', '::/128', '::1/128']
      .concat('ff00::/8', 'fe80::/10')
      .some((network) => inside(network, address)),
  'interface-local multicast': (address) => inside('ff01::/16', address),
  'link-local multicast': (address) => inside('224.0.0.0/24', address) || inside('ff02::/16', address),
  'link-local unicast': (address) => inside('169.254.0.0/16', address) || inside('fe80::/10', address),
  loopback: (address) => inside('127.0.0.0/8', address) || inside('::1/128', address),
  multicast: (address) => inside('224.0.0.0/4', address) || inside('ff00::/8', address),
  unspecified: (address) => address.value === 0n,
};

function inside(network: string, { family, value }: Address): boolean {
  return contains(parseAddress(network)!, { family, value, prefix: widthOf(family) });
}

// All flags of the interface, or any one of the address.
function flagTest(text: string): Test {
  const names = text.toLowerCase().split('|');
  for (const name of names) {
    if (name === 'down' || Object.hasOwn(interfaceFlags, name) || Object.hasOwn(addressFlags, name)) continue;
    throw new Error(`Unknown interface flag: ${quote(name, true)}`);
  }
  const checksInterface = names.some((name) => name === 'down' || Object.hasOwn(interfaceFlags, name));
  const wanted = names.flatMap((name) => interfaceFlags[name] ?? []);
  return ({ flags, address }) =>
    (checksInterface && wanted.every((flag) => flags.includes(flag))) ||
    names.some((name) => addressFlags[name]?.(address) === true);
}

type Order = (a: Row, b: Row) => number;

const orders: Readonly<Record<string, Order>> = {
  address: (a, b) => (a.address.family === b.address.family ? compare(a.address.value, b.address.value) : 0),
  default: (a, b) => {
    const name = defaultInterface();
    return Number(b.name === name) - Number(a.name === name);
  },
  name: (a, b) => compareUtf8(a.name, b.name),
  port: () => 0,
  private: (a, b) => Number(isOfRfc(6890, b.address) === true) - Number(isOfRfc(6890, a.address) === true),
  // The larger network first: it has the smaller mask.
  size: (a, b) =>
    a.address.family === b.address.family ? compare(netMask(a.address), netMask(b.address)) : 0,
  type: (a, b) => a.address.family - b.address.family,
};

function compare(a: bigint, b: bigint): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** By `+name,-size` and so on. */
export function sortBy(clauses: string, rows: Rows): Rows {
  const chosen = clauses.split(',').map((clause): Order => {
    const match = /^([+-]?)(\w+)$/.exec(clause.trim().toLowerCase());
    const order = match === null ? undefined : orders[match[2]!];
    if (order === undefined) throw new Error(`unknown sort type: ${quote(clause)}`);
    return match?.[1] === '-' ? (a, b) => -order(a, b) : order;
  });
  return [...rows].sort((a, b) => chosen.reduce((result, order) => result || order(a, b), 0));
}

/** Drops rows that repeat the one before them. */
export function uniqueBy(attribute: string, rows: Rows): Rows {
  const name = attribute.toLowerCase();
  if (name !== 'address' && name !== 'name') {
    throw new Error(`unsupported unique constraint ${quote(attribute, true)}`);
  }
  const textOf = (row: Row): string => (name === 'name' ? row.name : addressText(row.address));
  return rows.filter((row, i) => i === 0 || textOf(rows[i - 1]!) !== textOf(row));
}

/** Addresses on the interface of the default route. */
export function defaultInterfaces(): Rows {
  const name = defaultInterface();
  if (name === undefined) throw new Error('No default interface found');
  return allInterfaces().filter((row) => row.name === name);
}

/** Forwardable addresses of interfaces that are up, of RFC 6890 or not: those of the default interface first. */
export function reachableInterfaces(kind: 'private' | 'public'): Rows {
  const usable = allInterfaces().filter((row) => flagTest('forwardable')(row) && flagTest('up')(row));
  return ofKind(kind, sortBy('default,type,size', usable));
}

export function ofKind(kind: 'private' | 'public', rows: Rows): Rows {
  return rows.filter(({ address }) => (isOfRfc(6890, address) === true) === (kind === 'private'));
}

export function forwardable(rows: Rows): Rows {
  return rows.filter(flagTest('forwardable'));
}
