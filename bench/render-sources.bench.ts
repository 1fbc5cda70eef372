/**
 * Templates over sources: from a change to the swapped file, in process and over HTTP, what that costs in memory, processor time
 * and sockets, and that only what changed is evaluated. The Consul and the runner are processes of their own.
 */
import { fork } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

import { silentLogger } from '../src/lib/log.ts';
import { templateSpec } from '../src/render/options.ts';
import { TemplateRunner } from '../src/render/runner.ts';
import type { HealthService, Source } from '../src/render/source.ts';
import { ScriptedSource, instance } from '../src/render/source.testkit.ts';

export interface BenchResult {
  readonly name: string;
  readonly ratio: number;
  readonly limit: number;
  readonly detail: string;
}

const one = `upstream web {
{{- range service "web" }}
  server {{ .Address }}:{{ .Port }} weight={{ .Weights.Passing }}; # {{ .Node }} {{ .ID }}
{{- end }}
}
`;
const all = `{{ range services }}upstream {{ .Name }} {
{{- range service .Name }}
  server {{ .Address }}:{{ .Port }} weight={{ .Weights.Passing }}; # {{ .Node }}
{{- end }}
}
{{ end }}`;

const scenes = {
  one: { text: one, services: 1, instances: 1000 },
  all: { text: all, services: 500, instances: 4 },
} as const;
type Scene = keyof typeof scenes;

interface Setting {
  readonly scene: Scene;
  /** Left out: in process. */
  readonly address?: string;
  readonly wait: { readonly minMs: number; readonly maxMs: number } | null;
  readonly directory: string;
}

type ToRunner = { readonly type: 'change'; readonly which: number } | { readonly type: 'report' };
type FromRunner =
  | { readonly type: 'rendered'; readonly tookMs?: number }
  | { readonly type: 'report'; readonly renders: number; readonly cpuMs: number; readonly rssMb: number };
type ToConsul =
  | { readonly type: 'change'; readonly scene: Scene; readonly which: number; readonly port: number }
  | { readonly type: 'sockets' };

// The Consul's process

async function serveConsul(scene: Scene): Promise<void> {
  // Loaded here: a process whose memory is measured holds what it needs.
  const { FakeConsul } = await import('../src/render/consul.testkit.ts');
  const consul = new FakeConsul();
  const { services, instances } = scenes[scene];
  for (let i = 0; i < services * instances; i++) consul.register(fakeInstance(scene, i, 10_000));
  process.on('message', (message: ToConsul) => {
    if (message.type === 'sockets') process.send!(consul.mostSockets);
    else consul.register(fakeInstance(message.scene, message.which, message.port));
  });
  process.send!(await consul.listen());
}

function fakeInstance(scene: Scene, which: number, port: number) {
  const { services } = scenes[scene];
  const service = scene === 'one' ? 'web' : `service-${which % services}`;
  return {
    node: `node-${scene === 'one' ? which % 200 : Math.floor(which / services)}`,
    id: `i-${which}`,
    service,
    port: port + (which % 1000),
    status: 'passing',
  };
}

// The runner's process

async function runRunner(setting: Setting): Promise<void> {
  const scripted = setting.address === undefined ? new Scripted(setting.scene) : undefined;
  const source: Source = scripted?.source ?? (await openHttp(setting.address!));
  let startedMs = 0;
  const runner = new TemplateRunner(
    {
      templates: [
        templateSpec({
          source: 'bench',
          text: scenes[setting.scene].text,
          destination: join(setting.directory, 'out'),
          wait: setting.wait,
        }),
      ],
      once: false,
      dry: false,
      stateDir: undefined,
      environment: {},
    },
    {
      source,
      log: silentLogger,
      hooks: {
        rendered: () => {
          const tookMs = performance.now() - startedMs;
          process.send!({
            type: 'rendered',
            ...(scripted === undefined ? {} : { tookMs }),
          } satisfies FromRunner);
        },
      },
    },
  );
  let startedCpu = process.cpuUsage();
  process.on('message', (message: ToRunner) => {
    if (message.type === 'change') {
      startedMs = performance.now();
      scripted?.change(message.which);
      return;
    }
    const { user, system } = process.cpuUsage(startedCpu);
    startedCpu = process.cpuUsage();
    const renders = runner.status()[0]!.renders;
    const rssMb = process.memoryUsage().rss / 1e6;
    process.send!({ type: 'report', renders, cpuMs: (user + system) / 1000, rssMb } satisfies FromRunner);
  });
  await runner.run(new AbortController().signal);
}

async function openHttp(address: string): Promise<Source> {
  const { HttpSource } = await import('../src/render/source-http.ts');
  return new HttpSource({ address });
}

class Scripted {
  readonly source = new ScriptedSource();
  readonly #rows: HealthService[][];
  readonly #names: readonly string[];
  #port = 20_000;

  constructor(scene: Scene) {
    const { services, instances } = scenes[scene];
    this.#names = scene === 'one' ? ['web'] : Array.from({ length: services }, (_, i) => `service-${i}`);
    this.#rows = this.#names.map((name) =>
      Array.from({ length: instances }, (_, i) =>
        instance({ id: `${name}-${i}`, name, node: `node-${i % 200}`, address: `10.0.${i >> 8}.${i & 255}` }),
      ),
    );
    this.source.set(
      'services',
      this.#names.map((name) => ({ name, tags: [] })),
    );
    for (const [i, name] of this.#names.entries()) this.source.set(`service ${name}`, this.#rows[i]!);
  }

  change(which: number): void {
    const at = which % this.#names.length;
    const rows = this.#rows[at]!;
    this.#rows[at] = [instance({ ...rows[0], port: this.#port++ }), ...rows.slice(1)];
    this.source.set(`service ${this.#names[at]}`, this.#rows[at]);
  }
}

// The measuring process

class Child {
  readonly process: ChildProcess;
  readonly #queue: unknown[] = [];
  #wake: () => void = () => {};

  constructor(role: string, setting: object | string) {
    this.process = fork(fileURLToPath(import.meta.url), [role, JSON.stringify(setting)], {
      // As the program is started.
      execArgv: ['--max-semi-space-size=8'],
    });
    this.process.on('message', (message) => {
      this.#queue.push(message);
      this.#wake();
    });
  }

  send(message: ToRunner | ToConsul): void {
    this.process.send(message);
  }

  async next<T>(): Promise<T> {
    while (this.#queue.length === 0) await new Promise<void>((resolve) => (this.#wake = resolve));
    return this.#queue.shift() as T;
  }

  /** Renderings that were told and not looked at. */
  async report(): Promise<Extract<FromRunner, { type: 'report' }>> {
    this.send({ type: 'report' });
    for (;;) {
      const message = await this.next<FromRunner>();
      if (message.type === 'report') return message;
    }
  }

  end(): void {
    this.process.kill('SIGKILL');
  }
}

async function withStage<T>(
  scene: Scene,
  transport: 'http' | 'in process',
  wait: Setting['wait'],
  act: (runner: Child, consul: Child | undefined) => Promise<T>,
): Promise<T> {
  const directory = mkdtempSync(join(tmpdir(), 'portolan-bench-'));
  const consul = transport === 'http' ? new Child('--consul', scene) : undefined;
  const address = await consul?.next<string>();
  const setting: Setting = { scene, wait, directory, ...(address === undefined ? {} : { address }) };
  const runner = new Child('--runner', setting);
  try {
    await runner.next();
    await pause(transport === 'http' ? 1500 : 300);
    await runner.report();
    return await act(runner, consul);
  } finally {
    runner.end();
    consul?.end();
    rmSync(directory, { recursive: true, force: true });
  }
}

/** Changes that are measured, and the pause before the next: with shared connections a stream of them is another case. */
const rounds = { 'one http': [60, 60], 'all in process': [60, 40], 'all http': [24, 400] } as const;

async function latency(which: keyof typeof rounds) {
  const scene = which.startsWith('one') ? 'one' : 'all';
  const transport = which.endsWith('http') ? 'http' : 'in process';
  const [count, restMs] = rounds[which];
  return withStage(scene, transport, null, async (runner, consul) => {
    const times: number[] = [];
    for (let i = 0; i < count; i++) {
      const started = performance.now();
      if (consul === undefined) runner.send({ type: 'change', which: i });
      else consul.send({ type: 'change', scene, which: i, port: 20_000 + i });
      const { tookMs } = await runner.next<{ tookMs?: number }>();
      times.push(tookMs ?? performance.now() - started);
      await pause(restMs);
    }
    consul?.send({ type: 'sockets' });
    const sockets = (await consul?.next<number>()) ?? 0;
    const { rssMb } = await runner.report();
    return { medianMs: median(times), worstMs: Math.max(...times), rssMb, sockets };
  });
}

const churnChanges = 200;
const churnMs = 3000;

async function churn(transport: 'http' | 'in process') {
  return withStage('all', transport, { minMs: 250, maxMs: 1000 }, async (runner, consul) => {
    const before = await runner.report();
    const started = performance.now();
    for (let i = 0; i < churnChanges; i++) {
      await pause(started + (i * churnMs) / churnChanges - performance.now());
      if (consul === undefined) runner.send({ type: 'change', which: i });
      else consul.send({ type: 'change', scene: 'all', which: i, port: 30_000 + i });
    }
    await pause(1500);
    const after = await runner.report();
    return { cpuMs: after.cpuMs, renders: after.renders - before.renders };
  });
}

/** 100 templates of which one uses what changes. */
async function hundredTemplates(): Promise<BenchResult> {
  const directory = mkdtempSync(join(tmpdir(), 'portolan-bench-'));
  const source = new ScriptedSource();
  for (let i = 0; i < 100; i++) source.set(`service s${i}`, [instance({ port: i })]);
  const templates = Array.from({ length: 100 }, (_, i) =>
    templateSpec({
      source: `t${i}`,
      text: `{{range service "s${i}"}}{{.Port}}{{end}}`,
      destination: join(directory, `out-${i}`),
    }),
  );
  const options = { once: false, dry: false, stateDir: undefined, environment: {} };
  const runner = new TemplateRunner({ templates, ...options }, { source, log: silentLogger });
  const stop = new AbortController();
  const run = runner.run(stop.signal);
  await pause(20);
  const count = (): number => runner.status().reduce((sum, { evaluations }) => sum + evaluations, 0);
  const before = count();
  source.set('service s7', [instance({ port: 4000 })]);
  await pause(20);
  const evaluations = count() - before;
  stop.abort();
  await run;
  rmSync(directory, { recursive: true, force: true });
  return {
    name: 'evaluations after a change that concerns one of 100 templates, against 1',
    ratio: 1 / evaluations,
    limit: 1,
    detail: `${evaluations}`,
  };
}

export async function run(): Promise<BenchResult[]> {
  const results: BenchResult[] = [await hundredTemplates()];
  const within = (name: string, most: number, value: number, detail: string): void => {
    results.push({ name, ratio: most / value, limit: 1, detail });
  };
  const far = await latency('one http');
  within('1 x 1,000 over HTTP, change -> file swapped, in 25 ms', 25, far.medianMs, show(far));
  const near = await latency('all in process');
  within('500 x 4 in process, change -> file swapped, in 8 ms', 8, near.medianMs, show(near));
  within('500 x 4 in process, resident memory, in 80 MB', 80, near.rssMb, `${near.rssMb.toFixed(0)} MB`);
  const shared = await latency('all http');
  within('500 x 4 over HTTP, change -> file swapped, in 500 ms', 500, shared.medianMs, show(shared));
  const memory = `${shared.rssMb.toFixed(0)} MB of memory`;
  within('500 x 4 over HTTP, sockets, in 16', 16, shared.sockets, `${shared.sockets}; ${memory}`);
  for (const transport of ['in process', 'http'] as const) {
    const { cpuMs, renders } = await churn(transport);
    const name = `200 changes in 3 s ${transport === 'http' ? 'over HTTP' : transport}, wait 250ms:1s`;
    within(`${name}, processor time in 500 ms`, 500, cpuMs, `${cpuMs.toFixed(0)} ms`);
    within(`${name}, renders in 5`, 5, renders, `${renders}`);
  }
  return results;
}

function show(result: { readonly medianMs: number; readonly worstMs: number }): string {
  return `median ${result.medianMs.toFixed(1)} ms, worst ${result.worstMs.toFixed(1)} ms`;
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[values.length >> 1]!;
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, Math.max(0, ms)));
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) {
  const [, , role, setting = '""'] = process.argv;
  if (role === '--consul') await serveConsul(JSON.parse(setting) as Scene);
  else if (role === '--runner') await runRunner(JSON.parse(setting) as Setting);
  else {
    for (const { name, ratio, limit, detail } of await run()) {
      const verdict = ratio >= limit ? 'ok' : 'TOO LOW';
      console.log(`${verdict.padEnd(8)} ${ratio.toFixed(2)} (limit ${limit})  ${name}: ${detail}`);
      if (ratio < limit) process.exitCode = 1;
    }
    process.exit();
  }
}
