import type { CheckDefinition } from '../model/registration.ts';
import type { Service } from '../model/service.ts';
import type { Persisted, PersistedChange, TtlState } from './persistence.ts';

/** Records as text: key `service/<id>`, `check/<id>` or `ttl/<id>`, value JSON. Engines only keep pairs of strings. */

export function recordKey(change: { readonly type: PersistedChange['type']; readonly id: string }): string {
  return `${change.type}/${change.id}`;
}

/** undefined removes the record. */
export function encodeRecord(change: PersistedChange): string | undefined {
  if (change.value === null) return undefined;
  // A row may be a class with more fields than the model's; only those of the model are kept.
  if (change.type === 'service') return JSON.stringify(change.value, serviceFields);
  return JSON.stringify(change.value);
}

const serviceKeys: readonly (keyof Service)[] = [
  'id',
  'name',
  'tags',
  'address',
  'port',
  'taggedAddresses',
  'meta',
  'weights',
  'enableTagOverride',
  'socketPath',
];

function serviceFields(this: unknown, key: string, value: unknown): unknown {
  if (key !== '') return value;
  const service = value as Service;
  return Object.fromEntries(serviceKeys.map((name) => [name, service[name]]));
}

/** Takes records one by one, so that an engine can read them in slices. */
export class RecordDecoder {
  readonly #services: Service[] = [];
  readonly #checks: CheckDefinition[] = [];
  readonly #ttls = new Map<string, TtlState>();
  readonly #unreadable: string[] = [];

  add(key: string, text: string): void {
    const value = parse(text);
    const id = key.slice(key.indexOf('/') + 1);
    if (key.startsWith('service/') && hasFields(value, serviceShape)) {
      this.#services.push(value as unknown as Service);
    } else if (key.startsWith('check/') && hasFields(value, checkShape)) {
      this.#checks.push(value as unknown as CheckDefinition);
    } else if (key.startsWith('ttl/') && hasFields(value, ttlShape)) {
      this.#ttls.set(id, value as unknown as TtlState);
    } else this.#unreadable.push(key);
  }

  persisted(): Persisted {
    return {
      services: this.#services,
      checks: this.#checks,
      ttls: this.#ttls,
      unreadable: this.#unreadable,
    };
  }
}

type Shape = readonly (readonly [string, 'string' | 'number' | 'boolean' | 'object'])[];

const serviceShape: Shape = Object.entries({
  id: 'string',
  name: 'string',
  tags: 'object',
  address: 'string',
  port: 'number',
  taggedAddresses: 'object',
  meta: 'object',
  weights: 'object',
  enableTagOverride: 'boolean',
  socketPath: 'string',
} as const);

const checkShape: Shape = Object.entries({
  id: 'string',
  name: 'string',
  notes: 'string',
  serviceId: 'string',
  status: 'string',
  kind: 'object',
  intervalMs: 'number',
  timeoutMs: 'number',
  outputMaxBytes: 'number',
  successBeforePassing: 'number',
  failuresBeforeWarning: 'number',
  failuresBeforeCritical: 'number',
  deregisterCriticalAfterMs: 'number',
} as const);

const ttlShape: Shape = Object.entries({
  status: 'string',
  output: 'string',
  expiresAtMs: 'number',
} as const);

function hasFields(value: Record<string, unknown> | undefined, shape: Shape): boolean {
  return value !== undefined && shape.every(([name, type]) => typeof value[name] === type);
}

function parse(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}
