import type { Check } from '../model/check.ts';
import type { Node } from '../model/node.ts';
import { defaultWeights, type Service, type ServiceAddress } from '../model/service.ts';

/**
 * Rows as bytes: compact JSON arrays, defaults at their end left out. Fields are only ever added at the end.
 *
 * node      [name, id, address, taggedAddresses, meta, createIndex]
 * service   [id, name, address, port, tags, meta, taggedAddresses, [passing, warning], enableTagOverride, socketPath]
 * check     [id, name, status, output, serviceId, serviceName, serviceTags, type, interval, timeout, notes, definition,
 *            deregisterAfterMs]
 * tombstone [wallMs]; floor [revision]
 */

type Text = Readonly<Record<string, string>>;
export type NodeFields = [string, string?, string?, (Text | null)?, (Text | null)?, number?];
export type ServiceFields = [
  string,
  string,
  string?,
  number?,
  (readonly string[])?,
  (Text | null)?,
  (Readonly<Record<string, ServiceAddress>> | null)?,
  ([number, number] | null)?,
  number?,
  string?,
];
export type CheckFields = [
  string,
  string,
  string,
  string?,
  string?,
  string?,
  (readonly string[])?,
  string?,
  string?,
  string?,
  string?,
  (Readonly<Record<string, unknown>> | null)?,
  number?,
];
export type TombstoneFields = [wallMs: number];

export const noTags: readonly string[] = Object.freeze([]);

/** `createIndex` only for a row that took it over from another key (a renamed node). */
export function encodeNode(node: Node, createIndex: number | undefined): Uint8Array {
  return encode(
    [node.name, node.id, node.address, node.taggedAddresses, node.meta, createIndex ?? 0],
    nodeDefaults,
  );
}

export function encodeService(service: Service): Uint8Array {
  const { weights } = service;
  const plain = weights.passing === defaultWeights.passing && weights.warning === defaultWeights.warning;
  return encode(
    [
      service.id,
      service.name,
      service.address,
      service.port,
      service.tags.length === 0 ? null : service.tags,
      service.meta,
      service.taggedAddresses,
      plain ? null : [weights.passing, weights.warning],
      service.enableTagOverride ? 1 : 0,
      service.socketPath,
    ],
    serviceDefaults,
  );
}

export function encodeCheck(check: Check, serviceTags: readonly string[]): Uint8Array {
  return encode(
    [
      check.id,
      check.name,
      check.status,
      check.output,
      check.serviceId,
      check.serviceName,
      serviceTags.length === 0 ? null : serviceTags,
      check.type,
      check.interval,
      check.timeout,
      check.notes,
      check.definition,
      check.deregisterAfterMs ?? 0,
    ],
    checkDefaults,
  );
}

export function encodeTombstone(wallMs: number): Uint8Array {
  return Buffer.from(`[${wallMs}]`);
}

export function encodeFloor(revision: number): Uint8Array {
  return Buffer.from(`[${revision}]`);
}

/** The array that an encoder above wrote. */
export function decodeFields(value: Uint8Array): unknown {
  return JSON.parse(utf8(value));
}

function utf8(value: Uint8Array): string {
  if (Buffer.isBuffer(value)) return value.toString('utf8');
  return Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString('utf8');
}

const nodeDefaults = ['', '', '', null, null, 0];
const serviceDefaults = ['', undefined, '', 0, null, null, null, null, 0, ''];
const checkDefaults = ['', undefined, undefined, '', '', '', null, '', '', '', '', null, 0];

function encode(fields: unknown[], defaults: readonly unknown[]): Uint8Array {
  let length = fields.length;
  while (length > 1 && fields[length - 1] === defaults[length - 1]) length -= 1;
  fields.length = length;
  return Buffer.from(JSON.stringify(fields));
}
