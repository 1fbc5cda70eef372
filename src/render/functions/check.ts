/** A check and its definition as templates see them. Names, order and defaults are Go's. Source: consul/api health.go. */
import { parseDurationNs } from '../../lib/duration.ts';
import { defineInteger, defineStruct } from '../../template/functions.ts';
import { intType, mapOf, sliceOf, stringSliceType, stringType } from '../../template/types.ts';
import { GoMap, goMap, Int, Slice, Struct, stringSlice, uint64 } from '../../template/values.ts';
import type { Value } from '../../template/values.ts';
import type { HealthCheck } from '../source.ts';
import { durationText, durationType, durationValue } from './sprig/duration.ts';

type Definition = Readonly<Record<string, unknown>>;

const text = (name: string) => ({
  type: 'string',
  get: (definition: Definition): Value => (typeof definition[name] === 'string' ? definition[name] : ''),
});
const flag = (name: string) => ({
  type: 'bool',
  get: (definition: Definition): Value => definition[name] === true,
});

/** Its text is for pointers only: printed with the struct around it, it is a number of nanoseconds. */
const readableDuration = defineInteger({
  name: 'api.ReadableDuration',
  kind: 'int64',
  methods: {
    String: { params: [], result: 'string', call: ({ value }) => durationText(value) },
    Duration: { params: [], result: durationType, call: ({ value }) => durationValue(value) },
  },
});

/** Newer servers name the field with `Duration` behind it. */
function nanoseconds(definition: Definition, name: string): bigint {
  const value = definition[`${name}Duration`] ?? definition[name];
  const ns = typeof value === 'number' ? value : parseDurationNs(typeof value === 'string' ? value : '');
  return BigInt(Math.round(ns ?? 0));
}

const duration = (name: string) => ({
  type: durationType,
  get: (definition: Definition): Value => durationValue(nanoseconds(definition, name)),
});
const readable = (name: string) => ({
  type: readableDuration,
  get: (definition: Definition): Value =>
    new Int(readableDuration.kind, nanoseconds(definition, name), readableDuration),
});

const headerType = mapOf(stringType, sliceOf(stringType));

export const checkDefinition = defineStruct<Definition>({
  name: 'api.HealthCheckDefinition',
  fields: {
    HTTP: text('HTTP'),
    Header: { type: headerType, get: ({ Header: header }) => headerMap(header) },
    Method: text('Method'),
    Body: text('Body'),
    TLSServerName: text('TLSServerName'),
    TLSSkipVerify: flag('TLSSkipVerify'),
    TCP: text('TCP'),
    TCPUseTLS: flag('TCPUseTLS'),
    UDP: text('UDP'),
    GRPC: text('GRPC'),
    OSService: text('OSService'),
    GRPCUseTLS: flag('GRPCUseTLS'),
    IntervalDuration: duration('Interval'),
    TimeoutDuration: duration('Timeout'),
    DeregisterCriticalServiceAfterDuration: duration('DeregisterCriticalServiceAfter'),
    SessionName: text('SessionName'),
    Interval: readable('Interval'),
    Timeout: readable('Timeout'),
    DeregisterCriticalServiceAfter: readable('DeregisterCriticalServiceAfter'),
  },
});

function headerMap(header: unknown): Value {
  if (typeof header !== 'object' || header === null) return new GoMap(headerType, [], true);
  return goMap(
    Object.entries(header).map(([name, values]) => [
      name,
      stringSlice(Array.isArray(values) ? values.map(String) : []),
    ]),
    headerType,
  );
}

function tagList(tags: readonly string[] | null): Slice {
  return tags === null ? new Slice(stringSliceType, [], true) : stringSlice(tags);
}

export const healthCheck = defineStruct<HealthCheck>({
  name: 'api.HealthCheck',
  fields: {
    Node: { type: 'string', get: (c) => c.node },
    CheckID: { type: 'string', get: (c) => c.checkId },
    Name: { type: 'string', get: (c) => c.name },
    Status: { type: 'string', get: (c) => c.status },
    Notes: { type: 'string', get: (c) => c.notes },
    Output: { type: 'string', get: (c) => c.output },
    ServiceID: { type: 'string', get: (c) => c.serviceId },
    ServiceName: { type: 'string', get: (c) => c.serviceName },
    ServiceTags: { type: stringSliceType, get: (c) => tagList(c.serviceTags) },
    Type: { type: 'string', get: (c) => c.type },
    Namespace: { type: 'string', get: (c) => c.scope?.namespace ?? '' },
    Partition: { type: 'string', get: (c) => c.scope?.partition ?? '' },
    ExposedPort: { type: intType, get: (c) => c.exposedPort ?? 0 },
    PeerName: { type: 'string', get: (c) => c.scope?.peer ?? '' },
    Definition: {
      type: checkDefinition,
      get: (c) => new Struct(checkDefinition, c.definition ?? none, false),
    },
    CreateIndex: { type: 'uint64', get: (c) => uint64(c.createIndex ?? 0) },
    ModifyIndex: { type: 'uint64', get: (c) => uint64(c.modifyIndex ?? 0) },
  },
});

const none: Definition = Object.freeze({});
