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
import type { Timer } from '../lib/clock.ts';
import type { Candidate, Swap } from './destination.ts';
import { commandError, GroupCommands, type GroupCommandsDeps } from './group-commands.ts';
import type { CommandReport } from './options.ts';
import type { OwedCommands } from './owed.ts';
import type { Task } from './task.ts';
import { beginTrial, recoverTrial, type Trial } from './trial.ts';

export interface GroupDeps extends GroupCommandsDeps {
  readonly owed: OwedCommands;
  /** Something may be left to do: a task became dirty meanwhile. */
  readonly onIdle: () => void;
  readonly retry: boolean;
  /** As consul-template, besides: a command that fails ends the runner, and the file stays. */
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
  readonly owedBefore: boolean;
}

export class Group {
  readonly tasks: readonly Task[];
  readonly #deps: GroupDeps;
  readonly #commands: GroupCommands;
  readonly #backoff = new Backoff({ minMs: 1000, maxMs: 30_000 });
  /** A named group: of each member that has one, the output that it should have now. */
  readonly #outputs: Map<Task, Uint8Array> | undefined;
  #busy = false;
  #retryTimer: Timer | undefined;
  #isClosed = false;
  /** What waits for its checks, in parts of which all or nothing is swapped. */
  #staged: readonly (readonly Staged[])[] = [];
  #swapped: readonly Swapped[] = [];
  /** Of files that are being checked in their places. */
  #trials: ReadonlyMap<Task, Trial> = new Map();

  constructor(tasks: readonly Task[], deps: GroupDeps) {
    this.tasks = tasks;
    this.#deps = deps;
    this.#commands = new GroupCommands(deps);
    if ((tasks[0]?.spec.commandGroup ?? '') === '') return;
    this.#outputs = new Map();
    // Those that were members of another group have outputs that only that one knew.
    for (const task of tasks) task.dirty = !task.unusable;
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
    this.#commands.close();
  }

  /** Starts a process ahead, soon, that the next command will be. */
  arm(): void {
    const [first] = this.tasks;
    // What runs once needs no second command.
    if (first === undefined || first.command === '' || !this.#deps.retry || this.#isClosed) return;
    this.#commands.arm(first);
  }

  /** Puts back what a check of a former process never decided about. Call it once, before anything is rendered. */
  recover(): void {
    for (const task of this.tasks) this.#recover(task);
  }

  #recover(task: Task): void {
    const { destination } = task.spec;
    try {
      if (!recoverTrial(task.destination)) return;
      this.#deps.log.warn({ destination }, 'a check was cut off: the file is as it was before');
    } catch (error) {
      this.#deps.log.error(
        { err: error, destination },
        'what a check was cut off from could not be put back',
      );
    }
  }

  /** Evaluates what is dirty and writes candidates; those without a check are swapped. Call it when not `busy`. */
  render(): void {
    const dirty = this.tasks.filter((task) => task.dirty);
    const parts =
      this.#outputs === undefined
        ? dirty.map((task) => this.#stage(task))
        : [this.#stageTogether(dirty, this.#outputs)];
    const waiting = parts.filter((part) => part.some(({ task }) => task.spec.check.length > 0));
    for (const part of parts) if (!waiting.includes(part)) this.#swapPart(part);
    this.#staged = waiting;
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
    const bytes = this.#evaluate(task);
    const staged = bytes === undefined ? undefined : this.#compare(task, bytes);
    return staged === undefined || typeof staged === 'string' ? [] : [staged];
  }

  // Nothing is staged before every member has an output, and no member that differs is left out.
  #stageTogether(dirty: readonly Task[], outputs: Map<Task, Uint8Array>): readonly Staged[] {
    for (const task of dirty) {
      const before = outputs.get(task);
      const bytes = this.#evaluate(task);
      if (bytes === undefined) outputs.delete(task);
      else outputs.set(task, bytes);
      // With another file beside it, what was refused may pass.
      if (bytes !== undefined && before !== undefined && Buffer.compare(bytes, before) !== 0)
        for (const member of this.tasks) member.refused = undefined;
    }
    const behind = this.tasks.filter((task) => !outputs.has(task));
    if (behind.length > 0) {
      this.#holdBack([...outputs.keys()], behind);
      return [];
    }
    const found = this.tasks.map((task) => this.#compare(task, outputs.get(task)!));
    const staged = found.filter((one) => typeof one !== 'string');
    if (!found.includes('failed')) return staged;
    for (const { candidate } of staged) candidate.discard();
    this.#holdBack(
      staged.map(({ task }) => task),
      this.tasks.filter((_, i) => found[i] === 'failed'),
    );
    return [];
  }

  #holdBack(tasks: readonly Task[], behind: readonly Task[]): void {
    const names = destinationsOf(behind);
    const hasFailed = behind.some(({ state }) => state === 'failed' || state === 'broken');
    for (const task of tasks) {
      if (hasFailed) task.fail('failed', new Error(`${names}, of the same command group, has failed`));
      else task.hold(`waits for ${names}, of the same command group`);
    }
  }

  /** Undefined: there is no output that may be written now. */
  #evaluate(task: Task): Uint8Array | undefined {
    const known = task.error?.message;
    const held = task.heldBecause;
    const outcome = task.evaluate();
    if (outcome.kind === 'broken' && outcome.error.message !== known) {
      this.#deps.log.error({ err: outcome.error }, 'template failed');
    }
    if (outcome.kind === 'broken' && task.spec.errorFatal) this.#deps.onFatal(outcome.error);
    if (outcome.kind === 'held' && task.heldBecause !== held) {
      const { destination } = task.spec;
      this.#deps.log.warn({ destination, reason: task.heldBecause }, 'file is held as it is');
    }
    return outcome.kind === 'rendered' ? outcome.bytes : undefined;
  }

  #compare(task: Task, bytes: Uint8Array): Staged | 'same' | 'failed' {
    try {
      if (task.destination.read()?.equals(bytes) === true) {
        this.#unchanged(task);
        return 'same';
      }
      // The retry timer will bring it back.
      if (task.refused !== undefined && Buffer.compare(task.refused, bytes) === 0) {
        task.state = 'failed';
        return 'failed';
      }
      return { task, bytes, candidate: task.destination.stage(bytes) };
    } catch (error) {
      this.#failed([task], error as Error, 'destination could not be written');
      if (this.#deps.strict) this.#deps.onFatal(error as Error);
      return 'failed';
    }
  }

  #unchanged(task: Task): void {
    task.destination.applyOwner({ keepMode: this.#deps.strict });
    task.refused = undefined;
    task.commandOwed = task.command !== '' && this.#deps.owed.has(task.spec.destination, task.command);
    if (!task.commandOwed) task.succeed();
  }

  /** All of it, or nothing. */
  #swapPart(part: readonly Staged[]): boolean {
    const failed = part.findIndex((one) => !this.#swap(one));
    if (failed < 0) return true;
    for (const { candidate } of part.slice(failed + 1)) candidate.discard();
    this.#takeBack(part.slice(0, failed));
    return false;
  }

  #swap({ task, bytes, candidate }: Staged): boolean {
    const owedBefore = task.commandOwed;
    try {
      this.#noteDebt(task);
      const swap = candidate.swap();
      this.#swapped = [...this.#swapped, { task, bytes, swap, owedBefore }];
      task.commandOwed = task.command !== '';
      task.rendered(bytes.length);
      return true;
    } catch (error) {
      if (!task.commandOwed) this.#deps.owed.settle(task.spec.destination, task.command);
      this.#failed([task], error as Error, 'destination could not be replaced');
      if (this.#deps.strict) this.#deps.onFatal(error as Error);
      return false;
    }
  }

  /** Puts back what was swapped, as if it had never been; no command has seen it. */
  #takeBack(part: readonly Staged[]): void {
    const gone = this.#swapped.filter(({ task }) => part.some((one) => one.task === task));
    this.#swapped = this.#swapped.filter((one) => !gone.includes(one));
    for (const one of gone) {
      const { task, swap, owedBefore } = one;
      const isBack = this.#trials.get(task)?.undo() === true;
      if (!isBack && swap.previous === undefined) swap.remove();
      else if (!isBack) this.#restore([one]);
      task.commandOwed = owedBefore;
      if (!owedBefore) this.#deps.owed.settle(task.spec.destination, task.command);
      void swap.sync();
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
    const parts = this.#staged;
    this.#staged = [];
    for (const part of parts) {
      for (const { task } of part) task.state = 'reloading';
      await this.#checkPart(part);
    }
  }

  // Candidates first: while they are judged, no destination has been touched.
  async #checkPart(part: readonly Staged[]): Promise<void> {
    const judged = part.filter(({ task }) => task.spec.check.length > 0);
    for (const one of judged.filter(({ task }) => !task.spec.checkInPlace)) {
      if (await this.#passes(one, one.candidate.path, part)) continue;
      for (const { candidate } of part) candidate.discard();
      return;
    }
    const inPlace = judged.filter(({ task }) => task.spec.checkInPlace);
    const tried = inPlace.length === 0 ? [] : part;
    this.#trials = new Map(tried.map(({ task }) => [task, beginTrial(task.destination)]));
    if (this.#swapPart(part)) await this.#checkInPlace(inPlace, part);
    for (const trial of this.#trials.values()) trial.end();
    this.#trials = new Map();
  }

  async #checkInPlace(inPlace: readonly Staged[], part: readonly Staged[]): Promise<void> {
    for (const one of inPlace) {
      if (await this.#passes(one, one.task.destination.path, part)) continue;
      return this.#takeBack(part);
    }
  }

  async #passes({ task, bytes }: Staged, candidate: string, part: readonly Staged[]): Promise<boolean> {
    const report = await this.#commands.check(task, candidate);
    if (report.ok) return true;
    task.refused = bytes;
    const isStopping = this.#deps.killSignal.aborted;
    const message = isStopping ? 'check was interrupted' : 'check refused the candidate';
    this.#failed(
      part.map((one) => one.task),
      commandError(task, report),
      message,
    );
    return false;
  }

  async #runCommand(): Promise<void> {
    const swapped = this.#swapped;
    this.#swapped = [];
    const owing = this.tasks.filter((task) => task.commandOwed);
    const concerned = [...new Set([...swapped.map(({ task }) => task), ...owing])];
    const first = concerned[0];
    // The command starts before anything waits for the disk.
    const running = first === undefined || first.command === '' ? undefined : this.#commands.command(first);
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
    const error = commandError(tasks[0]!, report);
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
    const error = commandError(concerned[0]!, report);
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
    const error = commandError(first, report);
    const restored = this.#restore(swapped);
    for (const task of concerned) {
      const back = restored.find((one) => one.task === task);
      task.commandOwed = back === undefined;
      if (back !== undefined) task.refused = back.bytes;
    }
    this.#failed(concerned, error, restored.length > 0 ? 'command failed, rolled back' : 'command failed');
    if (restored.length === 0) return;
    const again = await this.#commands.command(first, 'command-after-rollback');
    for (const { task } of restored) {
      task.lastCommand = report;
      if (again.ok) this.#deps.owed.settle(task.spec.destination, task.command);
    }
    if (!again.ok) {
      const failure = commandError(first, again);
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
