import { isDeepStrictEqual } from 'node:util';
import type { Config } from '../config/config.ts';
import type { Logger } from '../lib/log.ts';
import type { Registry } from '../registry/registry.ts';
import type { TemplateSpec } from '../render/options.ts';
import { templateSpecs } from './templates.ts';

/** Takes other templates while it runs. Throws the parse error of a new one, and goes on with the old ones. */
export interface Templates {
  reconfigure(specs: readonly TemplateSpec[]): Promise<void>;
}

/**
 * Takes a changed configuration into a running agent: services, checks and templates.
 *
 * In: the configuration, read anew. Out: calls to the registry and the template runner.
 * Invariants: a configuration with a mistake changes nothing; what is the same as before keeps its state; one reload at
 * a time. What only a restart can change is named in a warning.
 */
export class Reload {
  readonly #deps: {
    /** Throws ConfigError. */
    readonly load: () => Config;
    readonly registry: Pick<Registry, 'configure'>;
    readonly log: Logger;
  };
  #config: Config;
  #specs: readonly TemplateSpec[];
  #templates: Templates | undefined;
  #last: Promise<void> = Promise.resolve();

  constructor(
    options: { readonly config: Config; readonly specs: readonly TemplateSpec[] },
    deps: {
      readonly load: () => Config;
      readonly registry: Pick<Registry, 'configure'>;
      readonly log: Logger;
    },
  ) {
    this.#config = options.config;
    this.#specs = options.specs;
    this.#deps = deps;
  }

  /** The templates as they were last asked for. */
  get specs(): readonly TemplateSpec[] {
    return this.#specs;
  }

  /** `templates` runs `specs`, and is told of others from now on. */
  begin(templates: Templates): void {
    this.#templates = templates;
  }

  /** As `run`, for who can only be told in the log. */
  async tryToRun(): Promise<void> {
    try {
      await this.run();
    } catch (error) {
      this.#deps.log.error({ err: error }, 'configuration not reloaded; the agent goes on as it was');
    }
  }

  /** Resolves when the configuration of this moment is taken. Throws what is wrong with it; nothing has changed then. */
  run(): Promise<void> {
    const turn = this.#last.then(() => this.#take());
    this.#last = turn.catch(() => undefined);
    return turn;
  }

  async #take(): Promise<void> {
    const { load, registry, log } = this.#deps;
    const config = load();
    const specs = templateSpecs(config.templates);
    await this.#templates?.reconfigure(specs);
    this.#specs = specs;
    await registry.configure({ services: config.services, checks: config.nodeChecks });
    const { services, nodeChecks: checks, templates } = config;
    log.info(
      { services: services.length, checks: checks.length, templates: templates.length },
      'configuration reloaded',
    );
    const keys = needRestart(this.#config, config);
    if (keys.length > 0) log.warn({ keys }, 'these changes wait for a restart');
    this.#config = { ...this.#config, services, nodeChecks: checks, templates };
  }
}

const reloadable: ReadonlySet<string> = new Set(['services', 'nodeChecks', 'templates']);

/** Names of what differs and can't be taken while running. */
function needRestart(before: Config, after: Config): readonly string[] {
  const keys = Object.keys(after) as (keyof Config)[];
  return keys.filter((key) => !reloadable.has(key) && !isDeepStrictEqual(before[key], after[key]));
}
