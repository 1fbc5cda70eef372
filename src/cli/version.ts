import type { CliCommand } from './command.ts';
import { examples } from './command.ts';
import { compatVersion, version } from '../lib/version.ts';

export const versionCommand: CliCommand = {
  name: 'version',
  summary: 'Print the version.',
  define: (command, io) => {
    command
      .option('--json', 'print JSON for scripts')
      .option('--format <format>', 'pretty or json', 'pretty');
    examples(command, ['portolan version', 'portolan version --json']);
    command.action((flags: { json?: boolean; format: string }) => {
      if (flags.json === true || flags.format === 'json') {
        io.out(
          `${JSON.stringify({ Version: version, Compatible: compatVersion, Node: process.version }, null, 4)}\n`,
        );
        return;
      }
      io.out(`Portolan v${version}\nSpeaks the HTTP and DNS interface of Consul ${compatVersion}\n`);
    });
  },
};
