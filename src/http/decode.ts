import { durationProblem, parseDurationNs } from '../lib/duration.ts';
import { badRequest } from './errors.ts';

/**
 * Request bodies: JSON whatever the Content-Type; field names in any case and in snake_case; unknown fields refused.
 * Texts follow Go's encoding/json, as clients of Consul see them.
 */

/** Turns one JSON value into T; `field` names it in messages. Throws DecodeError. */
export type Decoder<T> = (value: unknown, field: string) => T;

/** What is wrong with a body; its message follows `Request decode failed: `. */
export class DecodeError extends Error {
  readonly code = 'decode';

  constructor(message: string) {
    super(message);
    this.name = 'DecodeError';
  }
}

/** Decodes a whole body; throws HttpError 400. */
export function decodeBody<T>(bytes: Uint8Array, decode: Decoder<T>): T {
  try {
    if (bytes.length === 0) throw new DecodeError('EOF');
    return decode(parse(bytes), '');
  } catch (error) {
    if (error instanceof DecodeError) throw badRequest(`Request decode failed: ${error.message}`);
    throw error;
  }
}

function parse(bytes: Uint8Array): unknown {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('utf8');
  try {
    return JSON.parse(text) as unknown;
  } catch (error) {
    throw new DecodeError(error instanceof Error ? error.message : String(error));
  }
}

type Decoded<F> = { readonly [K in keyof F]?: F[K] extends Decoder<infer T> ? T : never };

/**
 * An object with these fields, each optional; null is as good as absent. A name matches in any case, and in snake_case
 * (`DeregisterCriticalServiceAfter` is also `deregister_critical_service_after`); `aliases` adds names of its own.
 */
export function object<F extends Readonly<Record<string, Decoder<unknown>>>>(
  fields: F,
  aliases: Readonly<Record<string, string>> = {},
): Decoder<Decoded<F>> {
  const names = new Map<string, string>(Object.entries(aliases));
  for (const name of Object.keys(fields)) names.set(name.toLowerCase(), name).set(snakeCase(name), name);
  return (value, field) => {
    if (value === null) return {};
    if (typeof value !== 'object' || Array.isArray(value)) throw mismatch(value, field, 'object');
    const decoded: Record<string, unknown> = {};
    for (const [key, item] of Object.entries(value)) {
      const name = names.get(key.toLowerCase());
      if (name === undefined) throw new DecodeError(`json: unknown field ${JSON.stringify(key)}`);
      if (item !== null) decoded[name] = fields[name]!(item, name);
    }
    return decoded as Decoded<F>;
  };
}

/** `TLSSkipVerify` -> `tls_skip_verify`, `GRPCUseTLS` -> `grpc_use_tls`. */
export function snakeCase(name: string): string {
  return name
    .replace(/([a-z0-9])([A-Z])/g, '$1_$2')
    .replace(/([A-Z]+)([A-Z][a-z])/g, '$1_$2')
    .toLowerCase();
}

export const text: Decoder<string> = (value, field) => {
  if (typeof value !== 'string') throw mismatch(value, field, 'string');
  return value;
};

export const integer: Decoder<number> = (value, field) => {
  if (typeof value !== 'number') throw mismatch(value, field, 'int');
  if (!Number.isSafeInteger(value)) throw mismatch(value, field, 'int', ` ${value}`);
  return value;
};

export const boolean: Decoder<boolean> = (value, field) => {
  if (typeof value !== 'boolean') throw mismatch(value, field, 'bool');
  return value;
};

/** Accepted and not looked at. */
export const anything: Decoder<unknown> = (value) => value;

/** A Go duration as text, or nanoseconds as a number -> milliseconds. */
export const duration: Decoder<number> = (value) => {
  if (typeof value === 'number') return value / 1e6;
  if (typeof value !== 'string') throw new DecodeError(`time: invalid duration ${JSON.stringify(value)}`);
  if (value === '') return 0;
  const ns = parseDurationNs(value);
  if (ns === undefined) throw new DecodeError(durationProblem(value));
  return ns / 1e6;
};

export function list<T>(item: Decoder<T>): Decoder<readonly T[]> {
  return (value, field) => {
    if (!Array.isArray(value)) throw mismatch(value, field, 'array');
    return value.map((element) => item(element, field));
  };
}

/** An object used as a map: any keys, as they are. */
export function mapOf<T>(item: Decoder<T>): Decoder<Readonly<Record<string, T>>> {
  return (value, field) => {
    if (typeof value !== 'object' || value === null || Array.isArray(value))
      throw mismatch(value, field, 'map');
    return Object.fromEntries(Object.entries(value).map(([key, element]) => [key, item(element, field)]));
  };
}

function mismatch(value: unknown, field: string, wanted: string, detail = ''): DecodeError {
  const kind = value === null ? 'null' : Array.isArray(value) ? 'array' : goKind(value);
  return new DecodeError(
    `json: cannot unmarshal ${kind}${detail} into Go struct field .${field} of type ${wanted}`,
  );
}

function goKind(value: unknown): string {
  return typeof value === 'boolean' ? 'bool' : typeof value;
}
