/**
 * The agent's flags: each is a key of the configuration, and an environment variable PORTOLAN_<NAME>. Consul's names,
 * plus those of our own sections. Source: consul.md 4.2.
 */
import type { ObjectTree, Position, Tree } from '../lib/tree.ts';
import { ConfigError } from './config-error.ts';
import { block, type ConfigFlag, treeOf, waitBlock } from './flag-tree.ts';

export const agentFlags: readonly ConfigFlag[] = [
  { name: 'dev', type: 'boolean', key: 'dev', help: 'keep everything in memory, listen on loopback only' },
  { name: 'node', type: 'value', key: 'node_name', help: 'name of this node (default: the host name)' },
  {
    name: 'node-id',
    type: 'value',
    key: 'node_id',
    help: 'ID of this node, a UUID (default: kept in the data directory)',
  },
  {
    name: 'node-meta',
    type: 'list',
    key: 'node_meta',
    help: 'key:value, a meta pair of this node',
    read: pair,
  },
  { name: 'datacenter', type: 'value', key: 'datacenter', help: 'name of the datacenter (default: dc1)' },
  { name: 'domain', type: 'value', key: 'domain', help: 'DNS domain that is answered for (default: consul)' },
  { name: 'alt-domain', type: 'value', key: 'alt_domain', help: 'another DNS domain for the same data' },
  {
    name: 'data-dir',
    type: 'value',
    key: 'data_dir',
    help: 'where data live (default: /var/lib/portolan for root, else the XDG data folder)',
  },
  {
    name: 'store',
    type: 'value',
    key: 'store',
    help: 'etcd://host:2379,host:2379/prefix, shared by the agents of a cluster (default: embedded)',
  },
  {
    name: 'bind',
    type: 'value',
    key: 'bind_addr',
    help: 'address of this host for other hosts (default: 0.0.0.0)',
  },
  {
    name: 'advertise',
    type: 'value',
    key: 'advertise_addr',
    help: 'address that other hosts reach this node at (default: -bind, else the only private IPv4)',
  },
  {
    name: 'advertise-wan',
    type: 'value',
    key: 'advertise_addr_wan',
    help: 'address for other datacenters (default: -advertise)',
  },
  {
    name: 'client',
    type: 'value',
    key: 'client_addr',
    help: 'addresses that DNS and HTTP listen on (default: 127.0.0.1)',
  },
  {
    name: 'http-port',
    type: 'value',
    key: 'ports.http',
    help: 'port of the HTTP API, -1 is off (default: 8500)',
  },
  { name: 'dns-port', type: 'value', key: 'ports.dns', help: 'port of DNS, -1 is off (default: 8600)' },
  {
    name: 'server-port',
    type: 'value',
    key: 'ports.server',
    help: 'port that the service "consul" is registered with (default: 8300)',
  },
  { name: 'recursor', type: 'list', key: 'recursors', help: 'DNS server for names outside the domain' },
  {
    name: 'log-level',
    type: 'value',
    key: 'log_level',
    help: 'trace, debug, info, warn or error (default: info)',
  },
  { name: 'log-json', type: 'boolean', key: 'log_json', help: 'log JSON lines' },
  { name: 'log-file', type: 'value', key: 'log_file', help: 'append the log to this file' },
  { name: 'pid-file', type: 'value', key: 'pid_file', help: 'write the process ID to this file' },
  {
    name: 'allow-write-http-from',
    type: 'list',
    key: 'http_config.allow_write_http_from',
    help: 'CIDR that may write over HTTP (default: anybody)',
  },
  {
    name: 'default-query-time',
    type: 'value',
    key: 'default_query_time',
    help: 'how long a blocking query waits by default (default: 300s)',
  },
  {
    name: 'max-query-time',
    type: 'value',
    key: 'max_query_time',
    help: 'longest wait of a blocking query (default: 600s)',
  },
  {
    name: 'check_output_max_size',
    type: 'value',
    key: 'check_output_max_size',
    help: 'bytes of check output that are kept (default: 4096)',
  },
  {
    name: 'registrar',
    type: 'boolean',
    key: 'registrar.enabled',
    help: 'register containers of this host (default: on; --registrar=false is off)',
  },
  {
    name: 'registrar-id',
    type: 'value',
    key: 'registrar.id',
    help: 'mark of ownership on services (default: node name and engine socket)',
  },
  {
    name: 'registrar-ip',
    type: 'value',
    key: 'registrar.ip',
    help: 'address of containers’ services (default: the node’s)',
  },
  {
    name: 'registrar-internal',
    type: 'boolean',
    key: 'registrar.internal',
    help: 'register container addresses and ports instead of published ones',
  },
  {
    name: 'registrar-explicit',
    type: 'boolean',
    key: 'registrar.explicit',
    help: 'register only ports that have a SERVICE_NAME',
  },
  {
    name: 'docker-host',
    type: 'value',
    key: 'registrar.docker_host',
    help: 'Docker Engine (default: DOCKER_HOST, else unix:///var/run/docker.sock)',
  },
  {
    name: 'template',
    type: 'list',
    key: 'template',
    help: 'in:out[:command], a template to render',
    read: templateTree,
  },
  {
    name: 'wait',
    type: 'value',
    key: 'wait',
    help: 'min[:max], quiet time before a template renders',
    read: waitBlock,
  },
  { name: 'server', type: 'boolean', key: 'server', help: 'accepted: every agent is a server' },
  { name: 'bootstrap', type: 'boolean', key: 'bootstrap', help: 'accepted: has no effect' },
  { name: 'bootstrap-expect', type: 'value', key: 'bootstrap_expect', help: 'accepted: has no effect' },
  { name: 'join', type: 'list', key: 'start_join', help: 'accepted: has no effect' },
  { name: 'retry-join', type: 'list', key: 'retry_join', help: 'accepted: has no effect' },
  { name: 'ui', type: 'boolean', key: 'ui', help: 'accepted: has no effect yet' },
  {
    name: 'enable-script-checks',
    type: 'boolean',
    key: 'enable_script_checks',
    help: 'accepted: has no effect yet',
  },
  {
    name: 'enable-local-script-checks',
    type: 'boolean',
    key: 'enable_local_script_checks',
    help: 'accepted: has no effect yet',
  },
  { name: 'encrypt', type: 'value', key: 'encrypt', help: 'accepted: has no effect' },
];

/** PORTOLAN_HTTP_PORT and the like; lists are split at commas. */
export function environmentTree(env: Readonly<Record<string, string | undefined>>): ObjectTree {
  const name = (flag: ConfigFlag): string => `PORTOLAN_${flag.name.replaceAll('-', '_').toUpperCase()}`;
  const value = (flag: ConfigFlag): string | readonly string[] | undefined => {
    const text = env[name(flag)];
    return text !== undefined && flag.type === 'list' ? text.split(',').filter((part) => part !== '') : text;
  };
  return treeOf(agentFlags, value, (flag) => `environment variable ${name(flag)}`);
}

function pair(text: string, at: Position): Tree {
  const colon = text.indexOf(':');
  if (colon < 1) throw new ConfigError('invalid-value', `"${text}" is not key:value, e.g. rack:r1`, at);
  return block({ [text.slice(0, colon)]: text.slice(colon + 1) }, at);
}

function templateTree(text: string, at: Position): Tree {
  const { source, destination, command } = splitTemplateFlag(text, at);
  return block({ source, destination, ...(command === '' ? {} : { command }) }, at);
}

/** `in:out[:command]`; further colons belong to the command. */
export function splitTemplateFlag(
  text: string,
  at: Position,
): { readonly source: string; readonly destination: string; readonly command: string } {
  const [source = '', destination = '', ...rest] = text.split(':');
  if (source === '' || destination === '') {
    const message = `"${text}" is not in:out[:command], e.g. nginx.ctmpl:/etc/nginx/conf.d/app.conf:nginx -s reload`;
    throw new ConfigError('invalid-value', message, at);
  }
  return { source, destination, command: rest.join(':') };
}
