import {
  buildCheckDefinition,
  checkProblem,
  emptyCheckFields,
  isCheckStatus,
  type CheckFields,
} from '../model/check-rules.ts';
import type { CheckDefinition, ServiceRegistration } from '../model/registration.ts';
import { defaultWeights, type Service, type ServiceAddress, type Weights } from '../model/service.ts';
import { serviceProblem } from '../model/service-rules.ts';
import { anything, boolean, duration, integer, list, mapOf, object, text, type Decoder } from './decode.ts';
import { badRequest, HttpError } from './errors.ts';

/** Bodies of the agent's register endpoints -> the model. Refusals are HttpErrors with Consul's texts. */

export const weightsBody: Decoder<Weights> = (value, field) => {
  const weights = object({ Passing: integer, Warning: integer })(value, field);
  return { passing: weights.Passing ?? 0, warning: weights.Warning ?? 0 };
};

const serviceAddress: Decoder<ServiceAddress> = (value, field) => {
  const { Address = '', Port = 0 } = object({ Address: text, Port: integer })(value, field);
  return { address: Address, port: Port };
};

/** Go reads a list that holds null as one that holds ''. */
const texts = list<string>((value, field) => (value === null ? '' : text(value, field)));

/** Fields that bodies of the agent and of the catalog share. */
export const serviceFields = {
  ID: text,
  Tags: texts,
  Address: text,
  TaggedAddresses: mapOf(serviceAddress),
  Meta: mapOf(text),
  Port: integer,
  SocketPath: text,
  Weights: weightsBody,
  EnableTagOverride: boolean,
  Kind: text,
  Proxy: object({
    DestinationServiceName: text,
    DestinationServiceID: text,
    LocalServiceAddress: text,
    LocalServicePort: integer,
    LocalServiceSocketPath: text,
    Mode: text,
    TransparentProxy: anything,
    Config: anything,
    Upstreams: anything,
    MeshGateway: anything,
    Expose: anything,
    EnvoyExtensions: anything,
    AccessLogs: anything,
  }),
  Connect: anything,
  Locality: anything,
  Namespace: text,
  Partition: text,
} as const;

const checkBody = object(
  {
    ID: text,
    CheckID: text,
    Name: text,
    Notes: text,
    ServiceID: text,
    Status: text,
    Token: text,
    Args: texts,
    ScriptArgs: texts,
    HTTP: text,
    Header: mapOf(texts),
    Method: text,
    Body: text,
    DisableRedirects: boolean,
    TCP: text,
    TCPUseTLS: boolean,
    UDP: text,
    H2PING: text,
    H2PingUseTLS: boolean,
    GRPC: text,
    GRPCUseTLS: boolean,
    OSService: text,
    DockerContainerID: text,
    Shell: text,
    AliasNode: text,
    AliasService: text,
    Interval: duration,
    Timeout: duration,
    TTL: duration,
    TLSServerName: text,
    TLSSkipVerify: boolean,
    OutputMaxSize: integer,
    SuccessBeforePassing: integer,
    FailuresBeforeWarning: integer,
    FailuresBeforeCritical: integer,
    DeregisterCriticalServiceAfter: duration,
    Namespace: text,
    Partition: text,
  },
  { h2ping_use_tls: 'H2PingUseTLS' },
);
export type CheckBody = ReturnType<typeof checkBody>;

const serviceBody = object({
  ...serviceFields,
  Name: text,
  Token: text,
  Check: checkBody,
  Checks: list(checkBody),
});
export type ServiceBody = ReturnType<typeof serviceBody>;

export { checkBody, serviceBody };

/** What the catalog's and the agent's bodies say of a service, `name` apart. */
export function serviceOf(body: Omit<ServiceBody, 'Name'>, name: string): Service {
  const { TaggedAddresses: tagged = {}, Meta: meta = {} } = body;
  return {
    id: body.ID === undefined || body.ID === '' ? name : body.ID,
    name,
    tags: body.Tags ?? [],
    address: body.Address ?? '',
    port: body.Port ?? 0,
    taggedAddresses: Object.keys(tagged).length === 0 ? null : tagged,
    meta: Object.keys(meta).length === 0 ? null : meta,
    weights: body.Weights ?? defaultWeights,
    enableTagOverride: body.EnableTagOverride ?? false,
    socketPath: body.SocketPath ?? '',
  };
}

/** agent/service/register. */
export function serviceRegistration(body: ServiceBody): ServiceRegistration {
  const service = serviceOf(body, body.Name ?? '');
  const problem = serviceProblem(service);
  if (problem !== undefined) throw new HttpError(problem.code === 'invalid' ? 400 : 500, problem.text);
  const mesh = meshProblem(body);
  if (mesh !== undefined) throw badRequest(mesh);
  const bodies = [...(body.Check === undefined ? [] : [body.Check]), ...(body.Checks ?? [])];
  const checks = bodies.map((check) => {
    const fields = { ...checkFields(check), serviceId: service.id };
    refuseProblem(fields);
    if (fields.status !== '' && !isCheckStatus(fields.status)) {
      throw badRequest("Status for checks must 'passing', 'warning', 'critical'");
    }
    return definitionOf(fields);
  });
  return { service, checks };
}

/** agent/check/register. */
export function checkRegistration(body: CheckBody): CheckDefinition {
  const fields = checkFields(body);
  if (fields.name === '') throw badRequest('Missing check name');
  if (fields.status !== '' && !isCheckStatus(fields.status)) throw badRequest('Bad check status');
  refuseProblem(fields);
  return definitionOf(fields);
}

function refuseProblem(fields: CheckFields): void {
  const problem = checkProblem(fields);
  if (problem !== undefined) throw badRequest(`Invalid check: ${problem}`);
}

const scriptsDisabled =
  "Scripts are disabled on this agent from remote calls; to enable, configure 'enable_script_checks' to true";

function definitionOf(fields: CheckFields): CheckDefinition {
  const definition = buildCheckDefinition(fields);
  if (!('unsupported' in definition)) return definition;
  if (definition.unsupported === 'script' || definition.unsupported === 'docker') {
    throw new HttpError(500, scriptsDisabled);
  }
  throw badRequest(`Invalid check: ${definition.unsupported} checks are not supported by this agent`);
}

function checkFields(body: CheckBody): CheckFields {
  const id = body.CheckID ?? '';
  return {
    ...emptyCheckFields,
    id: id === '' ? (body.ID ?? '') : id,
    name: body.Name ?? '',
    notes: body.Notes ?? '',
    serviceId: body.ServiceID ?? '',
    status: body.Status ?? '',
    args: body.Args ?? body.ScriptArgs ?? [],
    http: body.HTTP ?? '',
    header: body.Header ?? {},
    method: body.Method ?? '',
    body: body.Body ?? '',
    disableRedirects: body.DisableRedirects ?? false,
    ...otherTargets(body),
    intervalMs: body.Interval ?? 0,
    timeoutMs: body.Timeout ?? 0,
    ttlMs: body.TTL ?? 0,
    tlsServerName: body.TLSServerName ?? '',
    tlsSkipVerify: body.TLSSkipVerify ?? false,
    outputMaxBytes: body.OutputMaxSize ?? 0,
    successBeforePassing: body.SuccessBeforePassing ?? 0,
    failuresBeforeWarning: body.FailuresBeforeWarning ?? 0,
    failuresBeforeCritical: body.FailuresBeforeCritical ?? 0,
    deregisterCriticalAfterMs: body.DeregisterCriticalServiceAfter ?? 0,
  };
}

function otherTargets(body: CheckBody): Partial<CheckFields> {
  return {
    tcp: body.TCP ?? '',
    tcpUseTls: body.TCPUseTLS ?? false,
    udp: body.UDP ?? '',
    h2ping: body.H2PING ?? '',
    grpc: body.GRPC ?? '',
    osService: body.OSService ?? '',
    dockerContainerId: body.DockerContainerID ?? '',
    aliasNode: body.AliasNode ?? '',
    aliasService: body.AliasService ?? '',
  };
}

/**
 * Why a service of the mesh can't be registered, or undefined for a plain one. `Connect` and an empty `Proxy` are
 * accepted and not kept: clients send them along.
 */
export function meshProblem(
  body: Pick<ServiceBody, 'Kind' | 'Proxy' | 'Port' | 'SocketPath'>,
): string | undefined {
  const { Kind: kind = '' } = body;
  if (kind === '') return undefined;
  const problems: string[] = [];
  if (kind === 'connect-proxy') {
    if ((body.Proxy?.DestinationServiceName ?? '') === '') {
      problems.push('Proxy.DestinationServiceName must be non-empty for Connect proxy services');
    }
    if ((body.Port ?? 0) === 0 && (body.SocketPath ?? '') === '') {
      problems.push('Port or SocketPath must be set for a Connect proxy');
    }
  }
  if (problems.length === 0)
    return `Service kind ${JSON.stringify(kind)} needs Connect, which this agent does not have`;
  const noun = problems.length === 1 ? 'error' : 'errors';
  return `${problems.length} ${noun} occurred:\n${problems.map((problem) => `\t* ${problem}\n`).join('')}\n`;
}
