import { addClientOptions, openClient, type ClientFlags } from './client-options.ts';
import { examples, exitCodes, type CliCommand } from './command.ts';

export const leaveCommand: CliCommand = {
  define: (command, io) => {
    addClientOptions(command);
    examples(command, ['portolan leave', 'portolan leave -http-addr=10.0.0.7:8500']);
    exitCodes(command, '0 left, 1 failed: the agent goes on');
    command.action(async (flags: ClientFlags) => {
      await openClient(flags, io).agent.leave({ signal: io.signal });
      io.out('Graceful leave complete\n');
    });
  },
};
