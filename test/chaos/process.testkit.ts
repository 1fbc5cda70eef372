import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, readFileSync, statSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { until } from '../e2e/agent.testkit.ts';

/** Words that run the program of the build that this test belongs to. */
export const portolanCommand: readonly string[] = [
  process.execPath,
  '--max-semi-space-size=8',
  fileURLToPath(new URL('../../src/main.js', import.meta.url)),
];

export interface ProcessOptions {
  readonly name: string;
  readonly command: readonly string[];
  /** Standard output and error are appended to it. */
  readonly logFile: string;
  readonly env?: Readonly<Record<string, string>>;
  /** Found in the log once it is up; '' = as soon as it runs. */
  readonly readyText: string;
}

/** A process that is killed, stalled and started again; every one of them ends with the test. */
export class ChaosProcess {
  readonly name: string;
  readonly #options: ProcessOptions;
  #child: ChildProcess | undefined;
  #startedAtByte = 0;
  #isStalled = false;
  #isReady = false;
  readonly #onExit = (): void => void this.#child?.kill('SIGKILL');

  constructor(options: ProcessOptions) {
    this.name = options.name;
    this.#options = options;
  }

  get pid(): number | undefined {
    return this.#child?.pid;
  }

  get isRunning(): boolean {
    return this.#child !== undefined && this.#child.exitCode === null && this.#child.signalCode === null;
  }

  /** It was up once since its start, and is neither ended nor stalled. */
  get isLive(): boolean {
    return this.isRunning && this.#isReady && !this.#isStalled;
  }

  /** undefined while it runs, and when a signal ended it. */
  get exitCode(): number | undefined {
    return this.#child?.exitCode ?? undefined;
  }

  spawn(): void {
    if (this.isRunning) throw new Error(`${this.name} runs already`);
    const { command, logFile, env } = this.#options;
    const log = openSync(logFile, 'a');
    this.#startedAtByte = statSync(logFile).size;
    this.#isStalled = false;
    this.#isReady = false;
    this.#child = spawn(command[0]!, command.slice(1), {
      env: { ...process.env, ...env },
      stdio: ['ignore', log, log],
    });
    closeSync(log);
    process.once('exit', this.#onExit);
    this.#child.once('exit', () => process.removeListener('exit', this.#onExit));
  }

  /** Resolves when its log says that it is up; throws when it ends before, or after `timeoutMs`. */
  async ready(timeoutMs = 30_000): Promise<void> {
    await until(
      () => {
        if (!this.isRunning) throw new Error(`${this.name} ended:\n${this.log().slice(-3000)}`);
        return this.log().includes(this.#options.readyText) || undefined;
      },
      timeoutMs,
      () => `${this.name} is not ready:\n${this.log().slice(-3000)}`,
    );
    this.#isReady = true;
  }

  /** Of its last start. */
  log(): string {
    return readFileSync(this.#options.logFile).subarray(this.#startedAtByte).toString();
  }

  stall(): void {
    if (!this.isRunning) return;
    this.#isStalled = true;
    this.#child?.kill('SIGSTOP');
  }

  resume(): void {
    if (!this.#isStalled) return;
    this.#child?.kill('SIGCONT');
    this.#isStalled = false;
  }

  /** Also ends one that is stalled. */
  async kill(signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    const child = this.#child;
    if (child === undefined || !this.isRunning) return;
    const ended = once(child, 'exit');
    child.kill(signal);
    if (this.#isStalled) child.kill('SIGCONT');
    const timer = setTimeout(() => child.kill('SIGKILL'), 10_000);
    await ended;
    clearTimeout(timer);
  }
}
