import { Option } from 'commander';
import type { CliCommand, Io } from './command.ts';
import { examples, exitCodes } from './command.ts';
import { compatVersion, version } from '../lib/version.ts';

export const versionCommand: CliCommand = {
  define: (command, io) => {
    command
      .option('--json', 'print JSON for scripts')
      .addOption(
        new Option('--format <format>', 'how to print').choices(['pretty', 'json']).default('pretty'),
      );
    examples(command, ['portolan version', 'portolan version --json']);
    exitCodes(command, '0');
    command.action((flags: { json?: boolean; format: string }) => {
      if (flags.json === true || flags.format === 'json') {
        io.out(
          `${JSON.stringify({ Version: version, Compatible: compatVersion, Node: process.version }, null, 4)}\n`,
        );
        return;
      }
      printVersion(io);
    });
  },
};

/** For people. */
export function printVersion(io: Io): void {
  io.out(`Portolan v${version}\nSpeaks the HTTP and DNS interface of Consul ${compatVersion}\n`);
}
