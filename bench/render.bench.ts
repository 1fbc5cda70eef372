/**
 * One service of 1,000 instances changes: from the source's call to the swapped file, against a bare JSON.stringify and a write
 * of as many bytes; and to the start of the command, against a bare loop that writes a file and spawns.
 */
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

import { silentLogger } from '../src/lib/log.ts';
import { templateSpec } from '../src/render/options.ts';
import type { TemplateSpec } from '../src/render/options.ts';
import { TemplateRunner } from '../src/render/runner.ts';
import type { HealthService } from '../src/render/source.ts';
import { ScriptedSource, instance } from '../src/render/source.testkit.ts';

export interface BenchResult {
  readonly name: string;
  readonly ratio: number;
  readonly limit: number;
  readonly detail: string;
}

const instances = 1000;
const rounds = 11;
const changesPerRound = 50;

const text = `upstream web {
{{- range service "web" }}
  server {{ .Address }}:{{ .Port }} weight={{ .Weights.Passing }}; # {{ .Node }} {{ .ID }}
{{- end }}
}
`;

export async function run(): Promise<BenchResult[]> {
  const directory = mkdtempSync(join(tmpdir(), 'portolan-bench-'));
  try {
    return [await swapCase(directory), await spawnCase(directory)];
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

async function swapCase(directory: string): Promise<BenchResult> {
  const runner = new Running({ source: 'bench', text, destination: join(directory, 'out') });
  await runner.change();
  const bytes = readFileSync(join(directory, 'out')).length;
  const bare = rowsOf(bytes);
  const ours: number[] = [];
  const theirs: number[] = [];
  for (let round = 0; round < rounds; round++) {
    const times: number[] = [];
    for (let i = 0; i < changesPerRound; i++) times.push(await runner.change());
    ours.push(median(times));
    theirs.push(
      median(Array.from({ length: changesPerRound }, () => bareWrite(join(directory, 'bare'), bare))),
    );
  }
  await runner.stop();
  return {
    name: `${instances} instances, change -> file swapped, against JSON.stringify and write`,
    ratio: median(theirs) / median(ours),
    limit: 0.25,
    detail: `${show(median(ours))} for ${bytes} bytes; bare ${show(median(theirs))}`,
  };
}

async function spawnCase(directory: string): Promise<BenchResult> {
  const marker = join(directory, 'marker');
  const runner = new Running({
    source: 'bench',
    text: '{{range service "web"}}{{.Port}}{{break}}{{end}}',
    destination: join(directory, 'small'),
    command: ['true'],
  });
  await runner.change();
  const ours: number[] = [];
  const theirs: number[] = [];
  for (let round = 0; round < rounds; round++) {
    const times: number[] = [];
    const bare: number[] = [];
    for (let i = 0; i < changesPerRound; i++) {
      times.push(await runner.change());
      bare.push(await bareSpawn(marker, `${i}`));
    }
    ours.push(median(times));
    theirs.push(median(bare));
  }
  await runner.stop();
  return {
    name: 'change -> command started, against a bare write and spawn',
    ratio: median(theirs) / median(ours),
    limit: 0.5,
    detail: `${show(median(ours))}; bare ${show(median(theirs))}`,
  };
}

/** A runner of one template, changed one instance at a time. */
class Running {
  readonly #source = new ScriptedSource();
  readonly #stop = new AbortController();
  readonly #runner: TemplateRunner;
  readonly #run: Promise<void>;
  #current: readonly HealthService[];
  #port = 1;

  constructor(parts: Pick<TemplateSpec, 'source' | 'text' | 'destination'> & Partial<TemplateSpec>) {
    const options = { once: false, dry: false, stateDir: undefined, environment: {} };
    this.#current = Array.from({ length: instances }, (_, i) =>
      instance({
        id: `web-${i}`,
        node: `node-${i % 200}`,
        address: `10.0.${i >> 8}.${i & 255}`,
        port: 20_000 + i,
      }),
    );
    this.#runner = new TemplateRunner(
      { templates: [templateSpec(parts)], ...options },
      { source: this.#source, log: silentLogger },
    );
    this.#run = this.#runner.run(this.#stop.signal);
  }

  /** Milliseconds from the source's call to the end of the turn: the file is in place, the command has been started. */
  async change(): Promise<number> {
    this.#current = [instance({ ...this.#current[0], port: this.#port++ }), ...this.#current.slice(1)];
    const renders = this.#runner.status()[0]!.renders;
    const started = performance.now();
    this.#source.set('service web', this.#current);
    await Promise.resolve();
    const took = performance.now() - started;
    if (this.#runner.status()[0]!.renders !== renders + 1)
      throw new Error('not rendered in the turn of the change');
    while (this.#runner.status()[0]!.state !== 'current')
      await new Promise((resolve) => setImmediate(resolve));
    return took;
  }

  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#run;
  }
}

function rowsOf(bytes: number): readonly object[] {
  const row = { address: '10.0.0.1', port: 20_000, weight: 1, node: 'node-1', id: 'web-1' };
  return Array.from({ length: Math.round(bytes / (JSON.stringify(row).length + 1)) }, () => ({ ...row }));
}

function bareWrite(path: string, rows: readonly object[]): number {
  const started = performance.now();
  writeFileSync(path, JSON.stringify(rows));
  return performance.now() - started;
}

async function bareSpawn(path: string, content: string): Promise<number> {
  const started = performance.now();
  writeFileSync(path, content);
  const child = spawn('true', [], { stdio: 'ignore' });
  const took = performance.now() - started;
  await new Promise((resolve) => child.once('exit', resolve));
  return took;
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[values.length >> 1]!;
}

function show(ms: number): string {
  return `${(ms * 1000).toFixed(0)} µs`;
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) {
  for (const { name, ratio, limit, detail } of await run()) {
    const verdict = ratio >= limit ? 'ok' : 'TOO SLOW';
    console.log(`${verdict.padEnd(9)} ${ratio.toFixed(2)} (limit ${limit})  ${name}: ${detail}`);
    if (ratio < limit) process.exitCode = 1;
  }
}
