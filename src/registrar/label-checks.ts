import { parseDurationMs } from '../lib/duration.ts';
import type { CheckDefinition, CheckKind } from '../model/registration.ts';
import { isCheckStatus } from '../model/check-rules.ts';
import { checkAddress } from './address.ts';
import { isYes, type Metadata } from './metadata.ts';

/**
 * The one check that SERVICE_CHECK_* asks for. A check that can't be made (a bad duration, a kind that this version
 * does not run) is left out with a problem in words; it never costs the service itself.
 */
export interface LabelCheck {
  readonly check: CheckDefinition | undefined;
  readonly problems: readonly string[];
}

type Source = { readonly id: string; readonly name: string; readonly address: string; readonly port: number };
type Build = (metadata: Metadata, value: string, service: Source) => CheckKind | undefined;

/** The first key that is there wins, in Registrator's order; no builder: not run by this version. */
const builders: readonly (readonly [key: string, build: Build | undefined])[] = [
  ['check_http', (metadata, path, service) => httpKind('http', metadata, path, service)],
  ['check_https', (metadata, path, service) => httpKind('https', metadata, path, service)],
  ['check_cmd', undefined],
  ['check_script', undefined],
  ['check_ttl', (_, value) => ({ type: 'ttl', ttlMs: positiveMs('check_ttl', value) })],
  ['check_tcp', (_, value, { address, port }) => tcpKind(value, address, port)],
  ['check_grpc', undefined],
];

export function buildLabelCheck(metadata: Metadata, service: Source): LabelCheck {
  for (const [key, build] of builders) {
    const value = metadata.get(key);
    if (value === '') continue;
    if (build === undefined)
      return left(`${envName(key)}: this kind of check is not run; the service has no such check`);
    try {
      const kind = build(metadata, value, service);
      if (kind !== undefined) return definition(metadata, kind, service);
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
      return left(`${error.message}; the service is registered without the check`);
    }
  }
  return { check: undefined, problems: [] };
}

function definition(metadata: Metadata, kind: CheckKind, service: Source): LabelCheck {
  const { status, problems } = initialStatus(metadata);
  const after = metadata.get('check_deregister_after');
  const timeout = metadata.get('check_timeout');
  const check: CheckDefinition = {
    id: `service:${service.id}`,
    name: `Service '${service.name}' check`,
    notes: '',
    serviceId: service.id,
    status,
    kind,
    intervalMs:
      kind.type === 'ttl' ? 0 : positiveMs('check_interval', metadata.get('check_interval') || '10s'),
    timeoutMs: timeout === '' ? 0 : positiveMs('check_timeout', timeout),
    outputMaxBytes: 0,
    successBeforePassing: 0,
    failuresBeforeWarning: 0,
    failuresBeforeCritical: 0,
    deregisterCriticalAfterMs: after === '' ? 0 : positiveMs('check_deregister_after', after),
  };
  return { check, problems };
}

/** SERVICE_CHECK_INITIAL_STATUS, '' if unset or no status. */
export function initialStatus(metadata: Metadata): {
  readonly status: string;
  readonly problems: readonly string[];
} {
  const status = metadata.get('check_initial_status');
  if (status === '' || isCheckStatus(status)) return { status, problems: [] };
  const name = envName('check_initial_status');
  return { status: '', problems: [`${name} "${status}" is none of passing, warning, critical`] };
}

function httpKind(scheme: 'http' | 'https', metadata: Metadata, path: string, service: Source): CheckKind {
  return {
    type: 'http',
    url: `${scheme}://${checkAddress(service.address, service.port)}${path.startsWith('/') ? '' : '/'}${path}`,
    method: metadata.get(`check_${scheme}_method`) || 'GET',
    headers: {},
    body: '',
    followRedirects: true,
    tlsServerName: '',
    tlsSkipVerify: scheme === 'https' && isYes(metadata.get('check_tls_skip_verify')),
  };
}

function tcpKind(value: string, address: string, port: number): CheckKind | undefined {
  return isYes(value) ? { type: 'tcp', address: checkAddress(address, port), tls: false } : undefined;
}

/** Throws RangeError for what is no duration above zero. */
function positiveMs(key: string, value: string): number {
  const ms = parseDurationMs(value);
  if (ms === undefined || ms <= 0)
    throw new RangeError(`${envName(key)} "${value}" is no duration such as 10s or 1m30s`);
  return ms;
}

function left(problem: string): LabelCheck {
  return { check: undefined, problems: [problem] };
}

function envName(key: string): string {
  return `SERVICE_${key.toUpperCase()}`;
}
