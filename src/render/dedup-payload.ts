/**
 * What a leader publishes of one template: the answers of its queries, deflated JSON behind a line that says how many parts it
 * has. Up to 512 KiB stand in the key itself; more are split over keys below it. Consul's limit for a value is 512 KiB.
 */
import { promisify } from 'node:util';
import { deflateRaw, inflateRaw } from 'node:zlib';

// Megabytes take tens of milliseconds: not on the event loop.
const deflate = promisify(deflateRaw);
const inflate = promisify(inflateRaw);

export const partBytes = 512 * 1024;
/** The line in front of the data. */
const headRoom = 1024;
const format = 'portolan/1';

export interface Header {
  /** Changes with the data. */
  readonly generation: string;
  /** Keys that hold the data; 0: they follow the header. */
  readonly parts: number;
}

export interface Packed {
  readonly value: Uint8Array;
  readonly parts: readonly Uint8Array[];
}

/** Answers by query, as JSON text of the query. */
export type Shared = ReadonlyMap<string, unknown>;

export async function packShared(shared: Shared, generation: string): Promise<Packed> {
  const text = JSON.stringify([...shared], (_key, value: unknown) =>
    typeof value === 'bigint' ? { $bigint: value.toString() } : value,
  );
  const bytes = await deflate(text);
  const isInline = bytes.length <= partBytes - headRoom;
  const parts = isInline ? [] : slices(bytes);
  const head = Buffer.from(`${JSON.stringify({ format, generation, parts: parts.length })}\n`);
  return { value: isInline ? Buffer.concat([head, bytes]) : head, parts };
}

function slices(bytes: Uint8Array): readonly Uint8Array[] {
  const count = Math.ceil(bytes.length / partBytes);
  return Array.from({ length: count }, (_, i) => bytes.subarray(i * partBytes, (i + 1) * partBytes));
}

/** undefined: the key holds something else. */
export function readHeader(value: Uint8Array): (Header & { readonly rest: Uint8Array }) | undefined {
  const end = value.indexOf(10);
  if (end < 0) return undefined;
  try {
    const head = JSON.parse(Buffer.from(value.subarray(0, end)).toString()) as Header & { format?: unknown };
    const isOurs =
      head.format === format && typeof head.generation === 'string' && Number.isInteger(head.parts);
    return isOurs
      ? { generation: head.generation, parts: head.parts, rest: value.subarray(end + 1) }
      : undefined;
  } catch {
    return undefined;
  }
}

/** undefined: the data are damaged. */
export async function unpackShared(bytes: Uint8Array): Promise<Shared | undefined> {
  try {
    const text = (await inflate(bytes)).toString();
    const revive = (_key: string, value: unknown): unknown =>
      isBigInt(value) ? BigInt(value.$bigint) : value;
    return new Map(JSON.parse(text, revive) as [string, unknown][]);
  } catch {
    return undefined;
  }
}

function isBigInt(value: unknown): value is { readonly $bigint: string } {
  return (
    typeof value === 'object' &&
    value !== null &&
    typeof (value as { $bigint?: unknown }).$bigint === 'string'
  );
}
