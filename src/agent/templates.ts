/** Template stanzas of the configuration -> what the runner takes: texts are read, users and groups are looked up. */
import { readFileSync } from 'node:fs';
import type { TemplateConfig } from '../config/config.ts';
import { fileProblem } from '../lib/file-problem.ts';
import { templateSpec, type TemplateSpec } from '../render/options.ts';
import { fromBytes } from '../template/text.ts';
import { AgentError } from './errors.ts';

/** `errorFatal`: for stanzas that say nothing of it; undefined: no template may end anything, whatever it says. */
export function templateSpecs(
  configs: readonly TemplateConfig[],
  errorFatal?: boolean,
): readonly TemplateSpec[] {
  return configs.map((config) => {
    const { source, contents } = config;
    return templateSpec({
      source: source === '' ? '(dynamic)' : source,
      text: source === '' ? contents : readTemplate(source),
      destination: config.destination,
      command: config.command,
      commandTimeoutMs: config.commandTimeoutMs,
      commandGroup: config.commandGroup,
      killSignal: config.killSignal,
      killTimeoutMs: config.killTimeoutMs,
      env: config.env,
      check: config.check,
      checkTimeoutMs: config.checkTimeoutMs,
      perms: config.perms,
      uid: lookUp('user', config.user, '/etc/passwd'),
      gid: lookUp('group', config.group, '/etc/group'),
      backup: config.backup,
      createDestDirs: config.createDestDirs,
      leftDelimiter: config.leftDelimiter,
      rightDelimiter: config.rightDelimiter,
      missingKey: config.errorOnMissingKey ? 'error' : 'zero',
      functionDenylist: config.functionDenylist,
      sandboxPath: config.sandboxPath,
      errorFatal: errorFatal !== undefined && (config.errorFatal ?? errorFatal),
      hold: config.hold,
      wait: config.wait,
    });
  });
}

function readTemplate(path: string): string {
  try {
    return fromBytes(readFileSync(path));
  } catch (cause) {
    throw new AgentError(
      'template',
      `template ${path}: ${fileProblem(cause)}; name a file that can be read`,
      { cause },
    );
  }
}

/** '' keeps (-1); digits are an ID; a name is looked up in the system's file. */
function lookUp(kind: 'user' | 'group', name: string, file: string): number {
  if (name === '') return -1;
  if (/^\d+$/.test(name)) return Number(name);
  const lines = readFileSync(file, 'utf8').split('\n');
  const id = lines.map((line) => line.split(':')).find(([known]) => known === name)?.[2];
  if (id === undefined)
    throw new AgentError(
      'template',
      `template: there is no ${kind} "${name}" in ${file}: give a name from there, or a number`,
    );
  return Number(id);
}
