import { readFileSync } from 'node:fs';
import type { KvEntry } from '@portolan/sdk';
import type { Command } from 'commander';
import { fileProblem } from '../lib/file-problem.ts';
import { formatColumns } from '../lib/columns.ts';
import { addClientOptions, openClient, readOptions, type ClientFlags } from './client-options.ts';
import { CliError, examples, exitCodes, type CliCommand, type Io } from './command.ts';

interface GetFlags extends ClientFlags {
  readonly base64?: boolean;
  readonly detailed?: boolean;
  readonly keys?: boolean;
  readonly recurse?: boolean;
  readonly separator: string;
}

interface PutFlags extends ClientFlags {
  readonly acquire?: boolean;
  readonly base64?: boolean;
  readonly cas?: boolean;
  readonly flags?: string;
  readonly modifyIndex?: string;
  readonly release?: boolean;
  readonly session?: string;
}

/** Texts and exit codes as `consul kv` has them (consul.md 4.1). */
export const kvCommand: CliCommand = {
  define: (command, io) => {
    examples(command, [
      'portolan kv put greeting hello',
      'portolan kv get greeting',
      'portolan kv delete -recurse app/',
    ]);
    exitCodes(command, "0 done, 1 failed; each command's --help says more");
    defineGet(command, io);
    definePut(command, io);
    defineDelete(command, io);
  },
};

function defineGet(parent: Command, io: Io): void {
  const command = addClientOptions(parent.command('get').description('Print the value of a key.'))
    .argument('[key]', 'key, or prefix with -recurse and -keys', '')
    .option('--base64', 'print values in base64')
    .option('--detailed', 'print the whole row')
    .option('--keys', 'print keys that begin with the prefix, up to the separator')
    .option('--recurse', 'print every key that begins with the prefix, with its value')
    .option('--separator <text>', 'where -keys cuts', '/');
  examples(command, [
    'portolan kv get greeting',
    'portolan kv get -recurse app/',
    'portolan kv get -keys -separator= app/',
  ]);
  exitCodes(command, '0 printed, 1 no such key, or failed');
  command.action((key: string, flags: GetFlags) => get(stripSlash(key), flags, io));
}

async function get(key: string, flags: GetFlags, io: Io): Promise<void> {
  const { kv } = openClient(flags, io);
  const options = readOptions(flags, io);
  if (flags.keys === true) {
    const { data } = await kv.keys(key, flags.separator, options);
    io.out(flags.json === true ? json(data) : data.map((name) => `${name}\n`).join(''));
  } else if (flags.recurse === true) {
    const { data } = await kv.list(key, options);
    if (flags.json === true) io.out(json(data.map(asJson)));
    else
      for (const row of data)
        io.out(
          flags.detailed === true ? `${details(row, flags)}\n` : `${row.key}:${valueText(row, flags)}\n`,
        );
  } else {
    if (key === '') throw new CliError('Error! Missing KEY argument');
    const { data: row } = await kv.get(key, options);
    if (row === undefined) throw new CliError(`Error! No key exists at: ${key}`);
    if (flags.json === true) io.out(json(asJson(row)));
    else io.out(flags.detailed === true ? details(row, flags) : `${valueText(row, flags)}\n`);
  }
}

function definePut(parent: Command, io: Io): void {
  const command = addClientOptions(parent.command('put').description('Write a key.'))
    .argument('<key>', 'key')
    .argument('[value]', 'value; @file reads a file, - reads standard input', '')
    .option('--acquire', 'take the lock of the key for -session')
    .option('--base64', 'the value is in base64')
    .option(
      '--cas',
      'write only if the modify index is that of -modify-index (0: only if there is no such key)',
    )
    .option('--flags <number>', 'flags to store, an unsigned 64-bit integer')
    .option('--modify-index <number>', 'index for -cas')
    .option('--release', 'give the lock of the key back')
    .option('--session <id>', 'session for -acquire and -release');
  examples(command, [
    'portolan kv put greeting hello',
    'portolan kv put app/config @config.json',
    'portolan kv put -cas -modify-index=0 lock mine',
    'portolan kv put -acquire -session=9c6a2a1e-77a1-4f0b-9d51-3d5a0c1f0e11 leader n1',
  ]);
  exitCodes(
    command,
    '0 written, 1 not written: the index given with -cas is not the current one, the lock was not to be had, or failed',
  );
  command.addHelpText(
    'after',
    'Flags stand before the key: what follows it is the value, also when it begins with a dash.',
  );
  command.action((key: string, value: string, flags: PutFlags) =>
    flags.cas !== true && (flags.acquire === true || flags.release === true)
      ? lock(stripSlash(key), value, flags, io)
      : put(stripSlash(key), value, flags, io),
  );
}

async function put(name: string, value: string, flags: PutFlags, io: Io): Promise<void> {
  const cas = casIndex(flags);
  const options = { ...writeOptions(flags, io), ...(cas === undefined ? {} : { cas }) };
  const written = await openClient(flags, io).kv.put(name, await valueBytes(value, flags, io), options);
  if (!written && cas === 0) {
    throw new CliError(`Error! Did not write to ${name}: CAS performed with index=0 and key already exists.`);
  }
  if (!written) throw new CliError(`Error! Did not write to ${name}: CAS failed`);
  io.out(`Success! Data written to: ${name}\n`);
}

/** Takes the lock when both are asked for, as Consul does. */
async function lock(name: string, value: string, flags: PutFlags, io: Io): Promise<void> {
  const { session = '' } = flags;
  if (session === '') throw new CliError('Error! Missing -session (required with -acquire and -release)');
  const { kv } = openClient(flags, io);
  const bytes = await valueBytes(value, flags, io);
  const options = writeOptions(flags, io);
  if (flags.acquire === true) {
    if (!(await kv.acquire(name, bytes, session, options))) throw new CliError('Error! Did not acquire lock');
    io.out(`Success! Lock acquired on: ${name}\n`);
  } else {
    if (!(await kv.release(name, bytes, session, options))) throw new CliError('Error! Did not release lock');
    io.out(`Success! Lock released on: ${name}\n`);
  }
}

function writeOptions(flags: PutFlags, io: Io): { readonly signal: AbortSignal; readonly flags?: bigint } {
  const { flags: number } = flags;
  return { signal: io.signal, ...(number === undefined ? {} : { flags: unsigned('-flags', number) }) };
}

function defineDelete(parent: Command, io: Io): void {
  const command = addClientOptions(
    parent.command('delete').description('Delete a key, or all keys with a prefix.'),
  )
    .argument('<key>', 'key, or prefix with -recurse')
    .option('--cas', 'delete only if the modify index is that of -modify-index')
    .option('--modify-index <number>', 'index for -cas')
    .option('--recurse', 'delete every key that begins with the prefix');
  examples(command, ['portolan kv delete greeting', 'portolan kv delete -recurse app/']);
  exitCodes(command, '0 gone, 1 not deleted: the index given with -cas is not the current one, or failed');
  command.action(async (key: string, flags: PutFlags & { recurse?: boolean }) => {
    const name = stripSlash(key);
    const { kv } = openClient(flags, io);
    if (flags.recurse === true) {
      await kv.deleteTree(name, { signal: io.signal });
      io.out(`Success! Deleted keys with prefix: ${name}\n`);
      return;
    }
    const cas = casIndex(flags);
    const deleted = await kv.delete(name, { signal: io.signal, ...(cas === undefined ? {} : { cas }) });
    if (!deleted) throw new CliError(`Error! Did not delete key ${name}: CAS failed`);
    io.out(`Success! Deleted key: ${name}\n`);
  });
}

function casIndex(flags: PutFlags): number | undefined {
  if (flags.cas !== true) return undefined;
  if (flags.modifyIndex === undefined) throw new CliError('Must specify -modify-index with -cas!');
  return Number(unsigned('-modify-index', flags.modifyIndex));
}

function unsigned(flag: string, text: string): bigint {
  if (!/^\d+$/.test(text) || BigInt(text) >= 2n ** 64n)
    throw new CliError(`${flag} ${text}: not an unsigned 64-bit integer`);
  return BigInt(text);
}

async function valueBytes(value: string, flags: PutFlags, io: Io): Promise<Uint8Array> {
  const raw = await rawValue(value, io);
  return flags.base64 === true ? Buffer.from(Buffer.from(raw).toString('latin1'), 'base64') : raw;
}

async function rawValue(value: string, io: Io): Promise<Uint8Array> {
  if (value === '-') return io.readStdin();
  if (!value.startsWith('@')) return Buffer.from(value);
  try {
    return readFileSync(value.slice(1));
  } catch (error) {
    throw new CliError(`Error! Failed to read file: ${value.slice(1)}: ${fileProblem(error)}`);
  }
}

function details(row: KvEntry, flags: GetFlags): string {
  return formatColumns([
    ['CreateIndex', String(row.createIndex)],
    ['Flags', String(row.flags)],
    ['Key', row.key],
    ['LockIndex', String(row.lockIndex)],
    ['ModifyIndex', String(row.modifyIndex)],
    ['Session', row.session === '' ? '-' : row.session],
    ['Value', valueText(row, flags)],
  ]);
}

function asJson(row: KvEntry): object {
  return {
    Key: row.key,
    Value: Buffer.from(row.value).toString('base64'),
    Flags: String(row.flags),
    LockIndex: row.lockIndex,
    ...(row.session === '' ? {} : { Session: row.session }),
    CreateIndex: row.createIndex,
    ModifyIndex: row.modifyIndex,
  };
}

function valueText(row: KvEntry, flags: GetFlags): string {
  return Buffer.from(row.value).toString(flags.base64 === true ? 'base64' : 'utf8');
}

function json(value: unknown): string {
  return `${JSON.stringify(value, null, 4)}\n`;
}

// As Consul's client does: a leading slash would make an empty path segment.
function stripSlash(key: string): string {
  return key.replace(/^\/+/, '');
}
