/** Counts what a template runner does, and tells it as gauges and as rows. */
import type { HttpDeps } from '../http/http.ts';
import type { RunnerHooks, TemplateStatus } from '../render/options.ts';
import { templateGauges, templateRows } from './template-status.ts';

/** What the HTTP interface tells of templates. */
export type TemplateTelling = Required<Pick<HttpDeps, 'labelledGauges' | 'templates'>>;

export class TemplateGauges {
  readonly #wallMs: () => number;
  #status: (() => readonly TemplateStatus[]) | undefined;
  #evaluations = 0;
  #renders = 0;
  #lastRenderMs = 0;
  #lastChangeToSwapMs = 0;
  #commands = 0;
  #failedCommands = 0;
  #lastCommandMs = 0;
  #lastCommandExit = 0;

  constructor(wallMs: () => number = Date.now) {
    this.#wallMs = wallMs;
  }

  /** For the runner. */
  readonly hooks: RunnerHooks = {
    evaluated: () => {
      this.#evaluations++;
    },
    rendered: ({ sinceChangeMs }) => {
      this.#renders++;
      this.#lastRenderMs = this.#wallMs();
      if (sinceChangeMs !== undefined) this.#lastChangeToSwapMs = sinceChangeMs;
    },
    commandEnded: ({ ok, exit, durationMs }) => {
      this.#commands++;
      if (!ok) this.#failedCommands++;
      this.#lastCommandExit = exit ?? -1;
      this.#lastCommandMs = durationMs;
    },
  };

  readonly telling: TemplateTelling = {
    labelledGauges: () => templateGauges(this.#status?.() ?? []),
    templates: () => templateRows(this.#status?.() ?? []),
  };

  follow(status: () => readonly TemplateStatus[]): void {
    this.#status = status;
  }

  /** Nothing before `follow`. */
  read(): Readonly<Record<string, number>> {
    const all = this.#status?.();
    if (all === undefined) return {};
    const count = (...states: readonly TemplateStatus['state'][]): number =>
      all.filter(({ state }) => states.includes(state)).length;
    return {
      'render.templates': all.length,
      'render.templates_waiting': count('waiting'),
      'render.templates_held': count('held'),
      'render.templates_failed': count('failed', 'broken'),
      'render.waiting_dependencies': all.reduce((sum, { waitingFor }) => sum + waitingFor.length, 0),
      'render.commands_owed': all.filter(({ commandOwed }) => commandOwed).length,
      'render.evaluations_total': this.#evaluations,
      'render.renders_total': this.#renders,
      'render.last_render_seconds': this.#lastRenderMs / 1000,
      'render.last_change_to_swap_ms': this.#lastChangeToSwapMs,
      'render.commands_total': this.#commands,
      'render.failed_commands_total': this.#failedCommands,
      'render.last_command_ms': this.#lastCommandMs,
      'render.last_command_exit': this.#lastCommandExit,
    };
  }
}
