/** Template stanzas -> TemplateConfig, the same in the agent's configuration and consul-template's (template.md 3.1). */
import type { Position } from '../lib/tree.ts';
import { isDeepStrictEqual } from 'node:util';
import type { EnvConfig, HoldConfig, TemplateConfig, Wait } from './config.ts';
import { ConfigError } from './config-error.ts';
import type { RawEnv, RawHold, RawTemplate, RawWait } from './template-schema.ts';

const defaultTimeoutMs = 30_000;

export interface TemplateRules {
  /** A dry run prints: it needs no destination. */
  readonly destinationOptional?: boolean;
}

type PlacedTemplate = RawTemplate & { readonly at: Position };

type Defaults = {
  readonly [K in 'wait' | 'hold' | 'left_delimiter' | 'right_delimiter']?: RawTemplate[K] | undefined;
};

/** All stanzas; what one leaves open is as in `defaults`. */
export function templateConfigs(
  all: readonly PlacedTemplate[],
  defaults: Defaults,
  rules: TemplateRules = {},
): readonly TemplateConfig[] {
  const given = Object.fromEntries(Object.entries(defaults).filter(([, value]) => value !== undefined));
  return groupedTemplates(all).map((template) => {
    // An empty delimiter is none.
    const own = Object.entries(template).filter(
      ([key, value]) => value !== '' || !key.endsWith('_delimiter'),
    );
    return templateConfig({ ...given, ...Object.fromEntries(own), at: template.at }, rules);
  });
}

/** In a command group the one command, with all that says how it runs, is every member's. */
function groupedTemplates(all: readonly PlacedTemplate[]): readonly PlacedTemplate[] {
  return all.map((template) => {
    const group = template.command_group ?? '';
    if (group === '') return template;
    const leader = all.find((one) => one.command_group === group && hasCommand(one));
    if (leader === undefined) return template;
    const { command, command_timeout, exec } = leader;
    const own = { command: template.command, exec: template.exec };
    if (hasCommand(template) && !isDeepStrictEqual(own, { command, exec })) {
      const text = `template: command_group "${group}" has another command already: its templates share one`;
      throw new ConfigError('conflict', text, template.at);
    }
    return {
      ...template,
      ...(command && { command }),
      ...(exec && { exec }),
      ...(command_timeout !== undefined && { command_timeout }),
    };
  });
}

function hasCommand({ command, exec }: PlacedTemplate): boolean {
  return (exec?.command ?? command ?? '').length > 0;
}

function templateConfig(raw: PlacedTemplate, rules: TemplateRules): TemplateConfig {
  const source = raw.source ?? '';
  const contents = raw.contents ?? '';
  const destination = raw.destination ?? '';
  if ((source === '') === (contents === '')) {
    throw new ConfigError('conflict', 'template: give either source or contents', raw.at);
  }
  if (destination === '' && rules.destinationOptional !== true)
    throw new ConfigError('conflict', 'template: destination is missing: name the file to write', raw.at);
  return {
    source,
    contents,
    destination,
    command: raw.exec?.command ?? raw.command ?? '',
    commandTimeoutMs: raw.exec?.timeout ?? raw.command_timeout ?? defaultTimeoutMs,
    commandGroup: raw.command_group ?? '',
    killSignal: raw.exec?.kill_signal ?? null,
    killTimeoutMs: raw.exec?.kill_timeout ?? defaultTimeoutMs,
    env: envConfig(raw.exec?.env),
    check: raw.check ?? '',
    checkTimeoutMs: raw.check_timeout ?? defaultTimeoutMs,
    perms: raw.perms ?? 0,
    user: raw.user ?? idText(raw.uid),
    group: raw.group ?? idText(raw.gid),
    backup: raw.backup ?? false,
    createDestDirs: raw.create_dest_dirs ?? true,
    leftDelimiter: raw.left_delimiter ?? '{{',
    rightDelimiter: raw.right_delimiter ?? '}}',
    errorOnMissingKey: raw.error_on_missing_key ?? false,
    errorFatal: raw.error_fatal,
    functionDenylist: [...(raw.function_denylist ?? []), ...(raw.function_blacklist ?? [])],
    sandboxPath: raw.sandbox_path ?? '',
    hold: holdConfig(raw.hold, raw.at),
    wait: raw.wait === undefined ? null : waitConfig(raw.wait),
  };
}

/** -1 is how consul-template says "keep". */
function idText(id: number | undefined): string {
  return id === undefined || id < 0 ? '' : String(id);
}

export function envConfig(raw: RawEnv = {}): EnvConfig {
  return {
    pristine: raw.pristine ?? false,
    custom: raw.custom ?? [],
    allowlist: [...(raw.allowlist ?? []), ...(raw.whitelist ?? [])],
    denylist: [...(raw.denylist ?? []), ...(raw.blacklist ?? [])],
  };
}

const defaultHoldMs = 5 * 60_000;

/** null: there is none. */
function holdConfig(raw: RawHold | undefined, at?: Position): HoldConfig | null {
  if (raw === undefined) return null;
  const { min_items: minItems = 0, max_drop: maxDrop = 1, timeout: timeoutMs = defaultHoldMs } = raw;
  if (raw.min_items === undefined && raw.max_drop === undefined)
    throw new ConfigError('conflict', 'hold: give min_items or max_drop, such as "50%"', at);
  return { minItems, maxDrop, timeoutMs };
}

/** min alone means max = 4 x min. */
function waitConfig(raw: RawWait): Wait | null {
  if (raw.enabled === false || raw.bool === false || (raw.min === undefined && raw.max === undefined))
    return null;
  const minMs = raw.min ?? 0;
  const maxMs = raw.max ?? 4 * minMs;
  return minMs === 0 && maxMs === 0 ? null : { minMs, maxMs };
}
