/**
 * etcd's v3 messages, as much of them as this engine sends and reads. Field numbers are those of etcd 3.4's
 * rpc.proto and kv.proto; they have never changed since 3.3.
 */
import { type Id, WireReader, WireWriter } from './wire.ts';

/** A method's path and how its answer is read. */
export interface Method<Answer> {
  readonly path: string;
  readonly decode: (bytes: Buffer) => Answer;
  /** A majority of the servers stands behind the answer; else it is one server's word. */
  readonly agreed?: true;
}

export interface Header {
  readonly clusterId: Id;
  readonly revision: number;
}

export interface KeyValue {
  readonly key: Buffer;
  readonly createRevision: number;
  readonly modRevision: number;
  /** A view into the answer that it came in. */
  readonly value: Buffer;
  /** 0n: none. */
  readonly lease: Id;
}

export interface RangeAnswer {
  readonly header: Header;
  readonly kvs: readonly KeyValue[];
  readonly more: boolean;
}

export interface TxnAnswer {
  readonly header: Header;
  readonly succeeded: boolean;
  /** What the txn's range operations found, in their order. */
  readonly ranges: readonly RangeAnswer[];
}

export interface WatchAnswer {
  readonly header: Header;
  readonly created: boolean;
  readonly canceled: boolean;
  readonly compactRevision: number;
  readonly cancelReason: string;
  /** More events of the last revision follow in the next answer. */
  readonly fragment: boolean;
  readonly events: readonly { readonly deleted: boolean; readonly kv: KeyValue }[];
}

export interface LeaseAnswer {
  readonly header: Header;
  /** Seconds; 0 when the lease is gone. */
  readonly ttl: number;
}

export interface Member {
  readonly id: Id;
  readonly clientUrls: readonly string[];
}

/** A range of keys; without `end` one key. */
export interface KeyRange {
  readonly key: Uint8Array;
  readonly end?: Uint8Array;
}

export type CompareTarget =
  | { readonly create: number }
  | { readonly mod: number }
  | { readonly value: Uint8Array };

export interface CompareMessage {
  readonly range: KeyRange;
  readonly result: 'equal' | 'greater' | 'less';
  readonly target: CompareTarget;
}

export type OperationMessage =
  | { readonly put: Uint8Array; readonly value: Uint8Array; readonly lease?: Id }
  | { readonly delete: KeyRange }
  | { readonly range: KeyRange };

export const methods = {
  range: {
    path: '/etcdserverpb.KV/Range',
    decode: (bytes) => decodeRange(new WireReader(bytes)),
    agreed: true,
  },
  txn: { path: '/etcdserverpb.KV/Txn', decode: (bytes) => decodeTxn(new WireReader(bytes)), agreed: true },
  grant: { path: '/etcdserverpb.Lease/LeaseGrant', decode: (bytes) => decodeLease(new WireReader(bytes)) },
  revoke: { path: '/etcdserverpb.Lease/LeaseRevoke', decode: decodeHeaderOnly },
  memberList: { path: '/etcdserverpb.Cluster/MemberList', decode: decodeMembers },
  status: { path: '/etcdserverpb.Maintenance/Status', decode: decodeStatus },
  authenticate: { path: '/etcdserverpb.Auth/Authenticate', decode: decodeToken },
} as const satisfies Record<string, Method<unknown>>;

export const keepAliveMethod: Method<LeaseAnswer> = {
  path: '/etcdserverpb.Lease/LeaseKeepAlive',
  decode: (bytes) => decodeLease(new WireReader(bytes)),
};

export const watchMethod: Method<WatchAnswer> = {
  path: '/etcdserverpb.Watch/Watch',
  decode: (bytes) => decodeWatch(new WireReader(bytes)),
};

export function encodeRange(
  range: KeyRange,
  options: { readonly limit?: number; readonly revision?: number } = {},
): Buffer {
  const writer = new WireWriter();
  writeRange(writer, range);
  return writer
    .number(3, options.limit ?? 0)
    .number(4, options.revision ?? 0)
    .finish();
}

export function encodeTxn(txn: {
  readonly compare: readonly CompareMessage[];
  readonly success: readonly OperationMessage[];
  readonly failure: readonly OperationMessage[];
}): Buffer {
  const writer = new WireWriter(512);
  for (const compare of txn.compare) writer.message(1, (w) => writeCompare(w, compare));
  for (const operation of txn.success) writer.message(2, (w) => writeOperation(w, operation));
  for (const operation of txn.failure) writer.message(3, (w) => writeOperation(w, operation));
  return writer.finish();
}

export function encodeGrant(id: Id, ttlSeconds: number): Buffer {
  return new WireWriter().number(1, ttlSeconds).id(2, id).finish();
}

/** For LeaseRevoke and LeaseKeepAlive. */
export function encodeLeaseId(id: Id): Buffer {
  return new WireWriter().id(1, id).finish();
}

export function encodeCredentials(name: string, password: string): Buffer {
  return new WireWriter().text(1, name).text(2, password).finish();
}

/** A request to watch a range from a revision on, in pieces that fit into messages. */
export function encodeWatch(range: KeyRange, startRevision: number): Buffer {
  return new WireWriter()
    .message(1, (w) => {
      writeRange(w, range);
      w.number(3, startRevision).number(8, 1);
    })
    .finish();
}

export const emptyMessage: Buffer = Buffer.alloc(0);

function writeRange(writer: WireWriter, { key, end }: KeyRange): void {
  writer.bytes(1, key);
  if (end !== undefined) writer.bytes(2, end);
}

const resultNumbers = { equal: 0, greater: 1, less: 2 } as const;

function writeCompare(writer: WireWriter, { range, result, target }: CompareMessage): void {
  writer.number(1, resultNumbers[result]);
  if ('create' in target) writer.number(2, 1).bytes(3, range.key).number(5, target.create);
  else if ('mod' in target) writer.number(2, 2).bytes(3, range.key).number(6, target.mod);
  else writer.number(2, 3).bytes(3, range.key).bytes(7, target.value);
  if (range.end !== undefined) writer.bytes(64, range.end);
}

function writeOperation(writer: WireWriter, operation: OperationMessage): void {
  if ('put' in operation) {
    writer.message(2, (w) => {
      w.bytes(1, operation.put).bytes(2, operation.value);
      if (operation.lease !== undefined) w.id(3, operation.lease);
    });
  } else if ('delete' in operation) {
    writer.message(3, (w) => writeRange(w, operation.delete));
  } else {
    writer.message(1, (w) => writeRange(w, operation.range));
  }
}

const noHeader: Header = { clusterId: 0n, revision: 0 };

function decodeHeader(reader: WireReader): Header {
  let clusterId = 0n;
  let revision = 0;
  while (reader.next()) {
    if (reader.field === 1) clusterId = reader.id();
    else if (reader.field === 3) revision = reader.number();
  }
  return { clusterId, revision };
}

function decodeHeaderOnly(bytes: Buffer): { readonly header: Header } {
  const reader = new WireReader(bytes);
  let header = noHeader;
  while (reader.next()) if (reader.field === 1) header = reader.message(decodeHeader);
  return { header };
}

function decodeKeyValue(reader: WireReader): KeyValue {
  let key = emptyMessage;
  let value = emptyMessage;
  let createRevision = 0;
  let modRevision = 0;
  let lease = 0n;
  while (reader.next()) {
    if (reader.field === 1) key = reader.bytes();
    else if (reader.field === 2) createRevision = reader.number();
    else if (reader.field === 3) modRevision = reader.number();
    else if (reader.field === 5) value = reader.bytes();
    else if (reader.field === 6) lease = reader.id();
  }
  return { key, createRevision, modRevision, value, lease };
}

function decodeRange(reader: WireReader): RangeAnswer {
  let header = noHeader;
  let more = false;
  const kvs: KeyValue[] = [];
  while (reader.next()) {
    if (reader.field === 1) header = reader.message(decodeHeader);
    else if (reader.field === 2) kvs.push(reader.message(decodeKeyValue));
    else if (reader.field === 3) more = reader.bool();
  }
  return { header, kvs, more };
}

function decodeTxn(reader: WireReader): TxnAnswer {
  let header = noHeader;
  let succeeded = false;
  const ranges: RangeAnswer[] = [];
  while (reader.next()) {
    if (reader.field === 1) header = reader.message(decodeHeader);
    else if (reader.field === 2) succeeded = reader.bool();
    else if (reader.field === 3) reader.message((operation) => pushRange(operation, ranges));
  }
  return { header, succeeded, ranges };
}

function pushRange(reader: WireReader, ranges: RangeAnswer[]): void {
  while (reader.next()) if (reader.field === 1) ranges.push(reader.message(decodeRange));
}

function decodeEvent(reader: WireReader): { deleted: boolean; kv: KeyValue } {
  let deleted = false;
  let kv: KeyValue | undefined;
  while (reader.next()) {
    if (reader.field === 1) deleted = reader.number() === 1;
    else if (reader.field === 2) kv = reader.message(decodeKeyValue);
  }
  return { deleted, kv: kv ?? decodeKeyValue(new WireReader(emptyMessage)) };
}

function decodeWatch(reader: WireReader): WatchAnswer {
  let header = noHeader;
  let created = false;
  let canceled = false;
  let compactRevision = 0;
  let cancelReason = '';
  let fragment = false;
  const events: { deleted: boolean; kv: KeyValue }[] = [];
  while (reader.next()) {
    if (reader.field === 1) header = reader.message(decodeHeader);
    else if (reader.field === 3) created = reader.bool();
    else if (reader.field === 4) canceled = reader.bool();
    else if (reader.field === 5) compactRevision = reader.number();
    else if (reader.field === 6) cancelReason = reader.text();
    else if (reader.field === 7) fragment = reader.bool();
    else if (reader.field === 11) events.push(reader.message(decodeEvent));
  }
  return { header, created, canceled, compactRevision, cancelReason, fragment, events };
}

function decodeLease(reader: WireReader): LeaseAnswer {
  let header = noHeader;
  let ttl = 0n;
  while (reader.next()) {
    if (reader.field === 1) header = reader.message(decodeHeader);
    // A lease that is gone may have a negative time.
    else if (reader.field === 3) ttl = reader.id();
  }
  return { header, ttl: Number(ttl) };
}

function decodeMembers(bytes: Buffer): { readonly header: Header; readonly members: readonly Member[] } {
  const reader = new WireReader(bytes);
  let header = noHeader;
  const members: Member[] = [];
  while (reader.next()) {
    if (reader.field === 1) header = reader.message(decodeHeader);
    else if (reader.field === 2) members.push(reader.message(decodeMember));
  }
  return { header, members };
}

function decodeMember(reader: WireReader): Member {
  let id = 0n;
  const clientUrls: string[] = [];
  while (reader.next()) {
    if (reader.field === 1) id = reader.id();
    else if (reader.field === 4) clientUrls.push(reader.text());
  }
  return { id, clientUrls };
}

function decodeStatus(bytes: Buffer): { readonly header: Header; readonly leader: Id } {
  const reader = new WireReader(bytes);
  let header = noHeader;
  let leader = 0n;
  while (reader.next()) {
    if (reader.field === 1) header = reader.message(decodeHeader);
    else if (reader.field === 4) leader = reader.id();
  }
  return { header, leader };
}

function decodeToken(bytes: Buffer): { readonly header: Header; readonly token: string } {
  const reader = new WireReader(bytes);
  let header = noHeader;
  let token = '';
  while (reader.next()) {
    if (reader.field === 1) header = reader.message(decodeHeader);
    else if (reader.field === 2) token = reader.text();
  }
  return { header, token };
}
