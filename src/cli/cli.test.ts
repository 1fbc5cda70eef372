import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { cli } from './cli.testkit.ts';

const commands: readonly string[] = [
  'agent',
  'registrar',
  'template',
  'template eval',
  'members',
  'services',
  'services register',
  'services deregister',
  'kv',
  'kv get',
  'kv put',
  'kv delete',
  'validate',
  'version',
];

function folderOf(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'portolan-cli-'));
  t.after(() => rmSync(folder, { recursive: true }));
  return folder;
}

test('the help of the program names every command', async () => {
  const { code, out } = await cli(['--help']);
  assert.equal(code, 0);
  for (const command of commands) {
    if (!command.includes(' ')) assert.match(out, new RegExp(`^  ${command} `, 'm'));
  }
});

for (const command of commands) {
  test(`portolan ${command} --help shows an example that runs it and its exit codes, with one dash too`, async () => {
    const long = await cli([...command.split(' '), '--help']);
    assert.deepEqual([long.code, long.err], [0, '']);
    assert.match(long.out, new RegExp(`^Examples:\n  \\$ portolan ${command}`, 'm'));
    assert.match(long.out, /^Exit codes: 0/m);
    assert.doesNotMatch(long.out, /undefined|\[object/);
    assert.deepEqual(await cli([...command.split(' '), '-help']), long);
    assert.deepEqual(await cli([...command.split(' '), '-h']), long);
  });
}

const usage: readonly { args: readonly string[]; code: number; want: RegExp }[] = [
  { args: [], code: 1, want: /^Usage: portolan / },
  { args: ['nope'], code: 127, want: /^portolan: no command "nope"\n\nUsage: portolan / },
  { args: ['kv'], code: 1, want: /^Usage: portolan kv / },
  { args: ['kv', 'nope'], code: 1, want: /unknown command 'nope'\nSee portolan kv --help\./ },
  { args: ['kv', 'get'], code: 1, want: /^Error! Missing KEY argument/ },
  { args: ['kv', 'put'], code: 1, want: /missing required argument 'key'\nSee portolan kv put --help\./ },
  { args: ['kv', 'put', 'a', 'b', 'c'], code: 1, want: /too many arguments for 'put'/ },
  { args: ['kv', 'put', '-cas', 'a', 'b'], code: 1, want: /Must specify -modify-index with -cas!/ },
  { args: ['kv', 'put', '-flags=-1', 'a', 'b'], code: 1, want: /-flags -1: not an unsigned 64-bit integer/ },
  {
    args: ['kv', 'get', '-recruse', 'a'],
    code: 1,
    want: /unknown option '--recruse'\n\(Did you mean --recurse\?\)/,
  },
  { args: ['services', 'register'], code: 1, want: /Service registration requires -name, e\.g\. / },
  {
    args: ['services', 'register', '-name=a', '-port=x'],
    code: 1,
    want: /-port x: not a port number from 0 to 65535/,
  },
  { args: ['services', 'register', '-name=a', '-meta=x'], code: 1, want: /-meta x: must be key=value/ },
  { args: ['services', 'deregister'], code: 1, want: /required option '--id <id>' not specified/ },
  {
    args: ['members', '-status=('],
    code: 1,
    want: /-status \(: not a regular expression; try -status=alive/,
  },
  { args: ['members', '-stale=perhaps'], code: 1, want: /invalid boolean value "perhaps" for -stale: use/ },
  {
    args: ['members', '-token-file=/no/such'],
    code: 1,
    want: /-token-file \/no\/such: no such file or directory/,
  },
  {
    args: ['members', '-http-addr=unix:///x'],
    code: 1,
    want: /unix sockets are not supported here; use host:port/,
  },
  { args: ['validate'], code: 1, want: /missing required argument 'paths'/ },
  {
    args: ['validate', '-config-format=xml', 'x'],
    code: 1,
    want: /Allowed choices are hcl, json, yaml, toml/,
  },
  { args: ['version', '-format=xml'], code: 1, want: /Allowed choices are pretty, json/ },
  {
    args: ['registrar', '-registry=etcd://x'],
    code: 1,
    want: /etcd:\/\/ is not supported; use http:\/\/host:8500/,
  },
  {
    args: ['registrar', '-docker-host=x'],
    code: 1,
    want: /registrar\.docker_host: Docker address "x": use unix:/,
  },
  { args: ['registrar', '-ip=here'], code: 1, want: /registrar\.ip: "here" is not an IP address/ },
  { args: ['registrar', '-resync=soon'], code: 1, want: /-resync soon: not a number of seconds/ },
  { args: ['template', '-bogus'], code: 13, want: /unknown option '--bogus'/ },
];

for (const { args, code, want } of usage) {
  test(`a mistake is named, and where help is: portolan ${args.join(' ')}`, async () => {
    const ended = await cli(args);
    assert.equal(ended.code, code, ended.err);
    assert.match(ended.err, want);
    assert.equal(ended.out, '');
  });
}

test('an agent that does not run is named, with what to do', async () => {
  const ended = await cli(['members'], { env: { CONSUL_HTTP_ADDR: '127.0.0.1:9' } });
  assert.equal(ended.code, 1);
  assert.match(
    ended.err,
    /^Error! GET http:\/\/127\.0\.0\.1:9\/v1\/agent\/members: [^]*Is the agent running\?/,
  );
});

test('the version is told in two ways, and by three flags', async () => {
  const pretty = await cli(['version']);
  assert.match(pretty.out, /^Portolan v\d+\.\d+\.\d+\n/);
  for (const flag of ['-v', '-version', '--version']) assert.deepEqual(await cli([flag]), pretty);
  for (const flag of ['-json', '-format=json']) {
    const { out } = await cli(['version', flag]);
    assert.deepEqual(Object.keys(JSON.parse(out) as object), ['Version', 'Compatible', 'Node']);
  }
});

test('validate tells of files what an agent would say, and nothing when it is quiet', async (t) => {
  const folder = folderOf(t);
  const [good, bad, odd] = ['good.hcl', 'bad.hcl', 'odd.conf'].map((name) => join(folder, name)) as [
    string,
    string,
    string,
  ];
  writeFileSync(good, 'service { name = "web" }\nconnect { enabled = true }');
  writeFileSync(bad, 'bogus = 1');
  writeFileSync(odd, '{"datacenter": "east"}');
  const valid = await cli(['validate', good]);
  assert.deepEqual([valid.code, valid.err], [0, '']);
  assert.match(valid.out, /^Warning: accepted without effect: connect .*\nConfiguration is valid!\n$/);
  assert.deepEqual(await cli(['validate', '-quiet', good]), { code: 0, out: '', err: '' });
  assert.equal((await cli(['validate', '-config-format=json', odd])).code, 0);
  const refused = await cli(['validate', good, bad]);
  assert.deepEqual([refused.code, refused.out], [1, '']);
  assert.match(refused.err, /^Config validation failed: \S+bad\.hcl:1:1: invalid config key bogus/);
  const json = await cli(['validate', '-json', bad]);
  assert.equal((JSON.parse(json.out) as { Valid: boolean }).Valid, false);
  assert.equal(json.code, 1);
});

test('validate needs no address of this host, and reads no environment', async (t) => {
  const path = join(folderOf(t), 'a.json');
  writeFileSync(path, '{}');
  const ended = await cli(['validate', path], { env: { PORTOLAN_LOG_LEVEL: 'loud' } });
  assert.equal(ended.out, 'Configuration is valid!\n');
});

test('template eval renders a file or standard input with data, delimiters and a fixture', async (t) => {
  const folder = folderOf(t);
  const path = (name: string, text: string): string => {
    writeFileSync(join(folder, name), text);
    return join(folder, name);
  };
  const data = path('data.json', '{"name": "Ada", "n": 3}');
  const fixture = path('world.json', '{"kv": {"app/name": "web"}, "env": {"HOME": "/here"}}');
  const rows: readonly { text: string; args?: readonly string[]; out?: string; err?: string }[] = [
    { text: 'hi {{ .name }} {{ .n }}', args: [`--data=${data}`], out: 'hi Ada 3' },
    {
      text: '<< .name >>',
      args: ['--data', data, '--left-delimiter', '<<', '-right-delimiter=>>'],
      out: 'Ada',
    },
    { text: '{{ key "app/name" }} {{ env "HOME" }}', args: [`-fixture=${fixture}`], out: 'web /here' },
    { text: '{{ .nope }}', args: [`--data=${data}`], out: '<no value>' },
    {
      text: '{{ .nope }}',
      args: [`--data=${data}`, '--missingkey=error', '--name=t'],
      err: 'template: t:1:3: executing "t" at <.nope>: map has no entry for key "nope"\n',
    },
    {
      text: '{{ .nope }}',
      args: [`--data=${data}`, '--error-on-missing-key', '--name=t'],
      err: 'template: t:1:3: executing "t" at <.nope>: map has no entry for key "nope"\n',
    },
    {
      text: '{{ toUpper "x" }}{{ toLower "X" }}',
      args: ['--deny=toUpper', '--deny=toTitle', '--name=t'],
      err: 'template: t:1:3: executing "t" at <toUpper "x">: error calling toUpper: function is disabled\n',
    },
    { text: '{{ key "none" }}', args: [`-fixture=${fixture}`], err: 'waiting for kv.block(none)\n' },
    { text: '{{ range }}', args: ['--name=t'], err: 'template: t:1: missing value for range\n' },
  ];
  for (const { text, args = [], out = '', err = '' } of rows) {
    const want = { code: err === '' ? 0 : 1, out, err };
    assert.deepEqual(await cli(['template', 'eval', ...args, path('in', text)]), want, text);
    assert.deepEqual(await cli(['template', 'eval', ...args, '-'], { input: text }), want, text);
  }
});

test('template eval names the file that it cannot read', async () => {
  const none = await cli(['template', 'eval', '/no/such']);
  assert.deepEqual(
    [none.code, none.err],
    [1, 'template /no/such: no such file or directory; give a file, or - for standard input\n'],
  );
  const data = await cli(['template', 'eval', '--data=/no/such', '-']);
  assert.deepEqual([data.code, data.err], [1, '--data /no/such: no such file or directory\n']);
});
