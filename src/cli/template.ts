import type { Command } from 'commander';
import { AgentError } from '../agent/errors.ts';
import { runTemplates, templateExitCodes } from '../agent/template-agent.ts';
import { ConfigError } from '../config/config-error.ts';
import { foreignFlags } from '../config/foreign-flags.ts';
import { loadTemplateConfig } from '../config/load-template.ts';
import type { TemplateLoad } from '../config/template-config.ts';
import { templateFlags } from '../config/template-flags.ts';
import { unifiedDiff, wholeText } from '../render/dry.ts';
import { Evaluator } from '../render/evaluator.ts';
import { templateSpecs } from '../agent/templates.ts';
import { CliError, examples, exitCodes, type CliCommand, type Io } from './command.ts';
import { addConfigFlags, attribute, collect, givenFlags } from './config-flags.ts';
import { defineEval } from './template-eval.ts';
import { openTemplateLog } from './template-log.ts';
import { linePainter } from './terminal.ts';
import { defineTemplateTools } from './template-tools.ts';
import { printVersion } from './version.ts';

type Flags = Readonly<Record<string, unknown>>;

/** Exit codes as consul-template's. Source: template.md 3.6. */
const codes = {
  failed: templateExitCodes.failed,
  badConfig: templateExitCodes.badConfig,
  badFlags: 13,
} as const;

export const templateCommand: CliCommand = {
  usageExitCode: codes.badFlags,
  define: (command, io, exit) => {
    command
      .option(
        '--config <path>',
        'consul-template configuration, file or directory; may be given several times',
        collect,
      )
      .option('--dry', 'print what would be written, write nothing, run nothing')
      .option('--diff', 'as -dry, but show a unified diff with what is there')
      .option('--parse-only', 'read configuration and templates, then end');
    addConfigFlags(command, templateFlags);
    addForeignFlags(command);
    examples(command, [
      'portolan template --consul-addr consul:8500 --template app.ctmpl:/etc/nginx/conf.d/app.conf:"nginx -s reload"',
      'portolan template -config /etc/consul-template.d -once',
      'portolan template -template haproxy.ctmpl:/run/haproxy.cfg -exec "haproxy -W -f /run/haproxy.cfg" -exec-reload-signal SIGUSR2',
      'portolan template eval --fixture world.json app.ctmpl',
    ]);
    exitCodes(
      command,
      '0 stopped, or done with -once; 12 interrupted before -once was done; 13 bad flags; 14 failed; 15 bad configuration; else that of the supervised command (255: a signal ended it)',
    );
    command.addHelpText(
      'after',
      'Signals: SIGTERM and SIGINT stop it; SIGHUP reads configuration and templates again; SIGQUIT logs the state of every template; a supervised command gets all others.',
    );
    // The program's own -version may stand behind the command, too.
    command.action(async () => exit(await run(command.optsWithGlobals<Flags>(), io)));
    defineEval(command, io);
    defineTemplateTools(command, io, exit);
  },
};

function addForeignFlags(command: Command): void {
  for (const { name, type } of foreignFlags) {
    const option = command.createOption(type === 'boolean' ? `--${name}` : `--${name} <value>`);
    command.addOption(option.hideHelp());
  }
}

async function run(flags: Flags, io: Io): Promise<number> {
  if (flags['version'] === true) {
    printVersion(io);
    return 0;
  }
  const dry = isDry(flags);
  const readAtMs = Date.now();
  const load = loadOrExplain(flags, io);
  if (flags['parseOnly'] === true) return parseAll(load, io);
  const { log, reopen, close } = openTemplateLog(load.log, io.err, codes.badConfig);
  const show = flags['diff'] === true ? unifiedDiff(linePainter(io)) : wholeText;
  for (const warning of [...load.warnings, ...foreignWarnings(flags)]) log.warn({}, warning);
  try {
    return await runTemplates(
      { load, readAtMs, dry },
      {
        log,
        signal: io.signal,
        print: (change) => io.out(show(change)),
        listen: io.takeSignals,
        reload: () => {
          // As logrotate's postrotate asks for it.
          reopen();
          return loadTemplates(flags, io);
        },
      },
    );
  } catch (error) {
    if (error instanceof AgentError) throw new CliError(`portolan: ${error.message}`, codes.badConfig);
    throw error;
  } finally {
    close();
  }
}

function isDry(flags: Flags): boolean {
  return flags['dry'] === true || flags['diff'] === true;
}

function loadOrExplain(flags: Flags, io: Io): TemplateLoad {
  try {
    return loadTemplates(flags, io);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    const isFlag = error.at?.source?.startsWith('flag ') === true;
    throw new CliError(`portolan: ${error.message}`, isFlag ? codes.badFlags : codes.badConfig);
  }
}

function loadTemplates(flags: Flags, io: Io): TemplateLoad {
  const paths = (flags['config'] ?? []) as readonly string[];
  return loadTemplateConfig({
    paths,
    flags: givenFlags(flags, templateFlags),
    env: io.env,
    dry: isDry(flags),
  });
}

/** Every template, not only the first that is wrong. */
function parseAll(load: TemplateLoad, io: Io): number {
  let code: number = templateExitCodes.done;
  for (const spec of specsOrExplain(load)) {
    try {
      void new Evaluator({ ...spec, name: spec.source, environment: {} });
    } catch (error) {
      io.err(`${spec.source}: parse: ${(error as Error).message}\n`);
      code = codes.failed;
    }
  }
  return code;
}

function specsOrExplain(load: TemplateLoad): ReturnType<typeof templateSpecs> {
  try {
    return templateSpecs(load.templates);
  } catch (error) {
    if (error instanceof AgentError) throw new CliError(`portolan: ${error.message}`, codes.badConfig);
    throw error;
  }
}

function foreignWarnings(flags: Flags): readonly string[] {
  const given = foreignFlags.filter(({ name }) => flags[attribute(name)] !== undefined);
  return given.map(({ name, program }) => `-${name} has no effect: ${program} is not supported`);
}
