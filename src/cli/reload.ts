import { addClientOptions, openClient, type ClientFlags } from './client-options.ts';
import { examples, exitCodes, type CliCommand } from './command.ts';

export const reloadCommand: CliCommand = {
  define: (command, io) => {
    addClientOptions(command);
    examples(command, ['portolan reload', 'portolan reload -http-addr=10.0.0.7:8500']);
    exitCodes(command, '0 reloaded, 1 failed: the agent goes on as it was');
    command.action(async (flags: ClientFlags) => {
      await openClient(flags, io).agent.reload({ signal: io.signal });
      io.out('Configuration reload triggered\n');
    });
  },
};
