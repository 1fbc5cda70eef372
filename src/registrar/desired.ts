import type { ContainerPort, ContainerSnapshot } from '../docker/docker.ts';
import type { CheckStatus } from '../model/check.ts';
import type { CheckDefinition, ServiceRegistration } from '../model/registration.ts';
import { defaultWeights } from '../model/service.ts';
import { portEndpoint, type Endpoint, type Peers } from './address.ts';
import { buildLabelCheck, initialStatus } from './label-checks.ts';
import { addMark, cleanMeta, parseMark } from './mark.ts';
import { isYes, parseMetadata, parseTags, type Metadata } from './metadata.ts';
import type { DesiredOptions } from './options.ts';

/**
 * Which services a container should have. In: snapshots and options. Out: DesiredService[], pure.
 *
 * The rules are Registrator's (7.4), but for what every one of its users has to work around:
 * - Tags keep their order; there each list came out reversed.
 * - SERVICE_IGNORE=false (0, no, off) does not ignore, SERVICE_CHECK_TCP=false makes no check.
 * - `-<port>` is added to the name when several ports are left after ignored and unnamed ones are gone, not before.
 * - On a network of one's own a published port has the host's address, not the container's with the host's port.
 * - No services for `--net none` and for containers that are restarting; there they appeared at port 80 of the host.
 * - Of several bindings the one that others can reach is taken, not the first; see chooseBinding.
 * - -internal takes the address by SERVICE_NETWORK, the list of networks or a fixed order, not at random.
 * - SERVICE_ID on a container with several ports gains `:<port>`; there the ports replaced each other.
 * - SCTP ports have `:sctp` in their id and the tag `sctp`, as UDP has; there they replaced TCP's.
 * - A meta key that catalogs refuse is repaired, a bad duration costs the check; there both cost the service.
 * - An image given by its id is no name: the compose or swarm service's is taken, else the container's.
 * - SERVICE_CHECK_HTTP without a leading slash gets one; IPv6 addresses in checks get their brackets.
 * - SERVICE_<port>_<proto>_x and SERVICE_NETWORK are read.
 * - Every service has a check `service:<id>:docker`: passing while Docker says so, critical while the container is
 *   paused, unhealthy, or starting with a HEALTHCHECK that has not passed yet (SERVICE_CHECK_INITIAL_STATUS changes
 *   the last). Swarm and Traefik keep traffic away from a starting container too.
 *
 * Not here: which container wins when two want one id (DesiredState), what the target holds (diff).
 */
export interface DesiredService {
  readonly id: string;
  readonly containerId: string;
  /** Complete with mark; the Docker check holds the status of the snapshot. */
  readonly registration: ServiceRegistration;
  readonly hash: string;
  readonly docker: DockerStatus;
  /** The id is not SERVICE_ID's: only a registrar makes such ids. */
  readonly isIdGenerated: boolean;
}

export interface DockerStatus {
  readonly checkId: string;
  readonly status: CheckStatus;
  readonly output: string;
}

export interface Desired {
  readonly services: readonly DesiredService[];
  /** What is wrong with env and labels, in words for the container's author. */
  readonly problems: readonly string[];
}

export const noServices: Desired = Object.freeze({ services: [], problems: [] });

interface Candidate {
  readonly port: ContainerPort;
  readonly endpoint: Endpoint;
  readonly metadata: Metadata;
}

export function desiredServices(
  container: ContainerSnapshot,
  options: DesiredOptions,
  registrarId: string,
  peers: Peers,
): Desired {
  if (container.state !== 'running' && container.state !== 'paused') return noServices;
  const candidates = findCandidates(container, options, peers);
  const problems = new Set<string>();
  const services = candidates.map((candidate) =>
    buildService(container, candidate, candidates.length > 1, options, registrarId, problems),
  );
  return { services, problems: [...problems] };
}

function findCandidates(container: ContainerSnapshot, options: DesiredOptions, peers: Peers): Candidate[] {
  const metadataOf = parseMetadata(container);
  return container.ports.flatMap((port) => {
    const metadata = metadataOf(port);
    if (isYes(metadata.get('ignore'))) return [];
    if (options.explicit && !metadata.get('name')) return [];
    const endpoint = portEndpoint(container, port, options, peers, metadata.get('network'));
    return endpoint === undefined ? [] : [{ port, endpoint, metadata }];
  });
}

function buildService(
  container: ContainerSnapshot,
  { port, endpoint, metadata }: Candidate,
  isOneOfSeveral: boolean,
  options: DesiredOptions,
  registrarId: string,
  problems: Set<string>,
): DesiredService {
  const id = serviceId(container, port, metadata, isOneOfSeveral, options.nodeName);
  const name = serviceName(container, port, metadata, isOneOfSeveral);
  const { meta, problems: metaProblems } = cleanMeta(metadata.pairs.filter(([key]) => !reserved.has(key)));
  const { address } = endpoint;
  const { check, problems: checkProblems } = buildLabelCheck(metadata, {
    id,
    name,
    address,
    port: endpoint.port,
  });
  const docker = dockerStatus(container, id, initialStatus(metadata).status);
  for (const problem of [...metaProblems, ...checkProblems]) problems.add(problem);
  if (endpoint.isLoopback) problems.add(`port ${port.port} is bound to loopback: other hosts can't reach it`);
  const service = {
    id,
    name,
    tags: serviceTags(port, metadata, options.tags),
    address,
    port: endpoint.port,
    taggedAddresses: null,
    meta,
    weights: defaultWeights,
    enableTagOverride: false,
    socketPath: '',
  };
  const checks = [...(check === undefined ? [] : [check]), dockerCheck(docker, id, checkProblems)];
  const registration = addMark({ service, checks }, { registrar: registrarId, container: container.id });
  const hash = parseMark(registration.service)!.hash;
  return {
    id,
    containerId: container.id,
    registration,
    hash,
    docker,
    isIdGenerated: metadata.get('id') === '',
  };
}

const reserved: ReadonlySet<string> = new Set(['name', 'id', 'tags', 'ignore', 'network']);

function serviceId(
  container: ContainerSnapshot,
  { port, protocol }: ContainerPort,
  metadata: Metadata,
  isOneOfSeveral: boolean,
  nodeName: string,
): string {
  const suffix = protocol === 'tcp' ? `:${port}` : `:${port}:${protocol}`;
  const own = metadata.get('id');
  if (own === '') return `${nodeName}:${container.name}${suffix}`;
  return isOneOfSeveral && !metadata.isOfPort('id') ? `${own}${suffix}` : own;
}

function serviceName(
  container: ContainerSnapshot,
  port: ContainerPort,
  metadata: Metadata,
  isOneOfSeveral: boolean,
): string {
  const given = metadata.get('name');
  const name = given || defaultName(container);
  return isOneOfSeveral && !(given !== '' && metadata.isOfPort('name')) ? `${name}-${port.port}` : name;
}

/** `registry:5000/team/web:1.2@sha256:...` -> `web`. */
function defaultName({ image, labels, name }: ContainerSnapshot): string {
  const isId = /^(sha256:)?[0-9a-f]{12,64}$/.test(image);
  const base = isId ? '' : image.slice(image.lastIndexOf('/') + 1).replace(/[:@].*$/, '');
  return base || labels['com.docker.compose.service'] || labels['com.docker.swarm.service.name'] || name;
}

function serviceTags({ protocol }: ContainerPort, metadata: Metadata, common: readonly string[]): string[] {
  const own = [...parseTags(metadata.get('tags')), ...common];
  return protocol === 'tcp' ? own : [...own, protocol];
}

function dockerStatus(container: ContainerSnapshot, serviceId: string, whileStarting: string): DockerStatus {
  const checkId = dockerCheckId(serviceId);
  if (container.state === 'paused') return { checkId, status: 'critical', output: 'container is paused' };
  const output = container.healthOutput.trim();
  switch (container.health) {
    case 'none':
      return { checkId, status: 'passing', output: 'container is running' };
    case 'healthy':
      return { checkId, status: 'passing', output: output || 'container is healthy' };
    case 'unhealthy':
      return { checkId, status: 'critical', output: output || 'container is unhealthy' };
    case 'starting':
      return { checkId, status: (whileStarting || 'critical') as CheckStatus, output: 'starting' };
  }
}

export function dockerCheckId(serviceId: string): string {
  return `service:${serviceId}:docker`;
}

/** `problems` stand in its notes, where the API and the web page show them. */
function dockerCheck(docker: DockerStatus, serviceId: string, problems: readonly string[]): CheckDefinition {
  return {
    id: docker.checkId,
    name: 'Docker container status',
    notes: problems.join('; '),
    serviceId,
    status: docker.status,
    kind: { type: 'docker' },
    intervalMs: 0,
    timeoutMs: 0,
    outputMaxBytes: 0,
    successBeforePassing: 0,
    failuresBeforeWarning: 0,
    failuresBeforeCritical: 0,
    deregisterCriticalAfterMs: 0,
  };
}
