/**
 * One template evaluated against the world as it is now.
 *
 * In: a parsed template, the answers that are known. Out: its output or its error, and every dependency that it used and
 * missed, in the order of their first use. An error while something is missing is no error of the template yet: callers
 * look at `missing` first. Pure but for the clock, the environment, and what templates do by `plugin` and `writeToFile`.
 */
import { Budget } from '../template/state.ts';
import type { Limits, MissingKey } from '../template/state.ts';
import { executeTemplate, parseTemplate } from '../template/template.ts';
import type { Template } from '../template/template.ts';
import type { Value } from '../template/values.ts';
import type { Dependency } from './dependency.ts';
import type { FunctionContext } from './functions/context.ts';
import { templateFunctions } from './functions/functions.ts';
import { explainUnsupported } from './functions/unsupported.ts';
import type { Answers, Query } from './source.ts';

export interface TemplateText {
  /** Shown in the language's messages: `template: NAME:LINE:COL: ...`. */
  readonly name: string;
  readonly text: string;
  /** '' = `{{`. */
  readonly leftDelimiter: string;
  /** '' = `}}`. */
  readonly rightDelimiter: string;
  readonly missingKey: MissingKey;
  /** Globs of functions that refuse every call. */
  readonly functionDenylist: readonly string[];
  /** Where `file` may read; '' = everywhere. */
  readonly sandboxPath: string;
  /** Seen by `env` before the process's own. */
  readonly environment: Readonly<Record<string, string>>;
  /** `plugin` runs also while data are missing, as in consul-template. Default false. */
  readonly eagerPlugins?: boolean;
  /** Default: the language's own. */
  readonly limits?: Limits;
  /** False: what a template does once it is complete, as `writeToFile`, is left undone. Default true. */
  readonly sideEffects?: boolean;
}

/** What is known of the world. */
export interface World {
  /** undefined: no answer yet. */
  lookup(dependency: Dependency): { readonly data: unknown } | undefined;
  environment(name: string): string | undefined;
  wallMs(): number;
}

export interface Evaluation {
  readonly used: readonly Dependency[];
  readonly missing: readonly Dependency[];
  readonly result: { readonly output: string } | { readonly error: Error };
}

export class Evaluator {
  readonly #template: Template;
  readonly #options: TemplateText;
  readonly #functions: ReturnType<typeof templateFunctions>;
  #pass: Pass;

  /** Throws TemplateError when the text does not parse. */
  constructor(options: TemplateText) {
    this.#options = options;
    this.#pass = new Pass(nowhere);
    this.#functions = templateFunctions(this.#context(), options.functionDenylist);
    this.#template = explainUnsupported(() =>
      parseTemplate(options.name, options.text, {
        functions: this.#functions,
        leftDelimiter: options.leftDelimiter,
        rightDelimiter: options.rightDelimiter,
      }),
    );
  }

  /** Names of the functions that the text calls, beside the language's own. */
  get functionNames(): readonly string[] {
    return this.#template.functionNames;
  }

  /** `isOverdue` ends the evaluation when it says so. */
  evaluate(world: World, data?: Value, isOverdue?: () => boolean): Evaluation {
    const { limits } = this.#options;
    const pass = new Pass(world, isOverdue === undefined ? limits : { ...limits, isOverdue });
    this.#pass = pass;
    const ran = this.#run(data);
    const result = this.#options.sideEffects === false ? ran : pass.finish(ran);
    return { used: [...pass.used.values()], missing: [...pass.missing.values()], result };
  }

  #run(data: Value): Evaluation['result'] {
    try {
      return { output: this.#execute(this.#template.name, data) };
    } catch (error) {
      return { error: error as Error };
    }
  }

  #execute(definition: string, data: Value): string {
    return executeTemplate(this.#template, {
      definition,
      data,
      functions: this.#functions,
      missingKey: this.#options.missingKey,
      limits: this.#pass.budget,
    });
  }

  #context(): FunctionContext {
    const ask = (dependency: Dependency): unknown => this.#pass.ask(dependency);
    return {
      ask: <Q extends Query['type']>(_type: Q, dependency: Dependency) =>
        ask(dependency) as Answers[Q] | undefined,
      askFile: (dependency) => ask(dependency) as string | undefined,
      markMissing: (dependency) => this.#pass.missing.set(dependency.id, dependency),
      mayRun: () => this.#options.eagerPlugins === true || this.#pass.missing.size === 0,
      environment: (name) => {
        const { environment } = this.#options;
        return Object.hasOwn(environment, name) ? environment[name] : this.#pass.world.environment(name);
      },
      now: () => this.#pass.world.wallMs(),
      afterwards: (action) => this.#pass.afterwards.push(action),
      scratch: () => this.#pass.scratch,
      execute: (definition, data) => this.#execute(definition, data),
      sandboxPath: this.#options.sandboxPath === '' ? undefined : this.#options.sandboxPath,
    };
  }
}

/** What one evaluation gathers. */
class Pass {
  readonly world: World;
  readonly used = new Map<string, Dependency>();
  readonly missing = new Map<string, Dependency>();
  readonly scratch = new Map<string, Value>();
  readonly afterwards: (() => void)[] = [];
  /** Shared with what `executeTemplate` runs inside. */
  readonly budget: Budget;

  constructor(world: World, limits?: Limits) {
    this.world = world;
    this.budget = new Budget(limits);
  }

  /** What was put off is done when the pass is complete; its failure is the evaluation's. */
  finish(result: Evaluation['result']): Evaluation['result'] {
    if ('error' in result || this.missing.size > 0) return result;
    try {
      for (const action of this.afterwards) action();
      return result;
    } catch (error) {
      return { error: error as Error };
    }
  }

  ask(dependency: Dependency): unknown {
    this.used.set(dependency.key ?? dependency.id, dependency);
    const answer = this.world.lookup(dependency);
    const waits = dependency.kind === 'query' && dependency.blocking && answer?.data === null;
    if (answer !== undefined && !waits) return answer.data;
    this.missing.set(dependency.key ?? dependency.id, dependency);
    return undefined;
  }
}

/** A variable of this process's environment. */
export function processEnvironment(name: string): string | undefined {
  // Its prototype is an object's: `constructor` is no variable.
  return Object.hasOwn(process.env, name) ? process.env[name] : undefined;
}

const nowhere: World = { lookup: () => undefined, environment: () => undefined, wallMs: () => 0 };
