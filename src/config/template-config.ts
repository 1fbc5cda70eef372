/** What `portolan template` is configured with, all defaults filled in. */
import type { EnvConfig, TemplateConfig } from './config.ts';

export interface TlsConfig {
  readonly verify: boolean;
  /** Paths; '' = none. */
  readonly cert: string;
  readonly key: string;
  readonly caCert: string;
  /** Certificates themselves, PEM. */
  readonly caCertBytes: string;
  readonly caPath: string;
  /** '' = the address's host. */
  readonly serverName: string;
}

export interface ConsulConfig {
  /** `host:port`, `http://…`, `https://…` or `unix://…`. */
  readonly address: string;
  readonly token: string;
  /** Read at every start and reload; what it holds beats `token`, as in Consul's own clients. */
  readonly tokenFile: string;
  readonly namespace: string;
  readonly auth: { readonly username: string; readonly password: string } | null;
  /** null: no TLS, unless the address begins with https. */
  readonly tls: TlsConfig | null;
  readonly retry: RetryConfig;
  readonly transport: TransportConfig;
}

export interface RetryConfig {
  /** Failures in a row of one question that end the program; 0: none do. */
  readonly attempts: number;
  readonly backoffMs: number;
  readonly maxBackoffMs: number;
}

export interface TransportConfig {
  readonly keepAliveMs: number;
  readonly connectTimeoutMs: number;
  readonly idleTimeoutMs: number;
  /** false: a connection for each request. */
  readonly reuse: boolean;
  /** 0: no limit of its own. */
  readonly maxConnections: number;
}

export interface ExecConfig {
  /** Empty: there is no child. */
  readonly command: readonly string[] | string;
  readonly env: EnvConfig;
  /** null: the child is killed at once. */
  readonly killSignal: NodeJS.Signals | null;
  readonly killTimeoutMs: number;
  /** null: nothing is done after a change; undefined: the child is restarted. */
  readonly reloadSignal: NodeJS.Signals | null | undefined;
  readonly splayMs: number;
}

export interface DedupConfig {
  readonly prefix: string;
  readonly ttlMs: number;
  readonly maxStaleMs: number;
  readonly waitMs: number;
}

export interface TemplateLogConfig {
  readonly level: 'trace' | 'debug' | 'info' | 'warn' | 'error';
  /** '' = none. */
  readonly file: string;
  /** 0: size does not matter. */
  readonly rotateBytes: number;
  /** 0: age does not matter. */
  readonly rotateAfterMs: number;
  /** Old files that are kept; 0: all, -1: none. */
  readonly rotateKeep: number;
  readonly syslog: { readonly facility: string; readonly name: string } | null;
}

/** Signals to this process; null: none. */
export interface SignalConfig {
  readonly kill: NodeJS.Signals | null;
  readonly reload: NodeJS.Signals | null;
  readonly dump: NodeJS.Signals | null;
}

export interface TemplateLoad {
  readonly consul: ConsulConfig;
  readonly templates: readonly TemplateConfig[];
  readonly exec: ExecConfig;
  /** null: off. */
  readonly dedup: DedupConfig | null;
  readonly log: TemplateLogConfig;
  readonly signals: SignalConfig;
  readonly maxStaleMs: number;
  readonly queryWaitMs: number;
  readonly once: boolean;
  /** How long a run with `once` may take; 0: no limit. */
  readonly onceTimeoutMs: number;
  /** Changes of configuration and template files are taken as they happen. */
  readonly watch: boolean;
  readonly pidFile: string;
  /** '' = nothing is kept across restarts. */
  readonly stateDir: string;
  /** Where state and metrics are served; '' = nowhere. */
  readonly statusAddress: string;
  readonly errorFatal: boolean;
  readonly errorOnFailedLookup: boolean;
  /** consul-template's behaviour where Portolan's is another; docs/compat.md lists it. */
  readonly strict: boolean;
  /** What was read: files and directories. */
  readonly paths: readonly string[];
  readonly warnings: readonly string[];
}
