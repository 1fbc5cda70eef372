import { createHash } from 'node:crypto';
import {
  metaKeyMaxBytes,
  metaMaxPairs,
  metaPairProblem,
  metaReservedPrefix,
  metaValueMaxBytes,
} from '../model/meta-rules.ts';
import type { ServiceRegistration } from '../model/registration.ts';
import type { Service } from '../model/service.ts';

/** What a registrar writes into the meta of its services, so that it knows them again and touches no other. */
export interface Mark {
  readonly registrar: string;
  readonly container: string;
  /** Of all that is registered but the hash itself. '' = not known. */
  readonly hash: string;
}

const registrarKey = 'portolan-registrar';
const containerKey = 'portolan-container';
const hashKey = 'portolan-hash';
const markKeys = [registrarKey, containerKey, hashKey] as const;

/** The mark that a service bears, undefined if none. */
export function parseMark({ meta }: Pick<Service, 'meta'>): Mark | undefined {
  const registrar = meta?.[registrarKey];
  const container = meta?.[containerKey];
  if (registrar === undefined || container === undefined) return undefined;
  return { registrar, container, hash: meta?.[hashKey] ?? '' };
}

/** The registration with its mark. Equal input gives an equal hash, in every process. */
export function addMark(
  registration: ServiceRegistration,
  owner: { readonly registrar: string; readonly container: string },
): ServiceRegistration {
  const { service, checks } = registration;
  const meta = { ...service.meta, [registrarKey]: owner.registrar, [containerKey]: owner.container };
  const hash = createHash('sha256').update(
    canonical({ service: { ...service, meta }, checks: checks.map(withoutStatus) }),
  );
  const marked = { ...meta, [hashKey]: hash.digest('hex').slice(0, 32) };
  return { service: { ...service, meta: marked }, checks };
}

/** What Docker says of a container's health moves all the time and is no part of what was asked for. */
function withoutStatus(check: ServiceRegistration['checks'][number]): object {
  return check.kind.type === 'docker' ? { ...check, status: '' } : check;
}

function canonical(value: unknown): string {
  return JSON.stringify(value, (_, inner: unknown) =>
    typeof inner === 'object' && inner !== null && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1)))
      : inner,
  );
}

export interface CleanMeta {
  readonly meta: Readonly<Record<string, string>>;
  readonly problems: readonly string[];
}

/**
 * Metadata as catalogs take it: characters that they refuse become '_', long values are cut, and there is room for
 * the mark. When there are too many pairs the check_* ones, which only repeat the check, go first; then the last by
 * name. `pairs` beginning with `check_` are never worth a warning of their own.
 */
export function cleanMeta(pairs: Iterable<readonly [string, string]>): CleanMeta {
  const problems: string[] = [];
  const clean = new Map<string, string>();
  // Exact keys first, so that a repaired one never replaces them.
  const all = [...pairs].sort(([a], [b]) => (a < b ? -1 : 1));
  const isExact = ([key]: readonly [string, string]): boolean => key === cleanKey(key);
  for (const [key, value] of [...all.filter(isExact), ...all.filter((pair) => !isExact(pair))]) {
    const name = cleanKey(key);
    const cut = cutValue(value);
    const report = (text: string): void =>
      void (key.startsWith('check_') || problems.push(`SERVICE_${key.toUpperCase()}: ${text}`));
    if ((markKeys as readonly string[]).includes(name) || clean.has(name)) {
      report('left out of the meta: its name is taken');
      continue;
    }
    if (name !== key) report(`written to the meta as ${name}`);
    if (cut !== value) report(`cut to ${metaValueMaxBytes} bytes`);
    if (metaPairProblem(name, cut, false) === undefined) clean.set(name, cut);
  }
  return { meta: Object.fromEntries(cutPairs(clean, problems)), problems };
}

function cutPairs(pairs: ReadonlyMap<string, string>, problems: string[]): (readonly [string, string])[] {
  const room = metaMaxPairs - markKeys.length;
  const isCheck = ([key]: readonly [string, string]): boolean => key.startsWith('check_');
  const users = [...pairs].filter((pair) => !isCheck(pair));
  const checks = [...pairs].filter(isCheck);
  const dropped = users.slice(room).map(([key]) => key);
  if (dropped.length > 0) problems.push(`meta has room for ${room} pairs, left out: ${dropped.join(', ')}`);
  return [...users, ...checks].slice(0, room).sort(([a], [b]) => (a < b ? -1 : 1));
}

function cleanKey(key: string): string {
  const plain = key.replace(/[^a-zA-Z0-9_-]/gu, '_').slice(0, metaKeyMaxBytes);
  return plain.startsWith(metaReservedPrefix) ? plain.replace('-', '_') : plain;
}

/** At most as many bytes as a value may have, cut between characters. */
function cutValue(value: string): string {
  const bytes = Buffer.from(value);
  if (bytes.length <= metaValueMaxBytes) return value;
  return new TextDecoder().decode(bytes.subarray(0, metaValueMaxBytes), { stream: true });
}
