/**
 * The container engine seam: what the registrar needs to know of an engine, in our own small types.
 *
 * In: the Docker Engine API (or a scripted engine in tests). Out: ContainerSnapshot[].
 * Invariant: an event only says "look again at this container"; decisions come from the state read afterwards.
 */

export type HealthStatus = 'none' | 'starting' | 'healthy' | 'unhealthy';
export type ContainerState = 'created' | 'running' | 'paused' | 'restarting' | 'removing' | 'exited' | 'dead';

/** A container port as published on the host. `hostPort` 0: exposed, not published. */
export interface PortBinding {
  readonly hostIp: string;
  readonly hostPort: number;
}

export interface ContainerPort {
  readonly port: number;
  readonly protocol: 'tcp' | 'udp' | 'sctp';
  /** As Docker lists them, both families; empty: not published. */
  readonly bindings: readonly PortBinding[];
}

export interface ContainerNetwork {
  readonly name: string;
  readonly id: string;
  /** '' if none. */
  readonly ipv4: string;
  readonly ipv6: string;
  /** API 1.48+; 0 before. */
  readonly gatewayPriority: number;
}

export interface ContainerSnapshot {
  /** Full 64-digit id. */
  readonly id: string;
  /** Without the leading slash. */
  readonly name: string;
  readonly image: string;
  readonly state: ContainerState;
  readonly health: HealthStatus;
  /** Output of the last run of the image's HEALTHCHECK, '' if none. */
  readonly healthOutput: string;
  /** `default bridge host none container:<id>` or a network's name or id. */
  readonly networkMode: string;
  readonly networks: readonly ContainerNetwork[];
  /** Exposed and published ports, by port then protocol. */
  readonly ports: readonly ContainerPort[];
  /** `KEY=value` lines of the container's environment, image ENV included. */
  readonly env: readonly string[];
  readonly labels: Readonly<Record<string, string>>;
  readonly hostname: string;
  /** Signal number or name that `docker stop` sends; default SIGTERM. */
  readonly stopSignal: string;
  readonly exitCode: number;
  /** RFC 3339 as Docker gives it; with the id it identifies one run. */
  readonly startedAt: string;
}

/** One line of the engine's list, which is cheap and never waits for a container's lock. */
export interface ListedContainer {
  readonly id: string;
  /** Changes whenever the list shows that something of the container changed (state, name, ports, networks, health). */
  readonly fingerprint: string;
}

/** "Look again": `timeMs` is the engine's clock (ms since the epoch, with fractions), for latency figures. */
export interface ContainerEvent {
  readonly containerId: string;
  /** The word before ':' (`start die kill pause unpause rename health_status connect disconnect destroy ...`). */
  readonly action: string;
  readonly timeMs: number;
  readonly attributes: Readonly<Record<string, string>>;
}

export interface EngineInfo {
  /** Docker's /info ID: stable for one engine. */
  readonly id: string;
  readonly name: string;
  readonly apiVersion: string;
}

export interface ContainerSource {
  /** The engine's own word of where it is (`unix:///var/run/docker.sock`), for messages. */
  readonly endpoint: string;
  /** Connects and negotiates; throws DockerError. */
  info(signal: AbortSignal): Promise<EngineInfo>;
  /**
   * Opens the event stream and resolves once it is subscribed; `onEvent` must return at once. `ended` resolves
   * with the cause when the stream is gone: subscribe again, then list.
   */
  subscribe(
    onEvent: (event: ContainerEvent) => void,
    signal: AbortSignal,
  ): Promise<{ readonly ended: Promise<Error> }>;
  /** All containers that are running, paused or restarting. */
  list(signal: AbortSignal): Promise<readonly ListedContainer[]>;
  /** undefined: no such container (any more). */
  inspect(id: string, signal: AbortSignal): Promise<ContainerSnapshot | undefined>;
  close(): Promise<void>;
}

export type DockerErrorCode =
  /** No socket, or nobody listens: wait and try again. */
  | 'absent'
  /** The socket refuses us: add the user to the docker group, or run as root. */
  | 'permission'
  | 'timeout'
  /** The engine answered with an error or with something that is not Docker. */
  | 'protocol';

export class DockerError extends Error {
  readonly code: DockerErrorCode;

  constructor(code: DockerErrorCode, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.name = 'DockerError';
    this.code = code;
  }
}
