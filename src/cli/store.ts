import { examples, exitCodes, type CliCommand } from './command.ts';
import { defineStoreCopy } from './store-copy.ts';

/** Commands about where the catalog is kept, for when no agent runs. */
export const storeCommand: CliCommand = {
  define: (command, io, exit) => {
    examples(command, [
      'portolan store copy --from embedded:/var/lib/portolan --to etcd://etcd1:2379/portolan',
    ]);
    exitCodes(command, '0 done, 1 failed, 2 refused or used wrongly; each command has its own --help');
    defineStoreCopy(command, io, exit);
  },
  usageExitCode: 2,
};
