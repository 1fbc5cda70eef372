import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { ConfigError } from './config-error.ts';
import type { Config } from './config.ts';
import { type Loaded, loadConfig, type LoadOptions } from './load.ts';

const base: LoadOptions = {
  hostname: 'host1',
  isRoot: true,
  interfaces: { eth0: [ipv4('10.1.2.3')] },
  env: {},
};

function ipv4(address: string, internal = false) {
  return { address, netmask: '255.255.255.0', family: 'IPv4' as const, mac: '', internal, cidr: null };
}

function load(options: LoadOptions = {}): Loaded {
  return loadConfig({ ...base, ...options });
}

function hcl(...snippets: string[]): Config {
  return load({ snippets }).config;
}

function refused(options: LoadOptions, code: ConfigError['code'], message: RegExp): void {
  assert.throws(
    () => load(options),
    (error: unknown) => {
      assert.ok(error instanceof ConfigError, String(error));
      assert.equal(error.code, code, error.message);
      assert.match(error.message, message);
      return true;
    },
  );
}

test('without any setting the defaults are Consul’s', () => {
  const { config, warnings } = load();
  assert.deepEqual(warnings, []);
  assert.equal(config.nodeName, 'host1');
  assert.equal(config.datacenter, 'dc1');
  assert.equal(config.domain, 'consul');
  assert.equal(config.dataDir, '/var/lib/portolan');
  assert.deepEqual(config.ports, { dns: 8600, http: 8500, server: 8300 });
  assert.deepEqual(config.addresses.http, ['127.0.0.1']);
  assert.equal(config.addresses.advertise, '10.1.2.3');
  assert.deepEqual(config.taggedAddresses, {
    lan: '10.1.2.3',
    lan_ipv4: '10.1.2.3',
    wan: '10.1.2.3',
    wan_ipv4: '10.1.2.3',
  });
  assert.equal(config.registrar.enabled, true);
  assert.ok(Object.isFrozen(config) && Object.isFrozen(config.dns.soa));
});

test('files come first, then snippets, the environment and flags: scalars override, lists join, sections merge', () => {
  const config = load({
    snippets: [
      'node_name = "a" recursors = ["1.1.1.1"] ports { dns = 1 } ports { http = 2 }',
      'recursors = ["2.2.2.2"]',
    ],
    env: { PORTOLAN_NODE: 'b', PORTOLAN_DNS_PORT: '3', PORTOLAN_RECURSOR: '3.3.3.3,4.4.4.4' },
    flags: { node: 'c', recursor: ['5.5.5.5'], registrar: false, 'node-meta': ['rack:r1', 'zone:z:1'] },
  }).config;
  assert.equal(config.nodeName, 'c');
  assert.deepEqual(config.ports, { dns: 3, http: 2, server: 8300 });
  assert.deepEqual(config.dns.recursors, ['1.1.1.1', '2.2.2.2', '3.3.3.3', '4.4.4.4', '5.5.5.5']);
  assert.equal(config.registrar.enabled, false);
  assert.deepEqual(config.nodeMeta, { rack: 'r1', zone: 'z:1' });
});

test('the same settings read the same from HCL, JSON, YAML and TOML', (t) => {
  const dir = mkdtempSync(join(tmpdir(), 'portolan-config-'));
  t.after(() => rmSync(dir, { recursive: true }));
  const files = {
    'a.hcl':
      'datacenter = "East"\nservice { name = "web" port = 80 tags = ["x"] check { tcp = "127.0.0.1:80" interval = "10s" } }\n',
    'a.json':
      '{"datacenter":"East","service":{"Name":"web","port":80,"tags":["x"],"check":{"TCP":"127.0.0.1:80","interval":"10s"}}}',
    'a.yaml':
      'datacenter: East\nservice:\n  name: web\n  port: 80\n  tags: [x]\n  check:\n    tcp: 127.0.0.1:80\n    interval: 10s\n',
    'a.toml':
      'datacenter = "East"\n[service]\nname = "web"\nport = 80\ntags = ["x"]\n[service.check]\ntcp = "127.0.0.1:80"\ninterval = "10s"\n',
  };
  const read = Object.entries(files).map(([name, text]) => {
    writeFileSync(join(dir, name), text);
    const { datacenter, services } = load({ paths: [join(dir, name)] }).config;
    return { datacenter, services };
  });
  for (const one of read) assert.deepEqual(one, read[0]);
  assert.equal(read[0]!.datacenter, 'east');
  assert.equal(read[0]!.services[0]!.checks[0]!.intervalMs, 10_000);
});

test('a directory is read in alphabetical order and other extensions are passed over', (t) => {
  const dir = mkdtempSync(join(tmpdir(), 'portolan-config-'));
  t.after(() => rmSync(dir, { recursive: true }));
  writeFileSync(join(dir, 'b.hcl'), 'node_name = "b"');
  writeFileSync(join(dir, 'a.json'), '{"node_name":"a"}');
  writeFileSync(join(dir, 'c.txt'), 'not for us');
  mkdirSync(join(dir, 'sub'));
  assert.equal(load({ paths: [dir] }).config.nodeName, 'b');
});

const mistakes: readonly {
  name: string;
  file: string;
  text: string;
  code: ConfigError['code'];
  message: RegExp;
}[] = [
  {
    name: 'unknown key',
    file: 'x.hcl',
    text: '\nnode_nam = "a"',
    code: 'unknown-key',
    message: /x\.hcl:2:1: invalid config key node_nam: did you mean node_name\?$/,
  },
  {
    name: 'unknown nested key',
    file: 'x.json',
    text: '{\n "ports": {"htp": 1}}',
    code: 'unknown-key',
    message: /x\.json:2:12: invalid config key ports\.htp: did you mean http\?/,
  },
  {
    name: 'wrong type',
    file: 'x.yaml',
    text: 'ports:\n  http: yes please\n',
    code: 'invalid-value',
    message: /x\.yaml:2:9: ports\.http: "yes please" is not a whole number from -1 to 65535/,
  },
  {
    name: 'bad duration',
    file: 'x.toml',
    text: '[dns_config]\nnode_ttl = "10"\n',
    code: 'invalid-value',
    message: /x\.toml:2:\d+: dns_config\.node_ttl: "10" is not a duration/,
  },
  { name: 'bad JSON', file: 'x.json', text: '{"a": 1,\n}', code: 'syntax', message: /x\.json:2:1: / },
  {
    name: 'bad HCL',
    file: 'x.hcl',
    text: 'a {',
    code: 'syntax',
    message: /x\.hcl:1:4: object is not closed/,
  },
  { name: 'bad YAML', file: 'x.yaml', text: 'a: [1\nb: 2', code: 'syntax', message: /x\.yaml:\d+:\d+: / },
  { name: 'bad TOML', file: 'x.toml', text: 'a = \n', code: 'syntax', message: /x\.toml:1:\d+: / },
  {
    name: 'a list at the top',
    file: 'x.json',
    text: '[1]',
    code: 'syntax',
    message: /expected keys and values/,
  },
  {
    name: 'a service without a name',
    file: 'x.hcl',
    text: 'service { port = 1 }',
    code: 'invalid-value',
    message: /x\.hcl:1:9: service "": Missing service name/,
  },
  {
    name: 'a check without an interval',
    file: 'x.hcl',
    text: 'check { name = "c" tcp = "x:1" }',
    code: 'invalid-value',
    message: /check "c": Interval must be > 0/,
  },
  {
    name: 'a template without a destination',
    file: 'x.hcl',
    text: 'template { source = "a" }',
    code: 'conflict',
    message: /destination is missing/,
  },
  {
    name: 'access control',
    file: 'x.hcl',
    text: 'acl { enabled = true }',
    code: 'conflict',
    message: /access control is not built yet/,
  },
  {
    name: 'a recursor that is no host',
    file: 'x.hcl',
    text: 'recursors = ["10.0.0.1:port:x"]',
    code: 'invalid-value',
    message: /recursors: "10\.0\.0\.1:port:x" is not a host with or without a port/,
  },
  { name: 'extension', file: 'x.ini', text: '', code: 'unreadable', message: /unknown extension "\.ini"/ },
];

for (const { name, file, text, code, message } of mistakes) {
  test(`a configuration error names file, line and fix: ${name}`, (t) => {
    const dir = mkdtempSync(join(tmpdir(), 'portolan-config-'));
    t.after(() => rmSync(dir, { recursive: true }));
    writeFileSync(join(dir, file), text);
    refused({ paths: [join(dir, file)] }, code, message);
  });
}

test('a file that is not there is named', () => {
  refused(
    { paths: ['/nonexistent/x.hcl'] },
    'unreadable',
    /\/nonexistent\/x\.hcl: no such file or directory/,
  );
});

test('a wrong value is refused even where a later one overrides it', () => {
  refused(
    { snippets: ['ports { http = "abc" }'], flags: { 'http-port': '8500' } },
    'invalid-value',
    /flag -hcl:1:\d+: ports\.http: "abc" is not a whole number/,
  );
});

test('recursors are hosts with or without a port', () => {
  const recursors = ['10.0.0.1', '10.0.0.1:5353', '::1', '[::1]:53', 'dns.example:53'];
  assert.deepEqual(load({ flags: { recursor: recursors } }).config.dns.recursors, recursors);
});

test('a mistake in a flag or variable names it', () => {
  refused(
    { flags: { 'http-port': 'x' } },
    'invalid-value',
    /flag -http-port: ports\.http: "x" is not a whole number/,
  );
  refused(
    { env: { PORTOLAN_LOG_LEVEL: 'loud' } },
    'invalid-value',
    /environment variable PORTOLAN_LOG_LEVEL: log_level: "loud" is not one of/,
  );
  refused({ flags: { template: ['only-one'] } }, 'invalid-value', /flag -template: "only-one" is not in:out/);
});

test('keys of what is out of scope are accepted with one warning that says why', () => {
  const { warnings } = load({
    snippets: ['connect { enabled = true }\nautopilot { cleanup_dead_servers = true }\nencrypt = "x"'],
  });
  assert.equal(warnings.length, 1);
  assert.match(warnings[0]!, /connect \(flag -hcl:1:9\): the service mesh is out of scope; autopilot/);
});

test('what a cluster of servers needs is accepted and explained', () => {
  const { warnings } = load({ flags: { server: true, 'bootstrap-expect': '3', join: ['10.0.0.2'] } });
  assert.equal(warnings.length, 2);
  assert.match(warnings.join('\n'), /-join 10\.0\.0\.2: .*\n-bootstrap-expect 3: /);
});

const advertised: readonly { name: string; options: LoadOptions; want: string | RegExp }[] = [
  {
    name: '-advertise wins',
    options: { flags: { advertise: '10.9.9.9', bind: '10.8.8.8' } },
    want: '10.9.9.9',
  },
  { name: 'a specific -bind', options: { flags: { bind: '10.8.8.8' } }, want: '10.8.8.8' },
  { name: '-dev is loopback', options: { flags: { dev: true }, interfaces: {} }, want: '127.0.0.1' },
  {
    name: 'public and loopback addresses do not count',
    options: { interfaces: { a: [ipv4('8.8.8.8'), ipv4('127.0.0.1', true)], b: [ipv4('192.168.1.2')] } },
    want: '192.168.1.2',
  },
  {
    name: 'several candidates are named',
    options: { interfaces: { a: [ipv4('10.0.0.1')], b: [ipv4('172.16.0.1')] } },
    want: /10\.0\.0\.1 \(a\), 172\.16\.0\.1 \(b\); choose one with -advertise/,
  },
  { name: 'none is refused', options: { interfaces: {} }, want: /no private IPv4 address found/ },
  {
    name: 'no IP',
    options: { flags: { advertise: 'host' } },
    want: /advertise_addr: "host" is not an IP address/,
  },
];

for (const { name, options, want } of advertised) {
  test(`the advertised address: ${name}`, () => {
    if (typeof want === 'string') assert.equal(load(options).config.addresses.advertise, want);
    else assert.throws(() => load(options), want);
  });
}

test('data live in the XDG data folder of an ordinary user, and nowhere with -dev', () => {
  assert.equal(
    load({ isRoot: false, env: { HOME: '/home/u' } }).config.dataDir,
    '/home/u/.local/share/portolan',
  );
  assert.equal(
    load({ isRoot: false, env: { HOME: '/home/u', XDG_DATA_HOME: '/x' } }).config.dataDir,
    '/x/portolan',
  );
  assert.equal(load({ flags: { dev: true } }).config.dataDir, '');
});

const modes: readonly {
  readonly format: 'hcl' | 'json' | 'yaml' | 'toml';
  readonly text: string;
  readonly want: number;
}[] = [
  { format: 'hcl', text: '0644', want: 0o644 },
  { format: 'hcl', text: '0400', want: 0o400 },
  { format: 'hcl', text: '"0640"', want: 0o640 },
  { format: 'hcl', text: '"4755"', want: 0o4755 },
  { format: 'hcl', text: '04755', want: 0o4755 },
  { format: 'hcl', text: '644', want: 0o644 },
  { format: 'json', text: '420', want: 0o644 },
  { format: 'json', text: '384', want: 0o600 },
  { format: 'json', text: '755', want: 0o755 },
  { format: 'json', text: '"0600"', want: 0o600 },
  { format: 'yaml', text: '0640', want: 0o640 },
  { format: 'yaml', text: '0o640', want: 0o640 },
  { format: 'toml', text: '0o640', want: 0o640 },
];

for (const { format, text, want } of modes) {
  test(`perms ${text} in ${format} are ${want.toString(8)}`, () => {
    const files: Record<typeof format, string> = {
      hcl: `template { contents = "x" destination = "/d" perms = ${text} }`,
      json: `{"template": [{"contents": "x", "destination": "/d", "perms": ${text}}]}`,
      yaml: `template:\n- contents: x\n  destination: /d\n  perms: ${text}\n`,
      toml: `[[template]]\ncontents = "x"\ndestination = "/d"\nperms = ${text}\n`,
    };
    const path = join(mkdtempSync(join(tmpdir(), 'portolan-perms-')), `c.${format}`);
    writeFileSync(path, files[format]);
    assert.equal(load({ paths: [path] }).config.templates[0]!.perms, want);
  });
}

test('templates take a whole stanza, and a wait with max = 4 x min', () => {
  const [template] = hcl(
    'template { contents = "x" destination = "/d" command = ["a", "b c"] perms = 0600 wait { min = "2s" } }',
  ).templates;
  assert.deepEqual(template!.command, ['a', 'b c']);
  assert.equal(template!.perms, 0o600);
  assert.deepEqual(template!.wait, { minMs: 2000, maxMs: 8000 });
  const [flag] = load({ flags: { template: ['a:b:nginx -s reload; echo a:b'] } }).config.templates;
  assert.deepEqual([flag!.source, flag!.destination, flag!.command], ['a', 'b', 'nginx -s reload; echo a:b']);
});
