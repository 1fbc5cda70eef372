/**
 * The template runner: keeps files equal to what their templates say of a source, and runs their commands.
 *
 * In: templates, a Source. Out: files, commands, a status of each template.
 * Level-triggered: a change only marks the templates that use it; one look then evaluates them, all of one turn together.
 * Nothing that one template does holds up another, unless both share a command.
 */
import { setMaxListeners } from 'node:events';
import { aborted } from '../lib/abort.ts';
import type { Clock } from '../lib/clock.ts';
import { systemClock } from '../lib/clock.ts';
import type { Logger } from '../lib/log.ts';
import { fromBytes } from '../template/text.ts';
import { Dependencies } from './dependencies.ts';
import { Group } from './group.ts';
import type { RunnerHooks, RunnerOptions, TemplateStatus } from './options.ts';
import { OwedCommands } from './owed.ts';
import type { Source } from './source.ts';
import { Task } from './task.ts';

export interface RunnerDeps {
  readonly source: Source;
  readonly log: Logger;
  readonly clock?: Clock;
  readonly hooks?: RunnerHooks;
  /** Where dry runs print. */
  readonly print?: (text: string) => void;
}

const defaultStopGraceMs = 5000;

export class TemplateRunner {
  readonly #options: RunnerOptions;
  readonly #deps: Required<RunnerDeps>;
  readonly #dependencies: Dependencies;
  readonly #tasks: readonly Task[];
  readonly #groups: readonly Group[];
  readonly #kill = new AbortController();
  readonly #reloads = new Set<Promise<void>>();
  #running = false;
  #scheduled = false;
  #settled: () => void = () => {};

  constructor(options: RunnerOptions, deps: RunnerDeps) {
    this.#options = options;
    // One listener a running command.
    setMaxListeners(0, this.#kill.signal);
    this.#deps = { clock: systemClock, hooks: {}, print: () => {}, ...deps };
    this.#dependencies = new Dependencies({
      source: deps.source,
      clock: this.#deps.clock,
      onError: (dependency, error) =>
        deps.log.warn({ dependency: dependency.id, err: error }, 'dependency failed'),
    });
    this.#tasks = options.templates.map((spec) => this.#task(spec));
    this.#groups = this.#group(this.#tasks);
  }

  /**
   * Runs until the signal aborts; with `once`, until every template has come to an end. Commands that still run then get
   * a few seconds. Does not reject for what templates, files or commands do: `status` tells.
   */
  async run(signal: AbortSignal): Promise<void> {
    this.#running = true;
    for (const task of this.#tasks) {
      if (task.error !== undefined) this.#deps.log.error({ err: task.error }, 'template failed');
    }
    const settled = new Promise<void>((resolve) => {
      this.#settled = resolve;
    });
    // Templates may wait for nothing that holds the process open: timers and file watches do not.
    const alive = setInterval(() => {}, 2 ** 30);
    this.#flush();
    if (!this.#options.dry) for (const group of this.#groups) group.arm();
    await (this.#options.once ? Promise.race([settled, aborted(signal)]) : aborted(signal));
    await this.#stop();
    clearInterval(alive);
  }

  status(): readonly TemplateStatus[] {
    return this.#tasks.map((task) => task.status());
  }

  #task(spec: RunnerOptions['templates'][number]): Task {
    const { environment, once, wait } = this.#options;
    return new Task(spec, environment, once ? null : (spec.wait ?? wait), {
      dependencies: this.#dependencies,
      clock: this.#deps.clock,
      hooks: this.#deps.hooks,
      onDirty: () => this.#schedule(),
    });
  }

  #group(tasks: readonly Task[]): readonly Group[] {
    const { clock, log, hooks } = this.#deps;
    const { dry, once, stateDir } = this.#options;
    const environment = { ...process.env, ...this.#options.environment };
    const owed = new OwedCommands(dry ? undefined : stateDir);
    const byCommand = new Map<string, Task[]>();
    for (const [i, task] of tasks.entries()) {
      const key = task.command === '' ? `no command ${i}` : `command ${task.command}`;
      byCommand.set(key, [...(byCommand.get(key) ?? []), task]);
    }
    const onIdle = (): void => this.#schedule();
    const deps = {
      clock,
      log,
      hooks,
      owed,
      environment,
      killSignal: this.#kill.signal,
      onIdle,
      retry: !once,
    };
    return [...byCommand.values()].map((members) => new Group(members, deps));
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
    const ready = this.#groups.filter((group) => group.dirty && !group.busy);
    if (this.#options.dry) for (const group of ready) this.#printChanges(group);
    else for (const group of ready) group.render();
    for (const group of ready) {
      const reload = group.reload();
      this.#reloads.add(reload);
      void reload.then(() => this.#reloads.delete(reload));
    }
    const idle = this.#groups.every((group) => !group.busy && !group.dirty);
    if (idle && this.#tasks.every((task) => task.settled)) this.#settled();
  }

  #printChanges(group: Group): void {
    for (const task of group.tasks) {
      if (!task.dirty) continue;
      const outcome = task.evaluate();
      if (outcome.kind === 'broken') this.#deps.log.error({ err: outcome.error }, 'template failed');
      if (outcome.kind !== 'rendered') continue;
      try {
        if (task.destination.read()?.equals(outcome.bytes) !== true) {
          this.#deps.print(`> ${task.spec.destination}\n${fromBytes(outcome.bytes)}`);
        }
        task.succeed();
      } catch (error) {
        task.fail('failed', error as Error);
      }
    }
  }

  async #stop(): Promise<void> {
    this.#running = false;
    for (const task of this.#tasks) task.close();
    for (const group of this.#groups) group.close();
    this.#dependencies.close();
    if (this.#reloads.size === 0) return;
    const grace = this.#deps.clock.after(this.#options.stopGraceMs ?? defaultStopGraceMs, () =>
      this.#kill.abort(),
    );
    await Promise.all(this.#reloads);
    grace.cancel();
  }
}
