import { ConfigError } from '../config/config-error.ts';
import { loadConfig } from '../config/load.ts';
import { configFormatOption } from './agent-options.ts';
import { CliError, examples, exitCodes, type CliCommand } from './command.ts';

export const validateCommand: CliCommand = {
  define: (command, io) => {
    command
      .argument('<paths...>', 'files and directories, in the order in which an agent would read them')
      .option('--quiet', 'print nothing when the files are valid')
      .addOption(configFormatOption())
      .option('--json', 'print JSON for scripts');
    examples(command, ['portolan validate agent.hcl', 'portolan validate /etc/consul.d']);
    exitCodes(command, '0 valid, 1 not valid');
    command.action((paths: string[], flags: { quiet?: boolean; json?: boolean; configFormat?: 'hcl' }) => {
      try {
        // The address that would be advertised depends on this host, not on the files.
        const { warnings } = loadConfig({
          paths,
          env: {},
          interfaces: {},
          flags: { advertise: '127.0.0.1' },
          ...(flags.configFormat === undefined ? {} : { format: flags.configFormat }),
        });
        if (flags.json === true) io.out(`${JSON.stringify({ Valid: true, Warnings: warnings }, null, 4)}\n`);
        else if (flags.quiet !== true)
          io.out(`${warnings.map((text) => `Warning: ${text}\n`).join('')}Configuration is valid!\n`);
      } catch (error) {
        if (!(error instanceof ConfigError)) throw error;
        if (flags.json === true)
          io.out(`${JSON.stringify({ Valid: false, Error: error.message }, null, 4)}\n`);
        throw new CliError(`Config validation failed: ${error.message}`);
      }
    });
  },
};
