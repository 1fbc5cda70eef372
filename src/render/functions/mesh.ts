/**
 * Functions on what a Consul server has beyond a catalog: caRoots, caLeaf, partitions, peerings, exportedServices,
 * importedServices. They need a Consul with these features behind `-consul-addr`; this agent's own replica has none.
 */
import { compareUtf8 } from '../../lib/bytes.ts';
import { defineFunction, defineStruct, pointerSliceType } from '../../template/functions.ts';
import type { FieldSpec, GoFunction } from '../../template/functions.ts';
import { sliceOf } from '../../template/types.ts';
import type { StructType } from '../../template/types.ts';
import { Slice, Struct, stringMap, stringSlice, uint64 } from '../../template/values.ts';
import { documentDependency, peeringsDependency } from '../dependency.ts';
import type { FunctionContext } from './context.ts';
import { GoTime, parseLocalTime, timeType } from './sprig/time.ts';
import { pointers } from './structs.ts';

/** An object of decoded JSON. */
type Json = Readonly<Record<string, unknown>>;
type Field = FieldSpec<Json>;

const text = (key: string): Field => ({ type: 'string', get: (json) => asText(json[key]) });
const count = (key: string): Field => ({ type: 'uint64', get: (json) => uint64(Number(json[key] ?? 0)) });
const texts = (key: string): Field => ({ type: '[]string', get: (json) => textList(json[key]) });
const nested = (key: string, type: StructType): Field => ({
  type,
  get: (json) => new Struct(type, asObject(json[key]), false),
});
const moment = (key: string): Field => ({
  type: timeType,
  get: (json) => new Struct(timeType, asTime(json[key]) ?? GoTime.zero, false),
});
const maybeMoment = (key: string): Field => ({
  type: timeType.pointer,
  get: (json) => new Struct(timeType, asTime(json[key])),
});

const caRoot = defineStruct<Json>({
  name: 'api.CARoot',
  fields: {
    ID: text('ID'),
    Name: text('Name'),
    RootCertPEM: text('RootCert'),
    Active: { type: 'bool', get: (json) => json['Active'] === true },
    CreateIndex: count('CreateIndex'),
    ModifyIndex: count('ModifyIndex'),
  },
});

const leafCert = defineStruct<Json>({
  name: 'api.LeafCert',
  fields: {
    SerialNumber: text('SerialNumber'),
    CertPEM: text('CertPEM'),
    PrivateKeyPEM: text('PrivateKeyPEM'),
    Service: text('Service'),
    ServiceURI: text('ServiceURI'),
    ValidAfter: moment('ValidAfter'),
    ValidBefore: moment('ValidBefore'),
    CreateIndex: count('CreateIndex'),
    ModifyIndex: count('ModifyIndex'),
  },
});

const partition = defineStruct<Json>({
  name: 'dependency.Partition',
  fields: { Name: text('Name'), Description: text('Description') },
});

const streamStatus = defineStruct<Json>({
  name: 'dependency.PeeringStreamStatus',
  fields: {
    ImportedServices: texts('ImportedServices'),
    ExportedServices: texts('ExportedServices'),
    LastHeartbeat: maybeMoment('LastHeartbeat'),
    LastReceive: maybeMoment('LastReceive'),
    LastSend: maybeMoment('LastSend'),
  },
});

const remoteInfo = defineStruct<Json>({
  name: 'dependency.PeeringRemoteInfo',
  fields: { Partition: text('Partition'), Datacenter: text('Datacenter') },
});

const peering = defineStruct<Json>({
  name: 'dependency.Peering',
  fields: {
    ID: text('ID'),
    Name: text('Name'),
    Partition: text('Partition'),
    Meta: { type: 'map[string]string', get: (json) => stringMap(asMeta(json['Meta'])) },
    PeeringState: text('State'),
    PeerID: text('PeerID'),
    PeerServerName: text('PeerServerName'),
    PeerServerAddresses: texts('PeerServerAddresses'),
    StreamStatus: nested('StreamStatus', streamStatus),
    Remote: nested('Remote', remoteInfo),
  },
});

const consumers = defineStruct<Json>({
  name: 'dependency.ResolvedConsumers',
  fields: { Peers: texts('Peers'), Partitions: texts('Partitions') },
});

// Partition and Namespace are never filled, as in consul-template.
const exportedService = defineStruct<Json>({
  name: 'dependency.ExportedService',
  fields: {
    Service: text('Service'),
    Partition: { type: 'string', get: () => '' },
    Namespace: { type: 'string', get: () => '' },
    Consumers: nested('Consumers', consumers),
  },
});

const importedService = defineStruct<Json>({
  name: 'dependency.ImportedService',
  fields: {
    Service: text('Service'),
    Namespace: text('Namespace'),
    SourcePartition: text('SourcePartition'),
  },
});

const exportedServices = sliceOf(exportedService);
const importedServices = sliceOf(importedService);

export function meshFunctions(context: FunctionContext): readonly GoFunction[] {
  const ask = (dependency: ReturnType<typeof documentDependency>): unknown =>
    context.ask('document', dependency);
  return [
    defineFunction('caRoots', { params: ['...string'], result: pointerSliceType(caRoot) }, () => {
      const answer = ask(documentDependency('connect.caroots', '/v1/agent/connect/ca/roots'));
      return pointers(caRoot, listOf(asObject(answer)['Roots']));
    }),
    defineFunction('caLeaf', { params: ['...string'], result: 'any' }, (name = '') => {
      if (name === '') return null;
      const path = `/v1/agent/connect/ca/leaf/${encodeURIComponent(name)}`;
      const answer = ask(documentDependency(`connect.caleaf(${name})`, path));
      return answer === undefined ? null : new Struct(leafCert, asObject(answer));
    }),
    defineFunction('partitions', { params: [], result: pointerSliceType(partition) }, () =>
      pointers(partition, sorted(ask(documentDependency('list.partitions', '/v1/partitions')), ['Name'])),
    ),
    defineFunction('peerings', { params: ['...string'], result: pointerSliceType(peering) }, (...words) =>
      pointers(peering, sorted(ask(peeringsDependency(words.join(''))), ['State', 'Partition', 'Name'])),
    ),
    defineFunction('exportedServices', { params: ['...string'], result: exportedServices }, (...words) => {
      if (words.length > 1) throw new Error('exportedServices: wrong number of arguments, expected 0 or 1');
      const dependency = documentDependency('list.exportedServices', '/v1/exported-services', words[0] ?? '');
      return values(exportedServices, exportedService, sorted(ask(dependency), ['Service']));
    }),
    defineFunction('importedServices', { params: ['string'], result: importedServices }, (name) => {
      if (name === '') throw new Error('importedServices: partition name is required');
      const dependency = documentDependency(`list.importedServices(${name})`, '/v1/imported-services', name);
      const answer = asObject(ask(dependency))['ImportedServices'];
      return values(importedServices, importedService, sorted(answer, ['Service']));
    }),
  ];
}

function values(type: ReturnType<typeof sliceOf>, elem: StructType, rows: readonly Json[]): Slice {
  return new Slice(
    type,
    rows.map((row) => new Struct(elem, row, false)),
  );
}

function asObject(value: unknown): Json {
  return typeof value === 'object' && value !== null ? (value as Json) : {};
}

function listOf(value: unknown): readonly Json[] {
  return Array.isArray(value) ? value.map(asObject) : [];
}

function sorted(value: unknown, keys: readonly string[]): readonly Json[] {
  const order = (a: Json, b: Json): number =>
    keys.reduce((result, key) => result || compareUtf8(asText(a[key]), asText(b[key])), 0);
  return [...listOf(value)].sort(order);
}

function asText(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

function textList(value: unknown): Slice {
  return stringSlice(Array.isArray(value) ? value.map(asText) : []);
}

function asMeta(value: unknown): Readonly<Record<string, string>> | null {
  return typeof value === 'object' && value !== null ? (value as Record<string, string>) : null;
}

function asTime(value: unknown): GoTime | undefined {
  if (typeof value !== 'string') return undefined;
  try {
    return parseLocalTime('2006-01-02T15:04:05Z07:00', value);
  } catch {
    return undefined;
  }
}
