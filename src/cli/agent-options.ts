import { type Command, Option } from 'commander';
import { ConfigError } from '../config/config-error.ts';
import { agentFlags } from '../config/flags.ts';
import { type Loaded, loadConfig } from '../config/load.ts';
import { CliError, type Io } from './command.ts';
import { addConfigFlags, collect, givenFlags } from './config-flags.ts';

const configFormats = ['hcl', 'json', 'yaml', 'toml'] as const;

export function configFormatOption(): Option {
  return new Option('--config-format <format>', 'format of files with any extension').choices(configFormats);
}

/** Adds every agent flag, and those that name files. */
export function addAgentOptions(command: Command): Command {
  // Files and directories count in the order in which they are given, whichever flag names them.
  const paths: string[] = [];
  const addPath = (path: string): string[] => {
    paths.push(path);
    return paths;
  };
  command
    .option(
      '--config-file <file>',
      'read this file (.hcl .json .yaml .toml); may be given several times',
      addPath,
    )
    .option('--config-dir <dir>', 'read the files of this directory in alphabetical order', addPath)
    .addOption(configFormatOption())
    .option('--hcl <text>', 'a piece of HCL configuration', collect);
  addConfigFlags(command, agentFlags);
  return command;
}

/** Reads the configuration that the command line names; a mistake becomes a message and exit code 1. */
export function loadAgentConfig(command: Command, io: Io): Loaded {
  const opts = command.opts<Record<string, unknown>>();
  try {
    return loadConfig({
      paths: (opts['configFile'] ?? opts['configDir'] ?? []) as string[],
      snippets: (opts['hcl'] ?? []) as string[],
      ...(opts['configFormat'] === undefined
        ? {}
        : { format: opts['configFormat'] as (typeof configFormats)[number] }),
      flags: givenFlags(opts, agentFlags),
      env: io.env,
    });
  } catch (error) {
    if (error instanceof ConfigError) throw new CliError(`portolan: ${error.message}`);
    throw error;
  }
}
