import { checkStatuses } from './check.ts';
import type { CheckDefinition, CheckKind } from './registration.ts';
import type { Service } from './service.ts';

/**
 * What a check asks for, field by field, before it is known which kind it is: the shape that JSON bodies and files
 * share. Unset is '', 0 or false. Durations in milliseconds. Source: consul.md 1.1, "Check definition".
 */
export interface CheckFields {
  readonly id: string;
  readonly name: string;
  readonly notes: string;
  readonly serviceId: string;
  readonly status: string;
  /** Args or ScriptArgs. */
  readonly args: readonly string[];
  readonly http: string;
  readonly header: Readonly<Record<string, readonly string[]>>;
  readonly method: string;
  readonly body: string;
  readonly disableRedirects: boolean;
  readonly tcp: string;
  readonly tcpUseTls: boolean;
  readonly udp: string;
  readonly h2ping: string;
  readonly grpc: string;
  readonly osService: string;
  readonly dockerContainerId: string;
  readonly aliasNode: string;
  readonly aliasService: string;
  readonly intervalMs: number;
  readonly timeoutMs: number;
  readonly ttlMs: number;
  readonly tlsServerName: string;
  readonly tlsSkipVerify: boolean;
  readonly outputMaxBytes: number;
  readonly successBeforePassing: number;
  readonly failuresBeforeWarning: number;
  readonly failuresBeforeCritical: number;
  readonly deregisterCriticalAfterMs: number;
}

export const emptyCheckFields: CheckFields = Object.freeze({
  id: '',
  name: '',
  notes: '',
  serviceId: '',
  status: '',
  args: [],
  http: '',
  header: {},
  method: '',
  body: '',
  disableRedirects: false,
  tcp: '',
  tcpUseTls: false,
  udp: '',
  h2ping: '',
  grpc: '',
  osService: '',
  dockerContainerId: '',
  aliasNode: '',
  aliasService: '',
  intervalMs: 0,
  timeoutMs: 0,
  ttlMs: 0,
  tlsServerName: '',
  tlsSkipVerify: false,
  outputMaxBytes: 0,
  successBeforePassing: 0,
  failuresBeforeWarning: 0,
  failuresBeforeCritical: 0,
  deregisterCriticalAfterMs: 0,
});

/** Consul's text for the first thing that contradicts itself, or undefined. Edges put `Invalid check: ` before it. */
export function checkProblem(fields: CheckFields): string | undefined {
  const repeats = isRepeated(fields);
  const isAlias = fields.aliasNode !== '' || fields.aliasService !== '';
  if (fields.intervalMs > 0 && fields.ttlMs > 0) return 'Interval and TTL cannot both be specified';
  if (repeats && fields.intervalMs <= 0) {
    return 'Interval must be > 0 for Script, HTTP, H2PING, TCP, UDP or OSService checks';
  }
  if (repeats && isAlias) return 'Interval cannot be set for Alias checks';
  if (isAlias && fields.ttlMs > 0) return 'TTL must be not be set for Alias checks';
  if (!repeats && !isAlias && fields.ttlMs <= 0) return 'TTL must be > 0 for TTL checks';
  if (fields.outputMaxBytes < 0) return 'MaxOutputMaxSize must be positive';
  if (fields.failuresBeforeWarning > fields.failuresBeforeCritical) {
    return "FailuresBeforeWarning can't be higher than FailuresBeforeCritical";
  }
  return undefined;
}

function isRepeated(fields: CheckFields): boolean {
  const { args, http, tcp, udp, h2ping, grpc, osService } = fields;
  return args.length > 0 || [http, tcp, udp, h2ping, grpc, osService].some((target) => target !== '');
}

export function isCheckStatus(status: string): boolean {
  return (checkStatuses as readonly string[]).includes(status);
}

/**
 * The definition that valid fields ask for, or the name of a kind that this program does not run (`grpc`, `script` ...).
 * When several kinds are named the first of Consul's order wins.
 */
export function buildCheckDefinition(
  fields: CheckFields,
): CheckDefinition | { readonly unsupported: string } {
  const kind = buildKind(fields);
  if ('unsupported' in kind) return kind;
  return {
    id: fields.id,
    name: fields.name,
    notes: fields.notes,
    serviceId: fields.serviceId,
    status: fields.status,
    kind,
    intervalMs: fields.intervalMs,
    timeoutMs: fields.timeoutMs,
    outputMaxBytes: fields.outputMaxBytes,
    successBeforePassing: fields.successBeforePassing,
    // Unset means: as many as for critical, so that no warning comes before it.
    failuresBeforeWarning: fields.failuresBeforeWarning,
    failuresBeforeCritical: fields.failuresBeforeCritical,
    deregisterCriticalAfterMs: fields.deregisterCriticalAfterMs,
  };
}

function buildKind(fields: CheckFields): CheckKind | { readonly unsupported: string } {
  if (fields.grpc !== '') return { unsupported: 'grpc' };
  if (fields.http !== '') return httpKind(fields);
  if (fields.ttlMs > 0) return { type: 'ttl', ttlMs: fields.ttlMs };
  if (fields.tcp !== '') return tcpKind(fields);
  if (fields.udp !== '') return { unsupported: 'udp' };
  if (fields.aliasNode !== '' || fields.aliasService !== '') {
    return { type: 'alias', node: fields.aliasNode, service: fields.aliasService };
  }
  if (fields.args.length > 0) return { unsupported: fields.dockerContainerId === '' ? 'script' : 'docker' };
  return { unsupported: fields.h2ping === '' ? 'os_service' : 'h2ping' };
}

function httpKind(fields: CheckFields): CheckKind {
  return {
    type: 'http',
    url: fields.http,
    method: fields.method === '' ? 'GET' : fields.method,
    headers: fields.header,
    body: fields.body,
    followRedirects: !fields.disableRedirects,
    tlsServerName: fields.tlsServerName,
    tlsSkipVerify: fields.tlsSkipVerify,
  };
}

function tcpKind(fields: CheckFields): CheckKind {
  return {
    type: 'tcp',
    address: fields.tcp,
    tls: fields.tcpUseTls,
    tlsServerName: fields.tlsServerName,
    tlsSkipVerify: fields.tlsSkipVerify,
  };
}

/** The name of a service's check that brings none. */
export function derivedCheckName(service: Pick<Service, 'name'>): string {
  return `Service '${service.name}' check`;
}

/** Fills what a service's checks derive from it: `service:<id>` (`:1`, `:2` ... when several), name, service id. */
export function serviceChecks(
  service: Pick<Service, 'id' | 'name'>,
  checks: readonly CheckDefinition[],
): readonly CheckDefinition[] {
  return checks.map((check, i) => {
    const suffix = checks.length > 1 ? `:${i + 1}` : '';
    const id = check.id === '' ? `service:${service.id}${suffix}` : check.id;
    const name = check.name === '' ? derivedCheckName(service) : check.name;
    if (id === check.id && name === check.name && check.serviceId === service.id) return check;
    return { ...check, id, name, serviceId: service.id };
  });
}
