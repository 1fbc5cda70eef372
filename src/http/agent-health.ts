import type { AgentHealthCheck, AgentServiceHealth } from '@portolan/sdk/wire';
import { aggregateStatus, type AggregatedStatus } from '../model/check.ts';
import type { Service } from '../model/service.ts';
import { jsonAnswer, type Answer } from './answer.ts';
import type { Deps, LocalCheck } from './deps.ts';
import { badRequest } from './errors.ts';
import type { HttpRequest } from './request.ts';
import { pathName } from './tail.ts';
import { wireAgentService } from './wire.ts';

/** Health of this agent's services as a status code: for load balancers that can ask nothing else. */

const statusCodes: Readonly<Record<AggregatedStatus, number>> = {
  passing: 200,
  warning: 429,
  critical: 503,
  maintenance: 503,
};
const worstFirst: readonly AggregatedStatus[] = ['maintenance', 'critical', 'warning'];

export function byId(request: HttpRequest, deps: Deps): Answer {
  const id = pathName(request);
  if (id === '') throw badRequest('Missing serviceID');
  const service = deps.registry.service(id);
  if (service === undefined || !request.authorize.allows('service', service.name, 'read')) {
    const reason = `ServiceId ${id} not found`;
    const unknown: AgentServiceHealth = { AggregatedStatus: 'critical', Service: null, Checks: null };
    return jsonAnswer(wantsText(request) ? reason : unknown, request.pretty, 404, [
      'X-Consul-Reason',
      headerSafe(reason),
    ]);
  }
  const health = healthOf(deps, service);
  return answer(request, health.status, health.wire);
}

export function byName(request: HttpRequest, deps: Deps): Answer {
  const name = pathName(request);
  if (name === '') throw badRequest('Missing service Name');
  const found = [...deps.registry.services().values()].filter((service) => service.name === name);
  if (found.length === 0 || !request.authorize.allows('service', name, 'read')) {
    const reason = `ServiceName ${name} Not Found`;
    const header = ['X-Consul-Reason', headerSafe(reason)];
    if (!wantsText(request)) return jsonAnswer([], request.pretty, 404, header);
    return { status: 404, headers: ['Content-Type', 'text/plain', ...header], body: reason };
  }
  const all = found.map((service) => healthOf(deps, service));
  const worst = worstFirst.find((status) => all.some((health) => health.status === status)) ?? 'passing';
  const wire = all.map((health) => health.wire);
  return answer(request, worst, wire);
}

function answer(request: HttpRequest, status: AggregatedStatus, wire: unknown): Answer {
  const reason = ['X-Consul-Reason', status];
  const code = statusCodes[status];
  if (!wantsText(request)) return jsonAnswer(wire, request.pretty, code, reason);
  return { status: code, headers: ['Content-Type', 'text/plain', ...reason], body: status };
}

function wantsText(request: HttpRequest): boolean {
  const format = request.query.get('format');
  return format === 'text' || (format === '' && request.header('accept').startsWith('text/plain'));
}

/** Checks of the service and of the node decide; both are shown. */
function healthOf(deps: Deps, service: Service): { status: AggregatedStatus; wire: AgentServiceHealth } {
  const checks: LocalCheck[] = [];
  for (const check of deps.registry.checks().values()) {
    if (check.serviceId === service.id || check.serviceId === '') checks.push(check);
  }
  const status = aggregateStatus(checks);
  return {
    status,
    wire: {
      AggregatedStatus: status,
      Service: wireAgentService(service, deps.options.datacenter),
      Checks: checks.map((check) => wireHealthCheck(check, deps.agent.nodeName)),
    },
  };
}

/** Nobody fills this definition; clients of the old shape expect its fields. */
const emptyDefinition = {
  Interval: '0s',
  Timeout: '0s',
  DeregisterCriticalServiceAfter: '0s',
  HTTP: '',
  Header: null,
  Method: '',
  Body: '',
  TLSServerName: '',
  TLSSkipVerify: false,
  TCP: '',
  GRPC: '',
  GRPCUseTLS: false,
} as const;

function wireHealthCheck(check: LocalCheck, node: string): AgentHealthCheck {
  return {
    Node: node,
    CheckID: check.id,
    Name: check.name,
    Status: check.status,
    Notes: check.notes,
    Output: check.output,
    ServiceID: check.serviceId,
    ServiceName: check.serviceName,
    ServiceTags: check.serviceTags.length === 0 ? null : check.serviceTags,
    Type: '',
    Definition: emptyDefinition,
    CreateIndex: 0,
    ModifyIndex: 0,
  };
}

/** Header values are ASCII; anything else in a name becomes `?`. */
function headerSafe(value: string): string {
  return value.replace(/[^\x20-\x7e]/g, '?');
}
