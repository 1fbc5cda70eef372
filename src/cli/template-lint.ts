/** `portolan template lint`: what is wrong with templates, before anything runs them. */
import { readFileSync } from 'node:fs';
import type { Command } from 'commander';
import { fileProblem } from '../lib/file-problem.ts';
import { fromBytes } from '../template/text.ts';
import { type Finding, lintTemplate, type Severity } from '../render/lint/lint.ts';
import type { LintOptions } from '../render/lint/subject.ts';
import { CliError, examples, exitCodes, type Io } from './command.ts';
import { collect } from './config-flags.ts';
import { type Flags, loadForTools } from './template-options.ts';

interface LintFlags extends Flags {
  readonly json?: boolean;
  readonly strict?: boolean;
  readonly leftDelimiter: string;
  readonly rightDelimiter: string;
  readonly deny: readonly string[];
  readonly sandbox: string;
}

export function defineLint(parent: Command, io: Io, exit: (code: number) => void): void {
  const command = parent
    .command('lint')
    .description('Say what is wrong with templates, or will be; evaluates and asks nothing.')
    .argument('[files...]', 'templates; - reads standard input')
    .option('--json', 'print JSON for scripts')
    .option('--strict', 'warnings count as errors do')
    .option('--left-delimiter <text>', 'begins an action', '')
    .option('--right-delimiter <text>', 'ends an action', '')
    .option('--deny <function>', 'as function_denylist: a function that must not be called', collect, [])
    .option('--sandbox <path>', 'as sandbox_path: where the function file may read', '');
  examples(command, [
    'portolan template lint app.ctmpl',
    'portolan template lint --strict --json /etc/portolan/templates/*.ctmpl',
    'portolan template lint -config /etc/consul-template.d',
  ]);
  exitCodes(
    command,
    '0 no finding of severity error, 1 some, or a file cannot be read; 13 wrong usage; 15 bad configuration',
  );
  command.addHelpText(
    'after',
    '\nThe templates of `portolan template -config` and -template are looked at too, as they are set up there.',
  );
  command.action(async (files: string[], _own: unknown, self: Command) => {
    const flags: LintFlags = self.optsWithGlobals();
    const texts = [...(await readFiles(files, flags, io)), ...configured(flags, io)];
    if (texts.length === 0)
      throw new CliError('portolan template lint: name a template, or a configuration with -config', 13);
    const findings = texts.flatMap((text) => lintTemplate(text));
    io.out(
      flags.json === true ? `${JSON.stringify(findings, null, 4)}\n` : findingsText(findings, texts.length),
    );
    const fatal: readonly Severity[] = flags.strict === true ? ['error', 'warning'] : ['error'];
    if (findings.some(({ severity }) => fatal.includes(severity))) exit(1);
  });
}

async function readFiles(
  files: readonly string[],
  flags: LintFlags,
  io: Io,
): Promise<readonly LintOptions[]> {
  const { leftDelimiter, rightDelimiter, deny: functionDenylist, sandbox: sandboxPath } = flags;
  const texts: LintOptions[] = [];
  for (const name of files) {
    const text = name === '-' ? fromBytes(await io.readStdin()) : readText(name);
    texts.push({ name, text, leftDelimiter, rightDelimiter, functionDenylist, sandboxPath });
  }
  return texts;
}

function configured(flags: LintFlags, io: Io): readonly LintOptions[] {
  if (flags['config'] === undefined && flags['template'] === undefined) return [];
  return loadForTools(flags, [], io).templates.map((template) => ({
    name: template.source === '' ? `contents of ${template.destination}` : template.source,
    text: template.source === '' ? template.contents : readText(template.source),
    leftDelimiter: template.leftDelimiter,
    rightDelimiter: template.rightDelimiter,
    functionDenylist: template.functionDenylist,
    sandboxPath: template.sandboxPath,
  }));
}

function readText(path: string): string {
  try {
    return fromBytes(readFileSync(path));
  } catch (error) {
    throw new CliError(`portolan template lint: ${path}: ${fileProblem(error)}`);
  }
}

/** As compilers print: place, what, the line and a caret; a count at the end. */
function findingsText(findings: readonly Finding[], templates: number): string {
  const blocks = findings.map(({ name, line, column, severity, message, rule, excerpt }) => {
    const place = column === 0 ? `${name}:${line}` : `${name}:${line}:${column}`;
    // Tabs stay tabs, so that the caret stands under its place.
    const before = Buffer.from(excerpt)
      .subarray(0, column - 1)
      .toString()
      .replace(/[^\t]/g, ' ');
    const caret = column === 0 ? '' : `    ${before}^\n`;
    return `${place}: ${severity}: ${message} [${rule}]\n    ${excerpt}\n${caret}`;
  });
  const count = (severity: Severity): string => {
    const found = findings.filter((finding) => finding.severity === severity).length;
    return found === 1 ? `1 ${severity}` : `${found} ${severity}${severity === 'info' ? '' : 's'}`;
  };
  const checked = templates === 1 ? '1 template' : `${templates} templates`;
  return `${blocks.join('')}${checked}: ${count('error')}, ${count('warning')}, ${count('info')}\n`;
}
