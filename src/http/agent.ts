import type { AgentSelf, AgentVersion, Member } from '@portolan/sdk/wire';
import { parseFilter, type SelectorTable } from '../catalog/filter.ts';
import { requireAccess } from './authorize.ts';
import { jsonAnswer, textAnswer, type Answer } from './answer.ts';
import type { Deps } from './deps.ts';
import { badRequest, HttpError } from './errors.ts';
import { parseBool } from './read-options.ts';
import type { HttpRequest } from './request.ts';

/** What the agent says about itself and its peers, and the maintenance mode of its node. */

const origin = { Vec: [0, 0, 0, 0, 0, 0, 0, 0], Error: 1.5, Adjustment: 0, Height: 0.00001 } as const;

export function self(request: HttpRequest, deps: Deps): Answer {
  requireAccess(request, 'agent', deps.agent.nodeName, 'read');
  const { agent, options } = deps;
  const [member] = agent.members();
  if (member === undefined) throw new HttpError(500, 'this agent is not a member of its own cluster');
  const answer: AgentSelf = {
    Config: {
      Datacenter: options.datacenter,
      PrimaryDatacenter: options.datacenter,
      NodeName: agent.nodeName,
      NodeID: agent.nodeId,
      Revision: agent.revision,
      Server: true,
      Version: agent.version,
      BuildDate: agent.buildDate,
    },
    DebugConfig: agent.debugConfig(),
    Coord: origin,
    Member: member,
    Stats: agent.stats(),
    Meta: agent.nodeMeta,
  };
  return jsonAnswer(answer, request.pretty);
}

export function version(request: HttpRequest, deps: Deps): Answer {
  const { agent } = deps;
  const answer: AgentVersion = {
    SHA: agent.revision,
    BuildDate: agent.buildDate,
    HumanVersion: agent.version,
    FIPS: '',
  };
  return jsonAnswer(answer, request.pretty);
}

export function members(request: HttpRequest, deps: Deps): Answer {
  const { query } = request;
  const wan = query.has('wan') && query.get('wan') !== '0' && query.get('wan') !== 'false';
  const segment = query.get('segment');
  if (segment !== '' && segment !== '_all') {
    if (wan) throw badRequest('Cannot provide a segment with wan=true');
    throw new HttpError(500, 'Network segments are not supported in this version of Consul');
  }
  const matches = parseFilter(query.get('filter'), memberSelectors);
  const seen = deps.agent
    .members()
    .filter((member) => request.authorize.allows('node', member.Name, 'read'))
    .map((member) => (wan ? wanMember(member, deps.options.datacenter) : member))
    .filter(matches);
  return jsonAnswer(seen, request.pretty);
}

const memberSelectors: SelectorTable<Member> = {
  Name: { type: 'string', get: (member) => member.Name },
  Addr: { type: 'string', get: (member) => member.Addr },
  Port: { type: 'int', get: (member) => member.Port },
  Tags: { type: 'map', get: (member) => member.Tags },
  Status: { type: 'int', get: (member) => member.Status },
  ProtocolMin: { type: 'int', get: (member) => member.ProtocolMin },
  ProtocolMax: { type: 'int', get: (member) => member.ProtocolMax },
  ProtocolCur: { type: 'int', get: (member) => member.ProtocolCur },
  DelegateMin: { type: 'int', get: (member) => member.DelegateMin },
  DelegateMax: { type: 'int', get: (member) => member.DelegateMax },
  DelegateCur: { type: 'int', get: (member) => member.DelegateCur },
};

function wanMember(member: Member, datacenter: string): Member {
  return { ...member, Name: `${member.Name}.${datacenter}` };
}

export async function metrics(request: HttpRequest, deps: Deps): Promise<Answer> {
  requireAccess(request, 'agent', deps.agent.nodeName, 'read');
  const accept = request.header('accept');
  const wantsText =
    request.query.get('format') === 'prometheus' ||
    accept.includes('application/openmetrics-text') ||
    (accept.includes('text/plain') && accept.includes('version=0.4.0'));
  if (!wantsText) return jsonAnswer(deps.metrics.snapshot(), request.pretty);
  if (!deps.options.prometheus) {
    return textAnswer(415, 'Prometheus is not enabled since its retention time is not positive');
  }
  const headers = ['Content-Type', 'text/plain; version=0.0.4; charset=utf-8'];
  return { status: 200, headers, body: await deps.metrics.prometheus() };
}

/** The `enable` parameter of both maintenance endpoints. */
export function enableParameter(request: HttpRequest): boolean {
  const { query } = request;
  if (!query.has('enable')) throw badRequest('Missing value for enable');
  const enable = parseBool(query.get('enable'));
  if (enable === undefined)
    throw badRequest(`Invalid value for enable: ${JSON.stringify(query.get('enable'))}`);
  return enable;
}

export async function nodeMaintenance(request: HttpRequest, deps: Deps): Promise<Answer> {
  const enable = enableParameter(request);
  requireAccess(request, 'node', deps.agent.nodeName, 'write');
  await deps.registry.setNodeMaintenance(enable, request.query.get('reason'));
  return { status: 200, headers: [], body: '' };
}
