/**
 * The templates that share a command, and how a change of them reaches it:
 *
 *   evaluate all -> write candidates -> check -> swap all -> command once -> (roll all back -> command again)
 *
 * Invariants: a destination holds its old bytes or its new ones; equal bytes do nothing; nothing of a group is evaluated or
 * swapped while one of its commands runs; after a failure the group tries again, with a growing delay and at once when its
 * output is another. Without a check, all up to the command's start happens in one turn of the event loop.
 */
import { Backoff } from '../lib/backoff.ts';
import type { Clock, Timer } from '../lib/clock.ts';
import type { Logger } from '../lib/log.ts';
import { childEnvironment } from './child-environment.ts';
import { commandText, runCommand } from './command.ts';
import type { Command } from './command.ts';
import type { Candidate, Swap } from './destination.ts';
import type { CommandReport, RunnerHooks } from './options.ts';
import type { OwedCommands } from './owed.ts';
import { Spare } from './spare.ts';
import type { Task } from './task.ts';

export interface GroupDeps {
  readonly clock: Clock;
  readonly log: Logger;
  readonly hooks: RunnerHooks;
  readonly owed: OwedCommands;
  /** Added to what commands see of this process's environment. */
  readonly environment: Readonly<Record<string, string>>;
  /** Ends running commands. */
  readonly killSignal: AbortSignal;
  /** Something may be left to do: a task became dirty meanwhile. */
  readonly onIdle: () => void;
  readonly retry: boolean;
  /** As consul-template: a command that fails ends the runner, and the file stays; one with timeout 0 is not waited for. */
  readonly strict: boolean;
  /** A failure that ends the runner. */
  readonly onFatal: (error: Error) => void;
}

interface Staged {
  readonly task: Task;
  readonly bytes: Uint8Array;
  readonly candidate: Candidate;
}

interface Swapped {
  readonly task: Task;
  readonly bytes: Uint8Array;
  readonly swap: Swap;
}

/** A spare is armed once all is quiet: the fork must not hold up what comes next. */
const armMs = 100;

export class Group {
  readonly tasks: readonly Task[];
  readonly #deps: GroupDeps;
  readonly #backoff = new Backoff({ minMs: 1000, maxMs: 30_000 });
  #busy = false;
  #retryTimer: Timer | undefined;
  #isClosed = false;
  #armTimer: Timer | undefined;
  readonly #spare = new Spare();
  #staged: readonly Staged[] = [];
  #swapped: Swapped[] = [];

  constructor(tasks: readonly Task[], deps: GroupDeps) {
    this.tasks = tasks;
    this.#deps = deps;
  }

  /** A check or a command of it runs. */
  get busy(): boolean {
    return this.#busy;
  }

  get dirty(): boolean {
    return this.tasks.some((task) => task.dirty);
  }

  close(): void {
    this.#isClosed = true;
    this.#retryTimer?.cancel();
    this.#armTimer?.cancel();
    this.#spare.close();
  }

  /** Starts a process ahead, soon, that the next command will be. */
  arm(): void {
    const [first] = this.tasks;
    // What runs once needs no second command.
    if (first === undefined || first.command === '' || !this.#deps.retry || this.#isClosed) return;
    // A spare's output goes through pipes.
    if (this.#deps.strict) return;
    const { command, destination } = first.spec;
    this.#armTimer?.cancel();
    this.#armTimer = this.#deps.clock.after(armMs, () => {
      if (!this.#busy) this.#spare.arm(destination, command, this.#environment(first, destination));
    });
  }

  /** Evaluates what is dirty and writes candidates; those without a check are swapped. Call it when not `busy`. */
  render(): void {
    const staged = this.tasks.filter((task) => task.dirty).flatMap((task) => this.#stage(task));
    this.#staged = staged.filter(({ task }) => task.spec.check.length > 0);
    for (const one of staged) if (!this.#staged.includes(one)) this.#swap(one);
  }

  /** Does what `render` left: checks, swaps, the command. Resolves when the group is idle again; never rejects. */
  async reload(): Promise<void> {
    const owing = this.tasks.filter((task) => task.commandOwed);
    if (this.#staged.length === 0 && this.#swapped.length === 0 && owing.length === 0) return;
    this.#busy = true;
    try {
      // Without a check the command starts in this very turn.
      if (this.#staged.length > 0) await this.#checkAll();
      await this.#runCommand();
    } finally {
      this.#busy = false;
      this.arm();
      this.#deps.onIdle();
    }
  }

  #stage(task: Task): readonly Staged[] {
    const known = task.error?.message;
    const outcome = task.evaluate();
    if (outcome.kind === 'broken' && outcome.error.message !== known) {
      this.#deps.log.error({ err: outcome.error }, 'template failed');
    }
    if (outcome.kind === 'broken' && task.spec.errorFatal) this.#deps.onFatal(outcome.error);
    if (outcome.kind !== 'rendered') return [];
    const { bytes } = outcome;
    try {
      if (task.destination.read()?.equals(bytes) === true) return this.#unchanged(task);
      // The retry timer will bring it back.
      if (task.refused !== undefined && Buffer.compare(task.refused, bytes) === 0) {
        task.state = 'failed';
        return [];
      }
      return [{ task, bytes, candidate: task.destination.stage(bytes) }];
    } catch (error) {
      this.#failed([task], error as Error, 'destination could not be written');
      if (this.#deps.strict) this.#deps.onFatal(error as Error);
      return [];
    }
  }

  #unchanged(task: Task): readonly Staged[] {
    if (!this.#deps.strict) task.destination.applyMode();
    task.refused = undefined;
    task.commandOwed = task.command !== '' && this.#deps.owed.has(task.spec.destination, task.command);
    if (!task.commandOwed) task.succeed();
    return [];
  }

  #swap({ task, bytes, candidate }: Staged): void {
    try {
      this.#noteDebt(task);
      const swap = candidate.swap();
      this.#swapped.push({ task, bytes, swap });
      task.commandOwed = task.command !== '';
      task.rendered(bytes.length);
    } catch (error) {
      if (!task.commandOwed) this.#deps.owed.settle(task.spec.destination, task.command);
      this.#failed([task], error as Error, 'destination could not be replaced');
      if (this.#deps.strict) this.#deps.onFatal(error as Error);
    }
  }

  // A note that cannot be kept is no reason to keep an old file.
  #noteDebt(task: Task): void {
    if (task.command === '') return;
    try {
      this.#deps.owed.add(task.spec.destination, task.command);
    } catch (error) {
      this.#deps.log.warn({ err: error, destination: task.spec.destination }, 'owed command not noted');
    }
  }

  async #checkAll(): Promise<void> {
    const staged = this.#staged;
    this.#staged = [];
    for (const one of staged) {
      one.task.state = 'reloading';
      if (one.task.spec.checkInPlace) await this.#checkInPlace(one);
      else if (await this.#passes(one, one.candidate.path)) this.#swap(one);
      else one.candidate.discard();
    }
  }

  async #checkInPlace(one: Staged): Promise<void> {
    const { task } = one;
    const owedBefore = task.commandOwed;
    this.#swap(one);
    const swapped = this.#swapped.at(-1);
    if (swapped?.task !== task || (await this.#passes(one, task.destination.path))) return;
    this.#swapped.pop();
    if (this.#restore([swapped]).length === 0) swapped.swap.remove();
    task.commandOwed = owedBefore;
    if (!owedBefore) this.#deps.owed.settle(task.spec.destination, task.command);
    void swapped.swap.sync();
  }

  async #passes({ task, bytes }: Staged, candidate: string): Promise<boolean> {
    const report = await this.#run('check', task, task.spec.check, task.spec.checkTimeoutMs, candidate);
    if (report.ok) return true;
    task.refused = bytes;
    const isStopping = this.#deps.killSignal.aborted;
    const message = isStopping ? 'check was interrupted' : 'check refused the candidate';
    this.#failed([task], commandError('check', task.spec.check, report), message);
    return false;
  }

  async #runCommand(): Promise<void> {
    const swapped = this.#swapped;
    this.#swapped = [];
    const owing = this.tasks.filter((task) => task.commandOwed);
    const concerned = [...new Set([...swapped.map(({ task }) => task), ...owing])];
    const first = concerned[0];
    // The command starts before anything waits for the disk.
    const running = first === undefined || first.command === '' ? undefined : this.#command('command', first);
    for (const { task, bytes, swap } of swapped) {
      void swap.sync();
      const { source, destination } = task.spec;
      this.#deps.log.info({ source, destination, bytes: bytes.length }, 'file replaced');
    }
    if (running === undefined) {
      if (concerned.length > 0) this.#backoff.reset();
      for (const task of concerned) task.succeed();
      return;
    }
    for (const task of concerned) task.state = 'reloading';
    const report = await running;
    if (report.ok) this.#settle(concerned, report);
    else if (this.#deps.strict) this.#giveUp(concerned, report);
    else if (this.#deps.killSignal.aborted) this.#interrupted(concerned, swapped, report);
    else await this.#rollBack(concerned, swapped, report);
  }

  // The debt is not noted: a restart finds the file as it is and runs nothing.
  #giveUp(tasks: readonly Task[], report: CommandReport): void {
    const error = commandError('command', tasks[0]!.spec.command, report);
    for (const task of tasks) {
      this.#deps.owed.settle(task.spec.destination, task.command);
      task.commandOwed = false;
    }
    this.#failed(tasks, error, 'command failed');
    if (!this.#deps.killSignal.aborted) this.#deps.onFatal(error);
  }

  // The runner stops and has killed its command. The next start knows of the debt by its note; where none outlives this
  // process, by the file: the old one is put back, so that it is replaced again then.
  #interrupted(concerned: readonly Task[], swapped: readonly Swapped[], report: CommandReport): void {
    const error = commandError('command', concerned[0]!.spec.command, report);
    for (const task of concerned) task.fail('failed', error);
    const restored = this.#deps.owed.isDurable ? [] : this.#restore(swapped);
    for (const { task } of restored) task.commandOwed = false;
    const fields = { destination: destinationsOf(concerned), restored: restored.length };
    this.#deps.log.warn(fields, 'command was interrupted');
  }

  #settle(tasks: readonly Task[], report: CommandReport): void {
    this.#backoff.reset();
    for (const task of tasks) {
      this.#deps.owed.settle(task.spec.destination, task.command);
      task.commandOwed = false;
      task.lastCommand = report;
      task.succeed();
    }
  }

  // The command has refused what is there now. What was there before is put back and the command gets it again. A first
  // rendering has nothing to go back to: it stays, and its command is owed.
  async #rollBack(
    concerned: readonly Task[],
    swapped: readonly Swapped[],
    report: CommandReport,
  ): Promise<void> {
    const first = concerned[0]!;
    const error = commandError('command', first.spec.command, report);
    const restored = this.#restore(swapped);
    for (const task of concerned) {
      const back = restored.find((one) => one.task === task);
      task.commandOwed = back === undefined;
      if (back !== undefined) task.refused = back.bytes;
    }
    this.#failed(concerned, error, restored.length > 0 ? 'command failed, rolled back' : 'command failed');
    if (restored.length === 0) return;
    const again = await this.#command('command-after-rollback', first);
    for (const { task } of restored) {
      task.lastCommand = report;
      if (again.ok) this.#deps.owed.settle(task.spec.destination, task.command);
    }
    if (!again.ok) {
      const failure = commandError('command', first.spec.command, again);
      this.#deps.log.error({ err: failure }, 'command failed after the roll-back, too');
    }
  }

  #restore(swapped: readonly Swapped[]): readonly Swapped[] {
    return swapped.filter(({ task, swap }) => {
      try {
        return swap.restore();
      } catch (error) {
        this.#deps.log.error({ err: error, destination: task.spec.destination }, 'roll-back failed');
        return false;
      }
    });
  }

  #command(kind: CommandReport['kind'], task: Task): Promise<CommandReport> {
    return this.#run(kind, task, task.spec.command, task.spec.commandTimeoutMs, task.spec.destination);
  }

  async #run(
    kind: CommandReport['kind'],
    task: Task,
    command: Command,
    timeoutMs: number,
    candidate: string,
  ): Promise<CommandReport> {
    const at = this.#deps.clock.wallMs();
    const { destination } = task.spec;
    const { strict, killSignal } = this.#deps;
    const result = await runCommand(command, {
      timeoutMs,
      env: this.#environment(task, candidate),
      signal: killSignal,
      spare: kind === 'check' ? undefined : this.#spare.take(destination),
      killSignal: task.spec.killSignal,
      killTimeoutMs: task.spec.killTimeoutMs,
      inherit: strict && kind !== 'check',
      detach: strict && kind !== 'check' && timeoutMs === 0,
    });
    const report: CommandReport = { ...result, kind, at };
    task.lastCommand = report;
    this.#deps.hooks.commandEnded?.({ ...report, command: commandText(command) });
    const { exit, durationMs, output } = report;
    this.#deps.log.debug({ command: commandText(command), kind, exit, durationMs, output }, 'command ended');
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

  #failed(tasks: readonly Task[], error: Error, message: string): void {
    for (const task of tasks) task.fail('failed', error);
    this.#deps.log.error({ destination: destinationsOf(tasks), err: error }, message);
    if (!this.#deps.retry || this.#isClosed) return;
    this.#retryTimer?.cancel();
    this.#retryTimer = this.#deps.clock.after(this.#backoff.nextMs(), () => {
      for (const task of this.tasks) {
        // It may wait for data or be broken by now: what was refused is open again when it comes back.
        if (task.state === 'failed' || task.refused !== undefined || task.commandOwed) task.retry();
      }
    });
  }
}

function destinationsOf(tasks: readonly Task[]): string {
  return tasks.map((task) => task.spec.destination).join(' ');
}

function commandError(kind: 'check' | 'command', command: Command, report: CommandReport): Error {
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
