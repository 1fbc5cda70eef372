/**
 * Configuration of `portolan template`: consul-template's files and flags -> one frozen TemplateLoad. CT_LOCAL_CONFIG comes
 * first, then the files in their order, then flags. Source: template.md 3.1.
 */
import { deepFreeze } from '../lib/freeze.ts';
import type { ObjectTree } from '../lib/tree.ts';
import type { TemplateConfig } from './config.ts';
import { ConfigError } from './config-error.ts';
import { consulFromEnvironment, nonEmpty } from './consul-address.ts';
import { type Context, section } from './decode.ts';
import { parseConfigText } from './read-file.ts';
import type {
  ConsulConfig,
  DedupConfig,
  ExecConfig,
  RetryConfig,
  SignalConfig,
  TemplateLoad,
  TemplateLogConfig,
  TlsConfig,
  TransportConfig,
} from './template-config.ts';
import { readTemplateFiles, sniff } from './template-files.ts';
import { flagTree, type FlagValues } from './flag-tree.ts';
import { templateFlags } from './template-flags.ts';
import { type RawConsul, type RawRunner, type RawSsl, runnerFields } from './template-schema.ts';
import { envConfig, templateConfigs } from './templates.ts';

type Env = Readonly<Record<string, string | undefined>>;

export interface TemplateLoadOptions {
  readonly paths?: readonly string[];
  readonly flags?: FlagValues;
  readonly env?: Env;
  /** Nothing will be written: templates need no destination. */
  readonly dry?: boolean;
}

/** Throws ConfigError; a configuration with neither a template nor a command to supervise is refused too. */
export function loadTemplateConfig(options: TemplateLoadOptions): TemplateLoad {
  const env = options.env ?? {};
  const context: Context = { ignored: new Map() };
  const inline = env['CT_LOCAL_CONFIG'] ?? '';
  const flags = flagTree(templateFlags, options.flags ?? {});
  const trees: ObjectTree[] = [
    ...(inline === ''
      ? []
      : [parseConfigText(inline, sniff(inline), 'environment variable CT_LOCAL_CONFIG')]),
    ...(options.paths ?? []).flatMap((path) => readTemplateFiles(path)),
    flags,
  ];
  const raw: RawRunner = section(runnerFields).decode(trees, '', context);
  const templates = templatesOf(raw, options.dry ?? false);
  const exec = execConfig(raw);
  if (templates.length === 0 && exec.command.length === 0) {
    const fix = 'name one with -template in:out[:command], or in a file with -config';
    throw new ConfigError('conflict', `no template: ${fix}`);
  }
  const strict = raw.compat === 'consul-template';
  return deepFreeze({
    consul: consulConfig(raw, env, strict),
    templates,
    exec,
    dedup: dedupConfig(raw),
    log: logConfig(raw, env, strict),
    signals: signalConfig(raw, exec),
    maxStaleMs: raw.max_stale ?? 2000,
    queryWaitMs: raw.block_query_wait ?? 60_000,
    once: strict ? options.flags?.['once'] === true : (raw.once ?? false),
    onceTimeoutMs: raw.once_timeout ?? 0,
    watch: raw.watch ?? false,
    pidFile: raw.pid_file ?? '',
    stateDir: raw.state_dir ?? '',
    statusAddress: raw.status?.address ?? '',
    errorFatal: raw.template_error_fatal ?? strict,
    errorOnFailedLookup: raw.err_on_failed_lookup ?? false,
    strict,
    paths: [...(options.paths ?? [])],
    warnings: [
      ...[...context.ignored].map(([key, { why }]) => `${key} has no effect: ${why}`),
      ...sharedDestinations(templates),
    ],
  });
}

function templatesOf(raw: RawRunner, destinationOptional: boolean): readonly TemplateConfig[] {
  const delimiters = raw.default_delimiters ?? {};
  const defaults = {
    left_delimiter: delimiters.left,
    right_delimiter: delimiters.right,
    hold: raw.hold,
    wait: raw.wait,
  };
  return templateConfigs(raw.template ?? [], defaults, { destinationOptional });
}

function sharedDestinations(templates: readonly TemplateConfig[]): readonly string[] {
  const paths = templates.map(({ destination }) => destination).filter((path) => path !== '');
  const shared = new Set(paths.filter((path, i) => paths.indexOf(path) !== i));
  return [...shared].map(
    (path) => `several templates write ${path} and undo each other: give each a destination of its own`,
  );
}

function consulConfig(raw: RawRunner, env: Env, strict: boolean): ConsulConfig {
  const consul: RawConsul = raw.consul ?? {};
  const given = consulFromEnvironment(env, consul.address);
  const token = consul.token ?? raw.token;
  const ssl = consul.ssl ?? raw.ssl;
  const auth = consul.auth ?? raw.auth;
  return {
    address: given.address,
    token: token ?? given.token,
    tokenFile: consul.token_file ?? (token === undefined ? given.tokenFile : ''),
    namespace: consul.namespace ?? given.namespace,
    auth: auth === undefined ? given.auth : authConfig(auth),
    // Any key but `enabled = false` asks for it.
    tls: ssl === undefined ? given.tls : ssl.enabled === false ? null : tlsConfig(ssl),
    retry: retryConfig({ ...raw.retry, ...consul.retry }, strict),
    transport: transportConfig(consul.transport ?? {}),
  };
}

function authConfig(auth: NonNullable<RawRunner['auth']>): ConsulConfig['auth'] {
  return auth.enabled === false ? null : { username: auth.username ?? '', password: auth.password ?? '' };
}

function tlsConfig(raw: RawSsl): TlsConfig {
  return {
    verify: raw.verify ?? true,
    cert: raw.cert ?? '',
    key: raw.key ?? '',
    caCert: raw.ca_cert ?? '',
    caCertBytes: raw.ca_cert_bytes ?? '',
    caPath: raw.ca_path ?? '',
    serverName: raw.server_name ?? '',
  };
}

/** consul-template gives up after 12 failures; here only who asks for a limit has one. */
function retryConfig(raw: NonNullable<RawRunner['retry']>, strict: boolean): RetryConfig {
  const backoffMs = raw.backoff ?? 250;
  const max = raw.max_backoff ?? 60_000;
  return {
    attempts: raw.enabled === false ? 1 : (raw.attempts ?? (strict ? 12 : 0)),
    backoffMs,
    // 0: it grows without an end.
    maxBackoffMs: max === 0 ? 2 ** 31 - 1 : Math.max(backoffMs, max),
  };
}

function transportConfig(raw: NonNullable<RawConsul['transport']>): TransportConfig {
  return {
    keepAliveMs: raw.dial_keep_alive ?? 30_000,
    connectTimeoutMs: (raw.dial_timeout ?? 30_000) + (raw.tls_handshake_timeout ?? 10_000),
    idleTimeoutMs: raw.idle_conn_timeout ?? 5000,
    reuse: !(raw.disable_keep_alives ?? false),
    maxConnections: raw.max_conns_per_host ?? 0,
  };
}

function execConfig(raw: RawRunner): ExecConfig {
  const exec = raw.exec ?? {};
  return {
    command: exec.enabled === false ? '' : (exec.command ?? ''),
    env: envConfig(exec.env),
    killSignal: exec.kill_signal === undefined ? 'SIGINT' : exec.kill_signal,
    killTimeoutMs: exec.kill_timeout ?? 30_000,
    reloadSignal: exec.reload_signal,
    splayMs: exec.splay ?? 0,
  };
}

/** Any of its keys switches it on. */
function dedupConfig(raw: RawRunner): DedupConfig | null {
  const dedup = raw.deduplicate;
  if (dedup === undefined || dedup.enabled === false) return null;
  const prefix = (dedup.prefix ?? 'consul-template/dedup/').replace(/^\/+/, '').replace(/\/*$/, '/');
  return {
    prefix,
    ttlMs: dedup.ttl ?? 15_000,
    maxStaleMs: dedup.max_stale ?? raw.max_stale ?? 2000,
    waitMs: dedup.block_query_wait ?? raw.block_query_wait ?? 60_000,
  };
}

const logLevels = ['trace', 'debug', 'info', 'warn', 'error'] as const;
const levelVariables = ['CT_LOG', 'CONSUL_TEMPLATE_LOG', 'CONSUL_TEMPLATE_LOG_LEVEL'] as const;

function logConfig(raw: RawRunner, env: Env, strict: boolean): TemplateLogConfig {
  const file = raw.log_file ?? {};
  const { syslog } = raw;
  return {
    level: raw.log_level === 'err' ? 'error' : (raw.log_level ?? levelOf(env) ?? (strict ? 'warn' : 'info')),
    file: file.path ?? '',
    rotateBytes: file.log_rotate_bytes ?? 0,
    rotateAfterMs: file.log_rotate_duration ?? 24 * 3_600_000,
    rotateKeep: file.log_rotate_max_files ?? 0,
    syslog:
      syslog === undefined || syslog.enabled === false
        ? null
        : {
            facility: (syslog.facility ?? 'LOCAL0').toLowerCase(),
            name: syslog.name ?? (strict ? 'consul-template' : 'portolan'),
          },
  };
}

/** A level that is none is passed over, as a variable may be meant for another program. */
function levelOf(env: Env): TemplateLogConfig['level'] | undefined {
  const text = levelVariables.map((name) => nonEmpty(env[name])).find((value) => value !== undefined);
  const word = text?.toLowerCase();
  return logLevels.find((level) => level === (word === 'err' ? 'error' : word));
}

function signalConfig(raw: RawRunner, exec: ExecConfig): SignalConfig {
  return {
    kill: raw.kill_signal === undefined ? 'SIGINT' : raw.kill_signal,
    reload: raw.reload_signal === undefined ? 'SIGHUP' : raw.reload_signal,
    // A child may have a use of its own for SIGQUIT.
    dump: raw.dump_signal ?? (raw.dump_signal === null || exec.command.length > 0 ? null : 'SIGQUIT'),
  };
}
