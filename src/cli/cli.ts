/** Words -> options -> one call. Every command is one line in this table. */
import { ClientError } from '@portolan/sdk';
import { Command, CommanderError, Option } from 'commander';
import { agentCommand } from './agent.ts';
import { AgentError } from '../agent/errors.ts';
import { isSystemError } from '../lib/file-problem.ts';
import { StoreError } from '../store/store.ts';
import { DockerError } from '../docker/docker.ts';
import { RegistrarError } from '../registrar/target.ts';
import { explainClientError } from './client-options.ts';
import { CliError, type CliCommand, type Io } from './command.ts';
import { fromGoFlags } from './go-flags.ts';
import { kvCommand } from './kv.ts';
import { membersCommand } from './members.ts';
import { registrarCommand } from './registrar.ts';
import { servicesCommand } from './services.ts';
import { templateCommand } from './template.ts';
import { validateCommand } from './validate.ts';
import { versionCommand } from './version.ts';

const commands: readonly CliCommand[] = [
  agentCommand,
  registrarCommand,
  templateCommand,
  membersCommand,
  servicesCommand,
  kvCommand,
  validateCommand,
  versionCommand,
];

/** Exit codes: 0 done, 1 failed or wrong usage, 127 no such command; a command's own are in its --help. */
export async function runCli(argv: readonly string[], io: Io): Promise<number> {
  let exitCode = 0;
  const program = buildProgram(io, (code) => (exitCode = code));
  const first = argv[0];
  if (
    first !== undefined &&
    !first.startsWith('-') &&
    !commands.some(({ name }) => name === first) &&
    first !== 'help'
  ) {
    io.err(`portolan: no command "${first}"\n\n${program.helpInformation()}`);
    return 127;
  }
  if (first === undefined) {
    io.err(program.helpInformation());
    return 1;
  }
  try {
    const words = first === '-v' || first === '--version' || first === '-version' ? ['version'] : [...argv];
    const names = { booleans: booleanOptions(program), ...(isPut(words) ? { flagsFirstAfter: 2 } : {}) };
    await program.parseAsync(fromGoFlags(words, names), { from: 'user' });
    return exitCode;
  } catch (error) {
    return report(error, io, commands.find(({ name }) => name === first)?.usageExitCode ?? 1);
  }
}

/** Scripts put values that begin with a dash. */
function isPut([command, sub]: readonly string[]): boolean {
  return command === 'kv' && sub === 'put';
}

function buildProgram(io: Io, exit: (code: number) => void): Command {
  const program = new Command('portolan')
    .description(
      'Service discovery for container hosts: catalog, DNS, Docker registrar and template runner in one program.',
    )
    .configureOutput({ writeOut: io.out, writeErr: io.err })
    .exitOverride();
  program.addHelpText('after', '\nExamples:\n  $ portolan agent -dev\n  $ portolan kv put greeting hello');
  for (const { name, summary, define } of commands) {
    const command = program.command(name).description(summary).copyInheritedSettings(program);
    define(command, io, exit);
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
    return 1;
  }
  if (error instanceof TypeError && error.message.startsWith('invalid boolean')) {
    io.err(`${error.message}\n`);
    return usageExitCode;
  }
  throw error;
}

/** What a person can mend: the message says how, and a stack would only hide it. */
function isExpected(error: unknown): error is Error {
  const kinds = [AgentError, StoreError, DockerError, RegistrarError];
  return kinds.some((kind) => error instanceof kind) || isSystemError(error);
}
