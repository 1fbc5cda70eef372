import { readFileSync } from 'node:fs';
import { Client, ClientError, type ReadOptions } from '@portolan/sdk';
import { type Command, Option } from 'commander';
import { fileProblem } from '../lib/file-problem.ts';
import { CliError, type Io } from './command.ts';

/** Options of every command that talks to an agent's HTTP API. Source: consul.md 4.1. */
export interface ClientFlags {
  readonly httpAddr?: string;
  readonly token?: string;
  readonly tokenFile?: string;
  readonly datacenter?: string;
  readonly stale?: boolean;
  readonly json?: boolean;
}

export function addClientOptions(command: Command): Command {
  return command
    .option('--http-addr <address>', 'agent to talk to: host:port or http(s)://… (env CONSUL_HTTP_ADDR)')
    .option('--token <token>', 'access token (env CONSUL_HTTP_TOKEN)')
    .option('--token-file <file>', 'file that holds the access token (env CONSUL_HTTP_TOKEN_FILE)')
    .option('--datacenter <name>', 'datacenter to ask')
    .option('--stale', 'let any agent answer, also one that is cut off')
    .option('--json', 'print JSON for scripts')
    .addOption(new Option('--namespace <name>', 'accepted: there are no namespaces').hideHelp())
    .addOption(new Option('--partition <name>', 'accepted: there are no partitions').hideHelp());
}

export function openClient(flags: ClientFlags, io: Io): Client {
  const address = flags.httpAddr ?? io.env['CONSUL_HTTP_ADDR'] ?? '127.0.0.1:8500';
  if (address.startsWith('unix:')) {
    throw new CliError(`-http-addr ${address}: unix sockets are not supported here; use host:port`);
  }
  const ssl = !/^https?:/.test(address) && io.env['CONSUL_HTTP_SSL'] === 'true';
  const file = flags.tokenFile ?? io.env['CONSUL_HTTP_TOKEN_FILE'];
  const token = flags.token ?? (file === undefined ? io.env['CONSUL_HTTP_TOKEN'] : readToken(file));
  return new Client({
    address: ssl ? `https://${address}` : address,
    ...(token === undefined || token === '' ? {} : { token }),
    ...(flags.datacenter === undefined ? {} : { datacenter: flags.datacenter }),
  });
}

export function readOptions(flags: ClientFlags, io: Io): ReadOptions {
  return { signal: io.signal, ...(flags.stale === true ? { consistency: 'stale' as const } : {}) };
}

/** What a person can do about a failed call. */
export function explainClientError(error: ClientError): string {
  if (error.code !== 'network') return error.message;
  return `${error.message}\nIs the agent running? Start one with \`portolan agent -dev\`, or name another with -http-addr or CONSUL_HTTP_ADDR.`;
}

function readToken(file: string): string {
  try {
    return readFileSync(file, 'utf8').trim();
  } catch (error) {
    throw new CliError(`-token-file ${file}: ${fileProblem(error)}`);
  }
}
