import { healthCheckSelectors, parseFilter } from '../catalog/filter.ts';
import { checkStatuses, type CheckStatus } from '../model/check.ts';
import { emptyAnswer, jsonAnswer, type Answer } from './answer.ts';
import { decodeBody, object, text } from './decode.ts';
import type { Deps, LocalCheck } from './deps.ts';
import { badRequest, HttpError } from './errors.ts';
import { checkBody, checkRegistration } from './registration.ts';
import type { HttpRequest } from './request.ts';
import { pathName } from './tail.ts';
import { compareUtf8 } from '../lib/bytes.ts';
import { wireLocalCheck } from './wire.ts';

/** Checks of this agent. */

export function checks(request: HttpRequest, deps: Deps): Answer {
  const matches = parseFilter(request.query.get('filter'), healthCheckSelectors);
  const { nodeName } = deps.agent;
  const seen = [...deps.registry.checks().values()]
    .filter((check) => allows(request, deps, check, 'read') && matches(onNode(check, nodeName)))
    .sort((a, b) => compareUtf8(a.id, b.id))
    .map((check) => [check.id, wireLocalCheck(check, nodeName)] as const);
  return jsonAnswer(Object.fromEntries(seen), request.pretty);
}

/** What a filter selects from; a check of the registry reads its fields through getters, which spreading would lose. */
function onNode(
  check: LocalCheck,
  nodeName: string,
): LocalCheck & { readonly node: { readonly name: string } } {
  return {
    id: check.id,
    name: check.name,
    status: check.status,
    notes: check.notes,
    output: check.output,
    serviceId: check.serviceId,
    serviceName: check.serviceName,
    serviceTags: check.serviceTags,
    type: check.type,
    interval: check.interval,
    timeout: check.timeout,
    node: { name: nodeName },
  };
}

export async function register(request: HttpRequest, deps: Deps): Promise<Answer> {
  const definition = checkRegistration(decodeBody(await request.body(deps.options.maxBodyBytes), checkBody));
  const serviceName = deps.registry.service(definition.serviceId)?.name ?? definition.serviceId;
  if (!allows(request, deps, { serviceName }, 'write')) throw denied();
  await deps.registry.registerCheck(definition);
  return emptyAnswer;
}

export async function deregister(request: HttpRequest, deps: Deps): Promise<Answer> {
  const id = pathName(request);
  if (id === '') throw new HttpError(500, 'CheckID missing');
  requireCheck(request, deps, id);
  if (!(await deps.registry.deregisterCheck(id))) throw unknownCheck(id);
  return emptyAnswer;
}

export function pass(request: HttpRequest, deps: Deps): Promise<Answer> {
  return setStatus(request, deps, 'passing', request.query.get('note'));
}

export function warn(request: HttpRequest, deps: Deps): Promise<Answer> {
  return setStatus(request, deps, 'warning', request.query.get('note'));
}

export function fail(request: HttpRequest, deps: Deps): Promise<Answer> {
  return setStatus(request, deps, 'critical', request.query.get('note'));
}

const updateBody = object({ Status: text, Output: text });

export async function update(request: HttpRequest, deps: Deps): Promise<Answer> {
  const body = decodeBody(await request.body(deps.options.maxBodyBytes), updateBody);
  const status = checkStatuses.find((known) => known === body.Status);
  if (status === undefined) throw badRequest(`Invalid check status: '${body.Status ?? ''}'`);
  return setStatus(request, deps, status, body.Output ?? '');
}

async function setStatus(
  request: HttpRequest,
  deps: Deps,
  status: CheckStatus,
  output: string,
): Promise<Answer> {
  const id = pathName(request);
  requireCheck(request, deps, id);
  await deps.registry.updateTtlCheck(id, status, output);
  return emptyAnswer;
}

function requireCheck(request: HttpRequest, deps: Deps, id: string): void {
  const check = deps.registry.checks().get(id);
  if (check === undefined) throw unknownCheck(id);
  if (!allows(request, deps, check, 'write')) throw denied();
}

/** A check belongs to its service, or to the node. */
function allows(
  request: HttpRequest,
  deps: Deps,
  check: Pick<LocalCheck, 'serviceName'>,
  access: 'read' | 'write',
): boolean {
  return check.serviceName === ''
    ? request.authorize.allows('node', deps.agent.nodeName, access)
    : request.authorize.allows('service', check.serviceName, access);
}

function denied(): HttpError {
  return new HttpError(403, 'Permission denied');
}

function unknownCheck(id: string): HttpError {
  const hint = 'Ensure that the check ID is passed, not the check name.';
  return new HttpError(404, `Unknown check ID ${JSON.stringify(id)}. ${hint}`);
}
