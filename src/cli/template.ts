import { ConfigError } from '../config/config-error.ts';
import { loadTemplateConfig, type TemplateLoad } from '../config/load-template.ts';
import { runTemplates } from '../agent/template-agent.ts';
import { AgentError } from '../agent/errors.ts';
import { createLogger } from '../lib/log.ts';
import { CliError, examples, exitCodes, type CliCommand, type Io } from './command.ts';
import { defineEval } from './template-eval.ts';
import { defineTemplateTools } from './template-tools.ts';

interface TemplateFlags {
  readonly consulAddr?: string;
  readonly consulToken?: string;
  readonly config?: readonly string[];
  readonly template?: readonly string[];
  readonly wait?: string;
  readonly once?: boolean;
  readonly dry?: boolean;
  readonly maxStale?: string;
  readonly logLevel?: string;
}

/** Exit codes as consul-template's. Source: template.md 3.6. */
const codes = { failed: 14, badConfig: 15, badFlags: 13 } as const;

export const templateCommand: CliCommand = {
  usageExitCode: codes.badFlags,
  define: (command, io, exit) => {
    command
      .option(
        '--consul-addr <address>',
        'Consul or Portolan to follow (env CONSUL_HTTP_ADDR; default 127.0.0.1:8500)',
      )
      .option('--consul-token <token>', 'access token (env CONSUL_HTTP_TOKEN)')
      .option(
        '--config <path>',
        'consul-template configuration, file or directory; may be given several times',
        collect,
      )
      .option('--template <in:out[:command]>', 'a template to render; may be given several times', collect)
      .option('--wait <min[:max]>', 'quiet time before a template renders')
      .option('--max-stale <duration>', 'how old an answer may be, e.g. 2s; 0s asks the leader')
      .option('--once', 'render every template once, then end')
      .option('--dry', 'print what would be written, write nothing, run nothing')
      .option('--log-level <level>', 'trace, debug, info, warn or error');
    examples(command, [
      'portolan template --consul-addr consul:8500 --template app.ctmpl:/etc/nginx/conf.d/app.conf:"nginx -s reload"',
      'portolan template -config /etc/consul-template.d -once',
      'portolan template eval --fixture world.json app.ctmpl',
    ]);
    exitCodes(command, '0 stopped, or done with -once; 13 bad flags; 14 failed; 15 bad configuration');
    command.action(async (flags: TemplateFlags) => exit(await run(flags, io)));
    defineEval(command, io);
    defineTemplateTools(command, io, exit);
  },
};

async function run(flags: TemplateFlags, io: Io): Promise<number> {
  const load = loadOrExplain(flags, io);
  const level = levelOf(flags.logLevel) ?? load.logLevel;
  const log = createLogger({ level, format: 'text', write: io.err });
  for (const warning of load.warnings) log.warn({}, warning);
  try {
    const done = await runTemplates(
      {
        ...load,
        consulAddress: flags.consulAddr ?? load.consulAddress,
        consulToken: flags.consulToken ?? load.consulToken,
        once: flags.once ?? load.once,
        dry: flags.dry ?? false,
      },
      { log, signal: io.signal, print: io.out },
    );
    return done ? 0 : codes.failed;
  } catch (error) {
    if (error instanceof AgentError) throw new CliError(`portolan: ${error.message}`, codes.badConfig);
    throw error;
  }
}

function loadOrExplain(flags: TemplateFlags, io: Io): TemplateLoad {
  try {
    return loadTemplateConfig({
      paths: flags.config ?? [],
      templates: flags.template ?? [],
      ...(flags.wait === undefined ? {} : { wait: flags.wait }),
      ...(flags.maxStale === undefined ? {} : { maxStale: flags.maxStale }),
      env: io.env,
    });
  } catch (error) {
    if (error instanceof ConfigError) throw new CliError(`portolan: ${error.message}`, codes.badConfig);
    throw error;
  }
}

function levelOf(text: string | undefined): TemplateLoad['logLevel'] | undefined {
  const levels = ['trace', 'debug', 'info', 'warn', 'error'] as const;
  if (text === undefined) return undefined;
  const level = levels.find((known) => known === (text === 'err' ? 'error' : text));
  if (level === undefined)
    throw new CliError(`-log-level ${text}: use one of ${levels.join(', ')}`, codes.badFlags);
  return level;
}

function collect(value: string, previous: readonly string[] | undefined): string[] {
  return [...(previous ?? []), value];
}
