/** `portolan template explain`: what templates depend on, of which size, and what they wait for. */
import type { Command } from 'commander';
import { AgentError } from '../agent/errors.ts';
import { openAsker } from '../agent/template-asker.ts';
import { templateSpecs } from '../agent/templates.ts';
import type { TemplateLoad } from '../config/template-config.ts';
import { systemClock } from '../lib/clock.ts';
import { formatColumns } from '../lib/columns.ts';
import { parseDurationMs } from '../lib/duration.ts';
import { type ExplainedDependency, explainTemplate, type Explanation } from '../render/explain.ts';
import type { TemplateSpec } from '../render/options.ts';
import { CliError, examples, exitCodes, type Io } from './command.ts';
import { type Flags, loadForTools } from './template-options.ts';
import { type Paint, paintFor } from './terminal.ts';

interface Explained extends Explanation {
  readonly source: string;
  readonly destination: string;
}

export function defineExplain(parent: Command, io: Io, exit: (code: number) => void): void {
  const command = parent
    .command('explain')
    .description(
      'Ask for what templates depend on, and tell of which size it is and what is missing. Writes nothing.',
    )
    .argument('[files...]', 'templates, beside those of -config')
    .option('--timeout <duration>', 'how long to wait for what is missing', '5s')
    .option('--json', 'print JSON for scripts');
  command.addHelpText(
    'after',
    '\nFlags of `portolan template` count too: -config, -consul-addr, -consul-token and their kin.',
  );
  examples(command, [
    'portolan template explain app.ctmpl',
    'portolan template explain -config /etc/consul-template.d --timeout 30s',
    'portolan template explain --consul-addr consul:8500 --json app.ctmpl',
  ]);
  exitCodes(
    command,
    '0 every template would be rendered, 1 one fails or waits for something; 13 wrong usage; 15 bad configuration',
  );
  command.action(async (files: string[], _flags: unknown, self: Command) => {
    const flags: Flags = self.optsWithGlobals();
    if (files.length === 0 && flags['config'] === undefined && flags['template'] === undefined) {
      throw new CliError('portolan template explain: name a template, or a configuration with -config', 13);
    }
    const load = loadForTools(flags, files, io);
    const explained = await explainAll(load, timeoutOf(flags['timeout']), io);
    io.out(
      flags['json'] === true ? `${JSON.stringify(explained, null, 4)}\n` : report(explained, paintFor(io)),
    );
    if (!explained.every(({ ready }) => ready)) exit(1);
  });
}

function timeoutOf(text: unknown): number {
  const ms = typeof text === 'string' ? parseDurationMs(text) : undefined;
  if (ms === undefined || ms < 0)
    throw new CliError(`-timeout ${String(text)}: not a duration; try -timeout=30s`, 13);
  return ms;
}

async function explainAll(load: TemplateLoad, timeoutMs: number, io: Io): Promise<readonly Explained[]> {
  try {
    const specs = templateSpecs(load.templates);
    const asker = openAsker(load);
    try {
      return await Promise.all(specs.map((spec) => explainOne(spec, asker, timeoutMs, io)));
    } finally {
      await asker.close();
    }
  } catch (error) {
    if (error instanceof AgentError) throw new CliError(`portolan: ${error.message}`, 15);
    throw error;
  }
}

async function explainOne(
  spec: TemplateSpec,
  asker: ReturnType<typeof openAsker>,
  timeoutMs: number,
  io: Io,
): Promise<Explained> {
  const { source, destination } = spec;
  const template = { ...spec, name: source, environment: asker.environment };
  try {
    const options = { timeoutMs, signal: io.signal };
    return {
      source,
      destination,
      ...(await explainTemplate(template, { asker, clock: systemClock }, options)),
    };
  } catch (error) {
    const none = { ready: false, passes: 0, outputBytes: undefined, dependencies: [] };
    return { source, destination, ...none, error: `parse: ${(error as Error).message}` };
  }
}

const header = ['DEPENDENCY', 'STATE', 'ITEMS', 'BYTES', 'INDEX', 'STALE', 'TOOK'];

function report(explained: readonly Explained[], paint: Paint): string {
  const blocks = explained.map((one) => {
    const title = one.destination === '' ? one.source : `${one.source} -> ${one.destination}`;
    const table =
      one.dependencies.length === 0
        ? 'no dependencies\n'
        : formatColumns([header, ...one.dependencies.map(row)]).replace(
            / missing .*|^DEPENDENCY.*/gm,
            (found) => paint(found, found.startsWith('DEP') ? 'bold' : 'yellow'),
          );
    const errors = one.dependencies.flatMap(({ id, error }) =>
      error === undefined ? [] : [`${id}: ${error}\n`],
    );
    return `${title}\n${table}${errors.join('')}${paint(verdict(one), one.ready ? 'green' : 'red')}\n`;
  });
  return blocks.join('\n');
}

function row({ id, state, items, bytes, index, staleMs, tookMs, missingMs }: ExplainedDependency): string[] {
  return [
    id,
    missingMs === undefined ? state : `${state} ${shortTime(missingMs)}`,
    String(items ?? '-'),
    String(bytes ?? '-'),
    String(index ?? '-'),
    staleMs === undefined ? '-' : shortTime(staleMs),
    tookMs === undefined ? '-' : shortTime(tookMs),
  ];
}

function verdict({ ready, error, passes, outputBytes, dependencies }: Explained): string {
  const bytes = dependencies.reduce((sum, one) => sum + (one.bytes ?? 0), 0);
  const asked = dependencies.length === 1 ? '1 dependency' : `${dependencies.length} dependencies`;
  const cost = `${asked}, ${bytes} bytes, ${passes} ${passes === 1 ? 'pass' : 'passes'}`;
  if (ready) return `ready: ${outputBytes} bytes would be rendered (${cost})`;
  if (error !== undefined) return `fails: ${error} (${cost})`;
  const missing = dependencies.filter(({ state }) => state === 'missing').length;
  return `waits for ${missing} of them (${cost})`;
}

function shortTime(ms: number): string {
  return ms < 1000 ? `${Math.round(ms)}ms` : `${(ms / 1000).toFixed(1)}s`;
}
