import { readFileSync } from 'node:fs';
import { type Command, Option } from 'commander';
import { evaluateOffline, OfflineError } from '../render/eval.ts';
import type { Fixture } from '../render/fixture-source.ts';
import { fileProblem } from '../lib/file-problem.ts';
import { fromBytes, toBytes } from '../template/text.ts';
import { CliError, examples, exitCodes, type Io } from './command.ts';
import { collect } from './config-flags.ts';

interface EvalFlags {
  readonly data?: string;
  readonly fixture?: string;
  readonly name: string;
  readonly missingkey: 'zero' | 'error' | 'invalid' | 'default';
  readonly leftDelimiter: string;
  readonly rightDelimiter: string;
  readonly errorOnMissingKey?: boolean;
  readonly deny: readonly string[];
}

export function defineEval(parent: Command, io: Io): void {
  const command = parent
    .command('eval')
    .description('Render one template offline and print it.')
    .argument('<template>', 'file of the template; - reads standard input')
    .option('--data <file>', 'JSON file: the template’s dot')
    .option('--fixture <file>', 'JSON file: the services, nodes and keys that functions see')
    .option('--name <name>', 'name of the template in error messages', '')
    .addOption(
      new Option('--missingkey <mode>', 'what a missing map key gives')
        .choices(['zero', 'error', 'invalid', 'default'])
        .default('zero'),
    )
    .option('--left-delimiter <text>', 'begins an action', '')
    .option('--right-delimiter <text>', 'ends an action', '')
    .option('--error-on-missing-key', 'the same as -missingkey=error')
    .option(
      '--deny <function>',
      'a function that must not be called; may be given several times',
      collect,
      [],
    );
  examples(command, [
    'portolan template eval --data data.json greeting.tmpl',
    'portolan template eval --fixture world.json app.ctmpl',
  ]);
  exitCodes(command, '0 rendered, 1 the template fails or something that it needs is missing');
  command.action(async (path: string, flags: EvalFlags) => {
    const text = fromBytes(path === '-' ? await io.readStdin() : readBytes(path));
    io.outBytes(toBytes(evaluate(text, flags)));
  });
}

function evaluate(text: string, flags: EvalFlags): string {
  try {
    return evaluateOffline({
      name: flags.name,
      text,
      ...(flags.data === undefined ? {} : { data: readJson('--data', flags.data) }),
      ...(flags.fixture === undefined ? {} : { fixture: readJson('--fixture', flags.fixture) as Fixture }),
      missingKey: flags.errorOnMissingKey === true ? 'error' : flags.missingkey,
      leftDelimiter: flags.leftDelimiter,
      rightDelimiter: flags.rightDelimiter,
      deny: flags.deny,
    }).output;
  } catch (error) {
    if (error instanceof OfflineError) throw new CliError(error.message);
    throw error;
  }
}

function readBytes(path: string): Uint8Array {
  try {
    return readFileSync(path);
  } catch (error) {
    throw new CliError(`template ${path}: ${fileProblem(error)}; give a file, or - for standard input`);
  }
}

function readJson(flag: string, path: string): unknown {
  try {
    return JSON.parse(readFileSync(path, 'utf8'));
  } catch (error) {
    throw new CliError(`${flag} ${path}: ${fileProblem(error)}`);
  }
}
