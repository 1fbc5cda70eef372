/** How a group of templates runs its checks and its command: the environment, the process started ahead, the report. */
import type { Clock, Timer } from '../lib/clock.ts';
import type { Logger } from '../lib/log.ts';
import { childEnvironment } from './child-environment.ts';
import { commandText, runCommand } from './command.ts';
import type { CommandReport, RunnerHooks } from './options.ts';
import { Spare } from './spare.ts';
import type { Task } from './task.ts';

export interface GroupCommandsDeps {
  readonly clock: Clock;
  readonly log: Logger;
  readonly hooks: RunnerHooks;
  /** Added to what commands see of this process's environment. */
  readonly environment: Readonly<Record<string, string>>;
  /** Ends running commands. */
  readonly killSignal: AbortSignal;
  /** As consul-template: a command with timeout 0 is not waited for, and its output is this process's. */
  readonly strict: boolean;
}

type Kind = CommandReport['kind'];

/** A spare is armed once all is quiet: the fork must not hold up what comes next. */
const armMs = 100;

export class GroupCommands {
  readonly #deps: GroupCommandsDeps;
  readonly #spare = new Spare();
  #armTimer: Timer | undefined;
  #isBusy = false;

  constructor(deps: GroupCommandsDeps) {
    this.#deps = deps;
  }

  /** Starts a process ahead, soon, that the next command of the task will be. */
  arm(task: Task): void {
    // A spare's output goes through pipes.
    if (this.#deps.strict) return;
    const { command, destination } = task.spec;
    this.#armTimer?.cancel();
    this.#armTimer = this.#deps.clock.after(armMs, () => {
      if (!this.#isBusy) this.#spare.arm(destination, command, this.#environment(task, destination));
    });
  }

  close(): void {
    this.#armTimer?.cancel();
    this.#spare.close();
  }

  check(task: Task, candidate: string): Promise<CommandReport> {
    return this.#run('check', task, candidate);
  }

  command(task: Task, kind: Exclude<Kind, 'check'> = 'command'): Promise<CommandReport> {
    return this.#run(kind, task, task.spec.destination);
  }

  async #run(kind: Kind, task: Task, candidate: string): Promise<CommandReport> {
    const { strict, killSignal, clock, hooks, log } = this.#deps;
    const { spec } = task;
    const isCheck = kind === 'check';
    const command = isCheck ? spec.check : spec.command;
    const timeoutMs = isCheck ? spec.checkTimeoutMs : spec.commandTimeoutMs;
    const at = clock.wallMs();
    this.#isBusy = true;
    const result = await runCommand(command, {
      timeoutMs,
      env: this.#environment(task, candidate),
      signal: killSignal,
      spare: isCheck ? undefined : this.#spare.take(spec.destination),
      killSignal: spec.killSignal,
      killTimeoutMs: spec.killTimeoutMs,
      inherit: strict && !isCheck,
      detach: strict && !isCheck && timeoutMs === 0,
    });
    this.#isBusy = false;
    const report: CommandReport = { ...result, kind, at };
    task.lastCommand = report;
    hooks.commandEnded?.({ ...report, command: commandText(command) });
    const { exit, durationMs, output } = report;
    log.debug({ command: commandText(command), kind, exit, durationMs, output }, 'command ended');
    return report;
  }

  #environment({ spec }: Task, candidate: string): Record<string, string | undefined> {
    const own = {
      ...this.#deps.environment,
      PORTOLAN_DESTINATION: spec.destination,
      PORTOLAN_CANDIDATE: candidate,
    };
    return childEnvironment(process.env, own, spec.env);
  }
}

/** Why a check or command counts as failed, with what it printed. */
export function commandError({ spec }: Task, report: CommandReport): Error {
  const [kind, command] =
    report.kind === 'check' ? (['check', spec.check] as const) : (['command', spec.command] as const);
  const how = report.timedOut
    ? `timed out after ${Math.round(report.durationMs)} ms and was killed`
    : report.error !== undefined
      ? `could not be started: ${report.error.message}`
      : report.signal !== null
        ? `was killed by ${report.signal}`
        : `exited with ${report.exit}`;
  const output = report.output.trim();
  return new Error(
    `${kind} ${JSON.stringify(commandText(command))} ${how}${output === '' ? '' : `: ${output}`}`,
  );
}
