/** Words -> options -> one call. Every command is one line in this table. */
import { ClientError } from '@portolan/sdk';
import { Command, CommanderError, Option } from 'commander';
import { AgentError } from '../agent/errors.ts';
import { ClusterError } from '../cluster/errors.ts';
import { isSystemError } from '../lib/file-problem.ts';
import { StoreError } from '../store/store.ts';
import { DockerError } from '../docker/docker.ts';
import { RegistrarError } from '../registrar/target.ts';
import { explainClientError } from './client-options.ts';
import { CliError, examples, exitCodes, type CliCommand, type Io } from './command.ts';
import { fromGoFlags } from './go-flags.ts';

interface Entry {
  readonly name: string;
  readonly summary: string;
  /** Only the command that is called is loaded: `kv get` needs no agent. */
  readonly load: () => Promise<CliCommand>;
}

const commands: readonly Entry[] = [
  {
    name: 'agent',
    summary: 'Run the agent: catalog, HTTP, DNS, the registrar of this host’s containers, and templates.',
    load: async () => (await import('./agent.ts')).agentCommand,
  },
  {
    name: 'registrar',
    summary: 'Register this host’s containers in any Consul HTTP API, without an agent.',
    load: async () => (await import('./registrar.ts')).registrarCommand,
  },
  {
    name: 'template',
    summary: 'Render templates from any Consul HTTP API, without an agent.',
    load: async () => (await import('./template.ts')).templateCommand,
  },
  {
    name: 'members',
    summary: 'List the agents of the cluster.',
    load: async () => (await import('./members.ts')).membersCommand,
  },
  {
    name: 'leave',
    summary: 'Have an agent leave the cluster and stop.',
    load: async () => (await import('./leave.ts')).leaveCommand,
  },
  {
    name: 'reload',
    summary: 'Have an agent read its configuration files again.',
    load: async () => (await import('./reload.ts')).reloadCommand,
  },
  {
    name: 'force-leave',
    summary: 'Take a dead agent’s node out of the catalog.',
    load: async () => (await import('./force-leave.ts')).forceLeaveCommand,
  },
  {
    name: 'services',
    summary: 'List, register and deregister services.',
    load: async () => (await import('./services.ts')).servicesCommand,
  },
  {
    name: 'kv',
    summary: 'Read and write keys.',
    load: async () => (await import('./kv.ts')).kvCommand,
  },
  {
    name: 'store',
    summary: 'Move the catalog and the keys to another store.',
    load: async () => (await import('./store.ts')).storeCommand,
  },
  {
    name: 'validate',
    summary: 'Check configuration files without starting anything.',
    load: async () => (await import('./validate.ts')).validateCommand,
  },
  {
    name: 'version',
    summary: 'Print the version.',
    load: async () => (await import('./version.ts')).versionCommand,
  },
];

/** Exit codes: 0 done, 1 failed or wrong usage, 127 no such command; a command's own are in its --help. */
export async function runCli(argv: readonly string[], io: Io): Promise<number> {
  let exitCode = 0;
  const words = isVersionFlag(argv[0]) ? ['version'] : [...argv];
  const first = words[0];
  const wanted = first === 'help' ? words[1] : first;
  const chosen = await commands.find(({ name }) => name === wanted)?.load();
  const program = buildProgram(io, (code) => (exitCode = code), wanted, chosen);
  if (
    first !== undefined &&
    !first.startsWith('-') &&
    !commands.some(({ name }) => name === first) &&
    first !== 'help'
  ) {
    io.err(`portolan: no command "${first}"\n\n`);
    program.outputHelp({ error: true });
    return 127;
  }
  if (first === undefined) {
    program.outputHelp({ error: true });
    return 1;
  }
  try {
    const names = { booleans: booleanOptions(program), ...(isPut(words) ? { flagsFirstAfter: 2 } : {}) };
    await program.parseAsync(fromGoFlags(words, names), { from: 'user' });
    return exitCode;
  } catch (error) {
    return report(error, io, chosen?.usageExitCode ?? 1);
  }
}

function isVersionFlag(word: string | undefined): boolean {
  return word === '-v' || word === '-version' || word === '--version';
}

/** Scripts put values that begin with a dash. */
function isPut([command, sub]: readonly string[]): boolean {
  return command === 'kv' && sub === 'put';
}

function buildProgram(
  io: Io,
  exit: (code: number) => void,
  wanted: string | undefined,
  chosen: CliCommand | undefined,
): Command {
  const program = new Command('portolan')
    .description(
      'Service discovery for container hosts: catalog, DNS, Docker registrar and template runner in one program.',
    )
    .addOption(new Option('-v, --version', 'print the version'))
    .configureOutput({ writeOut: io.out, writeErr: io.err })
    .exitOverride();
  examples(program, ['portolan agent -dev', 'portolan kv put greeting hello', 'portolan services']);
  exitCodes(
    program,
    '0 done, 1 failed or used wrongly, 127 no such command; each command has its own --help',
  );
  for (const { name, summary } of commands) {
    const command = program.command(name).description(summary).copyInheritedSettings(program);
    if (name === wanted) chosen?.define(command, io, exit);
    complete(command, `portolan ${name}`);
  }
  program.showHelpAfterError('See portolan --help.');
  return program;
}

/** Every boolean flag can be switched off, and every mistake says where help is. */
function complete(command: Command, path: string): void {
  command.showHelpAfterError(`See ${path} --help.`);
  for (const option of command.options) {
    const isBoolean = !option.required && !option.optional && !option.negate;
    if (isBoolean) command.addOption(new Option(`--no-${option.name()}`).hideHelp());
  }
  for (const child of command.commands) complete(child, `${path} ${child.name()}`);
}

/** Long names of all options that take no value, of all commands: their names do not clash with options that do. */
function booleanOptions(command: Command): Set<string> {
  const own = command.options.filter(
    (option: Option) => !option.required && !option.optional && !option.negate,
  );
  const names = own.map((option: Option) => option.name());
  return new Set([...names, ...command.commands.flatMap((child) => [...booleanOptions(child)])]);
}

function report(error: unknown, io: Io, usageExitCode: number): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : usageExitCode;
  if (error instanceof CliError) {
    io.err(`${error.message}\n`);
    return error.exitCode;
  }
  if (error instanceof ClientError) {
    io.err(`Error! ${explainClientError(error)}\n`);
    return 1;
  }
  if (isExpected(error)) {
    io.err(`portolan: ${error.message}\n`);
    return error instanceof ClusterError && error.code === 'superseded' ? 3 : 1;
  }
  if (error instanceof TypeError && error.message.startsWith('invalid boolean')) {
    io.err(`${error.message}\n`);
    return usageExitCode;
  }
  throw error;
}

/** What a person can mend: the message says how, and a stack would only hide it. */
function isExpected(error: unknown): error is Error {
  const kinds = [AgentError, ClusterError, StoreError, DockerError, RegistrarError];
  return kinds.some((kind) => error instanceof kind) || isSystemError(error);
}
