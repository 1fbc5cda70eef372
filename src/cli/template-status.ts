/** `portolan template status`: how the templates of a running agent, or of `portolan template -status-addr`, are doing. */
import type { AgentTemplate } from '@portolan/sdk';
import type { Command } from 'commander';
import { formatColumns } from '../lib/columns.ts';
import { addClientOptions, type ClientFlags, openClient, readOptions } from './client-options.ts';
import { examples, exitCodes, type Io } from './command.ts';
import { type Paint, paintFor } from './terminal.ts';

export function defineStatus(parent: Command, io: Io, exit: (code: number) => void): void {
  const command = addClientOptions(
    parent.command('status').description('Tell how the templates of a running agent are doing.'),
  );
  command.addHelpText('after', '\nWith -http-addr of `portolan template -status-addr` it tells of those.');
  examples(command, [
    'portolan template status',
    'portolan template status --http-addr 127.0.0.1:8599',
    'portolan template status --json',
  ]);
  exitCodes(
    command,
    '0 all are current, 1 the agent cannot be asked, 2 some template waits or has failed; 13 wrong usage',
  );
  command.action(async (flags: ClientFlags) => {
    const all = await openClient(flags, io).agent.templates(readOptions(flags, io));
    io.out(flags.json === true ? `${JSON.stringify(all, null, 4)}\n` : report(all, Date.now(), paintFor(io)));
    if (all.some(({ State }) => State !== 'current' && State !== 'reloading')) exit(2);
  });
}

const header = ['DESTINATION', 'STATE', 'RENDERS', 'RENDERED', 'COMMAND', 'TOOK', 'NOTES'];

function report(all: readonly AgentTemplate[], nowMs: number, paint: Paint): string {
  if (all.length === 0) return 'no templates\n';
  const [head, ...lines] = formatColumns([header, ...all.map((one) => row(one, nowMs))])
    .trimEnd()
    .split('\n');
  const painted = lines.map((line, i) => {
    const state = all[i]?.State;
    return state === 'failed' || state === 'broken'
      ? paint(line, 'red')
      : state === 'waiting' || state === 'held'
        ? paint(line, 'yellow')
        : line;
  });
  const details = all.flatMap(({ Destination, Error: error, HeldBecause, WaitingFor }) => [
    ...WaitingFor.map(
      ({ ID, Seconds, Error: why }) =>
        `${Destination} waits for ${ID} since ${Seconds.toFixed(1)} s${why === '' ? '' : `: ${why}`}`,
    ),
    ...(HeldBecause === '' ? [] : [`${Destination} is held as it is: ${HeldBecause}`]),
    ...(error === '' ? [] : [`${Destination}: ${error}`]),
  ]);
  return [paint(head ?? '', 'bold'), ...painted, ...(details.length === 0 ? [] : ['', ...details]), ''].join(
    '\n',
  );
}

function row(one: AgentTemplate, nowMs: number): string[] {
  const { LastCommand: last } = one;
  const notes = [
    one.WaitingFor.length === 0 ? '' : `waits for ${one.WaitingFor.length} of ${one.Dependencies.length}`,
    one.CommandOwed ? 'command owed' : '',
    one.StaleSince === '' ? '' : `answers saved ${ageOf(nowMs - Date.parse(one.StaleSince))} ago`,
  ].filter((note) => note !== '');
  return [
    one.Destination,
    one.State,
    String(one.Renders),
    one.LastRender === '' ? 'never' : `${ageOf(nowMs - Date.parse(one.LastRender))} ago`,
    last === null ? '-' : `${last.Kind === 'command' ? '' : `${last.Kind} `}${endOf(last)}`,
    last === null ? '-' : `${last.Seconds.toFixed(2)}s`,
    notes.length === 0 ? '-' : notes.join(', '),
  ];
}

function endOf({ OK, Exit, Signal, TimedOut }: NonNullable<AgentTemplate['LastCommand']>): string {
  if (OK) return 'ok';
  if (TimedOut) return 'timed out';
  if (Signal !== '') return Signal;
  return Exit === null ? 'not started' : `exit ${Exit}`;
}

function ageOf(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1000));
  if (seconds < 120) return `${seconds}s`;
  if (seconds < 7200) return `${Math.round(seconds / 60)}m`;
  return seconds < 172_800 ? `${Math.round(seconds / 3600)}h` : `${Math.round(seconds / 86_400)}d`;
}
