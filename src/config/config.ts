import type { CheckDefinition, ServiceRegistration } from '../model/registration.ts';

/**
 * The whole configuration of one agent: frozen, complete, every default filled in. Files, environment and flags become
 * this once, at start; no other folder reads any of them. Names follow Consul's keys in camel case with units.
 */
export interface Config {
  /** -dev: everything in memory, loopback, pretty JSON. */
  readonly dev: boolean;
  readonly nodeName: string;
  /** '' = the data directory's. */
  readonly nodeId: string;
  readonly nodeMeta: Readonly<Record<string, string>>;
  readonly datacenter: string;
  /** Without leading or trailing dot: `consul`. */
  readonly domain: string;
  readonly altDomain: string;
  readonly dataDir: string;
  readonly addresses: {
    /** What the agent's own listeners that other hosts reach bind to. */
    readonly bind: string;
    /** The address that other hosts reach this node at; the node row's address. */
    readonly advertise: string;
    /** Where DNS and HTTP listen, unless their own lists say otherwise. */
    readonly client: readonly string[];
    readonly dns: readonly string[];
    readonly http: readonly string[];
  };
  /** -1: off. */
  readonly ports: { readonly dns: number; readonly http: number; readonly server: number };
  readonly taggedAddresses: Readonly<Record<string, string>>;
  readonly log: {
    readonly level: 'trace' | 'debug' | 'info' | 'warn' | 'error';
    readonly json: boolean;
    readonly file: string;
  };
  readonly pidFile: string;
  readonly store: StoreConfig;
  /** How long a node may be without its agent before it is taken out of the catalog. */
  readonly reconnectTimeoutMs: number;
  /** Shortest TTL of a session. */
  readonly sessionTtlMinMs: number;
  readonly http: HttpConfig;
  readonly dns: DnsConfig;
  readonly checks: ChecksConfig;
  /** From configuration files: registered at start, deregistered when they are gone from the files. */
  readonly services: readonly ServiceRegistration[];
  readonly nodeChecks: readonly CheckDefinition[];
  readonly registrar: RegistrarConfig;
  readonly templates: readonly TemplateConfig[];
}

export interface StoreConfig {
  /** `etcd://host:2379,host:2379/prefix`; '' = embedded, in the data directory. */
  readonly url: string;
  /** Before every key, so that several clusters share one etcd; '' = the URL's path. */
  readonly namespace: string;
  readonly user: string;
  readonly password: string;
  /** PEM files; with any of them, TLS. */
  readonly caFile: string;
  readonly certFile: string;
  readonly keyFile: string;
  /** An agent that is silent for so long counts as dead. */
  readonly ttlSeconds: number;
}

export interface HttpConfig {
  readonly responseHeaders: Readonly<Record<string, string>>;
  readonly blockEndpoints: readonly string[];
  /** CIDR blocks; empty: anybody. */
  readonly allowWriteFrom: readonly string[];
  readonly maxConnsPerClient: number;
  readonly kvMaxValueBytes: number;
  readonly defaultQueryMs: number;
  readonly maxQueryMs: number;
  readonly discoveryMaxStaleMs: number;
  /** Default reads ask the store first. */
  readonly leaderReads: boolean;
  readonly refuseUnprintable: boolean;
  readonly bodyCacheBytes: number;
}

export interface DnsConfig {
  readonly nodeTtlSeconds: number;
  /** Exact name, `prefix*` or `*` -> seconds. */
  readonly serviceTtlSeconds: Readonly<Record<string, number>>;
  readonly onlyPassing: boolean;
  readonly enableTruncate: boolean;
  readonly udpAnswerLimit: number;
  /** 0 = no limit. */
  readonly aRecordLimit: number;
  readonly disableCompression: boolean;
  readonly nodeMetaTxt: boolean;
  readonly soa: {
    readonly refreshSeconds: number;
    readonly retrySeconds: number;
    readonly expireSeconds: number;
    readonly minTtlSeconds: number;
  };
  /** `host:port` or `host`; asked for names outside the domain. */
  readonly recursors: readonly string[];
  readonly recursorStrategy: 'sequential' | 'random';
  readonly recursorTimeoutMs: number;
}

export interface ChecksConfig {
  /** How long a changed output with an unchanged status may wait before it is written to the catalog. */
  readonly updateIntervalMs: number;
  readonly outputMaxBytes: number;
  readonly discardOutput: boolean;
}

export interface RegistrarConfig {
  readonly enabled: boolean;
  /** `unix:///var/run/docker.sock`, `tcp://host:2376`. */
  readonly dockerHost: string;
  readonly dockerTlsVerify: boolean;
  readonly dockerCertPath: string;
  /** Mark of ownership; '' = node name and engine socket. */
  readonly id: string;
  /** Host address of every service; '' = the node's own. */
  readonly ip: string;
  readonly internal: boolean;
  readonly explicit: boolean;
  readonly useIpFromLabel: string;
  readonly tags: readonly string[];
  readonly deregister: 'always' | 'on-success';
  readonly resyncMs: number;
  readonly dockerGraceMs: number;
}

export interface Wait {
  readonly minMs: number;
  readonly maxMs: number;
}

/** The environment of a child: of this process's variables those that pass the lists, then `custom`. */
export interface EnvConfig {
  /** Nothing is inherited. */
  readonly pristine: boolean;
  /** `NAME=value`. */
  readonly custom: readonly string[];
  /** Globs; empty: all names. */
  readonly allowlist: readonly string[];
  readonly denylist: readonly string[];
}

/** One template stanza; exactly one of source and contents is not ''. */
/** When data look so wrong that a file is held as it is. */
export interface HoldConfig {
  /** Least items of each list that a template asks for. */
  readonly minItems: number;
  /** The largest part (0 to 1) of such a list that may be gone since the last rendering. */
  readonly maxDrop: number;
  /** After so long the file follows all the same; 0: never. */
  readonly timeoutMs: number;
}

export interface TemplateConfig {
  readonly source: string;
  readonly contents: string;
  readonly destination: string;
  /** A list is executed as it is; one string with spaces goes through `sh -c`. Empty: none. */
  readonly command: readonly string[] | string;
  readonly commandTimeoutMs: number;
  /** Templates of one group change together, or not at all, and share a command; '' = none. */
  readonly commandGroup: string;
  /** Sent to a command whose time is over; null: it is killed at once. */
  readonly killSignal: NodeJS.Signals | null;
  /** How long it then has before it is killed. */
  readonly killTimeoutMs: number;
  /** What the command sees of this process's environment. */
  readonly env: EnvConfig;
  /** Run on the candidate before it takes the destination's place (`nginx -t` style); exit 0 accepts it. */
  readonly check: readonly string[] | string;
  readonly checkTimeoutMs: number;
  /** 0 = keep the existing file's mode, or 0644. */
  readonly perms: number;
  /** A name or a number; '' = keep. */
  readonly user: string;
  readonly group: string;
  readonly backup: boolean;
  readonly createDestDirs: boolean;
  readonly leftDelimiter: string;
  readonly rightDelimiter: string;
  readonly errorOnMissingKey: boolean;
  /** The template's own failure ends the program; undefined: the runner's default. */
  readonly errorFatal: boolean | undefined;
  readonly functionDenylist: readonly string[];
  readonly sandboxPath: string;
  /** null: the file follows whatever its data are. */
  readonly hold: HoldConfig | null;
  readonly wait: Wait | null;
}
