import type {
  ContainerEvent,
  ContainerNetwork,
  ContainerPort,
  ContainerSnapshot,
  ContainerState,
  HealthStatus,
  ListedContainer,
  PortBinding,
} from './docker.ts';
import { DockerError } from './docker.ts';
import { compareUtf8 } from '../lib/bytes.ts';

/**
 * Docker's JSON cut down to our own small types. In: parsed JSON of API 1.24 to 1.52, of Docker or Podman. Fields that
 * are missing or null read as empty; only an answer without an id is refused (DockerError 'protocol').
 */

const maxHealthOutput = 4096;

export function decodeInspect(json: unknown): ContainerSnapshot {
  const root = object(json);
  const config = object(root['Config']);
  const state = object(root['State']);
  const settings = object(root['NetworkSettings']);
  const id = text(root['Id']);
  if (id === '') throw new DockerError('protocol', 'Docker inspected a container without an id');
  return {
    id,
    name: text(root['Name']).replace(/^\//, ''),
    image: text(config['Image']),
    state: containerState(state),
    ...health(object(state['Health'])),
    networkMode: text(object(root['HostConfig'])['NetworkMode']) || 'default',
    networks: Object.entries(object(settings['Networks'])).map(([name, value]) =>
      network(name, object(value)),
    ),
    ports: ports(object(config['ExposedPorts']), object(settings['Ports'])),
    env: list(config['Env']).map(text),
    labels: texts(object(config['Labels'])),
    hostname: text(config['Hostname']),
    stopSignal: text(config['StopSignal']) || 'SIGTERM',
    exitCode: number(state['ExitCode']),
    startedAt: text(state['StartedAt']),
  };
}

const states: readonly ContainerState[] = [
  'created',
  'running',
  'paused',
  'restarting',
  'removing',
  'exited',
  'dead',
];

/** Status is the newer word; between two runs of a crash loop Docker says Running and Restarting both. */
function containerState(state: Json): ContainerState {
  if (state['Restarting'] === true) return 'restarting';
  if (state['Paused'] === true) return 'paused';
  const status = text(state['Status']);
  return states.find((known) => known === status) ?? (state['Running'] === true ? 'running' : 'exited');
}

function health(json: Json): { health: HealthStatus; healthOutput: string } {
  const status = text(json['Status']);
  const known = (['starting', 'healthy', 'unhealthy'] as const).find((word) => word === status) ?? 'none';
  const last = object(list(json['Log']).at(-1));
  return {
    health: known,
    healthOutput: known === 'none' ? '' : text(last['Output']).slice(0, maxHealthOutput),
  };
}

function network(name: string, json: Json): ContainerNetwork {
  return {
    name,
    id: text(json['NetworkID']),
    ipv4: text(json['IPAddress']),
    ipv6: text(json['GlobalIPv6Address']),
    gatewayPriority: number(json['GwPriority']),
  };
}

function ports(exposed: Json, published: Json): ContainerPort[] {
  const all = new Map<string, ContainerPort>();
  for (const key of [...Object.keys(exposed), ...Object.keys(published)]) {
    const [port, protocol = 'tcp'] = key.split('/');
    if (!/^\d+$/.test(port!) || !isProtocol(protocol)) continue;
    all.set(key, { port: Number(port), protocol, bindings: list(published[key]).map(binding) });
  }
  return [...all.values()].sort((a, b) => a.port - b.port || (a.protocol < b.protocol ? -1 : 1));
}

function isProtocol(word: string): word is ContainerPort['protocol'] {
  return word === 'tcp' || word === 'udp' || word === 'sctp';
}

function binding(json: unknown): PortBinding {
  const { HostIp, HostPort } = object(json);
  return { hostIp: text(HostIp), hostPort: Number(text(HostPort)) || 0 };
}

export function decodeList(json: unknown): ListedContainer[] {
  if (!Array.isArray(json)) throw new DockerError('protocol', 'Docker listed something that is no list');
  return json.map((item) => {
    const { Id, Names, State, Status, Ports, NetworkSettings } = object(item);
    const networks = Object.entries(object(object(NetworkSettings)['Networks'])).map(([name, value]) => {
      const { EndpointID, IPAddress, GlobalIPv6Address } = object(value);
      return [name, EndpointID, IPAddress, GlobalIPv6Address].join(' ');
    });
    // Status is "Up 3 minutes (healthy)": only what is in brackets is no clock.
    const verdict = /\(.*\)/.exec(text(Status))?.[0] ?? '';
    return {
      id: text(Id),
      fingerprint: JSON.stringify([Names, State, verdict, Ports, networks.sort(compareUtf8)]),
    };
  });
}

/** One line of the event stream; undefined for what concerns no container. Throws SyntaxError for what is no JSON. */
export function decodeEvent(line: string): ContainerEvent | undefined {
  const json = object(JSON.parse(line));
  const actor = object(json['Actor']);
  const attributes = texts(object(actor['Attributes']));
  const type = text(json['Type']) || 'container';
  const own = type === 'container' ? text(actor['ID']) || text(json['id']) : '';
  const containerId = type === 'network' ? (attributes['container'] ?? '') : own;
  if (containerId === '') return undefined;
  const [action = ''] = (text(json['Action']) || text(json['status'])).split(':');
  const nanos = number(json['timeNano']);
  return {
    containerId,
    // Podman before 4.0 says `died`.
    action: action === 'died' ? 'die' : action,
    timeMs: nanos > 0 ? nanos / 1e6 : number(json['time']) * 1000,
    attributes,
  };
}

type Json = Readonly<Record<string, unknown>>;

function object(value: unknown): Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Json) : {};
}

function list(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

function text(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

function number(value: unknown): number {
  return typeof value === 'number' ? value : 0;
}

function texts(json: Json): Record<string, string> {
  return Object.fromEntries(Object.entries(json).map(([key, value]) => [key, text(value)]));
}
