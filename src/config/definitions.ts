/** Services and checks of configuration files -> registrations, by the same rules as the HTTP API's. */
import type { Position } from '../lib/tree.ts';
import {
  buildCheckDefinition,
  type CheckFields,
  checkProblem,
  emptyCheckFields,
  isCheckStatus,
} from '../model/check-rules.ts';
import type { CheckDefinition, ServiceRegistration } from '../model/registration.ts';
import { defaultWeights, type Service } from '../model/service.ts';
import { serviceProblem } from '../model/service-rules.ts';
import { ConfigError } from './config-error.ts';
import type { RawCheck, RawService } from './schema.ts';

export function serviceRegistration(raw: RawService & { readonly at: Position }): ServiceRegistration {
  const service = buildService(raw);
  const problem = serviceProblem(service);
  if (problem !== undefined)
    throw new ConfigError('invalid-value', `service "${service.name}": ${problem.text}`, raw.at);
  const checks = [...(raw.check ?? []), ...(raw.checks ?? [])].map((check) =>
    checkDefinition({ ...check, service_id: service.id }, `service "${service.name}": check`),
  );
  return { service, checks };
}

function buildService(raw: RawService): Service {
  const name = raw.name ?? '';
  const tagged = raw.tagged_addresses;
  return {
    id: raw.id ?? name,
    name,
    tags: raw.tags ?? [],
    address: raw.address ?? '',
    port: raw.port ?? 0,
    taggedAddresses:
      tagged === undefined
        ? null
        : Object.fromEntries(
            Object.entries(tagged).map(([key, entry]) => [
              key,
              { address: entry.address ?? '', port: entry.port ?? 0 },
            ]),
          ),
    meta: raw.meta ?? null,
    weights: {
      passing: raw.weights?.passing ?? defaultWeights.passing,
      warning: raw.weights?.warning ?? defaultWeights.warning,
    },
    enableTagOverride: raw.enable_tag_override ?? false,
    socketPath: raw.socket_path ?? '',
  };
}

/** A check of the node, or of a service when `service_id` is set. `subject` begins messages. */
export function checkDefinition(
  raw: RawCheck & { readonly at: Position },
  subject = 'check',
): CheckDefinition {
  const fields = checkFields(raw);
  const refuse = (text: string): ConfigError =>
    new ConfigError('invalid-value', `${subject} "${fields.name}": ${text}`, raw.at);
  if (fields.status !== '' && !isCheckStatus(fields.status)) {
    throw refuse(`status "${fields.status}" must be passing, warning or critical`);
  }
  const problem = checkProblem(fields);
  if (problem !== undefined) throw refuse(problem);
  const definition = buildCheckDefinition(fields);
  if ('unsupported' in definition)
    throw refuse(`${definition.unsupported} checks are not built yet: use http, tcp, ttl or alias`);
  return definition;
}

function checkFields(raw: RawCheck): CheckFields {
  return {
    ...emptyCheckFields,
    id: raw.check_id ?? raw.id ?? '',
    name: raw.name ?? '',
    notes: raw.notes ?? '',
    serviceId: raw.service_id ?? '',
    status: raw.status ?? '',
    args: raw.args ?? raw.script_args ?? [],
    http: raw.http ?? '',
    header: raw.header ?? {},
    method: raw.method ?? '',
    body: raw.body ?? '',
    disableRedirects: raw.disable_redirects ?? false,
    tcp: raw.tcp ?? '',
    tcpUseTls: raw.tcp_use_tls ?? false,
    udp: raw.udp ?? '',
    h2ping: raw.h2ping ?? '',
    grpc: raw.grpc ?? '',
    osService: raw.os_service ?? '',
    dockerContainerId: raw.docker_container_id ?? '',
    aliasNode: raw.alias_node ?? '',
    aliasService: raw.alias_service ?? '',
    intervalMs: raw.interval ?? 0,
    timeoutMs: raw.timeout ?? 0,
    ttlMs: raw.ttl ?? 0,
    tlsServerName: raw.tls_server_name ?? '',
    tlsSkipVerify: raw.tls_skip_verify ?? false,
    outputMaxBytes: raw.output_max_size ?? 0,
    successBeforePassing: raw.success_before_passing ?? 0,
    failuresBeforeWarning: raw.failures_before_warning ?? 0,
    failuresBeforeCritical: raw.failures_before_critical ?? 0,
    deregisterCriticalAfterMs: raw.deregister_critical_service_after ?? 0,
  };
}
