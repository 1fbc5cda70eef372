import { ClientError } from '@portolan/sdk';
import { addClientOptions, explainClientError, openClient, type ClientFlags } from './client-options.ts';
import { CliError, examples, exitCodes, type CliCommand } from './command.ts';

export const forceLeaveCommand: CliCommand = {
  define: (command, io) => {
    addClientOptions(command)
      .argument('<node>', 'name of a node whose agent is dead')
      .option('--prune', 'forget the name too: it is no member any more');
    examples(command, ['portolan force-leave n3', 'portolan force-leave -prune n3']);
    exitCodes(command, '0 taken out, or alive and left alone; 1 no such agent, or failed');
    command.action(async (node: string, flags: ClientFlags & { prune?: boolean }) => {
      try {
        const options = { signal: io.signal, prune: flags.prune === true };
        await openClient(flags, io).agent.forceLeave(node, options);
      } catch (error) {
        if (!(error instanceof ClientError)) throw error;
        throw new CliError(`Error force leaving: ${explainClientError(error)}`);
      }
    });
  },
};
