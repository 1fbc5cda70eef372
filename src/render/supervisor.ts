/**
 * The supervised child: started when all files are there, told of changes, ended with this process.
 *
 * In: ready and changed from the runner, signals from outside. Out: one process at a time; its exit.
 * Invariants: the child leads a process group of its own, and no member of it outlives the child's end, a restart, or this
 * process, whichever way that ends (a guard process sees to it after SIGKILL). A change during a restart is part of it.
 * Source: template.md 3.6.
 */
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import type { Clock, Timer } from '../lib/clock.ts';
import type { Logger } from '../lib/log.ts';
import { type Command, commandArguments, commandText, needsShell, signalGroup } from './command.ts';
import { openGuard } from './guard.ts';
import type { RunnerChild } from './options.ts';

export interface SupervisorOptions {
  readonly command: Command;
  /** The whole environment. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** null: SIGKILL at once. */
  readonly killSignal: NodeJS.Signals | null;
  readonly killTimeoutMs: number;
  /** Sent after a change; null: nothing is done; undefined: the child is restarted. */
  readonly reloadSignal: NodeJS.Signals | null | undefined;
  /** Reloads and restarts wait a random part of this. */
  readonly splayMs: number;
}

export interface ChildEnd {
  /** null: a signal ended it, or it could not be started. */
  readonly exit: number | null;
  readonly signal: NodeJS.Signals | null;
  /** Why it could not be started. */
  readonly error: Error | undefined;
}

export interface SupervisorDeps {
  readonly clock: Clock;
  readonly log: Logger;
  /** From 0 to 1; default Math.random. */
  readonly random?: () => number;
  /** The child has ended, and nobody had asked it to. */
  readonly onExit: (end: ChildEnd) => void;
}

interface Running {
  readonly child: ChildProcess;
  /** It is a shell that runs a text: signals are for what it runs, too. */
  readonly isShell: boolean;
  readonly end: Promise<ChildEnd>;
  /** We have asked it to end. */
  isEnding: boolean;
}

export class Supervisor implements RunnerChild {
  #options: SupervisorOptions;
  readonly #deps: SupervisorDeps;
  #running: Running | undefined;
  #splay: Timer | undefined;
  #restart: Promise<void> | undefined;
  #isStopped = false;

  constructor(options: SupervisorOptions, deps: SupervisorDeps) {
    this.#options = options;
    this.#deps = deps;
  }

  get pid(): number | undefined {
    return this.#running?.child.pid;
  }

  ready(changed: boolean): void {
    if (this.#running !== undefined) {
      if (changed) this.changed();
    } else if (!this.#isStopped && this.#restart === undefined) this.#start();
  }

  changed(): void {
    const { reloadSignal } = this.#options;
    if (reloadSignal === null || this.#running === undefined || this.#splay !== undefined) return;
    this.#afterSplay(() => {
      if (reloadSignal === undefined) this.#beginRestart();
      else this.forward(reloadSignal);
    });
  }

  /** Other options; another command or environment restarts the child. */
  configure(options: SupervisorOptions): void {
    const { command, env } = this.#options;
    const isSame = JSON.stringify([command, env]) === JSON.stringify([options.command, options.env]);
    this.#options = options;
    if (!isSame && this.#running !== undefined) this.#beginRestart();
  }

  /** Stops the child and starts it anew; nothing when there is none. */
  restart(): void {
    this.#beginRestart();
  }

  /** Passes a signal on to the child; false: there is none. */
  forward(signal: NodeJS.Signals): boolean {
    const running = this.#running;
    if (running === undefined) return false;
    this.#deps.log.debug({ pid: running.child.pid, signal }, 'child signalled');
    sendTo(running, signal);
    return true;
  }

  /** Resolves when the child and its group are gone; undefined: there was none. No new one is started after. */
  async stop(signal = this.#options.killSignal): Promise<ChildEnd | undefined> {
    this.#isStopped = true;
    this.#splay?.cancel();
    const running = this.#running;
    if (running === undefined) return undefined;
    return this.#end(running, signal);
  }

  /** How the child that runs now ends; undefined: there is none. */
  get ended(): Promise<ChildEnd> | undefined {
    return this.#running?.end;
  }

  #afterSplay(act: () => void): void {
    const { splayMs } = this.#options;
    if (splayMs === 0) return act();
    this.#splay = this.#deps.clock.after((this.#deps.random ?? Math.random)() * splayMs, () => {
      this.#splay = undefined;
      act();
    });
  }

  #beginRestart(): void {
    const running = this.#running;
    if (running === undefined || this.#restart !== undefined || this.#isStopped) return;
    this.#restart = this.#end(running, this.#options.killSignal).then(() => {
      this.#restart = undefined;
      if (!this.#isStopped) this.#start();
    });
  }

  #start(): void {
    const { command, env } = this.#options;
    const [file, ...args] = commandArguments(command) ?? [];
    if (file === undefined) return;
    const child = spawn(file, args, { stdio: 'inherit', detached: true, env: env as NodeJS.ProcessEnv });
    const { pid } = child;
    const isShell = needsShell(command);
    const guard = pid === undefined ? undefined : openGuard(pid, { ...this.#options, isShell });
    // process.exit and an uncaught error end here.
    const onExit = (): void => signalGroup(pid, 'SIGKILL');
    process.once('exit', onExit);
    const end = endOf(child).then((ended) => {
      guard?.close();
      // What the child has left behind in its group.
      signalGroup(pid, 'SIGKILL');
      process.removeListener('exit', onExit);
      this.#onEnd(running, ended);
      return ended;
    });
    const running: Running = { child, isShell, end, isEnding: false };
    this.#running = running;
    this.#deps.log.info({ pid, command: commandText(command) }, 'child started');
  }

  #onEnd(running: Running, end: ChildEnd): void {
    const { exit, signal, error } = end;
    this.#running = undefined;
    this.#splay?.cancel();
    this.#splay = undefined;
    if (running.isEnding) {
      this.#deps.log.info({ exit, signal }, 'child stopped');
      return;
    }
    if (error === undefined) this.#deps.log.warn({ exit, signal }, 'child ended');
    else this.#deps.log.error({ err: error }, 'child could not be started');
    this.#deps.onExit(end);
  }

  async #end(running: Running, signal: NodeJS.Signals | null): Promise<ChildEnd> {
    const { killTimeoutMs } = this.#options;
    const { pid } = running.child;
    running.isEnding = true;
    sendTo(running, signal ?? 'SIGKILL');
    const timer = this.#deps.clock.after(killTimeoutMs, () => {
      this.#deps.log.warn({ pid, afterMs: killTimeoutMs }, 'child killed: it did not end in time');
      signalGroup(pid, 'SIGKILL');
    });
    const end = await running.end;
    timer.cancel();
    return end;
  }
}

function sendTo({ child, isShell }: Running, signal: NodeJS.Signals): void {
  if (isShell) signalGroup(child.pid, signal);
  else child.kill(signal);
}

function endOf(child: ChildProcess): Promise<ChildEnd> {
  return new Promise((resolve) => {
    child.once('error', (error) => resolve({ exit: null, signal: null, error }));
    child.once('exit', (exit, signal) => resolve({ exit, signal, error: undefined }));
  });
}
