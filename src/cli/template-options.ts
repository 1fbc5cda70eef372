/** The configuration behind a word of `portolan template`: its flags are those of the command itself, wherever they stand. */
import { ConfigError } from '../config/config-error.ts';
import { loadTemplateConfig } from '../config/load-template.ts';
import type { TemplateLoad } from '../config/template-config.ts';
import { templateFlags } from '../config/template-flags.ts';
import { CliError, type Io } from './command.ts';

export type Flags = Readonly<Record<string, unknown>>;

/** `files` are templates beside those that the configuration names; none of them needs a destination. */
export function loadForTools(flags: Flags, files: readonly string[], io: Io): TemplateLoad {
  const values: Record<string, boolean | string | readonly string[]> = {};
  for (const { name } of templateFlags) {
    const value = flags[name.replace(/-(\w)/g, (_, letter: string) => letter.toUpperCase())];
    if (typeof value === 'string' || typeof value === 'boolean' || isWords(value)) values[name] = value;
  }
  const named = values['template'];
  const templates = [...(isWords(named) ? named : []), ...files];
  if (templates.length > 0) values['template'] = templates;
  const paths = isWords(flags['config']) ? flags['config'] : [];
  try {
    return loadTemplateConfig({ paths, flags: values, env: io.env, dry: true });
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    throw new CliError(
      `portolan: ${error.message}`,
      error.at?.source?.startsWith('flag ') === true ? 13 : 15,
    );
  }
}

function isWords(value: unknown): value is readonly string[] {
  return Array.isArray(value);
}
