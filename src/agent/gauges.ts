/**
 * What the running program tells of the way of the data, hop by hop, at /v1/agent/metrics. Names end in a unit; those of
 * counts that only grow end in `_total`.
 */
import type { RegistrarStats } from '../registrar/stats.ts';
import type { HttpDeps } from '../http/http.ts';
import type { RunnerHooks, TemplateStatus } from '../render/options.ts';
import { templateGauges, templateRows } from './template-status.ts';

export interface GaugeSources {
  readonly revision: () => number;
  readonly catalog: () => { readonly nodes: number; readonly services: number };
  readonly registry: () => { readonly services: number; readonly checks: number };
}

export class Gauges {
  readonly #sources: GaugeSources;
  readonly #wallMs: () => number;
  #registrar: (() => Readonly<RegistrarStats>) | undefined;
  #templates: (() => readonly TemplateStatus[]) | undefined;
  #evaluations = 0;
  #renders = 0;
  #lastRenderMs = 0;
  #lastChangeToSwapMs = 0;
  #commands = 0;
  #failedCommands = 0;
  #lastCommandMs = 0;
  #lastCommandExit = 0;

  constructor(sources: GaugeSources, wallMs: () => number = Date.now) {
    this.#sources = sources;
    this.#wallMs = wallMs;
  }

  /** For a template runner. */
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
      this.#lastCommandExit = exit ?? -1;
      if (!ok) this.#failedCommands++;
      this.#lastCommandMs = durationMs;
    },
  };

  addRegistrar(stats: () => Readonly<RegistrarStats>): void {
    this.#registrar = stats;
  }

  addTemplates(status: () => readonly TemplateStatus[]): void {
    this.#templates = status;
  }

  /** What the HTTP interface tells of it. */
  readonly forHttp: Required<Pick<HttpDeps, 'gauges' | 'labelledGauges' | 'templates'>> = {
    gauges: () => this.read(),
    labelledGauges: () => templateGauges(this.#templates?.() ?? []),
    templates: () => templateRows(this.#templates?.() ?? []),
  };

  read(): Readonly<Record<string, number>> {
    const { nodes, services } = this.#sources.catalog();
    const own = this.#sources.registry();
    return {
      'store.revision': this.#sources.revision(),
      'catalog.nodes': nodes,
      'catalog.services': services,
      'registry.services': own.services,
      'registry.checks': own.checks,
      ...this.#registrarGauges(),
      ...this.#templateGauges(),
    };
  }

  #registrarGauges(): Readonly<Record<string, number>> {
    const stats = this.#registrar?.();
    if (stats === undefined) return {};
    return {
      'registrar.connected': stats.connected ? 1 : 0,
      'registrar.containers': stats.containers,
      'registrar.conflicts': stats.conflicts,
      'registrar.events_total': stats.events,
      'registrar.inspects_total': stats.inspects,
      'registrar.inspect_errors_total': stats.inspectErrors,
      'registrar.apply_errors_total': stats.applyErrors,
      'registrar.drift_total': stats.drift,
      'registrar.registered_total': stats.registered,
      'registrar.deregistered_total': stats.deregistered,
    };
  }

  #templateGauges(): Readonly<Record<string, number>> {
    const all = this.#templates?.();
    if (all === undefined) return {};
    const count = (...states: readonly TemplateStatus['state'][]): number =>
      all.filter(({ state }) => states.includes(state)).length;
    return {
      'render.templates': all.length,
      'render.templates_waiting': count('waiting'),
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
