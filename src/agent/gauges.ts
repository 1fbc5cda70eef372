/**
 * What the running program tells of the way of the data, hop by hop, at /v1/agent/metrics. Names end in a unit; those of
 * counts that only grow end in `_total`.
 */
import type { RegistrarStats } from '../registrar/stats.ts';
import type { HttpDeps } from '../http/http.ts';
import type { RunnerHooks, TemplateStatus } from '../render/options.ts';
import { TemplateGauges, type TemplateTelling } from './template-gauges.ts';

export interface GaugeSources {
  readonly revision: () => number;
  readonly catalog: () => { readonly nodes: number; readonly services: number };
  readonly registry: () => { readonly services: number; readonly checks: number };
  readonly cluster: () => {
    readonly alive: number;
    readonly failed: number;
    readonly isLead: boolean;
    readonly holdsName: boolean;
  };
  readonly storeAnswerAgoMs: () => number;
}

export class Gauges {
  /** What the HTTP interface tells of it. */
  readonly forHttp: Required<Pick<HttpDeps, 'gauges'>> & TemplateTelling;
  readonly #sources: GaugeSources;
  #registrar: (() => Readonly<RegistrarStats>) | undefined;
  readonly #templates: TemplateGauges;

  constructor(sources: GaugeSources, wallMs?: () => number) {
    this.#sources = sources;
    this.#templates = new TemplateGauges(wallMs);
    this.forHttp = { ...this.#templates.telling, gauges: () => this.read() };
  }

  /** For a template runner. */
  get hooks(): RunnerHooks {
    return this.#templates.hooks;
  }

  addRegistrar(stats: () => Readonly<RegistrarStats>): void {
    this.#registrar = stats;
  }

  addTemplates(status: () => readonly TemplateStatus[]): void {
    this.#templates.follow(status);
  }

  read(): Readonly<Record<string, number>> {
    const { nodes, services } = this.#sources.catalog();
    const own = this.#sources.registry();
    const { alive, failed, isLead, holdsName } = this.#sources.cluster();
    return {
      'store.revision': this.#sources.revision(),
      'store.last_answer_ms': this.#sources.storeAnswerAgoMs(),
      'cluster.alive_agents': alive,
      'cluster.failed_agents': failed,
      'cluster.is_steward': isLead ? 1 : 0,
      'cluster.holds_name': holdsName ? 1 : 0,
      'catalog.nodes': nodes,
      'catalog.services': services,
      'registry.services': own.services,
      'registry.checks': own.checks,
      ...this.#registrarGauges(),
      ...this.#templates.read(),
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
}
