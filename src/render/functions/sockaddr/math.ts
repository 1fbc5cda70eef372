/** Arithmetic on an interface's address: `math "address" "+5"`, `math "network" "-1"`, `math "mask" "24"`. */
import { quote } from '../../../template/quote.ts';
import { hostMask, lastOf, netMask, networkOf, widthOf, wrapped } from './address.ts';
import type { Address } from './address.ts';

export function calculate(operation: string, value: string, address: Address): Address {
  switch (operation.toLowerCase()) {
    case 'address':
      return { ...address, value: wrapped(address.family, address.value + signed(operation, value)) };
    case 'network':
      return { ...address, value: inNetwork(address, signed(operation, value)) };
    case 'mask':
      return masked(address, operation, value);
    default:
      throw new Error(`unsupported math operation: ${quote(operation)}`);
  }
}

function signed(operation: string, value: string): bigint {
  if (!/^[+-]/.test(value)) throw new Error(`sign (+/-) is required for operation ${quote(operation)}`);
  if (!/^[+-]\d+$/.test(value)) throw notANumber(operation, value, 'ParseInt');
  return BigInt(value.replace('+', ''));
}

function notANumber(operation: string, value: string, parser: string): Error {
  const cause = `strconv.${parser}: parsing ${quote(value)}: invalid syntax`;
  return new Error(`unable to convert ${quote(value)} to int for operation ${quote(operation)}: ${cause}`);
}

// From the network's start, or for negative numbers back from its end.
function inNetwork(address: Address, steps: bigint): bigint {
  const hosts = hostMask(address);
  if (address.family === 4) {
    const step = steps >= 0n ? steps : 1n + steps + hosts;
    return wrapped(4, networkOf(address) + (wrapped(4, step) & hosts));
  }
  if (steps > 0n) return networkOf(address) + (steps & hosts);
  return lastOf(address) - ((-steps - 1n) & hosts);
}

// A network only grows by it.
function masked(address: Address, operation: string, value: string): Address {
  if (!/^\d+$/.test(value)) throw notANumber(operation, value, 'ParseUint');
  const bits = Number(value);
  if (bits > widthOf(address.family)) {
    const limit = address.family === 4 ? 32 : 64;
    throw new Error(
      `parameter for operation ${quote(operation)} on ipv${address.family} addresses must be between 0 and ${limit}`,
    );
  }
  const mask = netMask({ ...address, prefix: bits });
  return { ...address, value: address.value & mask, prefix: Math.min(bits, address.prefix) };
}
