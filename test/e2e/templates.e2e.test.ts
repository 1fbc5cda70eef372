/** One template, two ways: inside the agent, and over HTTP as `portolan template`; and what happens when one is broken. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { program, type RunningAgent, startAgent, until } from './agent.testkit.ts';
import { type Ended, portolan, scratchFolder, stackTrace } from './command.testkit.ts';

const upstreams = `{{- define "server" }}server {{ .Address }}:{{ .Port }}{{ with .ServiceMeta.weight }} weight={{ . }}{{ end }};{{ end -}}
# {{ keyOrDefault "proxy/title" "untitled" }} in {{ with node }}{{ .Node.Node }} at {{ .Node.Address }} ({{ len .Services }} services){{ end }}
{{ range $service := services }}{{ if ne .Name "consul" -}}
{{ $name := .Name | toLower | replaceAll "_" "-" }}
upstream {{ $name }} { # tags: {{ join ", " .Tags }}
{{- range $tag, $instances := service (printf "%s|passing,warning" .Name) | byTag }}
  # {{ $tag }}: {{ len $instances }}
{{- end }}
{{- range $i, $instance := service (printf "%s|any" .Name) }}
  {{ scratch.MapSet "all" (printf "%s/%s" $service.Name .ID) .Address -}}
  {{ if or (eq .Status "passing") (eq .Status "warning") -}}
    {{ template "server" . }}{{ if .Tags | contains "canary" }} # canary{{ end }}
  {{- else -}}
    # {{ .ID }} on {{ .Node }} is {{ .Status }}: {{ range .Checks }}{{ .CheckID }}={{ .Status }} {{ end }}
  {{- end }}
{{- else }}
  server 127.0.0.1:9 down;
{{- end }}
{{- with $limits := ls (printf "proxy/%s/limits" .Name) }}
{{- range $limits }}
  {{ .Key }} {{ .Value | parseInt | multiply 2 }};
{{- end }}{{ end }}
}
{{ end }}{{ end -}}
{{ range $path, $pairs := tree "proxy" | byKey }}[{{ $path }}]
{{ range $key, $pair := $pairs }}{{ $key }}={{ $pair.Value | trimSpace | toJSON }}
{{ end }}{{ end -}}
{{ with $tree := tree "proxy" | explode }}{{ $tree.web.limits.rate }} {{ toJSON $tree }}{{ end }}
{{ range scratch.MapValues "all" }}{{ . }} {{ end }}
{{ range nodes }}{{ .Node }}:{{ .Address }} {{ end }}{{ range loop 3 }}{{ . }}{{ end }}
{{ if keyExists "proxy/title" }}{{ key "proxy/title" | regexReplaceAll "[aeiou]" "_" }}{{ else }}no title{{ end }}
{{ with $c := key "proxy/json" | parseJSON }}{{ range $c.ports }}{{ printf "%05.0f" . }} {{ end }}{{ $c.on }}{{ end }}
`;

let agent: RunningAgent;
before(async () => {
  agent = await startAgent();
  await fill(agent);
});
after(() => agent.stop());

async function fill(to: RunningAgent): Promise<void> {
  const register = (service: object): Promise<void> => put(to, '/v1/agent/service/register', service);
  const web = { Name: 'web', Port: 80 };
  const tags = ['v1', 'canary'];
  await register({ ...web, ID: 'web-1', Address: '192.0.2.1', Tags: tags, Meta: { weight: '5' } });
  const warning = { TTL: '1h', Status: 'warning' };
  await register({ ...web, ID: 'web-2', Address: '192.0.2.2', Tags: ['v1'], Check: warning });
  await register({ ...web, ID: 'web-3', Check: { TTL: '1h', Status: 'critical' } });
  await register({ Name: 'Big_API', ID: 'api', Address: '2001:db8::1', Port: 443 });
  await put(to, '/v1/agent/service/maintenance/api?enable=true');
  const far = { Service: 'web', ID: 'web-0', Port: 80 };
  await put(to, '/v1/catalog/register', { Node: 'far', Address: '192.0.2.50', Service: far });
  await put(to, '/v1/kv/proxy/web/limits/rate', '21');
  await put(to, '/v1/kv/proxy/web/limits/burst', '4');
  await put(to, '/v1/kv/proxy/web/note', ' <b> "é" & \n');
  await put(to, '/v1/kv/proxy/empty/', '');
  await put(to, '/v1/kv/proxy/json', '{"ports": [80, 443.0], "on": true}');
}

async function put(to: RunningAgent, path: string, body: unknown = ''): Promise<void> {
  const text = typeof body === 'string' ? body : JSON.stringify(body);
  const response = await fetch(to.url + path, { method: 'PUT', body: text });
  assert.equal(response.status, 200, `${path}: ${await response.text()}`);
}

function template(args: readonly string[], timeoutMs = 20_000): Promise<Ended> {
  return portolan(['template', `-consul-addr=${agent.url}`, ...args], { timeoutMs });
}

/** A program that goes on until the test ends. */
function start(args: readonly string[]): { log: () => string; stop: () => Promise<number> } {
  const child = spawn(process.execPath, [program, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
  let log = '';
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk: Buffer) => (log += chunk.toString()));
  const closed = once(child, 'close').then(([code]) => (code as number | null) ?? -1);
  return {
    log: () => log,
    stop: () => {
      child.kill('SIGTERM');
      return closed;
    },
  };
}

const textOf = (path: string): string | undefined =>
  existsSync(path) ? readFileSync(path, 'utf8') : undefined;

async function becomes(path: string, want: (text: string) => boolean, log: () => string): Promise<string> {
  return until(
    () => {
      const text = textOf(path);
      return text !== undefined && want(text) ? text : undefined;
    },
    5000,
    () => `${path}: ${textOf(path)}\n${log()}`,
  );
}

test('the agent and `portolan template` render the same bytes, at first and after every change', async (t) => {
  const folder = scratchFolder(t);
  const path = (name: string): string => join(folder, name);
  writeFileSync(path('in'), upstreams);
  const own = await startAgent({ args: [`-template=${path('in')}:${path('inside')}`] });
  t.after(() => own.stop());
  await fill(own);
  const outer = start(['template', `-consul-addr=${own.url}`, `-template=${path('in')}:${path('outside')}`]);
  t.after(() => outer.stop());
  const db = { Name: 'db', ID: 'db-1', Port: 5432, Check: { TTL: '1h', Status: 'passing' } };
  const moved = { Node: 'far', Address: '192.0.2.51', Service: { Service: 'web', ID: 'web-0' } };
  const changes: readonly { path: string; body?: unknown; want: RegExp }[] = [
    { path: '/v1/agent/service/register', body: db, want: /server 127\.0\.0\.1:5432;/ },
    { path: '/v1/agent/check/fail/service:db-1', want: /# db-1 on e2e is critical/ },
    { path: '/v1/kv/proxy/title', body: 'a title', want: /# a title in e2e[^]*_ t_tl_/ },
    { path: '/v1/agent/service/deregister/db-1', want: /\(5 services\)/ },
    { path: '/v1/catalog/register', body: moved, want: /server 192\.0\.2\.51:0;/ },
  ];
  await becomes(path('outside'), () => true, outer.log);
  for (const change of changes) {
    await put(own, change.path, change.body);
    const inside = await becomes(path('inside'), (text) => change.want.test(text), own.log);
    await becomes(
      path('outside'),
      (text) => text === inside,
      () => `want:\n${inside}\n${outer.log()}`,
    );
  }
  const ended = await portolan([
    'template',
    `-consul-addr=${own.url}`,
    '-once',
    `-template=${path('in')}:${path('once')}`,
  ]);
  assert.equal(ended.code, 0, ended.err);
  assert.equal(textOf(path('once')), textOf(path('inside')));
  assert.equal(await outer.stop(), 0);
});

/** Checked by hand against the rules of Go's text/template and of consul-template's functions. */
const rendered = [
  '# untitled in e2e at 127.0.0.1 (5 services)',
  '',
  'upstream big-api { # tags: ',
  '  # api on e2e is maintenance: serfHealth=passing _service_maintenance:api=critical ',
  '}',
  '',
  'upstream web { # tags: canary, v1',
  '  # canary: 1',
  '  # v1: 2',
  '  server 192.0.2.1:80 weight=5; # canary',
  '  server 192.0.2.2:80;',
  '  # web-3 on e2e is critical: serfHealth=passing service:web-3=critical ',
  '  server 192.0.2.50:80;',
  '  burst 8;',
  '  rate 42;',
  '}',
  '[web]',
  'limits/burst="4"',
  'limits/rate="21"',
  String.raw`note="\u003cb\u003e \"é\" \u0026"`,
  String.raw`21 {"json":"{\"ports\": [80, 443.0], \"on\": true}","web":{"limits":{"burst":"4","rate":"21"},"note":" \u003cb\u003e \"é\" \u0026 \n"}}`,
  '2001:db8::1 192.0.2.50 192.0.2.1 192.0.2.2 127.0.0.1 ',
  'e2e:127.0.0.1 far:192.0.2.50 012',
  'no title',
  '00080 00443 true',
  '',
].join('\n');

test('a template of services, checks, keys, trees and a scratch pad renders as consul-template would', async (t) => {
  const folder = scratchFolder(t);
  writeFileSync(join(folder, 'in'), upstreams);
  const ended = await template(['-once', `-template=${folder}/in:${folder}/out`]);
  assert.equal(ended.code, 0, ended.err);
  assert.equal(textOf(join(folder, 'out')), rendered);
});

test('-dry prints what would be written and writes nothing', async (t) => {
  const folder = scratchFolder(t);
  writeFileSync(join(folder, 'in'), '{{ key "proxy/json" }}');
  const args = ['-once', '-dry', `-template=${folder}/in:${folder}/out:touch ${folder}/ran`];
  const ended = await template(args);
  assert.deepEqual([ended.code, ended.out], [0, `> ${folder}/out\n{"ports": [80, 443.0], "on": true}`]);
  assert.deepEqual([existsSync(join(folder, 'out')), existsSync(join(folder, 'ran'))], [false, false]);
});

test('consul-template files work as they are: several, with delimiters, waits and exec blocks', async (t) => {
  const folder = scratchFolder(t);
  mkdirSync(join(folder, 'conf.d'));
  writeFileSync(join(folder, 'a.tpl'), 'rate [[ key "proxy/web/limits/rate" ]] {{ as it is }}\n');
  writeFileSync(
    join(folder, 'conf.d', '1.hcl'),
    `consul { address = "${agent.url.slice(7)}" retry { attempts = 3 } }
     log_level = "warn"  max_stale = "10m"  kill_signal = "SIGTERM"
     wait { min = "5ms" max = "50ms" }
     template { source = "${folder}/a.tpl" destination = "${folder}/deep/a.conf" perms = 0600
       left_delimiter = "[["  right_delimiter = "]]"
       exec { command = ["sh", "-c", "echo $CONSUL_HTTP_ADDR > ${folder}/ran"] timeout = "5s" } }`,
  );
  writeFileSync(
    join(folder, 'conf.d', '2.json'),
    JSON.stringify({
      template: [
        { contents: '{{ range service "web" }}{{ .ID }} {{ end }}', destination: `${folder}/b.conf` },
      ],
    }),
  );
  const ended = await portolan(['template', '-config', `${folder}/conf.d`, '-once']);
  assert.equal(ended.code, 0, ended.err);
  assert.equal(textOf(join(folder, 'deep', 'a.conf')), 'rate 21 {{ as it is }}\n');
  assert.equal(textOf(join(folder, 'b.conf')), 'web-1 web-0 ');
  assert.equal(textOf(join(folder, 'ran')), `${agent.url}\n`);
  assert.equal(ended.err, '');
});

const failures: readonly { name: string; text: string; code: number; want: RegExp }[] = [
  { name: 'does not parse', text: 'a\n{{ range }}\n', code: 14, want: /in:2: missing value for range/ },
  {
    name: 'names no function',
    text: '\n\n{{ nosuch "a" }}',
    code: 14,
    want: /in:3: function \\?"nosuch\\?" not defined/,
  },
  {
    name: 'fails when it runs',
    text: '{{ "x" | parseInt }}',
    code: 14,
    want: /in:1:9: executing .* at <parseInt>: error calling parseInt/,
  },
  {
    name: 'asks for a malformed query',
    text: '{{ service "a b" }}',
    code: 14,
    want: /in:1:3: .*health\.service: invalid format: \\?"a b/,
  },
];

for (const { name, text, code, want } of failures) {
  test(`a template that ${name} ends -once with ${code}, by name, line and column`, async (t) => {
    const folder = scratchFolder(t);
    writeFileSync(join(folder, 'in'), text);
    const ended = await template(['-once', `-template=${folder}/in:${folder}/out`]);
    assert.equal(ended.code, code, ended.err);
    assert.match(ended.err, want);
    assert.doesNotMatch(ended.err, stackTrace);
    assert.equal(existsSync(join(folder, 'out')), false);
  });
}

test('bad flags end with 13, bad configuration with 15, each naming the mistake', async (t) => {
  const folder = scratchFolder(t);
  writeFileSync(join(folder, 'bad.hcl'), 'template {\n  sorce = "a"\n}');
  const rows: readonly { args: readonly string[]; code: number; want: RegExp }[] = [
    { args: ['-bogus'], code: 13, want: /unknown option '--bogus'/ },
    { args: ['-once=perhaps'], code: 13, want: /invalid boolean value "perhaps" for -once/ },
    {
      args: ['-log-level=loud', '-template=a:b'],
      code: 13,
      want: /-log-level: .*"loud" is not one of trace/,
    },
    { args: [], code: 15, want: /no template: name one with -template in:out/ },
    {
      args: [`-config=${folder}/bad.hcl`],
      code: 15,
      want: /bad\.hcl:2:3: invalid config key template\.sorce: did you mean source\?/,
    },
    { args: [`-config=${folder}/none.hcl`], code: 15, want: /none\.hcl: no such file or directory/ },
    {
      args: [`-template=${folder}/none:${folder}/out`],
      code: 15,
      want: /template \S+none: no such file or directory/,
    },
    { args: ['-template=only'], code: 13, want: /flag -template: template: destination is missing: name/ },
    {
      args: ['-wait=soon', '-template=a:b'],
      code: 13,
      want: /flag -wait: wait\.min: "soon" is not a duration/,
    },
  ];
  const ended = await Promise.all(rows.map(({ args }) => portolan(['template', ...args])));
  for (const [i, { code, want }] of rows.entries()) {
    assert.equal(ended[i]!.code, code, ended[i]!.err);
    assert.match(ended[i]!.err, want);
    assert.doesNotMatch(ended[i]!.err, stackTrace);
  }
});

test('flags for Vault and Nomad are taken, each with a warning', async (t) => {
  const folder = scratchFolder(t);
  writeFileSync(join(folder, 'static'), 'text');
  const foreign = [
    '-vault-k8s-auth-role-name',
    'web',
    '-vault-ssl-verify=false',
    '-nomad-addr=http://n:4646',
  ];
  const template = ['-template', `${folder}/static:${folder}/out`];
  const ended = await portolan(['template', ...template, ...foreign, '-once']);
  assert.equal(ended.code, 0, ended.err);
  for (const flag of ['-vault-k8s-auth-role-name', '-vault-ssl-verify', '-nomad-addr'])
    assert.match(ended.err, new RegExp(`WARN. +${flag} has no effect: (Vault|Nomad) is not supported`));
});

test('an agent with broken templates runs, says name, line and column, renders the others, and heals', async (t) => {
  const folder = scratchFolder(t);
  const path = (name: string): string => join(folder, name);
  writeFileSync(path('parse.tpl'), 'one\n{{ if }}');
  writeFileSync(path('exec.tpl'), '{{ with key "number" }}{{ . | parseInt }}{{ end }}');
  writeFileSync(path('good.tpl'), '{{ key "number" }}');
  writeFileSync(path('file'), '');
  const pairs = [
    `parse.tpl:${path('parse')}`,
    `exec.tpl:${path('exec')}`,
    `good.tpl:${path('good')}`,
    `good.tpl:${path('file')}/below`,
  ];
  const own = await startAgent({ args: pairs.map((pair) => `-template=${folder}/${pair}`) });
  t.after(() => own.stop('SIGKILL'));
  const set = (value: string): Promise<Response> =>
    fetch(`${own.url}/v1/kv/number`, { method: 'PUT', body: value });
  await set('many');
  await becomes(path('good'), (text) => text === 'many', own.log);
  await until(() => (own.log().includes('exec.tpl:1:') ? true : undefined), 3000, own.log);
  assert.match(own.log(), /parse\.tpl:2: missing value for if/);
  assert.match(own.log(), /exec\.tpl:1:\d+: .*error calling parseInt/);
  assert.match(own.log(), /destination could not be written.*file\/below/);
  assert.doesNotMatch(own.log(), stackTrace);
  await set('7');
  assert.equal(await becomes(path('exec'), (text) => text === '7', own.log), '7');
  assert.equal(textOf(path('parse')), undefined);
  // Said once, not at every change.
  await set('8');
  await becomes(path('good'), (text) => text === '8', own.log);
  assert.equal(own.log().split('parse.tpl:2:').length, 2, own.log());
  assert.equal(await own.stop(), 0);
});

test('`portolan template` without its Consul waits for it, and goes on when it comes back', async (t) => {
  const folder = scratchFolder(t);
  writeFileSync(join(folder, 'in'), '{{ key "k" }}');
  const first = await startAgent({ dataDir: join(folder, 'data') });
  const { ports } = first;
  await fetch(`${first.url}/v1/kv/k`, { method: 'PUT', body: '1' });
  await first.stop();
  const runner = start([
    'template',
    `-consul-addr=127.0.0.1:${ports.http}`,
    `-template=${folder}/in:${folder}/out`,
  ]);
  t.after(() => runner.stop());
  await until(
    () => (/dependency failed.*kv\.block\(k\)/.test(runner.log()) ? true : undefined),
    5000,
    runner.log,
  );
  const second = await startAgent({ dataDir: join(folder, 'data'), ports });
  t.after(() => second.stop());
  await becomes(join(folder, 'out'), (text) => text === '1', runner.log);
  await fetch(`${second.url}/v1/kv/k`, { method: 'PUT', body: '2' });
  await becomes(join(folder, 'out'), (text) => text === '2', runner.log);
});
