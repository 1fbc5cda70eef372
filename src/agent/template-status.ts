/** What the runner says of its templates, as the status endpoint and the metrics tell it. */
import type { AgentTemplate, AgentTemplateCommand } from '@portolan/sdk/wire';
import type { LabelledGauge } from '../http/metrics.ts';
import type { CommandReport, TemplateStatus } from '../render/options.ts';

const outputLimit = 2048;

export function templateRows(all: readonly TemplateStatus[]): readonly AgentTemplate[] {
  return all.map((status) => ({
    Source: status.source,
    Destination: status.destination,
    State: status.state,
    Error: status.error ?? '',
    HeldBecause: status.heldBecause ?? '',
    WaitingFor: status.waitingFor.map(({ id, forMs, error }) => ({
      ID: id,
      Seconds: seconds(forMs),
      Error: error ?? '',
    })),
    Dependencies: status.dependencies,
    Evaluations: status.evaluations,
    Renders: status.renders,
    LastRender: timeText(status.lastRenderAt),
    StaleSince: timeText(status.staleSince),
    LastCommand: status.lastCommand === undefined ? null : commandRow(status.lastCommand),
    CommandOwed: status.commandOwed,
  }));
}

function commandRow(report: CommandReport): AgentTemplateCommand {
  const { kind, at, durationMs, ok, exit, signal, timedOut, error, output } = report;
  return {
    Kind: kind,
    At: timeText(at),
    Seconds: seconds(durationMs),
    OK: ok,
    Exit: exit,
    Signal: signal ?? '',
    TimedOut: timedOut,
    Output: (error?.message ?? output).slice(-outputLimit),
  };
}

/** Per template, by its destination; names are below `portolan.`. */
export function templateGauges(all: readonly TemplateStatus[]): readonly LabelledGauge[] {
  return all.flatMap((status) => {
    const { destination, lastCommand, lastRenderAt } = status;
    const values: readonly (readonly [string, number | undefined])[] = [
      ['render.template.evaluations_total', status.evaluations],
      ['render.template.renders_total', status.renders],
      ['render.template.last_render_seconds', lastRenderAt === undefined ? undefined : lastRenderAt / 1000],
      ['render.template.failed', status.state === 'failed' || status.state === 'broken' ? 1 : 0],
      ['render.template.held', status.state === 'held' ? 1 : 0],
      ['render.template.waiting_dependencies', status.waitingFor.length],
      ['render.template.command_owed', status.commandOwed ? 1 : 0],
      ['render.template.last_command_exit', lastCommand === undefined ? undefined : (lastCommand.exit ?? -1)],
      ['render.template.last_command_seconds', lastCommand && seconds(lastCommand.durationMs)],
    ];
    return values.flatMap(([name, value]) =>
      value === undefined ? [] : [{ name, value, labels: { destination } }],
    );
  });
}

function seconds(ms: number): number {
  return Math.round(ms) / 1000;
}

function timeText(wallMs: number | undefined): string {
  return wallMs === undefined ? '' : new Date(wallMs).toISOString();
}
