import { hostPort } from '../lib/host-port.ts';
import type { ContainerNetwork, ContainerPort, ContainerSnapshot, PortBinding } from '../docker/docker.ts';
import type { DesiredOptions } from './options.ts';

/** Where a port of a container is reached. address '' = the node's own. */
export interface Endpoint {
  readonly address: string;
  readonly port: number;
  /** Bound to the host's loopback: whoever is on another host can't reach it. */
  readonly isLoopback: boolean;
}

/** What address rules need to know of the containers around. */
export type Peers = (containerId: string) => ContainerSnapshot | undefined;

const sharedNetwork = 'container:';
/** container:X where X is container:Y ...: Docker allows no cycles, a stale snapshot might show one. */
const maxShares = 8;

/**
 * Where `port` of `container` is reached, or undefined when it isn't (not published, no network).
 * `network` is the container's own wish (SERVICE_NETWORK), '' for none.
 */
export function portEndpoint(
  container: ContainerSnapshot,
  port: ContainerPort,
  options: DesiredOptions,
  peers: Peers,
  network: string,
): Endpoint | undefined {
  if (container.networkMode.startsWith(sharedNetwork))
    return sharedEndpoint(container, port, options, peers, network);
  const fromLabel = labelAddress(container, options.ipLabel);
  const found = ownEndpoint(container, port, options, network);
  return found !== undefined && fromLabel !== ''
    ? { ...found, address: fromLabel, isLoopback: false }
    : found;
}

function ownEndpoint(
  container: ContainerSnapshot,
  port: ContainerPort,
  options: DesiredOptions,
  network: string,
): Endpoint | undefined {
  const { networkMode } = container;
  if (networkMode === 'none') return undefined;
  if (networkMode === 'host') {
    const address = options.internal ? '' : options.ip || options.advertise;
    return { address, port: port.port, isLoopback: false };
  }
  if (options.internal) return containerEndpoint(container, port, options, network);
  const best = chooseBinding(port.bindings);
  if (best === undefined) return undefined;
  // Engine 27+ in routed mode: published, but under the container's own address.
  if (best.hostPort === 0) return containerEndpoint(container, port, options, network);
  const bound = isAny(best.hostIp) ? options.advertise : best.hostIp;
  return { address: options.ip || bound, port: best.hostPort, isLoopback: isLoopback(best.hostIp) };
}

function containerEndpoint(
  container: ContainerSnapshot,
  port: ContainerPort,
  options: DesiredOptions,
  network: string,
): Endpoint | undefined {
  const address = networkAddress(container, options.networks, network);
  return address === '' ? undefined : { address, port: port.port, isLoopback: false };
}

/** In another container's network namespace a port is reached at that container's address. */
function sharedEndpoint(
  container: ContainerSnapshot,
  port: ContainerPort,
  options: DesiredOptions,
  peers: Peers,
  network: string,
): Endpoint | undefined {
  const owner = networkOwner(container, peers);
  if (owner === undefined) return undefined;
  const fromLabel = labelAddress(container, options.ipLabel);
  const found =
    owner.networkMode === 'host'
      ? ownEndpoint(owner, port, options, network)
      : containerEndpoint(owner, port, options, network);
  return found !== undefined && fromLabel !== '' ? { ...found, address: fromLabel } : found;
}

/** The running container whose network namespace this one lives in. */
function networkOwner(container: ContainerSnapshot, peers: Peers): ContainerSnapshot | undefined {
  let owner: ContainerSnapshot | undefined = container;
  for (let i = 0; owner?.networkMode.startsWith(sharedNetwork) && i < maxShares; i++) {
    owner = peers(owner.networkMode.slice(sharedNetwork.length));
  }
  return owner?.networkMode.startsWith(sharedNetwork) ? undefined : owner;
}

/** The id of the container that this one shares the network with, '' for none. */
export function sharedWith(container: ContainerSnapshot): string {
  const { networkMode } = container;
  return networkMode.startsWith(sharedNetwork) ? networkMode.slice(sharedNetwork.length) : '';
}

/**
 * The container's address on the network that the label names, else on the first of the list, else on the one with
 * the highest gateway priority, else on the first by name (Docker's own rule for the default gateway).
 */
export function networkAddress(
  { networks }: Pick<ContainerSnapshot, 'networks'>,
  preferred: readonly string[],
  wish: string,
): string {
  const usable = networks.filter((network) => addressOf(network) !== '' && network.name !== 'ingress');
  const named = (name: string): ContainerNetwork | undefined =>
    usable.find((network) => network.name === name || (name !== '' && network.id === name));
  for (const name of [wish, ...preferred]) {
    const found = named(name);
    if (found !== undefined) return addressOf(found);
  }
  const [best] = usable.sort((a, b) => b.gatewayPriority - a.gatewayPriority || (a.name < b.name ? -1 : 1));
  return best === undefined ? '' : addressOf(best);
}

function addressOf(network: ContainerNetwork): string {
  return network.ipv4 || network.ipv6;
}

/**
 * One of a port's bindings, whatever order Docker lists them in: IPv4 before IPv6, reachable from elsewhere before
 * loopback, then the lowest port. Docker 20.10 gives each family a port of its own (moby #42442).
 */
export function chooseBinding(bindings: readonly PortBinding[]): PortBinding | undefined {
  const rank = ({ hostIp, hostPort }: PortBinding): number =>
    (hostPort === 0 ? 4 : 0) + (isLoopback(hostIp) ? 2 : 0) + (hostIp.includes(':') ? 1 : 0);
  return [...bindings].sort((a, b) => rank(a) - rank(b) || a.hostPort - b.hostPort)[0];
}

function labelAddress(container: ContainerSnapshot, label: string): string {
  const value = label === '' ? '' : (container.labels[label] ?? '');
  const cut = value.lastIndexOf('/');
  return cut === -1 ? value : value.slice(0, cut);
}

function isAny(address: string): boolean {
  return address === '' || address === '0.0.0.0' || address === '::';
}

function isLoopback(address: string): boolean {
  return address.startsWith('127.') || address === '::1';
}

/** Where a check asks. An address of '' is this host's loopback: the checks run beside the engine. */
export function checkAddress(address: string, port: number): string {
  return hostPort(address === '' ? '127.0.0.1' : address, port);
}
