/** A running runner over a scripted source, a manual clock and a fresh directory. */
import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { ManualClock } from '../lib/clock.testkit.ts';
import { silentLogger } from '../lib/log.ts';
import { wholeText } from './dry.ts';
import { templateSpec } from './options.ts';
import type { RunnerOptions, TemplateSpec } from './options.ts';
import { TemplateRunner } from './runner.ts';
import { ScriptedSource, instance } from './source.testkit.ts';

export const upstream = '{{range service "web"}}server {{.Address}}:{{.Port}};\n{{end}}';

export class Stage {
  readonly dir: string;
  readonly source: ScriptedSource;
  readonly clock = new ManualClock();
  readonly runner: TemplateRunner;
  readonly specs: readonly TemplateSpec[];
  readonly printed: string[] = [];
  readonly #stop = new AbortController();
  #run: Promise<void> | undefined;

  constructor(t: TestContext, specs: (dir: string) => readonly TemplateSpec[], options: StageOptions = {}) {
    this.dir = options.dir ?? mkdtempSync(join(tmpdir(), 'portolan-runner-'));
    this.source = options.source ?? new ScriptedSource();
    this.specs = specs(this.dir);
    this.runner = new TemplateRunner(
      {
        templates: this.specs,
        once: false,
        dry: false,
        stateDir: undefined,
        environment: { LOG: this.file('log') },
        ...options.runner,
      },
      {
        source: this.source,
        log: silentLogger,
        clock: this.clock,
        print: (change) => this.printed.push(wholeText(change)),
      },
    );
    t.after(() => this.stop());
  }

  file(name: string): string {
    return join(this.dir, name);
  }

  text(name: string): string | undefined {
    return existsSync(this.file(name)) ? readFileSync(this.file(name), 'utf8') : undefined;
  }

  /** What commands have written to $LOG. */
  log(): string {
    return this.text('log') ?? '';
  }

  start(): this {
    this.#run = this.runner.run(this.#stop.signal);
    return this;
  }

  ended(): Promise<void> | undefined {
    return this.#run;
  }

  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#run;
  }

  /** Waits for real processes and files. */
  async until(condition: () => boolean): Promise<void> {
    const end = Date.now() + 10_000;
    while (!condition()) {
      assert.ok(
        Date.now() < end,
        `not reached: ${condition}\n${JSON.stringify(this.runner.status(), null, 1)}`,
      );
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  }

  state(i = 0): string {
    return this.runner.status()[i]!.state;
  }
}

export interface StageOptions {
  readonly dir?: string;
  readonly source?: ScriptedSource;
  readonly runner?: Partial<RunnerOptions>;
}

export function spec(dir: string, parts: Partial<TemplateSpec> = {}): TemplateSpec {
  return templateSpec({ source: 'web.tpl', text: upstream, destination: join(dir, 'out'), ...parts });
}

export function web(port: number): ReturnType<typeof instance>[] {
  return [instance({ port })];
}
