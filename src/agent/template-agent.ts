/**
 * `portolan template`: the runner on any Consul HTTP API, its supervised child, and the signals that steer both.
 *
 * In: a configuration, and again after each reload signal. Out: an exit code, as consul-template's (template.md 3.6).
 * Invariant: when it returns, no command and no child runs any more, and the pid file is gone.
 */
import type { TemplateLoad } from '../config/template-config.ts';
import { systemClock } from '../lib/clock.ts';
import { fileProblem } from '../lib/file-problem.ts';
import type { Logger } from '../lib/log.ts';
import { PathWatch } from '../lib/path-watch.ts';
import { childEnvironment } from '../render/child-environment.ts';
import type { FileChange } from '../render/dry.ts';
import type { TemplateStatus } from '../render/options.ts';
import { OwedCommands } from '../render/owed.ts';
import { type ChildEnd, Supervisor, type SupervisorOptions } from '../render/supervisor.ts';
import { AgentError } from './errors.ts';
import { notifyReady } from './notify-ready.ts';
import { writePidFile } from './pid-file.ts';
import { type SessionEnd, TemplateSession } from './template-session.ts';
import { consulEnvironment, sourceSettings } from './template-source.ts';
import { forwardedSignals } from './template-signals.ts';
import { TemplateGauges } from './template-gauges.ts';
import { openStatusServer } from './template-status-server.ts';

export interface TemplateRun {
  readonly load: TemplateLoad;
  /** Just before its files were read (wall clock). */
  readonly readAtMs: number;
  readonly dry: boolean;
}

type Listen = (names: readonly NodeJS.Signals[], listener: (name: NodeJS.Signals) => void) => () => void;

export interface TemplateRunDeps {
  readonly log: Logger;
  /** Stops it like SIGTERM. */
  readonly signal: AbortSignal;
  /** Where dry runs print. */
  readonly print: (change: FileChange) => void;
  /** Takes signals over until the returned function is called. */
  readonly listen: Listen;
  /** Reads the configuration again; throws what a start would throw. */
  readonly reload: () => TemplateLoad;
}

export const templateExitCodes = {
  done: 0,
  interrupted: 12,
  failed: 14,
  badConfig: 15,
  killed: 255,
} as const;

/** Runs until a signal stops it, until every template was rendered with `once`, or until its child has ended. */
export async function runTemplates(run: TemplateRun, deps: TemplateRunDeps): Promise<number> {
  const { pidFile, statusAddress } = run.load;
  const gauges = new TemplateGauges();
  const server = await openStatusServer(statusAddress, gauges, deps.log.child('status'));
  try {
    return await runProgram(new TemplateProgram(run, deps, gauges), pidFile);
  } finally {
    await server.close();
  }
}

async function runProgram(program: TemplateProgram, pidFile: string): Promise<number> {
  const remove = pidFile === '' ? undefined : writePidFile(pidFile);
  try {
    return await program.run();
  } finally {
    remove?.();
  }
}

class TemplateProgram {
  #load: TemplateLoad;
  #readAtMs: number;
  readonly #dry: boolean;
  readonly #deps: TemplateRunDeps;
  readonly #gauges: TemplateGauges;
  readonly #owed: OwedCommands;
  readonly #supervisor: Supervisor | undefined;
  readonly #result: Promise<number>;
  #finish: (code: number) => void = () => {};
  #session: TemplateSession;
  #unlisten: () => void = () => {};
  #watch: PathWatch | undefined;
  #isStopping = false;
  #reloading: Promise<void> | undefined;
  #reloadAgain = false;

  constructor({ load, readAtMs, dry }: TemplateRun, deps: TemplateRunDeps, gauges: TemplateGauges) {
    this.#gauges = gauges;
    gauges.follow(() => this.#session.status());
    this.#load = load;
    this.#readAtMs = readAtMs;
    this.#dry = dry;
    this.#deps = deps;
    this.#owed = openOwed(dry ? '' : load.stateDir);
    this.#result = new Promise((resolve) => (this.#finish = resolve));
    if (load.exec.command.length > 0 && !dry) {
      this.#supervisor = new Supervisor(supervisorOptions(load), {
        clock: systemClock,
        log: deps.log.child('exec'),
        onExit: (end) => this.#finish(end.error === undefined ? exitCodeOf(end) : templateExitCodes.failed),
      });
    }
    this.#session = this.#openSession(load);
  }

  async run(): Promise<number> {
    const { log, signal } = this.#deps;
    this.#listen();
    this.#watchFiles();
    const onAbort = (): void => this.#stop('SIGTERM', templateExitCodes.done);
    signal.addEventListener('abort', onAbort, { once: true });
    if (signal.aborted) onAbort();
    const { consul, templates } = this.#load;
    log.info({ source: consul.address, templates: templates.length }, 'following');
    this.#follow(this.#session);
    try {
      return await this.#result;
    } finally {
      this.#isStopping = true;
      this.#watch?.close();
      await Promise.all([this.#supervisor?.stop(), this.#session.close()]);
      // It may have waited for a command that was running, and have opened another session.
      await this.#reloading;
      await this.#session.close();
      this.#unlisten();
      signal.removeEventListener('abort', onAbort);
    }
  }

  #openSession(load: TemplateLoad): TemplateSession {
    const { log, print } = this.#deps;
    const child = {
      ready: (changed: boolean): void => {
        notifyReady(log);
        this.#supervisor?.ready(changed);
      },
      changed: (): void => this.#supervisor?.changed(),
    };
    const { hooks } = this.#gauges;
    return new TemplateSession(load, { log, print, dry: this.#dry, child, owed: this.#owed, hooks });
  }

  /** A session that ends while it is the current one ends the program. */
  #follow(session: TemplateSession): void {
    void session.run().then((end) => {
      if (this.#session === session && !this.#isStopping) this.#sessionEnded(end);
    });
  }

  #sessionEnded({ isComplete, failed, failure }: SessionEnd): void {
    const { done, failed: failedCode } = templateExitCodes;
    if (failure !== undefined) {
      this.#deps.log.error({ err: failure }, 'the program ends');
      return this.#finish(failedCode);
    }
    if (failed || !isComplete) return this.#finish(failedCode);
    const childEnd = this.#supervisor?.ended;
    // With `once` the child decides how long.
    if (childEnd === undefined) this.#finish(done);
  }

  #listen(): void {
    const former = this.#unlisten;
    const { kill, reload, dump } = this.#load.signals;
    const names = new Set<NodeJS.Signals>(['SIGTERM', 'SIGINT']);
    for (const name of [kill, reload, dump]) if (name !== null) names.add(name);
    if (this.#supervisor !== undefined) for (const name of forwardedSignals) names.add(name);
    this.#unlisten = this.#deps.listen([...names], (name) => this.#onSignal(name));
    // Last: a signal without a listener would end the process.
    former();
  }

  // Every saved state counts as a reload signal; one that cannot be used is logged, and the next one is tried.
  #watchFiles(): void {
    this.#watch?.close();
    this.#watch = undefined;
    const { watch, paths, templates } = this.#load;
    if (!watch || this.#isStopping) return;
    const sources = templates.flatMap(({ source }) => (source === '' ? [] : [source]));
    this.#watch = new PathWatch([...paths, ...sources], this.#readAtMs, {
      clock: systemClock,
      onChange: () => this.#beginReload(),
    });
  }

  #onSignal(name: NodeJS.Signals): void {
    const { signals, exec, strict } = this.#load;
    this.#deps.log.debug({ signal: name }, 'signal');
    if (name === signals.kill) {
      return this.#stop(exec.killSignal, strict ? templateExitCodes.interrupted : templateExitCodes.done);
    }
    if (name === signals.reload) return this.#beginReload();
    if (name === signals.dump) {
      for (const one of this.#session.status()) this.#dump(one);
      return;
    }
    const isEnd = name === 'SIGTERM' || name === 'SIGINT';
    if (isEnd && !strict && (name === 'SIGTERM' || this.#supervisor?.pid === undefined)) {
      return this.#stop(name, templateExitCodes.done);
    }
    this.#supervisor?.forward(name);
  }

  #dump(status: TemplateStatus): void {
    this.#deps.log.info({ ...status, lastCommand: status.lastCommand?.exit }, 'template');
  }

  /** The child's own code counts, unless it died of the signal that asked it to end. */
  #stop(signal: NodeJS.Signals | null, code: number): void {
    if (this.#isStopping) {
      // Whoever asks twice wants no tidy end.
      void this.#supervisor?.stop('SIGKILL');
      return;
    }
    this.#isStopping = true;
    this.#deps.log.info({}, 'stopping');
    if (this.#supervisor === undefined) return this.#finish(this.#codeOfStop(code));
    void this.#supervisor.stop(signal).then((end) => {
      const died = end === undefined || end.exit === null || code !== templateExitCodes.done;
      this.#finish(died ? this.#codeOfStop(code) : exitCodeOf(end));
    });
  }

  /** A run that was asked to render once, and did not, has not done what it should. */
  #codeOfStop(code: number): number {
    return this.#load.once && code === templateExitCodes.done ? templateExitCodes.interrupted : code;
  }

  #beginReload(): void {
    if (this.#isStopping) return;
    if (this.#reloading !== undefined) {
      this.#reloadAgain = true;
      return;
    }
    this.#reloading = this.#reload().finally(() => {
      this.#reloading = undefined;
      if (!this.#reloadAgain) return;
      this.#reloadAgain = false;
      this.#beginReload();
    });
  }

  async #reload(): Promise<void> {
    const { log } = this.#deps;
    try {
      const readAtMs = systemClock.wallMs();
      const load = this.#deps.reload();
      if (this.#load.strict) this.#supervisor?.restart();
      if (!(await this.#session.adopt(load))) await this.#replaceSession(load);
      this.#load = load;
      this.#readAtMs = readAtMs;
      this.#supervisor?.configure(supervisorOptions(load));
      this.#listen();
      this.#watchFiles();
      for (const warning of load.warnings) log.warn({}, warning);
      if (load.exec.command.length > 0 !== (this.#supervisor !== undefined))
        log.warn({}, 'exec takes effect at the next start');
      log.info({ source: load.consul.address, templates: load.templates.length }, 'configuration reloaded');
    } catch (error) {
      if (this.#load.strict) {
        log.error({ err: error }, 'configuration can’t be used: the program ends');
        this.#finish(templateExitCodes.badConfig);
      } else log.error({ err: error }, 'configuration can’t be used: the former one goes on');
    }
  }

  async #replaceSession(load: TemplateLoad): Promise<void> {
    const next = this.#openSession(load);
    const former = this.#session;
    this.#session = next;
    await former.close();
    if (!this.#isStopping) this.#follow(next);
  }
}

function supervisorOptions(load: TemplateLoad): SupervisorOptions {
  const { exec } = load;
  return { ...exec, env: childEnvironment(process.env, consulEnvironment(sourceSettings(load)), exec.env) };
}

function openOwed(stateDir: string): OwedCommands {
  try {
    return new OwedCommands(stateDir === '' ? undefined : stateDir);
  } catch (cause) {
    const text = `state_dir ${stateDir}: ${fileProblem(cause)}; choose another with -state-dir`;
    throw new AgentError('template', text, { cause });
  }
}

function exitCodeOf({ exit }: ChildEnd): number {
  return exit ?? templateExitCodes.killed;
}
