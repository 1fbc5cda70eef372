import { nodeServiceSelectors, parseFilter } from '../catalog/filter.ts';
import { compareUtf8 } from '../lib/bytes.ts';
import type { Service } from '../model/service.ts';
import { contentHash } from '../registry/content-hash.ts';
import { requireAccess } from './authorize.ts';
import { enableParameter } from './agent.ts';
import { emptyAnswer, jsonAnswer, type Answer } from './answer.ts';
import { decodeBody } from './decode.ts';
import type { Deps } from './deps.ts';
import { badRequest, HttpError } from './errors.ts';
import { parseBool, readOptions } from './read-options.ts';
import { serviceBody, serviceRegistration } from './registration.ts';
import type { HttpRequest } from './request.ts';
import { pathName } from './tail.ts';
import { wireAgentService } from './wire.ts';

/** Services of this agent. */

export function services(request: HttpRequest, deps: Deps): Answer {
  const matches = parseFilter(request.query.get('filter'), nodeServiceSelectors);
  const seen = [...deps.registry.services().values()]
    .filter((service) => request.authorize.allows('service', service.name, 'read') && matches(service))
    .sort((a, b) => compareUtf8(a.id, b.id))
    .map((service) => [service.id, wireAgentService(service, deps.options.datacenter)] as const);
  return jsonAnswer(Object.fromEntries(seen), request.pretty);
}

/** One service with a hash of its content; with `?hash` it answers when the hash is another, or at the wait's end. */
export async function service(request: HttpRequest, deps: Deps): Promise<Answer> {
  const id = pathName(request);
  const { waitMs } = readOptions(request, deps.views.limits);
  if (id === '') throw badRequest('Missing service ID');
  const known = request.query.get('hash');
  if (known !== '' && hashOf(deps, id) === known) {
    await untilHashMoves(request, deps, id, known, waitMs * (1 + Math.random() / 16));
  }
  const found = visibleService(request, deps, id);
  if (found === undefined) throw unknownService(id);
  const hash = contentHash(found);
  const { Datacenter, ...wire } = wireAgentService(found, deps.options.datacenter);
  return jsonAnswer({ ...wire, ContentHash: hash, Datacenter }, request.pretty, 200, [
    'X-Consul-Contenthash',
    hash,
  ]);
}

function visibleService(request: HttpRequest, deps: Deps, id: string): Service | undefined {
  const found = deps.registry.service(id);
  return found !== undefined && request.authorize.allows('service', found.name, 'read') ? found : undefined;
}

/** undefined when there is no such service. */
function hashOf(deps: Deps, id: string): string | undefined {
  const found = deps.registry.service(id);
  return found === undefined ? undefined : contentHash(found);
}

function untilHashMoves(
  request: HttpRequest,
  deps: Deps,
  id: string,
  hash: string,
  waitMs: number,
): Promise<void> {
  return new Promise((resolve) => {
    const { signal } = request;
    const end = (): void => {
      timer.cancel();
      unsubscribe();
      signal.removeEventListener('abort', end);
      resolve();
    };
    const timer = deps.clock.after(waitMs, end);
    const unsubscribe = deps.registry.onChange((changed) => {
      if (changed === id && hashOf(deps, id) !== hash) end();
    });
    signal.addEventListener('abort', end);
  });
}

export async function register(request: HttpRequest, deps: Deps): Promise<Answer> {
  const body = decodeBody(await request.body(deps.options.maxBodyBytes), serviceBody);
  const registration = serviceRegistration(body);
  requireAccess(request, 'service', registration.service.name, 'write');
  const existing = deps.registry.service(registration.service.id);
  if (existing !== undefined) requireAccess(request, 'service', existing.name, 'write');
  await deps.registry.registerService(registration, {
    replaceExistingChecks: replaces(request),
    persist: true,
  });
  return emptyAnswer;
}

function replaces(request: HttpRequest): boolean {
  const { query } = request;
  if (!query.has('replace-existing-checks')) return false;
  const word = query.get('replace-existing-checks');
  return word === '' || parseBool(word) === true;
}

export async function deregister(request: HttpRequest, deps: Deps): Promise<Answer> {
  const id = pathName(request);
  if (id === '') throw badRequest('Missing service ID');
  const found = deps.registry.service(id);
  if (found === undefined) throw unknownService(id);
  requireAccess(request, 'service', found.name, 'write');
  if (!(await deps.registry.deregisterService(id))) throw unknownService(id);
  return emptyAnswer;
}

export async function maintenance(request: HttpRequest, deps: Deps): Promise<Answer> {
  const id = pathName(request);
  if (id === '') throw badRequest('Missing service ID');
  const enable = enableParameter(request);
  const found = deps.registry.service(id);
  if (found === undefined) throw new HttpError(404, `No service registered with ID ${JSON.stringify(id)}`);
  requireAccess(request, 'service', found.name, 'write');
  await deps.registry.setServiceMaintenance(id, enable, request.query.get('reason'));
  return emptyAnswer;
}

function unknownService(id: string): HttpError {
  const hint = 'Ensure that the service ID is passed, not the service name.';
  return new HttpError(404, `Unknown service ID ${JSON.stringify(id)}. ${hint}`);
}
