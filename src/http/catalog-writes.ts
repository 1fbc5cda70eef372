import type { CatalogRegistration } from '../catalog/writer.ts';
import { defaultWeights, type Service } from '../model/service.ts';
import { requireAccess } from './authorize.ts';
import { jsonAnswer, type Answer } from './answer.ts';
import type { Deps } from './deps.ts';
import {
  anything,
  boolean,
  decodeBody,
  duration,
  integer,
  list,
  mapOf,
  object,
  text,
  type Decoder,
} from './decode.ts';
import { HttpError } from './errors.ts';
import { meshProblem, serviceFields, serviceOf } from './registration.ts';
import type { HttpRequest } from './request.ts';
import { checkDatacenter } from './views.ts';
import { formatDurationNs } from '../lib/duration.ts';

/** Writes of /v1/catalog: for external nodes and services; an agent's own come back with its next synchronisation. */

/** Durations of a Definition, each also under a name that ends in `Duration`; they are answered as texts. */
const durationNames = ['Interval', 'Timeout', 'DeregisterCriticalServiceAfter'] as const;
const durationFields = new Map<string, string>(
  durationNames.flatMap((name) => [
    [name.toLowerCase(), `${name}Duration`],
    [`${name.toLowerCase()}duration`, `${name}Duration`],
  ]),
);

const definition: Decoder<Readonly<Record<string, unknown>>> = (value, field) => {
  const fields = mapOf(anything)(value, field);
  return Object.fromEntries(
    Object.entries(fields).map(([key, item]) => {
      const name = durationFields.get(key.toLowerCase());
      if (name === undefined) return [key, item];
      return [name, formatDurationNs(duration(item, key) * 1e6)];
    }),
  );
};

const checkBody = object({
  Node: text,
  CheckID: text,
  Name: text,
  Status: text,
  Notes: text,
  Output: text,
  ServiceID: text,
  ServiceName: text,
  ServiceTags: list(text),
  Type: text,
  Interval: text,
  Timeout: text,
  ExposedPort: integer,
  Definition: definition,
  Namespace: text,
  Partition: text,
  CreateIndex: integer,
  ModifyIndex: integer,
});

const serviceBody = object({ ...serviceFields, Service: text, CreateIndex: integer, ModifyIndex: integer });

const registerBody = object({
  Datacenter: text,
  ID: text,
  Node: text,
  Address: text,
  TaggedAddresses: mapOf(text),
  NodeMeta: mapOf(text),
  Service: serviceBody,
  Check: checkBody,
  Checks: list(checkBody),
  SkipNodeUpdate: boolean,
  Locality: anything,
  Namespace: text,
  Partition: text,
  PeerName: text,
  WriteRequest: anything,
});

const deregisterBody = object({
  Datacenter: text,
  Node: text,
  Address: text,
  ServiceID: text,
  CheckID: text,
  Namespace: text,
  Partition: text,
});

type RegisterBody = ReturnType<typeof registerBody>;
type CheckBody = ReturnType<typeof checkBody>;

export async function register(request: HttpRequest, deps: Deps): Promise<Answer> {
  const body = decodeBody(await request.body(deps.options.maxBodyBytes), registerBody);
  checkDatacenter(request, deps.options.datacenter, body.Datacenter ?? '');
  const mesh = body.Service === undefined ? undefined : meshProblem(body.Service);
  if (mesh !== undefined) throw new HttpError(500, mesh);
  const registration = registrationOf(body);
  requireWrite(request, registration.node.name, registration.service?.name);
  await deps.writer.register(registration);
  await deps.sessions.settle();
  return jsonAnswer(true, request.pretty);
}

function registrationOf(body: RegisterBody): CatalogRegistration {
  const checks = [...(body.Check === undefined ? [] : [body.Check]), ...(body.Checks ?? [])];
  return {
    node: {
      id: body.ID ?? '',
      name: body.Node ?? '',
      address: body.Address ?? '',
      taggedAddresses: body.TaggedAddresses ?? null,
      meta: body.NodeMeta ?? null,
    },
    skipNodeUpdate: body.SkipNodeUpdate ?? false,
    ...(body.Service === undefined ? {} : { service: catalogService(body.Service) }),
    checks: checks.map(catalogCheck),
  };
}

/** Weights are not judged here: any that make no sense become the usual ones. */
function catalogService(body: ReturnType<typeof serviceBody>): Service {
  const service = serviceOf(body, body.Service ?? '');
  const { passing, warning } = service.weights;
  const sane = passing >= 1 && warning >= 0;
  return { ...service, id: body.ID ?? service.id, weights: sane ? { passing, warning } : defaultWeights };
}

function catalogCheck(body: CheckBody): CatalogRegistration['checks'][number] {
  const id = body.CheckID ?? '';
  const name = body.Name ?? '';
  return {
    id: id === '' ? name : id,
    name,
    status: body.Status ?? '',
    notes: body.Notes ?? '',
    output: body.Output ?? '',
    serviceId: body.ServiceID ?? '',
    serviceName: body.ServiceName ?? '',
    type: body.Type ?? '',
    interval: body.Interval ?? '',
    timeout: body.Timeout ?? '',
    definition: body.Definition ?? null,
    ...(body.Node === undefined || body.Node === '' ? {} : { nodeName: body.Node }),
  };
}

export async function deregister(request: HttpRequest, deps: Deps): Promise<Answer> {
  const body = decodeBody(await request.body(deps.options.maxBodyBytes), deregisterBody);
  checkDatacenter(request, deps.options.datacenter, body.Datacenter ?? '');
  const { Node: node = '', ServiceID: serviceId, CheckID: checkId } = body;
  requireWrite(request, node, undefined);
  await deps.writer.deregister({
    node,
    ...(serviceId === undefined || serviceId === '' ? {} : { serviceId }),
    ...(checkId === undefined || checkId === '' ? {} : { checkId }),
  });
  await deps.sessions.settle();
  return jsonAnswer(true, request.pretty);
}

function requireWrite(request: HttpRequest, node: string, service: string | undefined): void {
  requireAccess(request, 'node', node, 'write');
  if (service !== undefined) requireAccess(request, 'service', service, 'write');
}
