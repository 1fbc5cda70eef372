/**
 * Defaults + files + environment + flags -> one frozen Config.
 *
 * In: paths, variables and flag values. Out: Config and warnings. Nothing is started and nothing is written; every refusal is a
 * ConfigError that names the place, the value and the fix.
 */
import { isIP } from 'node:net';
import { hostname, networkInterfaces } from 'node:os';
import { join } from 'node:path';
import { deepFreeze } from '../lib/freeze.ts';
import { formatPosition, type ObjectTree, type Position } from '../lib/tree.ts';
import { chooseAdvertise, type Interfaces, ipAddress } from './addresses.ts';
import type { Config, DnsConfig, HttpConfig, RegistrarConfig } from './config.ts';
import { ConfigError } from './config-error.ts';
import { type Context, section } from './decode.ts';
import { checkDefinition, serviceRegistration } from './definitions.ts';
import { flagTree, type FlagValues } from './flag-tree.ts';
import { agentFlags, environmentTree } from './flags.ts';
import { type ConfigFormat, parseConfigText, readConfigPath } from './read-file.ts';
import { type RawConfig, rootFields } from './schema.ts';
import { storeConfig } from './store.ts';
import { templateConfigs } from './templates.ts';

export interface LoadOptions {
  /** Files and directories in the order of their flags. */
  readonly paths?: readonly string[];
  readonly format?: ConfigFormat;
  /** -hcl: snippets, read after the files. */
  readonly snippets?: readonly string[];
  readonly flags?: FlagValues;
  readonly env?: Readonly<Record<string, string | undefined>>;
  readonly interfaces?: Interfaces;
  readonly hostname?: string;
  readonly isRoot?: boolean;
}

export interface Loaded {
  readonly config: Config;
  /** One a line, for the log. */
  readonly warnings: readonly string[];
}

export function loadConfig(options: LoadOptions): Loaded {
  const env = options.env ?? {};
  const trees = [
    ...(options.paths ?? []).flatMap((path) => readConfigPath(path, options.format)),
    ...(options.snippets ?? []).map((text) => parseConfigText(text, 'hcl', 'flag -hcl')),
    environmentTree(env),
    flagTree(agentFlags, options.flags ?? {}),
  ];
  return resolveConfig(trees, options);
}

function resolveConfig(trees: readonly ObjectTree[], options: LoadOptions): Loaded {
  const context: Context = { ignored: new Map() };
  const raw: RawConfig = section(rootFields).decode(trees, '', context);
  refuseAccessControl(raw);
  const dev = raw.dev ?? false;
  const nodeName = nodeNameOf(raw, options);
  const addresses = resolveAddresses(raw, dev, options);
  const config: Config = {
    dev,
    nodeName,
    nodeId: nodeIdOf(raw),
    nodeMeta: raw.node_meta ?? {},
    datacenter: datacenterOf(raw),
    domain: domainOf('domain', raw.domain ?? 'consul'),
    altDomain: raw.alt_domain === undefined ? '' : domainOf('alt_domain', raw.alt_domain),
    dataDir: dev ? '' : (raw.data_dir ?? defaultDataDir(options)),
    addresses,
    ports: { dns: raw.ports?.dns ?? 8600, http: raw.ports?.http ?? 8500, server: raw.ports?.server ?? 8300 },
    taggedAddresses: taggedAddresses(raw, addresses.advertise),
    log: {
      level: logLevel(raw.log_level ?? (dev ? 'debug' : 'info')),
      json: raw.log_json ?? false,
      file: raw.log_file ?? '',
    },
    pidFile: raw.pid_file ?? '',
    store: storeConfig(raw.store, dev),
    sessionTtlMinMs: raw.session_ttl_min ?? 10_000,
    reconnectTimeoutMs: raw.reconnect_timeout ?? 72 * 3_600_000,
    http: httpConfig(raw),
    dns: dnsConfig(raw),
    checks: {
      updateIntervalMs: raw.check_update_interval ?? 300_000,
      outputMaxBytes: raw.check_output_max_size ?? 4096,
      discardOutput: raw.discard_check_output ?? false,
    },
    services: [...(raw.service ?? []), ...(raw.services ?? [])].map(serviceRegistration),
    nodeChecks: [...(raw.check ?? []), ...(raw.checks ?? [])].map((check) => checkDefinition(check)),
    registrar: registrarConfig(raw, options.env ?? {}),
    templates: templateConfigs(raw.template ?? [], { wait: raw.wait, hold: raw.hold }),
  };
  return { config: deepFreeze(config), warnings: warningsOf(raw, context) };
}

/** Serving openly what somebody wanted to be closed would be worse than not starting. */
function refuseAccessControl(raw: RawConfig): void {
  if (raw.acl?.enabled === true || raw.acl?.default_policy === 'deny') {
    const message =
      'acl: access control is not built yet, and the API would be open: remove the acl block, or keep the API on loopback';
    throw new ConfigError('conflict', message);
  }
}

function nodeNameOf(raw: RawConfig, options: LoadOptions): string {
  const name = raw.node_name ?? options.hostname ?? hostname();
  if (name.trim() === '')
    throw new ConfigError('invalid-value', 'node_name: is empty: choose one with -node');
  return name;
}

function nodeIdOf(raw: RawConfig): string {
  const id = (raw.node_id ?? '').toLowerCase();
  if (id !== '' && !/^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(id)) {
    throw new ConfigError('invalid-value', `node_id: "${id}" is not a UUID: leave it out and one is made`);
  }
  return id;
}

function datacenterOf(raw: RawConfig): string {
  const name = (raw.datacenter ?? 'dc1').toLowerCase();
  if (!/^[a-z0-9_-]+$/.test(name)) {
    throw new ConfigError('invalid-value', `datacenter: "${name}" may hold letters, digits, - and _ only`);
  }
  return name;
}

function domainOf(key: string, text: string): string {
  const domain = text.replace(/^\.+|\.+$/g, '').toLowerCase();
  const labels = domain.split('.');
  if (domain === '' || domain.length > 200 || labels.some((label) => label === '' || label.length > 63)) {
    throw new ConfigError('invalid-value', `${key}: "${text}" is not a domain name, e.g. consul`);
  }
  return domain;
}

/** /var/lib/portolan for root, the XDG data folder otherwise. Source: XDG Base Directory Specification. */
function defaultDataDir({ env = {}, isRoot = process.getuid?.() === 0 }: LoadOptions): string {
  if (isRoot) return '/var/lib/portolan';
  const xdg =
    env['XDG_DATA_HOME'] ?? (env['HOME'] === undefined ? undefined : join(env['HOME'], '.local', 'share'));
  if (xdg === undefined)
    throw new ConfigError(
      'conflict',
      'data_dir: no home directory to put data in: choose one with -data-dir',
    );
  return join(xdg, 'portolan');
}

function resolveAddresses(raw: RawConfig, dev: boolean, options: LoadOptions): Config['addresses'] {
  const bind = raw.bind_addr ?? (dev ? '127.0.0.1' : '0.0.0.0');
  const client = words('client_addr', raw.client_addr ?? '127.0.0.1');
  return {
    bind: ipAddress('bind_addr', bind),
    advertise: chooseAdvertise(
      raw.advertise_addr ?? raw.advertise_addr_ipv4 ?? '',
      bind,
      options.interfaces ?? networkInterfaces(),
    ),
    client,
    dns: raw.addresses?.dns === undefined ? client : words('addresses.dns', raw.addresses.dns),
    http: raw.addresses?.http === undefined ? client : words('addresses.http', raw.addresses.http),
  };
}

function words(key: string, text: string): readonly string[] {
  const list = text.split(/\s+/).filter((word) => word !== '');
  return list.map((word) => {
    if (!word.startsWith('unix://')) return ipAddress(key, word);
    throw new ConfigError(
      'invalid-value',
      `${key}: "${word}": unix sockets are not built yet: give IP addresses`,
    );
  });
}

function taggedAddresses(raw: RawConfig, advertise: string): Readonly<Record<string, string>> {
  const family = advertise.includes(':') ? 'ipv6' : 'ipv4';
  const wan =
    raw.advertise_addr_wan === undefined
      ? advertise
      : ipAddress('advertise_addr_wan', raw.advertise_addr_wan);
  return {
    lan: advertise,
    [`lan_${family}`]: advertise,
    wan,
    [`wan_${family}`]: wan,
    ...raw.tagged_addresses,
  };
}

function logLevel(word: NonNullable<RawConfig['log_level']>): Config['log']['level'] {
  return word === 'err' ? 'error' : word;
}

function httpConfig(raw: RawConfig): HttpConfig {
  const http = raw.http_config ?? {};
  return {
    responseHeaders: http.response_headers ?? {},
    blockEndpoints: http.block_endpoints ?? [],
    allowWriteFrom: (http.allow_write_http_from ?? []).map(cidr),
    maxConnsPerClient: raw.limits?.http_max_conns_per_client ?? 200,
    kvMaxValueBytes: raw.limits?.kv_max_value_size ?? 512 * 1024,
    defaultQueryMs: raw.default_query_time ?? 300_000,
    maxQueryMs: raw.max_query_time ?? 600_000,
    discoveryMaxStaleMs: raw.discovery_max_stale ?? 0,
    leaderReads: raw.default_consistency === 'leader',
    refuseUnprintable: !(raw.disable_http_unprintable_char_filter ?? false),
    bodyCacheBytes: 64 * 1024 * 1024,
  };
}

function cidr(text: string): string {
  const [address = '', bits = ''] = text.split('/');
  const most = address.includes(':') ? 128 : 32;
  if (!/^\d+$/.test(bits) || Number(bits) > most) {
    throw new ConfigError(
      'invalid-value',
      `http_config.allow_write_http_from: "${text}" is not a CIDR block, e.g. 127.0.0.0/8`,
    );
  }
  ipAddress('http_config.allow_write_http_from', address);
  return text;
}

function dnsConfig(raw: RawConfig): DnsConfig {
  const dns = raw.dns_config ?? {};
  const ttls = Object.entries(dns.service_ttl ?? {}).map(([name, ms]) => [
    name.toLowerCase(),
    Math.floor(ms / 1000),
  ]);
  return {
    nodeTtlSeconds: Math.floor((dns.node_ttl ?? 0) / 1000),
    serviceTtlSeconds: Object.fromEntries(ttls) as Record<string, number>,
    onlyPassing: dns.only_passing ?? false,
    enableTruncate: dns.enable_truncate ?? false,
    udpAnswerLimit: dns.udp_answer_limit ?? 3,
    aRecordLimit: dns.a_record_limit ?? 0,
    disableCompression: dns.disable_compression ?? false,
    nodeMetaTxt: dns.enable_additional_node_meta_txt ?? true,
    soa: {
      refreshSeconds: dns.soa?.refresh ?? 3600,
      retrySeconds: dns.soa?.retry ?? 600,
      expireSeconds: dns.soa?.expire ?? 86400,
      minTtlSeconds: dns.soa?.min_ttl ?? 0,
    },
    recursors: [...(raw.recursor === undefined ? [] : [raw.recursor]), ...(raw.recursors ?? [])].map(
      recursor,
    ),
    recursorStrategy: dns.recursor_strategy ?? 'sequential',
    recursorTimeoutMs: dns.recursor_timeout ?? 2000,
  };
}

/** `host`, `host:port` or `[ip]:port`. */
function recursor(text: string): string {
  const withPort = /^(?:\[(.+)\]|([^:]+)):(\d+)$/.exec(text);
  const port = Number(withPort?.[3] ?? 53);
  const address = (withPort?.[1] ?? withPort?.[2] ?? text).replace(/^\[(.*)\]$/, '$1');
  if ((isIP(address) === 0 && !/^[\w.-]+$/.test(address)) || port < 1 || port > 65535) {
    const message = `recursors: "${text}" is not a host with or without a port, e.g. 10.0.0.53 or 10.0.0.53:5353`;
    throw new ConfigError('invalid-value', message);
  }
  return text;
}

function registrarConfig(raw: RawConfig, env: Readonly<Record<string, string | undefined>>): RegistrarConfig {
  const own = raw.registrar ?? {};
  return {
    enabled: own.enabled ?? true,
    dockerHost: own.docker_host ?? env['DOCKER_HOST'] ?? 'unix:///var/run/docker.sock',
    dockerTlsVerify: own.docker_tls_verify ?? (env['DOCKER_TLS_VERIFY'] ?? '') !== '',
    dockerCertPath: own.docker_cert_path ?? env['DOCKER_CERT_PATH'] ?? '',
    id: own.id ?? '',
    ip: own.ip === undefined || own.ip === '' ? '' : ipAddress('registrar.ip', own.ip),
    internal: own.internal ?? false,
    explicit: own.explicit ?? false,
    useIpFromLabel: own.use_ip_from_label ?? '',
    tags: own.tags ?? [],
    deregister: own.deregister ?? 'always',
    resyncMs: own.resync ?? 45_000,
    dockerGraceMs: own.docker_grace ?? 60_000,
  };
}

/** Everything that was accepted without effect, in one line; then what deserves a word of its own. */
function warningsOf(raw: RawConfig, context: Context): readonly string[] {
  const warnings: string[] = [];
  const others =
    storeConfig(raw.store, raw.dev ?? false).url === ''
      ? 'this agent stands alone'
      : 'its store says who is in it';
  if (context.ignored.size > 0) {
    const keys = [...context.ignored].map(([key, { why, at }]) => `${key}${placeOf(at)}: ${why}`);
    warnings.push(`accepted without effect: ${keys.join('; ')}`);
  }
  const joins = [
    ...(raw.start_join ?? []),
    ...(raw.retry_join ?? []),
    ...(raw.start_join_wan ?? []),
    ...(raw.retry_join_wan ?? []),
  ];
  if (joins.length > 0) {
    warnings.push(
      `-join ${joins.join(' ')}: agents of one cluster share a store instead of gossip; ${others}`,
    );
  }
  if ((raw.bootstrap_expect ?? 0) > 1) {
    warnings.push(`-bootstrap-expect ${raw.bootstrap_expect}: there are no servers to wait for; ${others}`);
  }
  if (raw.registrar?.deregister === 'on-success')
    warnings.push('registrar.deregister = "on-success": a container that exited is always deregistered');
  if (raw.server === false)
    warnings.push('server = false: there are no client agents; this agent holds its own catalog');
  return warnings;
}

function placeOf(at: Position): string {
  const place = formatPosition(at);
  return place === '' ? '' : ` (${place})`;
}
