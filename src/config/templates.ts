/** Template stanzas -> TemplateConfig. Source: consul-template's configuration (template.md 3.1). */
import type { Position } from '../lib/tree.ts';
import type { TemplateConfig, Wait } from './config.ts';
import { ConfigError } from './config-error.ts';
import type { RawTemplate, RawWait } from './schema.ts';

const defaultTimeoutMs = 30_000;

export function templateConfig(raw: RawTemplate & { readonly at: Position }): TemplateConfig {
  const source = raw.source ?? '';
  const contents = raw.contents ?? '';
  const destination = raw.destination ?? '';
  if ((source === '') === (contents === '')) {
    throw new ConfigError('conflict', 'template: give either source or contents', raw.at);
  }
  if (destination === '')
    throw new ConfigError('conflict', 'template: destination is missing: name the file to write', raw.at);
  return {
    source,
    contents,
    destination,
    command: raw.exec?.command ?? raw.command ?? '',
    commandTimeoutMs: raw.exec?.timeout ?? raw.command_timeout ?? defaultTimeoutMs,
    check: raw.check ?? '',
    checkTimeoutMs: raw.check_timeout ?? defaultTimeoutMs,
    perms: raw.perms ?? 0,
    user: raw.user ?? '',
    group: raw.group ?? '',
    backup: raw.backup ?? false,
    createDestDirs: raw.create_dest_dirs ?? true,
    leftDelimiter: raw.left_delimiter ?? '{{',
    rightDelimiter: raw.right_delimiter ?? '}}',
    errorOnMissingKey: raw.error_on_missing_key ?? false,
    functionDenylist: [...(raw.function_denylist ?? []), ...(raw.function_blacklist ?? [])],
    sandboxPath: raw.sandbox_path ?? '',
    wait: raw.wait === undefined ? null : waitConfig(raw.wait, raw.at),
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
