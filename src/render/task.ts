/**
 * One template of a runner: when it must be evaluated, what came out, what it waits for.
 * Not here: writing and commands, which groups.ts does for templates that share a command.
 */
import type { Clock } from '../lib/clock.ts';
import { toBytes } from '../template/text.ts';
import { commandText } from './command.ts';
import type { Dependencies, Dependent } from './dependencies.ts';
import type { Dependency } from './dependency.ts';
import { Destination } from './destination.ts';
import { AdaptiveEvaluator } from './evaluator-adaptive.ts';
import type { Evaluation } from './evaluator.ts';
import { Hold, type ListSizes } from './hold.ts';
import type { CommandReport, RunnerHooks, TemplateSpec, TemplateState, TemplateStatus } from './options.ts';
import type { Quiescence } from './quiescence.ts';

export interface TaskDeps {
  readonly dependencies: Dependencies;
  readonly clock: Clock;
  readonly hooks: RunnerHooks;
  /** What a change waits for; undefined: it is looked at on the leading edge. */
  readonly quiet: Quiescence | undefined;
  /** As consul-template: an error counts though data are missing, and a symbolic link is replaced. */
  readonly strict: boolean;
  /** The task wants to be evaluated: `dirty` has become true. */
  readonly onDirty: () => void;
}

export type Outcome =
  | { readonly kind: 'rendered'; readonly bytes: Uint8Array }
  | { readonly kind: 'waiting' }
  | { readonly kind: 'held' }
  | { readonly kind: 'broken'; readonly error: Error };

/** More passes than this in one go: the template asks for something new each time. */
const passLimit = 64;

export class Task implements Dependent {
  readonly spec: TemplateSpec;
  readonly destination: Destination;
  /** One text for its command, '' for none. */
  readonly command: string;
  dirty = true;
  /** Set while a check or command of it runs, and after a failure. */
  state: TemplateState = 'waiting';
  error: Error | undefined;
  /** Why its output is not written, in state `held`. */
  heldBecause: string | undefined;
  lastCommand: CommandReport | undefined;
  /** What a check or command refused: not tried again until its retry is due or the output is another. */
  refused: Uint8Array | undefined;
  commandOwed = false;
  /** It has come to a first end: written, found equal, or failed. */
  settled = false;
  /** The destination has once been what the template says, with its command done. */
  isInPlace = false;
  readonly #deps: TaskDeps;
  readonly #evaluator: AdaptiveEvaluator | undefined;
  readonly #onQuiet = (): void => this.#markDirty();
  readonly #hold: Hold | undefined;
  #missing: readonly Dependency[] = [];
  #used: readonly Dependency[] = [];
  #evaluations = 0;
  #renders = 0;
  #lastRenderAt: number | undefined;
  #changedAtMs: number | undefined;
  #isSwapped = false;
  #hasChanged = false;

  constructor(spec: TemplateSpec, environment: Readonly<Record<string, string>>, deps: TaskDeps) {
    this.spec = spec;
    this.#deps = deps;
    this.destination = new Destination({
      path: spec.destination,
      perms: spec.perms,
      uid: spec.uid,
      gid: spec.gid,
      createDirs: spec.createDestDirs,
      backup: spec.backup,
      replaceLinks: deps.strict,
    });
    this.command = commandText(spec.command);
    this.#hold =
      spec.hold === null
        ? undefined
        : new Hold(spec.hold, { clock: deps.clock, onTimeout: () => this.#markDirty() });
    try {
      this.#evaluator = new AdaptiveEvaluator(
        { ...spec, name: spec.source, environment },
        deps.dependencies.thread,
      );
    } catch (error) {
      this.fail('broken', new Error(`${spec.source}: parse: ${(error as Error).message}`, { cause: error }));
      this.dirty = false;
    }
  }

  /** The text did not parse: nothing will ever come of it. */
  get unusable(): boolean {
    return this.#evaluator === undefined;
  }

  changed(): void {
    this.#changedAtMs ??= this.#deps.clock.monotonicMs();
    // The first rendering waits for nothing but its data.
    if (this.#deps.quiet !== undefined && this.settled) this.#deps.quiet.tick(this.#onQuiet);
    else this.#markDirty();
  }

  /** Holds the destination against the template once more. */
  look(): void {
    this.#markDirty();
  }

  retry(): void {
    this.refused = undefined;
    this.#markDirty();
  }

  close(): void {
    this.#deps.quiet?.cancel(this.#onQuiet);
    this.#hold?.close();
    this.#evaluator?.close();
  }

  /** Evaluates until no pass finds anything new. Call it when `dirty`. */
  evaluate(): Outcome {
    this.dirty = false;
    for (let pass = 0; ; pass++) {
      const evaluation = this.#pass();
      // It is under way in another thread, and comes back as dirty.
      if (evaluation === undefined) return { kind: 'waiting' };
      const { used, missing, result } = evaluation;
      const complete = missing.length === 0;
      const failed = 'error' in result;
      this.#missing = missing;
      const answered = this.#deps.dependencies.follow(this, used, complete && !failed);
      if (answered && pass < passLimit) continue;
      if (answered) this.#markDirty();
      if (failed && this.#deps.strict) return this.#broken(result.error);
      if (!complete || answered) return this.#waiting();
      if (failed) return this.#broken(result.error);
      const reason = this.#hold?.judge(this.#listSizes());
      if (reason !== undefined) {
        this.hold(reason);
        return { kind: 'held' };
      }
      return { kind: 'rendered', bytes: toBytes(result.output) };
    }
  }

  /** The destination has been replaced. */
  rendered(bytes: number): void {
    const { clock, hooks } = this.#deps;
    this.#renders++;
    this.#lastRenderAt = clock.wallMs();
    const since = this.#changedAtMs === undefined ? undefined : clock.monotonicMs() - this.#changedAtMs;
    this.#changedAtMs = undefined;
    this.#isSwapped = true;
    hooks.rendered?.({
      source: this.spec.source,
      destination: this.spec.destination,
      bytes,
      sinceChangeMs: since,
    });
  }

  /** The destination is as it should be. */
  succeed(): void {
    this.state = 'current';
    this.error = undefined;
    this.heldBecause = undefined;
    this.refused = undefined;
    this.settled = true;
    this.isInPlace = true;
    this.#changedAtMs = undefined;
    this.#hasChanged ||= this.#isSwapped;
    this.#isSwapped = false;
  }

  /** Its output is not written for now; the file stays as it is. */
  hold(reason: string): void {
    this.state = 'held';
    this.heldBecause = reason;
    this.#isSwapped = false;
  }

  fail(state: 'failed' | 'broken', error: Error): void {
    this.state = state;
    this.error = error;
    this.settled = true;
    this.#isSwapped = false;
  }

  /** The destination has been replaced, for good, since the last call. */
  takeChange(): boolean {
    const changed = this.#hasChanged;
    this.#hasChanged = false;
    return changed;
  }

  /** Some dependency has no answer. */
  get isWaiting(): boolean {
    return this.#missing.length > 0;
  }

  /** Ids of keys that are waited for and that the source says do not exist. */
  absentKeys(): readonly string[] {
    const { dependencies } = this.#deps;
    return this.#missing.filter((one) => dependencies.lookup(one)?.data === null).map(({ id }) => id);
  }

  status(): TemplateStatus {
    const now = this.#deps.clock.monotonicMs();
    return {
      source: this.spec.source,
      destination: this.spec.destination,
      state: this.state,
      waitingFor: this.#missing.map((dependency) => {
        const { sinceMs, error } = this.#deps.dependencies.waiting(dependency);
        return { id: dependency.id, forMs: now - sinceMs, error: error?.message };
      }),
      staleSince: this.#deps.dependencies.savedAtMs(this.#used),
      dependencies: this.#used.map(({ id }) => id),
      evaluations: this.#evaluations,
      renders: this.#renders,
      lastRenderAt: this.#lastRenderAt,
      error: this.error?.message,
      heldBecause: this.state === 'held' ? this.heldBecause : undefined,
      lastCommand: this.lastCommand,
      commandOwed: this.commandOwed,
    };
  }

  #pass(): Evaluation | undefined {
    const started = performance.now();
    const evaluation = this.#evaluator!.evaluate(this.#deps.dependencies, () => this.#markDirty());
    if (evaluation === undefined) return undefined;
    this.#evaluations++;
    this.#used = evaluation.used;
    this.#deps.hooks.evaluated?.({ source: this.spec.source, durationMs: performance.now() - started });
    return evaluation;
  }

  #listSizes(): ListSizes {
    const sizes = this.#used.map((one) => [one.id, this.#deps.dependencies.lookup(one)?.data] as const);
    return new Map(sizes.flatMap(([id, data]) => (Array.isArray(data) ? [[id, data.length]] : [])));
  }

  #waiting(): Outcome {
    this.state = 'waiting';
    return { kind: 'waiting' };
  }

  #broken(cause: Error): Outcome {
    const error = new Error(`${this.spec.source}: execute: ${cause.message}`, { cause });
    this.fail('broken', error);
    return { kind: 'broken', error };
  }

  #markDirty(): void {
    if (this.unusable) return;
    this.dirty = true;
    this.#deps.onDirty();
  }
}
