import { decodeFields } from '../catalog/codec.ts';
import type { LeaseId } from '../store/store.ts';

/** What becomes of held keys when the session ends. */
export type SessionBehavior = 'release' | 'delete';

export interface ServiceCheckRef {
  readonly id: string;
  readonly namespace: string;
}

export interface SessionFields {
  readonly name: string;
  /** As it was given; compared in any case. */
  readonly node: string;
  readonly lockDelayNs: number;
  readonly behavior: SessionBehavior;
  /** As it was written, '' if none; see `ttlNs`. */
  readonly ttl: string;
  readonly nodeChecks: readonly string[];
  /** null if none was given. */
  readonly serviceChecks: readonly ServiceCheckRef[] | null;
  /** Under the field's old name; besides `nodeChecks`. */
  readonly checks: readonly string[];
  /** What its alive key hangs on, '' without a TTL. It is in the row so that every agent can renew. */
  readonly lease: LeaseId;
}

/** A session as the replica holds it. It never changes. */
export interface SessionRow extends SessionFields {
  readonly id: string;
  readonly createIndex: number;
  readonly modifyIndex: number;
}

/** Checks that end the session when they turn critical or go. */
export function checksOf(session: SessionFields): readonly string[] {
  if (session.checks.length === 0 && session.serviceChecks === null) return session.nodeChecks;
  const { checks, nodeChecks, serviceChecks } = session;
  return [...checks, ...nodeChecks, ...(serviceChecks ?? []).map(({ id }) => id).filter((id) => id !== '')];
}

type Stored = [
  name: string,
  node: string,
  lockDelayNs: number,
  behavior: SessionBehavior,
  ttl: string,
  nodeChecks: readonly string[],
  serviceChecks: readonly (readonly [id: string, namespace: string])[] | null,
  checks: readonly string[],
  lease: LeaseId,
];

/** A compact JSON array. Fields are only ever added at the end. */
export function encodeSession(session: SessionFields): Uint8Array {
  const stored: Stored = [
    session.name,
    session.node,
    session.lockDelayNs,
    session.behavior,
    session.ttl,
    session.nodeChecks,
    session.serviceChecks && session.serviceChecks.map(({ id, namespace }) => [id, namespace]),
    session.checks,
    session.lease,
  ];
  return Buffer.from(JSON.stringify(stored));
}

export function decodeSession(
  id: string,
  value: Uint8Array,
  createIndex: number,
  modifyIndex: number,
): SessionRow {
  const [name, node, lockDelayNs, behavior, ttl, nodeChecks, serviceChecks, checks, lease] = decodeFields(
    value,
  ) as Stored;
  return {
    id,
    name,
    node,
    lockDelayNs,
    behavior,
    ttl,
    nodeChecks,
    serviceChecks: serviceChecks && serviceChecks.map(([check, namespace]) => ({ id: check, namespace })),
    checks,
    lease,
    createIndex,
    modifyIndex,
  };
}
