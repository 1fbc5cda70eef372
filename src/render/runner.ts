/**
 * The template runner: keeps files equal to what their templates say of a source, and runs their commands.
 *
 * In: templates, a Source. Out: files, commands, a status of each template.
 * Level-triggered: a change only marks the templates that use it; one look then evaluates them, all of one turn together.
 * Nothing that one template does holds up another, unless both share a command.
 */
import { setMaxListeners } from 'node:events';
import { isDeepStrictEqual } from 'node:util';
import { aborted } from '../lib/abort.ts';
import type { Clock, Timer } from '../lib/clock.ts';
import { systemClock } from '../lib/clock.ts';
import type { Logger } from '../lib/log.ts';
import { Dependencies } from './dependencies.ts';
import type { FileChange } from './dry.ts';
import { FailedLookups } from './failed-lookups.ts';
import { Group } from './group.ts';
import type { RunnerChild, RunnerHooks, RunnerOptions, TemplateSpec, TemplateStatus } from './options.ts';
import { OwedCommands } from './owed.ts';
import { Patience, waitingText } from './patience.ts';
import { Quiescence } from './quiescence.ts';
import type { Source } from './source.ts';
import { Task } from './task.ts';

export interface RunnerDeps {
  readonly source: Source;
  readonly log: Logger;
  readonly clock?: Clock;
  readonly hooks?: RunnerHooks;
  /** Where dry runs print. */
  readonly print?: (change: FileChange) => void;
  /** Told when all files are there, and when some have changed. */
  readonly child?: RunnerChild;
  /** Default: notes in `stateDir`. */
  readonly owed?: OwedCommands;
  /** A source of its own for a template, closed when the template goes; default: all share `source`. */
  readonly sourceFor?: (spec: TemplateSpec) => Source;
}

type Optional = 'sourceFor' | 'owed';

const defaultStopGraceMs = 5000;
const noChild: RunnerChild = { ready: () => {}, changed: () => {} };

export class TemplateRunner {
  readonly #options: RunnerOptions;
  readonly #deps: Required<Omit<RunnerDeps, Optional>> & Pick<RunnerDeps, Optional>;
  readonly #shared: Dependencies;
  /** Of templates whose source is their own. */
  readonly #own = new Map<Task, { readonly dependencies: Dependencies; readonly source: Source }>();
  readonly #owed: OwedCommands;
  readonly #lookups: FailedLookups | undefined;
  readonly #patience: Patience;
  /** Of templates that share a command and wait for the same. */
  readonly #quiets = new Map<string, Quiescence>();
  #tasks: readonly Task[] = [];
  #groups: readonly Group[] = [];
  /** A reload waits for their commands, and would for ever if they began others. */
  #leaving: readonly Group[] = [];
  readonly #kill = new AbortController();
  readonly #reloads = new Set<Promise<void>>();
  #running = false;
  #scheduled = false;
  #isReady = false;
  #hasChanged = false;
  #isComplete = false;
  #failure: Error | undefined;
  #end: () => void = () => {};

  constructor(options: RunnerOptions, deps: RunnerDeps) {
    this.#options = options;
    // One listener a running command.
    setMaxListeners(0, this.#kill.signal);
    this.#deps = { clock: systemClock, hooks: {}, print: () => {}, child: noChild, ...deps };
    this.#shared = this.#openDependencies(deps.source);
    this.#owed = deps.owed ?? new OwedCommands(options.dry ? undefined : options.stateDir);
    const { failedLookupMs } = options;
    if (failedLookupMs !== undefined)
      this.#lookups = new FailedLookups(failedLookupMs, {
        clock: this.#deps.clock,
        onFailed: (id) => this.#fail(new Error(`${id}: the key is still absent`)),
      });
    this.#patience = new Patience(() => this.status(), this.#deps);
    this.#tasks = options.templates.map((spec) => this.#task(spec));
    this.#groups = this.#group(this.#tasks);
  }

  /** What ended the run before its time. */
  get failure(): Error | undefined {
    return this.#failure;
  }

  /** With `once`: every template has come to an end. */
  get isComplete(): boolean {
    return this.#isComplete;
  }

  /**
   * Runs until the signal aborts; with `once`, until every template has come to an end; until a `failure` of those that are
   * configured to end it. Commands that still run then get a few seconds. Does not reject for what templates, files or
   * commands do: `status` tells.
   */
  async run(signal: AbortSignal): Promise<void> {
    this.#running = true;
    const ended = new Promise<void>((resolve) => {
      this.#end = resolve;
    });
    // Templates may wait for nothing that holds the process open: timers and file watches do not.
    const alive = setInterval(() => {}, 2 ** 30);
    const limit = this.#armLimit();
    if (!this.#options.dry) for (const group of this.#groups) group.recover();
    for (const task of this.#tasks) this.#tellUnusable(task);
    if (this.#failure !== undefined) this.#end();
    else this.#flush();
    if (!this.#options.dry) for (const group of this.#groups) group.arm();
    await Promise.race([ended, aborted(signal)]);
    limit?.cancel();
    await this.#stop();
    clearInterval(alive);
  }

  status(): readonly TemplateStatus[] {
    return this.#tasks.map((task) => task.status());
  }

  /**
   * Takes another list of templates. One that is the same as before goes on as if nothing had happened, with its data, its
   * retries and what it owes, but its file is put right when somebody else has changed it; a command that runs is waited
   * for. Throws the parse error of a new one, and keeps the old list.
   */
  async reconfigure(templates: readonly TemplateSpec[]): Promise<void> {
    const known = new Set(this.#tasks);
    const tasks = templates.map((spec) => {
      const same = [...known].find((task) => isDeepStrictEqual(task.spec, spec));
      if (same === undefined) return this.#task(spec);
      known.delete(same);
      return same;
    });
    const broken = tasks.find((task) => task.unusable && !this.#tasks.includes(task));
    if (broken !== undefined) throw broken.error!;
    const groups = this.#group(tasks, this.#groups);
    const gone = this.#groups.filter((group) => !groups.includes(group));
    this.#leaving = gone;
    while (gone.some((group) => group.busy)) await Promise.race(this.#reloads);
    this.#leaving = [];
    for (const group of gone) group.close();
    this.#tasks = tasks;
    this.#groups = groups;
    if (!this.#running) return;
    this.#handOverDebts([...known], tasks);
    for (const task of tasks) {
      // What waited for a retry timer of its old group.
      if (task.state === 'failed') task.retry();
      else if (task.state === 'current') task.look();
    }
    this.#flush();
    // Only now: what the new ones use as well has been kept.
    for (const task of known) this.#release(task);
  }

  /** The command of a file that is still rendered is owed under its new name. */
  #handOverDebts(gone: readonly Task[], tasks: readonly Task[]): void {
    for (const { spec, command, commandOwed } of gone) {
      if (!commandOwed) continue;
      const heir = tasks.find((task) => task.spec.destination === spec.destination);
      if (heir?.command === command) continue;
      this.#owed.settle(spec.destination, command);
      if (heir !== undefined && heir.command !== '') this.#owed.add(spec.destination, heir.command);
    }
  }

  #release(task: Task): void {
    task.close();
    const own = this.#own.get(task);
    this.#own.delete(task);
    if (own === undefined) this.#shared.follow(task, [], true);
    else {
      own.dependencies.close();
      void own.source.close();
    }
  }

  #openDependencies(source: Source): Dependencies {
    return new Dependencies({
      source,
      clock: this.#deps.clock,
      onError: (dependency, error) => {
        this.#deps.log.warn({ dependency: dependency.id, err: error }, 'dependency failed');
        if (dependency.kind === 'file' && this.#options.strict === true) this.#fail(error);
      },
    });
  }

  #task(spec: TemplateSpec): Task {
    const { environment, strict } = this.#options;
    const own = this.#deps.sourceFor?.(spec);
    const dependencies = own === undefined ? this.#shared : this.#openDependencies(own);
    const task = new Task(spec, environment, {
      dependencies,
      clock: this.#deps.clock,
      hooks: this.#deps.hooks,
      quiet: this.#quietOf(spec),
      strict: strict ?? false,
      onDirty: () => this.#schedule(),
    });
    if (own !== undefined) this.#own.set(task, { dependencies, source: own });
    return task;
  }

  #quietOf(spec: TemplateSpec): Quiescence | undefined {
    const { wait } = spec;
    if (this.#options.once || wait === null) return undefined;
    const key = groupKey(spec);
    if (key === undefined) return new Quiescence(wait, this.#deps.clock);
    const shared = JSON.stringify([key, wait]);
    const quiet = this.#quiets.get(shared) ?? new Quiescence(wait, this.#deps.clock);
    this.#quiets.set(shared, quiet);
    return quiet;
  }

  /** Groups of `known` with the same members are taken as they are. */
  #group(tasks: readonly Task[], known: readonly Group[] = []): readonly Group[] {
    const { clock, log, hooks } = this.#deps;
    const { once, environment, strict = false } = this.#options;
    const byCommand = new Map<string, Task[]>();
    for (const [i, task] of tasks.entries()) {
      const key = groupKey(task.spec) ?? `no command ${i}`;
      byCommand.set(key, [...(byCommand.get(key) ?? []), task]);
    }
    const deps = {
      clock,
      log,
      hooks,
      owed: this.#owed,
      environment,
      killSignal: this.#kill.signal,
      onIdle: () => this.#schedule(),
      retry: !once && !strict,
      strict,
      onFatal: (error: Error) => this.#fail(error),
    };
    return [...byCommand.values()].map((members) => {
      const same = known.find((group) => isSameList(group.tasks, members));
      return same ?? new Group(members, deps);
    });
  }

  #tellUnusable(task: Task): void {
    if (!task.unusable) return;
    this.#deps.log.error({ err: task.error }, 'template failed');
    if (task.spec.errorFatal) this.#failure = task.error;
  }

  #armLimit(): Timer | undefined {
    const { once, onceTimeoutMs } = this.#options;
    if (!once || onceTimeoutMs === undefined) return undefined;
    return this.#deps.clock.after(onceTimeoutMs, () => {
      const open = this.#tasks.filter((task) => !task.settled).map((task) => openText(task.status()));
      this.#fail(new Error(`once_timeout is over after ${onceTimeoutMs / 1000} s: ${open.join('; ')}`));
    });
  }

  #fail(error: Error): void {
    this.#failure ??= error;
    this.#end();
  }

  // What changes in one turn is looked at once, at the end of the turn.
  #schedule(): void {
    if (this.#scheduled || !this.#running) return;
    this.#scheduled = true;
    queueMicrotask(() => {
      this.#scheduled = false;
      if (this.#running) this.#flush();
    });
  }

  // All files first, then all commands: a command finds every file that its change concerns.
  #flush(): void {
    const ready = this.#groups.filter(
      (group) => group.dirty && !group.busy && !this.#leaving.includes(group),
    );
    if (this.#options.dry) for (const group of ready) this.#printChanges(group);
    else for (const group of ready) group.render();
    for (const group of ready) {
      const reload = group.reload();
      this.#reloads.add(reload);
      void reload.then(() => this.#reloads.delete(reload));
    }
    this.#lookups?.look(this.#tasks);
    if (this.#tasks.some((task) => task.isWaiting)) this.#patience.watch();
    this.#tellChild();
    const idle = this.#groups.every((group) => !group.busy && !group.dirty);
    if (!idle || !this.#tasks.every((task) => task.settled)) return;
    this.#isComplete = true;
    if (this.#options.once) this.#end();
  }

  // The end of a command leads to another look, by `onIdle`.
  #tellChild(): void {
    const changed = this.#tasks.filter((task) => task.takeChange()).length > 0;
    if (this.#isReady) {
      if (changed) this.#deps.child.changed();
      return;
    }
    this.#hasChanged ||= changed;
    if (!this.#tasks.every((task) => task.isInPlace)) return;
    this.#isReady = true;
    this.#deps.child.ready(this.#hasChanged);
  }

  #printChanges(group: Group): void {
    for (const task of group.tasks) {
      if (!task.dirty) continue;
      const outcome = task.evaluate();
      if (outcome.kind === 'broken') this.#deps.log.error({ err: outcome.error }, 'template failed');
      if (outcome.kind !== 'rendered') continue;
      try {
        const before = task.destination.read();
        if (before?.equals(outcome.bytes) !== true) {
          this.#deps.print({ path: task.spec.destination, before, after: outcome.bytes });
        }
        task.succeed();
      } catch (error) {
        task.fail('failed', error as Error);
      }
    }
  }

  async #stop(): Promise<void> {
    this.#running = false;
    this.#lookups?.close();
    this.#patience.close();
    for (const task of this.#tasks) task.close();
    for (const group of this.#groups) group.close();
    this.#shared.close();
    for (const { dependencies } of this.#own.values()) dependencies.close();
    if (this.#reloads.size === 0) return;
    const grace = this.#deps.clock.after(this.#options.stopGraceMs ?? defaultStopGraceMs, () =>
      this.#kill.abort(),
    );
    await Promise.all(this.#reloads);
    grace.cancel();
  }
}

/** Templates with the same one share a command; undefined: it has none. */
function groupKey({ command, commandGroup, env }: TemplateSpec): string | undefined {
  if (commandGroup !== '') return `group ${commandGroup}`;
  return command.length === 0 ? undefined : JSON.stringify([command, env]);
}

/** What keeps a template from its end. */
function openText({ destination, waitingFor, heldBecause, state }: TemplateStatus): string {
  if (waitingFor.length > 0) return `${destination} waits for ${waitingText(waitingFor)}`;
  return heldBecause === undefined ? `${destination} is ${state}` : `${destination} is held: ${heldBecause}`;
}

function isSameList<T>(a: readonly T[], b: readonly T[]): boolean {
  return a.length === b.length && a.every((item, i) => item === b[i]);
}
