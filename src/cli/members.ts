import type { Member } from '@portolan/sdk';
import { formatColumns } from '../lib/columns.ts';
import { addClientOptions, openClient, readOptions, type ClientFlags } from './client-options.ts';
import { CliError, examples, exitCodes, type CliCommand } from './command.ts';

const statusWords = ['none', 'alive', 'leaving', 'left', 'failed'] as const;

/** Exit code 2: no member matches. */
export const membersCommand: CliCommand = {
  define: (command, io, exit) => {
    addClientOptions(command)
      .option('--detailed', 'show every tag')
      .option('--status <pattern>', 'only members whose status matches this regular expression', '.*');
    examples(command, [
      'portolan members',
      "portolan members -status='alive|failed'",
      'portolan members --json',
    ]);
    exitCodes(command, '0 listed, 1 failed, 2 no member matches');
    command.action(async (flags: ClientFlags & { detailed?: boolean; status: string }) => {
      const pattern = statusPattern(flags.status);
      const members = await openClient(flags, io).agent.members(readOptions(flags, io));
      const found = members.filter((member) => pattern.test(statusOf(member)));
      if (found.length === 0) return exit(2);
      if (flags.json === true) io.out(`${JSON.stringify(found, null, 4)}\n`);
      else io.out(formatColumns(flags.detailed === true ? detailed(found) : standard(found)));
    });
  },
};

function standard(members: readonly Member[]): string[][] {
  const rows = members.map(({ Name, Addr, Port, Tags, ...member }) => {
    const type = Tags['role'] === 'consul' ? 'server' : 'client';
    const build = (Tags['build'] ?? '').split(':')[0] ?? '';
    return [
      Name,
      `${Addr}:${Port}`,
      statusOf(member),
      type,
      build,
      Tags['vsn'] ?? '',
      Tags['dc'] ?? '',
      segmentOf(Tags, type),
    ];
  });
  return [['Node', 'Address', 'Status', 'Type', 'Build', 'Protocol', 'DC', 'Segment'], ...rows];
}

/** Consul's words where there are no segments. */
function segmentOf(tags: Member['Tags'], type: 'server' | 'client'): string {
  const segment = tags['segment'] ?? '';
  if (segment !== '') return segment;
  return type === 'server' ? '<all>' : '<default>';
}

function detailed(members: readonly Member[]): string[][] {
  const rows = members.map((member) => {
    const tags = Object.entries(member.Tags).map(([key, value]) => `${key}=${value}`);
    return [member.Name, `${member.Addr}:${member.Port}`, statusOf(member), tags.sort().join(',')];
  });
  return [['Node', 'Address', 'Status', 'Tags'], ...rows];
}

function statusOf(member: Pick<Member, 'Status'>): string {
  return statusWords[member.Status] ?? 'none';
}

function statusPattern(text: string): RegExp {
  try {
    return new RegExp(text);
  } catch {
    throw new CliError(`-status ${text}: not a regular expression; try -status=alive`);
  }
}
