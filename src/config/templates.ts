/** Template stanzas -> TemplateConfig, the same in the agent's configuration and consul-template's (template.md 3.1). */
import type { Position } from '../lib/tree.ts';
import type { EnvConfig, TemplateConfig, Wait } from './config.ts';
import { ConfigError } from './config-error.ts';
import type { RawEnv, RawTemplate, RawWait } from './template-schema.ts';

const defaultTimeoutMs = 30_000;

export interface TemplateRules {
  /** A dry run prints: it needs no destination. */
  readonly destinationOptional?: boolean;
}

export function templateConfig(
  raw: RawTemplate & { readonly at: Position },
  rules: TemplateRules = {},
): TemplateConfig {
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
    wait: raw.wait === undefined ? null : waitConfig(raw.wait, raw.at),
  };
}

/** -1 is how consul-template says "keep". */
function idText(id: number | undefined): string {
  return id === undefined || id < 0 ? '' : String(id);
}

export function envConfig(raw: RawEnv = {}): EnvConfig {
  const custom = raw.custom ?? [];
  const wrong = custom.find((text) => text.indexOf('=') < 1);
  if (wrong !== undefined)
    throw new ConfigError('invalid-value', `env.custom: ${JSON.stringify(wrong)} is not NAME=value`);
  return {
    pristine: raw.pristine ?? false,
    custom,
    allowlist: [...(raw.allowlist ?? []), ...(raw.whitelist ?? [])],
    denylist: [...(raw.denylist ?? []), ...(raw.blacklist ?? [])],
  };
}

/** min alone means max = 4 x min. */
export function waitConfig(raw: RawWait, at?: Position): Wait | null {
  if (raw.enabled === false || raw.bool === false || (raw.min === undefined && raw.max === undefined))
    return null;
  const minMs = raw.min ?? 0;
  const maxMs = raw.max ?? 4 * minMs;
  if (minMs > maxMs) throw new ConfigError('invalid-value', `wait: min is longer than max`, at);
  return minMs === 0 && maxMs === 0 ? null : { minMs, maxMs };
}
