/** The words behind `portolan template` that look at templates, as a shell calls them. */
import assert from 'node:assert/strict';
import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import type { AgentTemplate } from '@portolan/sdk/wire';
import { freeTcpPort, type RunningAgent, spawnProgram, startAgent, until } from './agent.testkit.ts';
import { type Ended, portolan, scratchFolder, stackTrace } from './command.testkit.ts';

let agent: RunningAgent;
before(async () => {
  agent = await startAgent();
  await put('/v1/kv/there', 'x');
  await put('/v1/agent/service/register', '{"Name":"web","Port":80}');
});
after(() => agent.stop());

async function put(path: string, body: string): Promise<void> {
  assert.equal((await fetch(agent.url + path, { method: 'PUT', body })).status, 200);
}

function tool(...args: readonly string[]): Promise<Ended> {
  return portolan(['template', ...args], { env: { CONSUL_HTTP_ADDR: agent.url } });
}

test('explain tells sizes, what is missing, and by its exit code whether all would be rendered', async (t) => {
  const path = (name: string): string => join(scratch, name);
  const scratch = scratchFolder(t);
  writeFileSync(path('ready'), '{{ key "there" }}{{ range service "web" }}{{ .ID }}{{ end }}');
  writeFileSync(path('waits'), '{{ key "not/there" }}');
  writeFileSync(path('broken'), '{{ if }}');
  const ready = await tool('explain', path('ready'));
  assert.equal(ready.code, 0, ready.err);
  assert.match(ready.out, /^kv\.block\(there\) +known +1 +1 +\d+ /m);
  assert.match(ready.out, /^health\.service\(web\|passing\) +known +1 +\d{3} +\d+ /m);
  assert.match(ready.out, /^ready: 4 bytes would be rendered/m);
  const waits = await tool('explain', '--timeout', '100ms', '--json', path('waits'), path('broken'));
  assert.equal(waits.code, 1);
  const [first, second] = JSON.parse(waits.out) as [
    { ready: boolean; dependencies: [{ state: string; missingMs: number }] },
    { error: string },
  ];
  assert.deepEqual([first.ready, first.dependencies[0].state], [false, 'missing']);
  assert.ok(first.dependencies[0].missingMs >= 100);
  assert.match(second.error, /missing value for if/);
  const nobody = await tool('explain', '-consul-addr=127.0.0.1:1', '--timeout=0s', path('ready'));
  assert.match(nobody.out, /kv\.block\(there\): .*ECONNREFUSED/);
  for (const wrong of [['explain'], ['explain', '--timeout=x', path('ready')]])
    assert.equal((await tool(...wrong)).code, 13);
});

test('lint reads files, standard input and configurations; errors and, with -strict, warnings give 1', async (t) => {
  const scratch = scratchFolder(t);
  const path = (name: string): string => join(scratch, name);
  writeFileSync(path('fine'), '{{ range services }}{{ .Name }}{{ end }}');
  writeFileSync(path('warns'), '{{ key "a" }}');
  writeFileSync(path('fails'), '<< sevices >>');
  writeFileSync(
    path('config'),
    `template { source = "${path('fails')}" destination = "${path('out')}" left_delimiter = "<<" right_delimiter = ">>" }`,
  );
  const cases: readonly (readonly [args: readonly string[], code: number, out: RegExp])[] = [
    [[path('fine')], 0, /^1 template: 0 errors, 0 warnings, 0 info\n$/],
    [[path('warns')], 0, /warns:1:4: warning: .* \[key-without-default\]\n {4}\{\{ key "a" \}\}\n {7}\^\n/],
    [['--strict', path('warns'), path('fine')], 1, /2 templates: 0 errors, 1 warning, 0 info/],
    [
      ['-config', path('config')],
      1,
      /fails:1:4: error: there is no function sevices: did you mean services\? \[unknown-function\]/,
    ],
    [['--json', path('warns')], 0, /"rule": "key-without-default",\n {8}"severity": "warning"/],
    [[path('not-there')], 1, /^$/],
    [[], 13, /^$/],
  ];
  for (const [args, code, out] of cases) {
    const ended = await tool('lint', ...args);
    assert.equal(ended.code, code, `${args.join(' ')}: ${ended.out}${ended.err}`);
    assert.match(ended.out, out);
    assert.doesNotMatch(ended.err, stackTrace);
  }
  const piped = await portolan(['template', 'lint', '-'], { input: '{{ if }}' });
  assert.equal(piped.code, 1);
  assert.match(piped.out, /^-:1:4: error: missing value for if \[syntax\]/);
});

test('init prints and writes what renders at once, and overwrites nothing unasked', async (t) => {
  const scratch = scratchFolder(t);
  const folder = join(scratch, 'new');
  const printed = await tool('init', 'nginx');
  assert.equal(printed.code, 0, printed.err);
  writeFileSync(join(scratch, 'piped.ctmpl'), printed.out);
  const explained = await tool('explain', join(scratch, 'piped.ctmpl'));
  assert.equal(explained.code, 0, explained.out);
  assert.equal(
    (await tool('init', 'hosts', '--dir', folder)).out,
    `${folder}/hosts.ctmpl\n${folder}/hosts.hcl\n`,
  );
  writeFileSync(join(folder, 'hosts.ctmpl'), 'mine');
  const again = await tool('init', 'hosts', '--dir', folder);
  assert.equal(again.code, 1);
  assert.match(again.err, /hosts\.ctmpl is there already; overwrite it with --force/);
  assert.equal(readFileSync(join(folder, 'hosts.ctmpl'), 'utf8'), 'mine');
  assert.equal((await tool('init', 'hosts', '--dir', folder, '--force')).code, 0);
  assert.ok(statSync(join(folder, 'hosts.ctmpl')).size > 500);
  assert.equal((await tool('init', 'ngnix')).code, 13);
});

test('status tells of every template, in words, as JSON and as metrics', async (t) => {
  const scratch = scratchFolder(t);
  const path = (name: string): string => join(scratch, name);
  writeFileSync(path('a'), '{{ key "there" }}');
  writeFileSync(path('b'), '{{ key "later" }}');
  writeFileSync(path('c'), '{{ divide 0 1 }}');
  const args = [
    `-template=${path('a')}:${path('a.out')}:true && echo said`,
    ...['b', 'c'].map((name) => `-template=${path(name)}:${path(`${name}.out`)}`),
  ];
  const own = await startAgent({ args });
  t.after(() => own.stop());
  await fetch(`${own.url}/v1/kv/there`, { method: 'PUT', body: 'x' });
  const rows = await until(
    async () => {
      const all = (await (await fetch(`${own.url}/v1/agent/templates`)).json()) as readonly AgentTemplate[];
      return all[0]?.State === 'current' ? all : undefined;
    },
    5000,
    () => own.log(),
  );
  assert.ok(existsSync(path('a.out')));
  assert.deepEqual(
    rows.map(({ State, Renders }) => [State, Renders]),
    [
      ['current', 1],
      ['waiting', 0],
      ['broken', 0],
    ],
  );
  assert.deepEqual(
    [rows[0]?.LastCommand?.OK, rows[0]?.LastCommand?.Exit, rows[0]?.LastCommand?.Output],
    [true, 0, 'said\n'],
  );
  assert.equal(rows[1]?.WaitingFor[0]?.ID, 'kv.block(later)');
  const shown = await portolan(['template', 'status', `--http-addr=${own.url}`]);
  assert.equal(shown.code, 2, shown.err);
  assert.match(shown.out, /a\.out +current +1 +\d+s ago +ok +\d\.\d\ds +-\n/);
  assert.match(shown.out, /b\.out waits for kv\.block\(later\) since \d+\.\d s\n/);
  assert.match(shown.out, /c\.out: .*integer divide by zero\n/);
  const metrics = (await (await fetch(`${own.url}/v1/agent/metrics`)).json()) as {
    Gauges: readonly { Name: string; Value: number; Labels: { destination?: string } }[];
  };
  const gauge = (name: string, destination?: string): number | undefined =>
    metrics.Gauges.find(
      ({ Name, Labels }) => Name === `portolan.render.${name}` && Labels.destination === destination,
    )?.Value;
  assert.deepEqual(
    [
      gauge('renders_total'),
      gauge('waiting_dependencies'),
      gauge('templates_failed'),
      gauge('last_command_exit'),
    ],
    [1, 1, 1, 0],
  );
  assert.deepEqual(
    [gauge('template.renders_total', path('a.out')), gauge('template.failed', path('c.out'))],
    [1, 1],
  );
});

test('-diff shows what would change, plain where it is no terminal, and writes nothing', async (t) => {
  const scratch = scratchFolder(t);
  const path = (name: string): string => join(scratch, name);
  writeFileSync(path('in'), 'a\n{{ key "there" }}\n');
  writeFileSync(path('out'), 'a\nold\n');
  const args = ['-once', '-diff', `-template=${path('in')}:${path('out')}:touch ${path('ran')}`];
  const changed = await tool(...args);
  assert.equal(changed.code, 0, changed.err);
  assert.equal(changed.out, `--- ${path('out')}\n+++ ${path('out')}\n@@ -1,2 +1,2 @@\n a\n-old\n+x\n`);
  assert.equal(readFileSync(path('out'), 'utf8'), 'a\nold\n');
  assert.ok(!existsSync(path('ran')));
  writeFileSync(path('out'), 'a\nx\n');
  assert.equal((await tool(...args)).out, '');
});

test('`portolan template` serves its state and metrics when it is told where, on loopback', async (t) => {
  const scratch = scratchFolder(t);
  writeFileSync(join(scratch, 'in'), '{{ key "there" }}');
  const port = await freeTcpPort();
  const out = join(scratch, 'out');
  const runner = spawnProgram([
    'template',
    `-consul-addr=${agent.url}`,
    `-template=${scratch}/in:${out}`,
    `-status-addr=${port}`,
  ]);
  t.after(() => runner.stop());
  await until(
    () => existsSync(out) || undefined,
    10_000,
    () => runner.log(),
  );
  const shown = await portolan(['template', 'status', `--http-addr=127.0.0.1:${port}`]);
  assert.equal(shown.code, 0, shown.err);
  assert.match(shown.out, /out +current +1 /);
  const metrics = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
  assert.match(metrics, /^portolan_render_templates 1$/m);
  assert.ok(metrics.includes(`portolan_render_template_renders_total{destination="${out}"} 1\n`), metrics);
  assert.equal((await fetch(`http://127.0.0.1:${port}/`)).status, 404);
  const taken = await tool(`-status-addr=127.0.0.1:${port}`, `-template=${scratch}/in:${out}`);
  assert.equal(taken.code, 15);
  assert.match(taken.err, /-status-addr 127\.0\.0\.1:\d+: .*EADDRINUSE.*; choose another address\n$/);
  assert.equal((await tool('-status-addr=nowhere', `-template=${scratch}/in:${out}`)).code, 15);
});
