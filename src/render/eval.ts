/** A template evaluated offline: its dot from the caller, its world from a fixture. */
import { systemClock } from '../lib/clock.ts';
import { fromJson } from '../template/values.ts';
import type { Dependency } from './dependency.ts';
import { Evaluator, processEnvironment } from './evaluator.ts';
import type { World } from './evaluator.ts';
import type { MissingKey } from '../template/state.ts';
import { fixtureSource, ownValue } from './fixture-source.ts';
import type { Fixture } from './fixture-source.ts';

export interface OfflineOptions {
  /** Default ''. */
  readonly name?: string;
  readonly text: string;
  /** The template's dot, as decoded from JSON; left out: no value. */
  readonly data?: unknown;
  /** Left out: nothing is there. */
  readonly fixture?: Fixture;
  /** Default `zero`. */
  readonly missingKey?: MissingKey;
  readonly leftDelimiter?: string;
  readonly rightDelimiter?: string;
  /** Globs of functions that refuse every call. */
  readonly deny?: readonly string[];
}

export interface OfflineResult {
  readonly output: string;
  /** Ids of the dependencies of the last pass, in the order of their first use. */
  readonly used: readonly string[];
  readonly passes: number;
}

/** parse, exec: the template's fault. blocked: what it needs is not in the fixture; `missing` names it. */
export type OfflineErrorCode = 'parse' | 'exec' | 'blocked';

export class OfflineError extends Error {
  override readonly name = 'OfflineError';
  readonly code: OfflineErrorCode;
  readonly used: readonly string[];
  readonly missing: readonly string[];
  readonly passes: number;

  constructor(
    code: OfflineErrorCode,
    message: string,
    detail: Partial<Pick<OfflineError, 'used' | 'missing' | 'passes'>> & { readonly cause?: unknown },
  ) {
    super(message, { cause: detail.cause });
    this.code = code;
    this.used = detail.used ?? [];
    this.missing = detail.missing ?? [];
    this.passes = detail.passes ?? 0;
  }
}

/**
 * Evaluates until nothing is missing, as consul-template would against a server: the first pass sees no answer, each
 * further one those that the pass before asked for. An error counts on any pass, so that what evaluates here evaluates
 * there too (the runner is milder: while something is missing, it waits).
 *
 * Throws OfflineError. With a fixture its message has consul-template's prefix `parse: ` or `execute: `; without, it is the
 * language's own.
 */
export function evaluateOffline(options: OfflineOptions): OfflineResult {
  const prefixed = options.fixture !== undefined;
  const world = new FixtureWorld(options.fixture ?? {});
  const evaluator = parse(options, prefixed);
  const data = options.data === undefined ? undefined : fromJson(options.data);
  for (let passes = 1; ; passes++) {
    const { used, missing, result } = evaluator.evaluate(world, data);
    const detail = { used: ids(used), missing: ids(missing), passes };
    if ('error' in result) {
      const { message } = result.error;
      throw new OfflineError('exec', prefixed ? `execute: ${message}` : message, {
        ...detail,
        cause: result.error,
      });
    }
    if (missing.length === 0) return { output: result.output, used: detail.used, passes };
    // Each pass must learn something, or the next one would be the same.
    if (missing.filter((dependency) => world.learn(dependency)).length === 0) {
      throw new OfflineError('blocked', `waiting for ${detail.missing.join(', ')}`, detail);
    }
  }
}

/** `datacenters` and `datacenters true` show one id. */
function ids(dependencies: readonly Dependency[]): readonly string[] {
  return [...new Set(dependencies.map(({ id }) => id))];
}

function parse(options: OfflineOptions, prefixed: boolean): Evaluator {
  try {
    return new Evaluator({
      name: options.name ?? '',
      text: options.text,
      leftDelimiter: options.leftDelimiter ?? '',
      rightDelimiter: options.rightDelimiter ?? '',
      missingKey: options.missingKey ?? 'zero',
      functionDenylist: options.deny ?? [],
      sandboxPath: '',
      environment: options.fixture?.env ?? {},
      eagerPlugins: true,
    });
  } catch (error) {
    const { message } = error as Error;
    throw new OfflineError('parse', prefixed ? `parse: ${message}` : message, { passes: 1, cause: error });
  }
}

/** Knows what it has been asked for once. */
class FixtureWorld implements World {
  readonly #fixture: Fixture;
  readonly #known = new Map<string, { readonly data: unknown }>();

  constructor(fixture: Fixture) {
    this.#fixture = fixture;
  }

  lookup(dependency: Dependency): { readonly data: unknown } | undefined {
    return this.#known.get(dependency.id);
  }

  environment(name: string): string | undefined {
    return processEnvironment(name);
  }

  wallMs(): number {
    return systemClock.wallMs();
  }

  /** True when there is an answer that was not known before. */
  learn(dependency: Dependency): boolean {
    if (this.#known.has(dependency.id)) return false;
    const answer = this.#answer(dependency);
    if (answer !== undefined) this.#known.set(dependency.id, answer);
    return answer !== undefined;
  }

  #answer(dependency: Dependency): { readonly data: unknown } | undefined {
    if (dependency.kind === 'file') {
      const text = ownValue(this.#fixture.files, dependency.path);
      return text === undefined ? undefined : { data: text };
    }
    const answer = fixtureSource(this.#fixture)
      .subscribe(
        dependency.query,
        () => {},
        () => {},
      )
      .current();
    return dependency.blocking && answer?.data === null ? undefined : answer;
  }
}
