/** `portolan template` as a process of its own, on a source that a test scripts, with a folder that goes with the test. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import { LockServer } from '../../src/render/dedup.testkit.ts';
import { freePorts, until } from './agent.testkit.ts';
import { scratchFolder } from './command.testkit.ts';

/** The program that was built together with this file. */
const main = fileURLToPath(new URL('../../src/main.js', import.meta.url));

export class TemplateStage {
  readonly folder: string;
  readonly server: LockServer;
  readonly #t: TestContext;

  private constructor(t: TestContext, server: LockServer) {
    this.#t = t;
    this.folder = scratchFolder(t);
    this.server = server;
  }

  /** The key `a` holds `one`; `in` shows it. */
  static async open(t: TestContext): Promise<TemplateStage> {
    const stage = new TemplateStage(t, await LockServer.open(t));
    stage.server.set('a', 'one');
    stage.write('in', '{{ key "a" }}\n');
    return stage;
  }

  path(name: string): string {
    return join(this.folder, name);
  }

  write(name: string, text: string): void {
    writeFileSync(this.path(name), text);
  }

  text(name: string): string | undefined {
    return existsSync(this.path(name)) ? readFileSync(this.path(name), 'utf8') : undefined;
  }

  /** Candidates and other things that no run may leave. */
  leftovers(): readonly string[] {
    return readdirSync(this.folder).filter((name) => name.includes('portolan'));
  }

  /** Starts with a file of configuration, in which `@` is this folder, and the source's address. */
  start(config: string, flags: readonly string[] = [], wrap: readonly string[] = []): Running {
    const file = `config-${readdirSync(this.folder).length}.hcl`;
    this.write(file, this.config(config));
    const words = [...wrap, process.execPath, main, 'template', '-config', this.path(file), ...flags];
    return new Running(this.#t, words, this.path(file));
  }

  /** A Portolan in memory, without a registrar; its URL. */
  async startAgent(): Promise<string> {
    const ports = await freePorts();
    const flags = [
      '-dev',
      '-registrar=false',
      '-advertise=127.0.0.1',
      `-http-port=${ports.http}`,
      `-dns-port=${ports.dns}`,
    ];
    const agent = new Running(this.#t, [process.execPath, main, 'agent', ...flags], '');
    await agent.says('agent is ready');
    return `http://127.0.0.1:${ports.http}`;
  }

  config(text: string): string {
    return `consul { address = "${this.server.address}" }\n${text.replaceAll('@', `${this.folder}/`)}`;
  }

  /** Waits until a file holds what is wanted. */
  async becomes(name: string, want: string | RegExp, running: Running): Promise<void> {
    const matches = (text = ''): boolean => (typeof want === 'string' ? text === want : want.test(text));
    await until(
      () => (matches(this.text(name)) ? true : undefined),
      8000,
      () => `${name} is ${JSON.stringify(this.text(name))}, not ${want}\n${running.log()}`,
    );
  }
}

export class Running {
  readonly config: string;
  /** The exit code; -1: a signal ended it. */
  readonly exited: Promise<number>;
  readonly pid: number;
  #log = '';

  constructor(t: TestContext, [file = '', ...args]: readonly string[], config: string) {
    this.config = config;
    const child = spawn(file, args, { stdio: ['ignore', 'pipe', 'pipe'] });
    this.pid = child.pid ?? 0;
    for (const stream of [child.stdout, child.stderr])
      stream.on('data', (chunk: Buffer) => (this.#log += chunk.toString()));
    this.exited = once(child, 'exit').then(([code]) => (code as number | null) ?? -1);
    t.after(async () => {
      if (child.exitCode === null && child.signalCode === null) child.kill('SIGKILL');
      await this.exited;
    });
  }

  log(): string {
    return this.#log;
  }

  signal(name: NodeJS.Signals): void {
    process.kill(this.pid, name);
  }

  async says(text: string): Promise<void> {
    await until(
      () => (this.#log.includes(text) ? true : undefined),
      8000,
      () => `the log never says ${text}\n${this.#log}`,
    );
  }
}

/** False also for a zombie that nobody has reaped yet. */
export function isAlive(pid: number): boolean {
  try {
    return !/^\d+ \(.*\) Z/.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return false;
  }
}
