/** One runner on one source, as long as the way to the source stays the same. */
import { isDeepStrictEqual } from 'node:util';
import type { TemplateLoad } from '../config/template-config.ts';
import type { Logger } from '../lib/log.ts';
import type { FileChange } from '../render/dry.ts';
import type { RunnerChild, RunnerHooks, TemplateSpec, TemplateStatus } from '../render/options.ts';
import type { OwedCommands } from '../render/owed.ts';
import { TemplateRunner } from '../render/runner.ts';
import type { Source } from '../render/source.ts';
import {
  consulEnvironment,
  type OpenDedup,
  openDedup,
  openSource,
  type SourceSettings,
  sourceSettings,
  withMemory,
} from './template-source.ts';
import { templateSpecs } from './templates.ts';

export interface SessionDeps {
  readonly log: Logger;
  /** Where dry runs print. */
  readonly print: (change: FileChange) => void;
  readonly dry: boolean;
  readonly child: RunnerChild;
  readonly owed: OwedCommands;
  readonly hooks: RunnerHooks;
}

/** How a run ended by itself. */
export interface SessionEnd {
  /** Every template has come to an end (with `once`). */
  readonly isComplete: boolean;
  readonly failed: boolean;
  readonly failure: Error | undefined;
}

export class TemplateSession {
  readonly #settings: SourceSettings;
  readonly #source: Source;
  readonly #dedup: OpenDedup | undefined;
  readonly #runner: TemplateRunner;
  readonly #stop = new AbortController();
  readonly #givenUp: Promise<Error>;
  #ended: Promise<SessionEnd> | undefined;
  #closed: Promise<void> | undefined;

  /** Throws AgentError when something that the configuration names can't be read. */
  constructor(load: TemplateLoad, deps: SessionDeps) {
    const templates = specsOf(load);
    this.#settings = sourceSettings(load);
    let giveUp: (error: Error) => void = () => {};
    this.#givenUp = new Promise((resolve) => (giveUp = resolve));
    this.#source = withMemory(
      openSource(this.#settings, (error) => giveUp(error)),
      load,
      deps.log,
    );
    const { log, print, dry, child, owed, hooks } = deps;
    // What runs once neither leads nor waits for a leader.
    this.#dedup = load.once || dry ? undefined : openDedup(this.#settings, this.#source, log);
    const dedup = this.#dedup?.dedup;
    this.#runner = new TemplateRunner(
      {
        templates,
        once: load.once,
        dry,
        stateDir: load.stateDir === '' ? undefined : load.stateDir,
        environment: consulEnvironment(this.#settings),
        strict: load.strict,
        ...(load.once && load.onceTimeoutMs > 0 ? { onceTimeoutMs: load.onceTimeoutMs } : {}),
        ...(load.errorOnFailedLookup ? { failedLookupMs: load.queryWaitMs } : {}),
      },
      {
        source: this.#source,
        log: log.child('render'),
        print,
        child,
        owed,
        hooks,
        ...(dedup === undefined ? {} : { sourceFor: (spec) => dedup.sourceFor(spec) }),
      },
    );
  }

  status(): readonly TemplateStatus[] {
    return this.#runner.status();
  }

  /** Resolves when it has ended by itself or has been closed. */
  run(): Promise<SessionEnd> {
    this.#ended ??= this.#run();
    return this.#ended;
  }

  /** False: the new configuration asks another source, and needs a session of its own. Throws when it cannot be used. */
  async adopt(load: TemplateLoad): Promise<boolean> {
    const templates = specsOf(load);
    if (!isDeepStrictEqual(sourceSettings(load), this.#settings)) return false;
    await this.#runner.reconfigure(templates);
    return true;
  }

  /** Running commands get a few seconds. */
  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    this.#stop.abort();
    await this.#ended;
    await this.#dedup?.close();
    await this.#source.close();
  }

  async #run(): Promise<SessionEnd> {
    const running = this.#runner.run(this.#stop.signal);
    const givenUp = await Promise.race([running, this.#givenUp]);
    this.#stop.abort();
    await running;
    const failure = givenUp ?? this.#runner.failure;
    const failed = this.status().some(({ state }) => state === 'failed' || state === 'broken');
    return { isComplete: this.#runner.isComplete, failed, failure };
  }
}

function specsOf({ templates, errorFatal }: TemplateLoad): readonly TemplateSpec[] {
  return templateSpecs(templates, errorFatal);
}
