/**
 * The answers that the templates of one runner share: one subscription a query, one watch a file, each kept for as long as
 * a template uses it.
 */
import type { Clock, Timer } from '../lib/clock.ts';
import type { Dependency } from './dependency.ts';
import { answerKey } from './evaluator-messages.ts';
import { EvaluatorThread } from './evaluator-thread.ts';
import { processEnvironment } from './evaluator.ts';
import type { World } from './evaluator.ts';
import { watchFile } from './file-watch.ts';
import type { Source } from './source.ts';

/** A template, as far as its dependencies know it. */
export interface Dependent {
  /** Called, synchronously, when an answer that it uses has changed. */
  changed(): void;
}

export interface DependenciesDeps {
  readonly source: Source;
  readonly clock: Clock;
  /** A subscription failed; it goes on trying by itself. */
  readonly onError: (dependency: Dependency, error: Error) => void;
}

/** `savedAtMs`: a source that can't be reached said so before this start, at that time (wall clock). */
export interface KnownAnswer {
  readonly data: unknown;
  readonly savedAtMs?: number;
}

interface Entry {
  current(): KnownAnswer | undefined;
  close(): void;
  readonly users: Set<Dependent>;
  /** Last failure, undefined again after an answer. */
  readonly state: { readonly error: Error | undefined };
  readonly sinceMs: number;
}

/** How long first answers are gathered while others are still awaited. */
const gatherMs = 50;

export class Dependencies implements World {
  /** Where long evaluations of these templates run. */
  readonly thread = new EvaluatorThread();
  readonly #deps: DependenciesDeps;
  // By what is asked, not by id: `key` and `keyExists` of one key are one subscription.
  readonly #entries = new Map<string, Entry>();
  readonly #used = new Map<Dependent, Map<string, Dependency>>();
  /** What has had no answer yet, by user; and who will be told soon that some of it has. */
  readonly #awaited = new Map<Dependent, Set<Entry>>();
  readonly #soon = new Map<Dependent, Timer>();

  constructor(deps: DependenciesDeps) {
    this.#deps = deps;
  }

  lookup(dependency: Dependency): KnownAnswer | undefined {
    return this.#entries.get(answerKey(dependency))?.current();
  }

  /** When the oldest of some answers was saved (wall clock), if one of them is of an earlier run. */
  savedAtMs(dependencies: readonly Dependency[]): number | undefined {
    const times = dependencies.map(
      (dependency) => this.lookup(dependency)?.savedAtMs ?? Number.POSITIVE_INFINITY,
    );
    const oldest = times.reduce((a, b) => Math.min(a, b), Number.POSITIVE_INFINITY);
    return Number.isFinite(oldest) ? oldest : undefined;
  }

  environment(name: string): string | undefined {
    return processEnvironment(name);
  }

  wallMs(): number {
    return this.#deps.clock.wallMs();
  }

  /** Why a dependency has no answer, as far as its source said, and since when it is waited for (monotonic). */
  waiting(dependency: Dependency): { readonly sinceMs: number; readonly error: Error | undefined } {
    const entry = this.#entries.get(answerKey(dependency));
    return { sinceMs: entry?.sinceMs ?? this.#deps.clock.monotonicMs(), error: entry?.state.error };
  }

  /**
   * Subscribes to what the user newly needs; with `release`, drops what it no longer uses. True when one of the new
   * subscriptions has an answer already, so that evaluating again is worth it.
   */
  follow(user: Dependent, used: readonly Dependency[], release: boolean): boolean {
    const known = this.#used.get(user) ?? new Map<string, Dependency>();
    const wanted = new Map(used.map((dependency) => [answerKey(dependency), dependency]));
    let answered = false;
    for (const [key, dependency] of wanted) {
      if (known.has(key)) continue;
      const entry = this.#entries.get(key) ?? this.#open(key, dependency);
      // One that others follow was visible to the evaluation already.
      if (entry.users.size === 0 && entry.current() !== undefined) answered = true;
      entry.users.add(user);
      if (entry.current() === undefined) this.#await(user, entry);
    }
    if (release) for (const key of known.keys()) if (!wanted.has(key)) this.#drop(user, key);
    this.#used.set(user, release ? wanted : new Map([...known, ...wanted]));
    return answered;
  }

  close(): void {
    this.thread.close();
    for (const timer of this.#soon.values()) timer.cancel();
    this.#soon.clear();
    this.#awaited.clear();
    for (const entry of this.#entries.values()) entry.close();
    this.#entries.clear();
    this.#used.clear();
  }

  #open(key: string, dependency: Dependency): Entry {
    const users = new Set<Dependent>();
    const state: { error: Error | undefined } = { error: undefined };
    const onChange = (): void => {
      state.error = undefined;
      for (const user of Array.from(users)) this.#tell(user, entry);
    };
    const subscription = this.#subscribe(dependency, onChange, (error) => {
      state.error = error;
      this.#deps.onError(dependency, error);
    });
    const entry: Entry = {
      current: () => subscription.current(),
      close: () => subscription.close(),
      users,
      state,
      sinceMs: this.#deps.clock.monotonicMs(),
    };
    this.#entries.set(key, entry);
    return entry;
  }

  #await(user: Dependent, entry: Entry): void {
    const awaited = this.#awaited.get(user);
    if (awaited === undefined) this.#awaited.set(user, new Set([entry]));
    else awaited.add(entry);
  }

  // An evaluation for each of many first answers would find the others missing, each time.
  #tell(user: Dependent, entry: Entry): void {
    const awaited = this.#awaited.get(user);
    const isFirst = awaited?.delete(entry) === true;
    if (isFirst && awaited.size > 0) {
      if (!this.#soon.has(user)) {
        this.#soon.set(
          user,
          this.#deps.clock.after(gatherMs, () => this.#tellNow(user)),
        );
      }
      return;
    }
    this.#tellNow(user);
  }

  #tellNow(user: Dependent): void {
    this.#soon.get(user)?.cancel();
    this.#soon.delete(user);
    user.changed();
  }

  #subscribe(
    dependency: Dependency,
    onChange: () => void,
    onError: (error: Error) => void,
  ): Pick<Entry, 'current' | 'close'> {
    if (dependency.kind === 'query') return this.#deps.source.subscribe(dependency.query, onChange, onError);
    const file = watchFile(dependency.path, this.#deps.clock, onChange);
    if (file.error !== undefined) onError(file.error);
    return file;
  }

  #drop(user: Dependent, key: string): void {
    const entry = this.#entries.get(key);
    if (entry === undefined) return;
    this.#awaited.get(user)?.delete(entry);
    entry.users.delete(user);
    if (entry.users.size > 0) return;
    this.#entries.delete(key);
    entry.close();
  }
}
