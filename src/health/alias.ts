import type { ProbeResult } from './probe.ts';

/** What an alias check looks at: a check of the node or of the service that it mirrors. */
export interface AliasedCheck {
  readonly id: string;
  readonly name: string;
  readonly status: string;
  readonly output: string;
  readonly serviceId: string;
}

export interface AliasTarget {
  /** Node name, for the message only. */
  readonly node: string;
  /** '' = the node alone. */
  readonly serviceId: string;
  readonly serviceExists: boolean;
  /** The alias check's own id: it never mirrors itself. */
  readonly selfId: string;
}

/**
 * The worst of the target's checks, those of its node included. No checks at all is passing, unless there is no such
 * service either. Source: consul.md 2.5.
 */
export function aliasResult(checks: Iterable<AliasedCheck>, target: AliasTarget): ProbeResult {
  let found = false;
  let isOfService = target.serviceId === '' || target.serviceExists;
  let warning: AliasedCheck | undefined;
  for (const check of checks) {
    if (check.id === target.selfId) continue;
    if (check.serviceId !== '' && check.serviceId !== target.serviceId) continue;
    found = true;
    isOfService ||= check.serviceId === target.serviceId;
    if (check.status === 'critical') return failing(check, 'critical');
    if (check.status === 'warning') warning ??= check;
  }
  if (!isOfService) {
    const output = `Service ${target.serviceId} could not be found on node ${target.node}`;
    return { status: 'critical', output };
  }
  if (warning !== undefined) return failing(warning, 'warning');
  return { status: 'passing', output: found ? 'All checks passing.' : 'No checks found.' };
}

function failing(check: AliasedCheck, status: 'critical' | 'warning'): ProbeResult {
  return { status, output: `Aliased check "${check.name}" failing: ${check.output}` };
}
