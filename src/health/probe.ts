import type { CheckStatus } from '../model/check.ts';

/** What one run of a check found out. */
export interface ProbeResult {
  readonly status: CheckStatus;
  readonly output: string;
}

export interface ProbeLimits {
  /** Most bytes kept of what a server sends. */
  readonly outputMaxBytes: number;
}

/**
 * Runs a check once. Never rejects: what goes wrong is a critical result. `signal` aborts when the check's time is up;
 * the result must come soon after.
 */
export type Probe<K> = (kind: K, limits: ProbeLimits, signal: AbortSignal) => Promise<ProbeResult>;
