/**
 * What a template depends on, of which size, and what it still waits for.
 *
 * In: a template, somebody to ask, a limit of time. Out: every dependency with its answer's figures, and whether the template
 * would render. Nothing is written and no command runs; `plugin` does, as in every evaluation.
 */
import { readFileSync } from 'node:fs';
import { sleep } from '../lib/abort.ts';
import { fileProblem } from '../lib/file-problem.ts';
import { fromBytes, toBytes } from '../template/text.ts';
import type { Dependency } from './dependency.ts';
import { Evaluator, processEnvironment, type TemplateText, type World } from './evaluator.ts';
import type { Query } from './source.ts';

/** One request; with an index it may be held for `waitMs` until the answer is another. ConsulQueries is one. */
export interface Asker {
  ask(
    query: Query,
    options: {
      readonly index: number;
      readonly waitMs: number;
      readonly consistency: 'stale';
      readonly signal: AbortSignal;
    },
  ): Promise<{ readonly data: unknown; readonly index: number; readonly lastContactMs: number }>;
}

export interface ExplainDeps {
  readonly asker: Asker;
  readonly clock: { monotonicMs(): number; wallMs(): number };
}

export interface ExplainOptions {
  /** How long to wait for what is missing. */
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
}

export interface Explanation {
  /** Nothing is missing, and the template does not fail. */
  readonly ready: boolean;
  /** What the template says against it once nothing is missing. */
  readonly error: string | undefined;
  /** Evaluations until no new dependency turned up. */
  readonly passes: number;
  readonly outputBytes: number | undefined;
  readonly dependencies: readonly ExplainedDependency[];
}

export interface ExplainedDependency {
  readonly id: string;
  /** Nothing is rendered as long as one is missing. */
  readonly state: 'known' | 'missing';
  /** Elements of a list, 1 for one value, 0 for an absent one; undefined without an answer, as all that follow. */
  readonly items: number | undefined;
  /** As JSON. */
  readonly bytes: number | undefined;
  /** X-Consul-Index; undefined for files. */
  readonly index: number | undefined;
  /** How far the answering server was behind its leader. */
  readonly staleMs: number | undefined;
  /** Time of the request. */
  readonly tookMs: number | undefined;
  /** How long it has been waited for; undefined when known. */
  readonly missingMs: number | undefined;
  /** Why there is no answer. */
  readonly error: string | undefined;
}

interface Known {
  readonly dependency: Dependency;
  readonly askedMs: number;
  answer: { readonly data: unknown } | undefined;
  index: number | undefined;
  staleMs: number | undefined;
  tookMs: number | undefined;
  error: string | undefined;
}

/** Requests under way at a time. */
const atOnce = 8;
/** How often a file, and a server that does not hold its answers, is asked again. */
const againMs = 250;

/** Throws TemplateError when the text does not parse. */
export async function explainTemplate(
  template: Omit<TemplateText, 'sideEffects'>,
  deps: ExplainDeps,
  options: ExplainOptions,
): Promise<Explanation> {
  const evaluator = new Evaluator({ ...template, sideEffects: false });
  const inquiry = new Inquiry(deps, options);
  for (let passes = 1; ; passes++) {
    const { used, missing, result } = evaluator.evaluate(inquiry);
    const news = used.filter((dependency) => !inquiry.has(dependency));
    if (news.length > 0) {
      await inquiry.learn(news);
      continue;
    }
    if (missing.length > 0 && (await inquiry.waitFor(missing))) continue;
    const waiting = new Set(missing.map(keyOf));
    const error = missing.length === 0 && 'error' in result ? result.error.message : undefined;
    return {
      ready: missing.length === 0 && error === undefined,
      error,
      passes,
      outputBytes: missing.length === 0 && 'output' in result ? toBytes(result.output).length : undefined,
      dependencies: used.map((dependency) => inquiry.describe(dependency, waiting.has(keyOf(dependency)))),
    };
  }
}

function keyOf(dependency: Dependency): string {
  return dependency.key ?? dependency.id;
}

/** What has been asked, and what came of it. */
class Inquiry implements World {
  readonly #deps: ExplainDeps;
  readonly #deadlineMs: number;
  readonly #signal: AbortSignal;
  readonly #known = new Map<string, Known>();

  constructor(deps: ExplainDeps, { timeoutMs, signal }: ExplainOptions) {
    this.#deps = deps;
    this.#deadlineMs = deps.clock.monotonicMs() + timeoutMs;
    this.#signal = signal;
  }

  lookup(dependency: Dependency): { readonly data: unknown } | undefined {
    return this.#known.get(keyOf(dependency))?.answer;
  }

  environment(name: string): string | undefined {
    return processEnvironment(name);
  }

  wallMs(): number {
    return this.#deps.clock.wallMs();
  }

  has(dependency: Dependency): boolean {
    return this.#known.has(keyOf(dependency));
  }

  /** Asks for each once. */
  async learn(dependencies: readonly Dependency[]): Promise<void> {
    const entries = dependencies.map((dependency): Known => {
      const askedMs = this.#deps.clock.monotonicMs();
      const none = {
        answer: undefined,
        index: undefined,
        staleMs: undefined,
        tookMs: undefined,
        error: undefined,
      };
      return { dependency, askedMs, ...none };
    });
    for (const entry of entries) this.#known.set(keyOf(entry.dependency), entry);
    const queue = [...entries];
    const work = async (): Promise<void> => {
      for (let entry = queue.shift(); entry !== undefined; entry = queue.shift()) await this.#ask(entry, 0);
    };
    await Promise.all(Array.from({ length: atOnce }, work));
  }

  /** Asks again for what is missing; false when the time is over. */
  async waitFor(missing: readonly Dependency[]): Promise<boolean> {
    const leftMs = this.#deadlineMs - this.#deps.clock.monotonicMs();
    if (leftMs <= 0 || this.#signal.aborted) return false;
    const pause = sleep(Math.min(againMs, leftMs), this.#signal);
    const entries = missing.flatMap((dependency) => this.#known.get(keyOf(dependency)) ?? []);
    await Promise.all(entries.map((entry) => this.#ask(entry, Math.min(leftMs, 1000))));
    await pause;
    return true;
  }

  describe(dependency: Dependency, isMissing: boolean): ExplainedDependency {
    const { answer, askedMs, index, staleMs, tookMs, error } = this.#known.get(keyOf(dependency))!;
    return {
      id: dependency.id,
      state: isMissing ? 'missing' : 'known',
      ...(answer === undefined ? { items: undefined, bytes: undefined } : sizeOf(answer.data)),
      index,
      staleMs,
      tookMs,
      missingMs: isMissing ? this.#deps.clock.monotonicMs() - askedMs : undefined,
      error,
    };
  }

  async #ask(entry: Known, waitMs: number): Promise<void> {
    const { dependency } = entry;
    const started = this.#deps.clock.monotonicMs();
    try {
      if (dependency.kind === 'file') entry.answer = { data: fromBytes(readFileSync(dependency.path)) };
      else {
        const index = waitMs === 0 ? 0 : (entry.index ?? 0);
        const signal = AbortSignal.any([this.#signal, AbortSignal.timeout(this.#patienceMs())]);
        const answer = await this.#deps.asker.ask(dependency.query, {
          index,
          waitMs,
          consistency: 'stale',
          signal,
        });
        entry.answer = { data: answer.data };
        entry.index = answer.index;
        entry.staleMs = answer.lastContactMs;
      }
      entry.error = undefined;
    } catch (error) {
      entry.error = dependency.kind === 'file' ? fileProblem(error) : (error as Error).message;
    }
    entry.tookMs = this.#deps.clock.monotonicMs() - started;
  }

  /** A first question has a second even when the time is short. */
  #patienceMs(): number {
    return Math.max(1000, Math.ceil(this.#deadlineMs - this.#deps.clock.monotonicMs()));
  }
}

function sizeOf(data: unknown): { readonly items: number; readonly bytes: number } {
  if (data === null) return { items: 0, bytes: 0 };
  const text =
    typeof data === 'string'
      ? data
      : JSON.stringify(data, (_, value: unknown) => (typeof value === 'bigint' ? String(value) : value));
  return { items: Array.isArray(data) ? data.length : 1, bytes: Buffer.byteLength(text) };
}
