/** The flags of `portolan template`, each a key of its configuration. Names are consul-template's. Source: template.md 3.1. */
import type { Position, Tree } from '../lib/tree.ts';
import { block, type ConfigFlag, waitBlock } from './flag-tree.ts';
import { splitTemplateFlag } from './flags.ts';
import { authBlock } from './template-schema.ts';

type Row = readonly [name: string, type: ConfigFlag['type'], key: string, help: string];

const rows: readonly Row[] = [
  [
    'consul-addr',
    'value',
    'consul.address',
    'Consul or Portolan to follow (env CONSUL_HTTP_ADDR; default 127.0.0.1:8500)',
  ],
  ['consul-auth', 'value', 'consul.auth', 'user[:password] of basic authentication'],
  ['consul-namespace', 'value', 'consul.namespace', 'namespace of Consul Enterprise'],
  ['consul-token', 'value', 'consul.token', 'access token (env CONSUL_TOKEN, CONSUL_HTTP_TOKEN)'],
  ['consul-token-file', 'value', 'consul.token_file', 'file with the access token'],
  ['consul-retry', 'boolean', 'consul.retry.enabled', 'try again after failures (default true)'],
  [
    'consul-retry-attempts',
    'value',
    'consul.retry.attempts',
    'failures in a row that end the program (default 0: none do)',
  ],
  [
    'consul-retry-backoff',
    'value',
    'consul.retry.backoff',
    'first delay after a failure, doubled each time (default 250ms)',
  ],
  ['consul-retry-max-backoff', 'value', 'consul.retry.max_backoff', 'longest delay (default 1m)'],
  ['consul-ssl', 'boolean', 'consul.ssl.enabled', 'speak TLS'],
  [
    'consul-ssl-verify',
    'boolean',
    'consul.ssl.verify',
    'verify the certificate of the server (default true)',
  ],
  ['consul-ssl-ca-cert', 'value', 'consul.ssl.ca_cert', 'file with certificates of authorities'],
  ['consul-ssl-ca-path', 'value', 'consul.ssl.ca_path', 'directory of such files'],
  ['consul-ssl-cert', 'value', 'consul.ssl.cert', 'file with a client certificate'],
  ['consul-ssl-key', 'value', 'consul.ssl.key', 'file with its key (default: in the same file)'],
  [
    'consul-ssl-server-name',
    'value',
    'consul.ssl.server_name',
    'name that the server’s certificate must bear',
  ],
  [
    'consul-transport-dial-keep-alive',
    'value',
    'consul.transport.dial_keep_alive',
    'TCP keep-alive (default 30s)',
  ],
  [
    'consul-transport-dial-timeout',
    'value',
    'consul.transport.dial_timeout',
    'time to connect (default 30s)',
  ],
  [
    'consul-transport-disable-keep-alives',
    'boolean',
    'consul.transport.disable_keep_alives',
    'a connection for each request',
  ],
  [
    'consul-transport-idle-conn-timeout',
    'value',
    'consul.transport.idle_conn_timeout',
    'how long a connection may be idle (default 5s)',
  ],
  [
    'consul-transport-max-conns-per-host',
    'value',
    'consul.transport.max_conns_per_host',
    'most connections (default 0: the source’s own budget)',
  ],
  ['consul-transport-max-idle-conns', 'value', 'consul.transport.max_idle_conns', 'accepted: has no effect'],
  [
    'consul-transport-max-idle-conns-per-host',
    'value',
    'consul.transport.max_idle_conns_per_host',
    'accepted: has no effect',
  ],
  [
    'consul-transport-tls-handshake-timeout',
    'value',
    'consul.transport.tls_handshake_timeout',
    'time for TLS (default 10s)',
  ],
  ['dedup', 'boolean', 'deduplicate.enabled', 'instances with the same template elect one that asks for all'],
  [
    'default-left-delimiter',
    'value',
    'default_delimiters.left',
    'begins an action in templates (default {{)',
  ],
  ['default-right-delimiter', 'value', 'default_delimiters.right', 'ends it (default }})'],
  ['exec', 'value', 'exec.command', 'command to run and supervise once every template is rendered'],
  ['exec-kill-signal', 'value', 'exec.kill_signal', 'asks the command to end (default SIGINT)'],
  ['exec-kill-timeout', 'value', 'exec.kill_timeout', 'how long it has before it is killed (default 30s)'],
  [
    'exec-reload-signal',
    'value',
    'exec.reload_signal',
    'sent after a change (default: the command is restarted)',
  ],
  ['exec-splay', 'value', 'exec.splay', 'reloads and stops wait up to so long, at random (default 0s)'],
  ['exec-env-pristine', 'boolean', 'exec.env.pristine', 'the command inherits no environment'],
  ['exec-env-custom', 'list', 'exec.env.custom', 'NAME=value for the command'],
  ['exec-env-allowlist', 'list', 'exec.env.allowlist', 'glob of variables that the command inherits'],
  ['exec-env-denylist', 'list', 'exec.env.denylist', 'glob of variables that it does not'],
  ['exec-env-whitelist', 'list', 'exec.env.whitelist', 'the same as -exec-env-allowlist'],
  ['exec-env-blacklist', 'list', 'exec.env.blacklist', 'the same as -exec-env-denylist'],
  ['kill-signal', 'value', 'kill_signal', 'ends this program (default SIGINT; SIGTERM always does)'],
  ['reload-signal', 'value', 'reload_signal', 'reads configuration and templates again (default SIGHUP)'],
  ['dump-signal', 'value', 'dump_signal', 'logs the state of every template (default SIGQUIT)'],
  ['log-level', 'value', 'log_level', 'trace, debug, info, warn or error (default info)'],
  ['log-file', 'value', 'log_file.path', 'log to this file too'],
  [
    'log-rotate-bytes',
    'value',
    'log_file.log_rotate_bytes',
    'size at which the log file is set aside (default 0: never)',
  ],
  ['log-rotate-duration', 'value', 'log_file.log_rotate_duration', 'age at which it is (default 24h)'],
  [
    'log-rotate-max-files',
    'value',
    'log_file.log_rotate_max_files',
    'old log files to keep (default 0: all; -1: none)',
  ],
  ['syslog', 'boolean', 'syslog.enabled', 'log to syslog too'],
  ['syslog-facility', 'value', 'syslog.facility', 'its facility (default LOCAL0)'],
  ['syslog-name', 'value', 'syslog.name', 'its name for this program (default portolan)'],
  ['max-stale', 'value', 'max_stale', 'how old an answer may be, e.g. 2s; 0s asks the leader'],
  ['block-query-wait', 'value', 'block_query_wait', 'how long the source may hold a query (default 60s)'],
  ['once', 'boolean', 'once', 'render every template once, then end'],
  ['once-timeout', 'value', 'once_timeout', 'with -once: fail when it takes longer (default: no limit)'],
  ['watch', 'boolean', 'watch', 'take changes of configuration and template files as the reload signal does'],
  ['pid-file', 'value', 'pid_file', 'write the process ID to this file'],
  ['state-dir', 'value', 'state_dir', 'keep here what is owed and the last good data, across restarts'],
  ['status-addr', 'value', 'status.address', 'serve state and metrics here; without a host on loopback'],
  ['template-error-fatal', 'boolean', 'template_error_fatal', 'a template that fails ends the program'],
  ['err-on-failed-lookup', 'boolean', 'err_on_failed_lookup', 'a key that stays absent ends the program'],
  ['compat', 'value', 'compat', 'portolan, or consul-template: its behaviour where it is another'],
];

const structured: readonly ConfigFlag[] = [
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
  { name: 'retry', type: 'value', key: 'consul.retry.backoff', help: 'the same as -consul-retry-backoff' },
];

const readers: Readonly<Record<string, ConfigFlag['read']>> = { 'consul-auth': authBlock };

export const templateFlags: readonly ConfigFlag[] = [
  ...structured,
  ...rows.map(([name, type, key, help]) => {
    const read = readers[name];
    return { name, type, key, help, ...(read === undefined ? {} : { read }) };
  }),
];

/** A source alone is enough for a dry run. */
function templateTree(text: string, at: Position): Tree {
  if (text !== '' && !text.includes(':')) return block({ source: text }, at);
  const { source, destination, command } = splitTemplateFlag(text, at);
  return block({ source, destination, ...(command === '' ? {} : { command }) }, at);
}
