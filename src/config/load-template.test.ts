import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { ConfigError } from './config-error.ts';
import { loadTemplateConfig, type TemplateLoadOptions } from './load-template.ts';
import type { TemplateLoad } from './template-config.ts';
import { templateFlags } from './template-flags.ts';

function load(text: string, options: TemplateLoadOptions = {}): TemplateLoad {
  const dir = mkdtempSync(join(tmpdir(), 'portolan-config-'));
  writeFileSync(join(dir, 'c'), text);
  return loadTemplateConfig({ paths: [dir], ...options });
}

const one = 'template { contents = "x" destination = "/d" }\n';

test('nothing but a template: every default', () => {
  const { templates, ...rest } = load(one);
  assert.deepEqual(templates[0]!.env, { pristine: false, custom: [], allowlist: [], denylist: [] });
  const { consul, ...own } = rest;
  assert.deepEqual(consul.retry, { attempts: 0, backoffMs: 250, maxBackoffMs: 60_000 });
  assert.deepEqual([consul.address, consul.auth, consul.tls], ['127.0.0.1:8500', null, null]);
  assert.deepEqual(own.signals, { kill: 'SIGINT', reload: 'SIGHUP', dump: 'SIGQUIT' });
  assert.deepEqual([own.exec.command, own.dedup, templates[0]!.wait, own.once], ['', null, null, false]);
  assert.deepEqual([own.log.level, own.log.file, own.log.syslog], ['info', '', null]);
  assert.deepEqual([own.maxStaleMs, own.queryWaitMs, own.errorFatal], [2000, 60_000, false]);
});

const everything = `
consul {
  address = "c:8501"
  namespace = "team"
  token = "t"
  auth { enabled = true username = "u" password = "p" }
  retry { enabled = true attempts = 5 backoff = "1s" max_backoff = 0 }
  ssl { enabled = true verify = false cert = "/c" key = "/k" ca_cert = "/ca" ca_path = "/cap" server_name = "n" }
  transport { dial_keep_alive = "1s" dial_timeout = "2s" disable_keep_alives = true idle_conn_timeout = "3s"
    max_conns_per_host = 4 max_idle_conns = 5 max_idle_conns_per_host = 6 tls_handshake_timeout = "7s" }
}
reload_signal = "SIGUSR1"
kill_signal = "sigterm"
dump_signal = ""
log_level = "ERR"
max_stale = "10m"
block_query_wait = 30000000000
pid_file = "/p"
state_dir = "/s"
wait = "5s:10s"
template_error_fatal = true
err_on_failed_lookup = true
default_delimiters { left = "<<" right = ">>" }
syslog { enabled = true facility = "LOCAL5" name = "app" }
log_file { path = "/l" log_rotate_bytes = 1024 log_rotate_duration = "3h" log_rotate_max_files = 10 }
deduplicate { enabled = true prefix = "/my/prefix" ttl = "20s" }
exec {
  command = ["/usr/bin/app", "-x"]
  splay = "5s"
  reload_signal = ""
  kill_signal = "SIGTERM"
  kill_timeout = "2s"
  env { pristine = true custom = "A=1,B=2" allowlist = ["X*"] blacklist = ["Y"] whitelist = ["Z"] }
}
vault { address = "v" }
template {
  source = "/s" destination = "/d" uid = 1000 gid = "-1" perms = 0600 error_fatal = false
  exec { command = "x y" timeout = "1s" kill_signal = "SIGTERM" splay = "1s" env { custom = ["C=3"] } }
  function_denylist = "a,b" function_blacklist = ["c"]
}`;

test('every stanza has its effect', () => {
  const got = load(everything);
  const { consul } = got;
  assert.deepEqual([consul.address, consul.namespace, consul.token], ['c:8501', 'team', 't']);
  assert.deepEqual(consul.auth, { username: 'u', password: 'p' });
  assert.deepEqual(consul.retry, { attempts: 5, backoffMs: 1000, maxBackoffMs: 2 ** 31 - 1 });
  assert.deepEqual([consul.tls?.verify, consul.tls?.serverName], [false, 'n']);
  const transport = { keepAliveMs: 1000, connectTimeoutMs: 9000, idleTimeoutMs: 3000, reuse: false };
  assert.deepEqual(consul.transport, { ...transport, maxConnections: 4 });
  assert.deepEqual(got.signals, { kill: 'SIGTERM', reload: 'SIGUSR1', dump: null });
  const log = { level: 'error', file: '/l', rotateBytes: 1024, rotateAfterMs: 10_800_000, rotateKeep: 10 };
  assert.deepEqual(got.log, { ...log, syslog: { facility: 'local5', name: 'app' } });
  assert.deepEqual([got.templates[0]!.wait, got.queryWaitMs], [{ minMs: 5000, maxMs: 10_000 }, 30_000]);
  assert.deepEqual(got.dedup, { prefix: 'my/prefix/', ttlMs: 20_000, maxStaleMs: 600_000, waitMs: 30_000 });
  const env = { pristine: true, custom: ['A=1', 'B=2'], allowlist: ['X*', 'Z'], denylist: ['Y'] };
  const exec = { command: ['/usr/bin/app', '-x'], killSignal: 'SIGTERM', killTimeoutMs: 2000, splayMs: 5000 };
  assert.deepEqual(got.exec, { ...exec, reloadSignal: null, env });
  const [template] = got.templates;
  assert.deepEqual([template!.user, template!.group, template!.perms], ['1000', '', 0o600]);
  assert.deepEqual([template!.leftDelimiter, template!.functionDenylist], ['<<', ['a', 'b', 'c']]);
  assert.deepEqual(
    [template!.commandTimeoutMs, template!.killSignal, template!.errorFatal],
    [1000, 'SIGTERM', false],
  );
  assert.equal(got.warnings.length, 4, got.warnings.join('\n'));
});

test('early spellings are read', () => {
  const got = load(`consul = "c:1"\ntoken = "t"\nauth = "u:p"\nretry = "3s"\nssl { verify = false }\n${one}`);
  const { consul } = got;
  assert.deepEqual([consul.address, consul.token, consul.auth?.password], ['c:1', 't', 'p']);
  assert.deepEqual([consul.retry.backoffMs, consul.tls?.verify], [3000, false]);
});

test('CT_LOCAL_CONFIG comes first, then files in their order below a folder, then flags', () => {
  const dir = mkdtempSync(join(tmpdir(), 'portolan-config-'));
  mkdirSync(join(dir, 'b'));
  mkdirSync(join(dir, '..data'));
  writeFileSync(join(dir, '..data', 'x'), 'nonsense');
  symlinkSync(join(dir, '..data'), join(dir, 'z'));
  writeFileSync(
    join(dir, 'a.json'),
    '{"max_stale": "2s", "pid_file": "a", "template": [{"contents": "1", "destination": "d"}]}',
  );
  writeFileSync(join(dir, 'b', 'c.tmpl'), 'pid_file = "b" template { contents = "2" destination = "d" }');
  const env = { CT_LOCAL_CONFIG: `max_stale = "1s" log_level = "warn" ${one}` };
  const got = loadTemplateConfig({
    paths: [dir],
    env,
    flags: { 'log-level': 'debug', template: ['s:d:c d:e'] },
  });
  assert.deepEqual([got.maxStaleMs, got.pidFile, got.log.level], [2000, 'b', 'debug']);
  assert.deepEqual(
    got.templates.map(({ source, contents, command }) => [source || contents, command]),
    [
      ['x', ''],
      ['1', ''],
      ['2', ''],
      ['s', 'c d:e'],
    ],
  );
});

test('every flag sets its key', () => {
  const values: Record<string, string | boolean> = {};
  for (const { name, type } of templateFlags) {
    if (type === 'boolean') values[name] = true;
    else if (/signal/.test(name)) values[name] = 'SIGUSR2';
    else if (/bytes|files|attempts|max-/.test(name) && !/backoff|stale/.test(name)) values[name] = '3';
    else if (/backoff|stale|timeout|splay|wait|duration|keep-alive|retry/.test(name)) values[name] = '4s';
    else values[name] = 'debug';
  }
  const got = loadTemplateConfig({
    flags: {
      ...values,
      template: ['s:d'],
      'exec-env-custom': ['A=b'],
      compat: 'portolan',
      'consul-auth': 'u:p',
    },
  });
  assert.deepEqual([got.exec.command, got.exec.reloadSignal, got.exec.splayMs], ['debug', 'SIGUSR2', 4000]);
  assert.deepEqual(
    [got.templates[0]!.wait, got.once, got.dedup?.prefix],
    [{ minMs: 4000, maxMs: 16_000 }, true, 'consul-template/dedup/'],
  );
  assert.deepEqual(
    [got.log.rotateKeep, got.log.syslog?.name, got.consul.retry.backoffMs],
    [3, 'debug', 4000],
  );
  assert.deepEqual(got.signals, { kill: 'SIGUSR2', reload: 'SIGUSR2', dump: 'SIGUSR2' });
});

test('a dry run needs no destination', () => {
  const flags = { template: ['in'] };
  assert.equal(loadTemplateConfig({ flags, dry: true }).templates[0]!.destination, '');
  assert.throws(() => loadTemplateConfig({ flags }), /flag -template: template: destination is missing/);
});

test('compat brings back the defaults of consul-template', () => {
  const got = load(`compat = "consul-template" once = true ${one}`);
  assert.deepEqual([got.strict, got.consul.retry.attempts, got.errorFatal], [true, 12, true]);
  assert.deepEqual([got.log.level, got.once], ['warn', false]);
});

test('the environment fills what nobody set', () => {
  const env = { CONSUL_HTTP_ADDR: 'e:1', CONSUL_HTTP_TOKEN: 'b', CONSUL_TEMPLATE_LOG: 'TRACE' };
  const got = load(one, { env });
  assert.deepEqual([got.consul.address, got.consul.token, got.log.level], ['e:1', 'b', 'trace']);
  assert.equal(load(`consul { token = "" } ${one}`, { env }).consul.token, '');
  assert.equal(load(`consul { address = "" } ${one}`, { env }).consul.address, 'e:1');
  const files = { CONSUL_HTTP_TOKEN_FILE: '/t', CONSUL_HTTP_AUTH: 'u', CONSUL_HTTP_SSL: 'true' };
  const { consul } = load(one, { env: files });
  assert.deepEqual([consul.tokenFile, consul.auth?.username, consul.tls?.verify], ['/t', 'u', true]);
  const own = 'consul { token = "t" auth { enabled = false } ssl { enabled = false } }';
  const given = load(`${own} ${one}`, { env: files }).consul;
  assert.deepEqual([given.tokenFile, given.auth, given.tls], ['', null, null]);
});

test('templates of a command group have the command that one of them names', () => {
  const got = load(`
template { contents = "1" destination = "/1" command_group = "g" }
template { contents = "2" destination = "/2" command_group = "g" exec { command = "run" timeout = "5s" } }
template { contents = "3" destination = "/3" command_group = "g" exec { command = "run" timeout = "5s" } }
template { contents = "4" destination = "/4" command_group = "h" }
template { contents = "5" destination = "/5" }`);
  assert.deepEqual(
    got.templates.map(({ commandGroup, command, commandTimeoutMs }) => [
      commandGroup,
      command,
      commandTimeoutMs,
    ]),
    [
      ['g', 'run', 5000],
      ['g', 'run', 5000],
      ['g', 'run', 5000],
      ['h', '', 30_000],
      ['', '', 30_000],
    ],
  );
});

test('a wait is of one template or of all, and one template may have none', () => {
  const got = load(`wait = "1s:2s" ${one}
template { contents = "x" destination = "/d" wait { min = "5s" } }
template { contents = "x" destination = "/d" wait { enabled = false } }`);
  assert.deepEqual(
    got.templates.map(({ wait }) => wait),
    [{ minMs: 1000, maxMs: 2000 }, { minMs: 5000, maxMs: 20_000 }, null],
  );
});

test('templates that write the same file are told of', () => {
  assert.deepEqual(load(one).warnings, []);
  assert.match(
    load(`${one}${one}${one}`).warnings.join('|'),
    /^several templates write \/d and undo each other/,
  );
});

test('an empty delimiter is as none', () => {
  const own = 'template { contents = "x" destination = "/d" left_delimiter = "" right_delimiter = "]]" }';
  const [got] = load(`default_delimiters { left = "<<" right = ">>" } ${own}`).templates;
  assert.deepEqual([got!.leftDelimiter, got!.rightDelimiter], ['<<', ']]']);
});

test('a hold is of one template or of all', () => {
  const own = 'template { contents = "x" destination = "/d" hold { min_items = 2 timeout = "0s" } }';
  const got = load(`hold { max_drop = "12.5%" } once_timeout = "1m" watch = true ${one} ${own}`);
  assert.deepEqual(
    got.templates.map(({ hold }) => hold),
    [
      { minItems: 0, maxDrop: 0.125, timeoutMs: 300_000 },
      { minItems: 2, maxDrop: 1, timeoutMs: 0 },
    ],
  );
  assert.deepEqual([got.onceTimeoutMs, got.watch], [60_000, true]);
});

const refusals = [
  { text: 'wait { min = "x" }', want: /c:1:14: wait.min: "x" is not a duration/ },
  { text: 'wait = "5s:1s"', want: /c:1:8: wait: min is longer than max/ },
  { text: 'kill_signal = "SIGBOGUS"', want: /c:1:15: kill_signal: "SIGBOGUS" is not the name of a signal/ },
  {
    text: 'reload_signal = "SIGKILL"',
    want: /c:1:17: reload_signal: "SIGKILL" is not a signal that a process can listen to/,
  },
  { text: 'exec { env { custom = ["A"] } }', want: /c:1:24: exec.env.custom: "A" is not NAME=value/ },
  { text: 'consul = "a b"', want: /c:1:10: consul.address: "a b" is not host:port, / },
  { text: 'exec { comand = "x" }', want: /invalid config key exec.comand: did you mean command\?/ },
  { text: 'hold { max_drop = 0.5 }', want: /c:1:19: hold.max_drop: 0.5 is not a percentage such as "50%"/ },
  { text: 'hold { timeout = "1s" }', want: /hold: give min_items or max_drop/ },
  {
    text: 'template { contents = "x" destination = "/e" command_group = "g" command = "b" }\ntemplate { contents = "x" destination = "/f" command_group = "g" command = "a" }',
    want: /c:2:10: template: command_group "g" has another command already/,
  },
  { text: 'compat = "other"', want: /is not one of portolan, consul-template/ },
  { text: 'log_file { log_rotate_max_files = -2 }', want: /from -1 to/ },
];

test('a mistake is refused with its place', () => {
  for (const { text, want } of refusals) {
    assert.throws(
      () => load(`${text}\n${one}`),
      (error) => error instanceof ConfigError && want.test(error.message),
      text,
    );
  }
  assert.throws(() => load(''), /no template/);
  assert.equal(load('exec { command = "app" }').templates.length, 0);
});
