/** Limits on the meta of nodes and services. Texts and numbers are Consul's (structs.validateMetadata). */

export const metaMaxPairs = 64;
export const metaKeyMaxBytes = 128;
export const metaValueMaxBytes = 512;
export const metaReservedPrefix = 'consul-';

const keyPattern = /^[a-zA-Z0-9_-]+$/;

/** Consul's text for the first thing wrong with `meta`, or undefined. `allowReserved` lets `consul-` keys pass. */
export function metaProblem(
  meta: Readonly<Record<string, string>> | null,
  allowReserved = false,
): string | undefined {
  if (meta === null) return undefined;
  const keys = Object.keys(meta);
  if (keys.length > metaMaxPairs) {
    return `Node metadata cannot contain more than ${metaMaxPairs} key/value pairs`;
  }
  for (const key of keys) {
    const value = meta[key]!;
    const problem = metaPairProblem(key, value, allowReserved);
    if (problem !== undefined) return `Couldn't load metadata pair ('${key}', '${value}'): ${problem}`;
  }
  return undefined;
}

/** Consul's text for what is wrong with one pair, or undefined. */
export function metaPairProblem(key: string, value: string, allowReserved: boolean): string | undefined {
  if (key === '') return 'Key cannot be blank';
  if (!keyPattern.test(key)) return 'Key contains invalid characters';
  // The pattern leaves ASCII only, so its length is its bytes.
  if (key.length > metaKeyMaxBytes) return `Key is too long (limit: ${metaKeyMaxBytes} characters)`;
  if (key.startsWith(metaReservedPrefix) && !allowReserved) {
    return `Key prefix '${metaReservedPrefix}' is reserved for internal use`;
  }
  if (value.length > metaValueMaxBytes || Buffer.byteLength(value) > metaValueMaxBytes) {
    return `Value is too long (limit: ${metaValueMaxBytes} characters)`;
  }
  return undefined;
}
