import type { CheckKind } from '../model/registration.ts';
import { probeHttp } from './http.ts';
import type { Probe, ProbeLimits, ProbeResult } from './probe.ts';
import { probeTcp } from './tcp.ts';

/** One kind of check out of the union. */
export type KindOf<T extends CheckKind['type']> = Extract<CheckKind, { type: T }>;

/**
 * How the status of a kind comes about. `repeated`: a probe runs at an interval. `reported`: somebody must report in
 * time. `mirrored`: follows other checks. `passive`: somebody sets it, and nothing expires.
 */
export type Behaviour<T extends CheckKind['type']> =
  | { readonly mode: 'repeated'; readonly probe: Probe<KindOf<T>> }
  | { readonly mode: 'reported' | 'mirrored' | 'passive' };

/** Every kind of check. A new kind is an entry in CheckKind, one file here and one line below. */
export const kinds: { readonly [T in CheckKind['type']]: Behaviour<T> } = {
  ttl: { mode: 'reported' },
  http: { mode: 'repeated', probe: probeHttp },
  tcp: { mode: 'repeated', probe: probeTcp },
  alias: { mode: 'mirrored' },
  docker: { mode: 'passive' },
  maintenance: { mode: 'passive' },
};

/** The probe of a check that runs at an interval, ready to be called; undefined for the other kinds. */
export function probeOf(
  kind: CheckKind,
): ((limits: ProbeLimits, signal: AbortSignal) => Promise<ProbeResult>) | undefined {
  // The table pairs each kind with its own probe; TypeScript can't follow that through a union.
  const behaviour = kinds[kind.type] as Behaviour<CheckKind['type']>;
  if (behaviour.mode !== 'repeated') return undefined;
  return (limits, signal) => behaviour.probe(kind, limits, signal);
}
