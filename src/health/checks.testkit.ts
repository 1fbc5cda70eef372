import type { CheckDefinition, CheckKind } from '../model/registration.ts';

/** A check definition with everything unset but what a test is about. */
export function check(kind: CheckKind, part: Partial<CheckDefinition> = {}): CheckDefinition {
  return {
    id: 'c',
    name: 'c',
    notes: '',
    serviceId: '',
    status: '',
    kind,
    intervalMs: 10_000,
    timeoutMs: 0,
    outputMaxBytes: 0,
    successBeforePassing: 0,
    failuresBeforeWarning: 0,
    failuresBeforeCritical: 0,
    deregisterCriticalAfterMs: 0,
    ...part,
  };
}

export function ttl(part: Partial<CheckDefinition> = {}, ttlMs = 10_000): CheckDefinition {
  return check({ type: 'ttl', ttlMs }, { intervalMs: 0, ...part });
}

export function http(
  url: string,
  part: Partial<Extract<CheckKind, { type: 'http' }>> = {},
): Extract<CheckKind, { type: 'http' }> {
  return {
    type: 'http',
    url,
    method: 'GET',
    headers: {},
    body: '',
    followRedirects: true,
    tlsServerName: '',
    tlsSkipVerify: false,
    ...part,
  };
}
