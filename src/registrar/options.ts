/** How containers become services. Names of Registrator's flags in brackets. */
export interface DesiredOptions {
  /** First part of a generated service id, `<node>:<container>:<port>`: the node's name. */
  readonly nodeName: string;
  /** Address of every service on a host port, whatever it is bound to [-ip]; '' = see `advertise`. */
  readonly ip: string;
  /** Address of a port that is published on all of the host's addresses; '' = leave it to the node's own address. */
  readonly advertise: string;
  /** Container address and container port in place of the published one; exposed ports count too [-internal]. */
  readonly internal: boolean;
  /** Only ports that are given a name by env or label [-explicit]. */
  readonly explicit: boolean;
  /** Added to every service [-tags]. */
  readonly tags: readonly string[];
  /** A label whose value, cut at the last '/', is the service's address [-useIpFromLabel]; '' = none. */
  readonly ipLabel: string;
  /** Networks to take a container's address from, best first. */
  readonly networks: readonly string[];
}

export const defaultDesiredOptions: DesiredOptions = Object.freeze({
  nodeName: '',
  ip: '',
  advertise: '',
  internal: false,
  explicit: false,
  tags: [],
  ipLabel: '',
  networks: [],
});

export interface RegistrarOptions extends DesiredOptions {
  /** What own services are marked with; '' = `<node>@<engine's address>`. One live registrar an id. */
  readonly id: string;
  /** Pause between full lists, of the engine and of the target, up to half of it more by chance. Default 40 s. */
  readonly resyncMs: number;
  /** Own services turn critical after the engine was away for so long; 0 = never. Default 60 s. */
  readonly dockerGraceMs: number;
  /** An engine that was never there for so long opens `firstSync`. Default 10 s. */
  readonly absentMs: number;
  /** Inspects at once. Default 6. */
  readonly parallelInspects: number;
}

export const defaultRegistrarOptions: RegistrarOptions = Object.freeze({
  ...defaultDesiredOptions,
  id: '',
  resyncMs: 40_000,
  dockerGraceMs: 60_000,
  absentMs: 10_000,
  parallelInspects: 6,
});

/** /var/run is a symbolic link to /run nearly everywhere: both spell one socket, so they make one id. */
export function defaultRegistrarId(nodeName: string, endpoint: string): string {
  return `${nodeName}@${endpoint.replace('unix:///var/run/', 'unix:///run/')}`;
}
