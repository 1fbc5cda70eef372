import { formatColumns } from '../lib/columns.ts';
import { addClientOptions, openClient, readOptions, type ClientFlags } from './client-options.ts';
import { CliError, examples, exitCodes, type CliCommand, type Io } from './command.ts';
import { collect } from './config-flags.ts';

interface RegisterFlags extends ClientFlags {
  readonly id?: string;
  readonly name?: string;
  readonly address?: string;
  readonly port?: string;
  readonly tag: readonly string[];
  readonly meta: readonly string[];
}

export const servicesCommand: CliCommand = {
  define: (command, io) => {
    addClientOptions(command);
    examples(command, [
      'portolan services',
      'portolan services register -name=web -port=8080 -tag=v1',
      'portolan services deregister -id=web',
    ]);
    exitCodes(command, '0 listed, 1 failed');
    command.action((flags: ClientFlags) => listServices(flags, io));

    const register = addClientOptions(
      command.command('register').description('Register a service with the agent.'),
    )
      .option('--id <id>', 'service ID; the name by default')
      .option('--name <name>', 'service name')
      .option('--address <address>', "address; the node's by default")
      .option('--port <port>', 'port')
      .option('--tag <tag>', 'a tag; may be given several times', collect, [])
      .option('--meta <key=value>', 'a meta pair; may be given several times', collect, []);
    examples(register, ['portolan services register -name=web -port=8080 -tag=v1 -meta=team=shop']);
    exitCodes(register, '0 registered, 1 refused or failed');
    register.action((flags: RegisterFlags) => registerService(flags, io));

    const deregister = addClientOptions(
      command.command('deregister').description('Deregister a service of the agent.'),
    ).requiredOption('--id <id>', 'service ID');
    examples(deregister, ['portolan services deregister -id=web']);
    exitCodes(deregister, '0 deregistered, 1 no such service, or failed');
    deregister.action(async (flags: ClientFlags & { id: string }) => {
      await openClient(flags, io).agent.deregisterService(flags.id, { signal: io.signal });
      io.out(`Deregistered service: ${flags.id}\n`);
    });
  },
};

async function listServices(flags: ClientFlags, io: Io): Promise<void> {
  const client = openClient(flags, io);
  const options = readOptions(flags, io);
  const { data: services } = await client.catalog.services(options);
  const rows = await Promise.all(
    Object.entries(services).map(async ([name, tags]) => {
      const { data: instances } = await client.health.service(name, options);
      const passing = instances.filter(({ Checks }) =>
        Checks.every(({ Status }) => Status === 'passing'),
      ).length;
      return { Name: name, Instances: instances.length, Passing: passing, Tags: [...tags].sort() };
    }),
  );
  rows.sort((a, b) => (a.Name < b.Name ? -1 : 1));
  if (flags.json === true) {
    io.out(`${JSON.stringify(rows, null, 4)}\n`);
    return;
  }
  const cells = rows.map((row) => [row.Name, String(row.Instances), String(row.Passing), row.Tags.join(',')]);
  io.out(formatColumns([['Name', 'Instances', 'Passing', 'Tags'], ...cells]));
}

async function registerService(flags: RegisterFlags, io: Io): Promise<void> {
  if (flags.name === undefined)
    throw new CliError('Service registration requires -name, e.g. -name=web -port=8080');
  const port = flags.port === undefined ? 0 : Number(flags.port);
  if (!Number.isInteger(port) || port < 0 || port > 65535) {
    throw new CliError(`-port ${flags.port}: not a port number from 0 to 65535`);
  }
  const meta = flags.meta.map((pair): [string, string] => {
    const at = pair.indexOf('=');
    if (at < 1) throw new CliError(`-meta ${pair}: must be key=value`);
    return [pair.slice(0, at), pair.slice(at + 1)];
  });
  const registration = {
    Name: flags.name,
    Port: port,
    Tags: [...flags.tag],
    Meta: Object.fromEntries(meta),
    ...(flags.id === undefined ? {} : { ID: flags.id }),
    ...(flags.address === undefined ? {} : { Address: flags.address }),
  };
  await openClient(flags, io).agent.registerService(registration, { signal: io.signal });
  io.out(`Registered service: ${flags.name}\n`);
}
