/** `portolan template init`: a ready-made template for a program, and the configuration that goes with it. */
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { Command } from 'commander';
import { fileProblem } from '../lib/file-problem.ts';
import { nearestWord } from '../lib/suggest.ts';
import { readyMade, stanzaOf, templateOf } from '../render/init/init.ts';
import type { ReadyMade } from '../render/init/parts.ts';
import { CliError, examples, exitCodes, type Io } from './command.ts';

interface InitFlags {
  readonly dir?: string;
  readonly force?: boolean;
  readonly stanza?: boolean;
}

export function defineInit(parent: Command, io: Io): void {
  const names = readyMade.map(({ name }) => name);
  const command = parent
    .command('init')
    .description('Print or write a ready-made template for a program, and its configuration.')
    .argument('<program>', names.join(', '))
    .option('--dir <directory>', 'write PROGRAM.ctmpl and PROGRAM.hcl there, rather than print the template')
    .option('--force', 'overwrite files that are there')
    .option('--stanza', 'print the configuration alone');
  const lines = readyMade.map(({ name, summary }) => `  ${name.padEnd(12)}${summary}`);
  command.addHelpText('after', `\nPrograms:\n${lines.join('\n')}`);
  examples(command, [
    'portolan template init nginx',
    'portolan template init haproxy --dir /etc/portolan/templates',
    'portolan template -config /etc/portolan/templates/haproxy.hcl',
  ]);
  exitCodes(command, '0 printed or written, 1 a file is there already or cannot be written, 13 wrong usage');
  command.action((name: string, flags: InitFlags) => {
    const one = readyMade.find((known) => known.name === name);
    if (one === undefined) throw unknownProgram(name, names);
    if (flags.dir !== undefined) for (const path of write(one, flags.dir, flags)) io.out(`${path}\n`);
    else io.out((flags.stanza === true ? stanzaOf : templateOf)(one, `${one.name}.ctmpl`));
  });
}

function unknownProgram(name: string, names: readonly string[]): CliError {
  const near = nearestWord(name, names);
  const hint = near === undefined ? `use one of ${names.join(', ')}` : `did you mean ${near}?`;
  return new CliError(`portolan template init: there is no template for "${name}": ${hint}`, 13);
}

// Both or none: what would be overwritten is found first.
function write(one: ReadyMade, dir: string, flags: InitFlags): readonly string[] {
  const folder = resolve(dir);
  const template = join(folder, `${one.name}.ctmpl`);
  const config = join(folder, `${one.name}.hcl`);
  const there = [template, config].find((path) => existsSync(path));
  if (there !== undefined && flags.force !== true) {
    throw new CliError(`portolan template init: ${there} is there already; overwrite it with --force`);
  }
  try {
    mkdirSync(folder, { recursive: true });
    const flag = flags.force === true ? 'w' : 'wx';
    writeFileSync(template, templateOf(one, template), { flag });
    writeFileSync(config, stanzaOf(one, template), { flag });
  } catch (error) {
    throw new CliError(`portolan template init: ${folder}: ${fileProblem(error)}`);
  }
  return [template, config];
}
