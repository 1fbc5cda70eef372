/**
 * Configuration of `portolan template`: consul-template's files as far as they are about Consul and templates, and flags.
 * Source: template.md 3.1.
 */
import { deepFreeze } from '../lib/freeze.ts';
import { noPosition, type ObjectTree } from '../lib/tree.ts';
import type { TemplateConfig, Wait } from './config.ts';
import { ConfigError } from './config-error.ts';
import {
  blocks,
  boolean,
  type Context,
  type Decoded,
  duration,
  ignored,
  oneOf,
  section,
  string,
} from './decode.ts';
import { splitTemplateFlag } from './flags.ts';
import { type ConfigFormat, readConfigPath } from './read-file.ts';
import { templateFields, waitSection } from './schema.ts';
import { templateConfig, waitConfig } from './templates.ts';

const later = 'not built yet';
const forever = 'failures are retried forever, with a growing delay';

const fields = {
  template: blocks(templateFields),
  consul: section({
    address: string,
    token: string,
    token_file: ignored(later),
    namespace: ignored('an Enterprise feature'),
    auth: ignored(later),
    ssl: ignored(later),
    retry: ignored(forever),
    transport: ignored('connections are managed by themselves'),
  }),
  wait: waitSection,
  log_level: oneOf(['trace', 'debug', 'info', 'warn', 'err', 'error']),
  max_stale: duration(),
  block_query_wait: duration(),
  once: boolean,
  pid_file: ignored(later),
  kill_signal: ignored(later),
  reload_signal: ignored(later),
  template_error_fatal: ignored('a broken template never ends the program'),
  err_on_failed_lookup: ignored('a failed lookup never ends the program'),
  default_delimiters: section({ left: string, right: string }),
  syslog: ignored(later),
  log_file: ignored(later),
  deduplicate: ignored(later),
  exec: ignored(later),
  vault: ignored('Vault is not supported'),
  nomad: ignored('Nomad is not supported'),
};

export interface TemplateLoadOptions {
  readonly paths?: readonly string[];
  readonly format?: ConfigFormat;
  /** `in:out[:command]`. */
  readonly templates?: readonly string[];
  readonly wait?: string;
  readonly maxStale?: string;
  readonly env?: Readonly<Record<string, string | undefined>>;
}

export interface TemplateLoad {
  readonly consulAddress: string;
  readonly consulToken: string;
  readonly templates: readonly TemplateConfig[];
  readonly wait: Wait | null;
  readonly logLevel: 'trace' | 'debug' | 'info' | 'warn' | 'error';
  readonly maxStaleMs: number;
  readonly queryWaitMs: number;
  readonly once: boolean;
  readonly warnings: readonly string[];
}

/** Throws ConfigError; a configuration without any template is refused too. */
export function loadTemplateConfig(options: TemplateLoadOptions): TemplateLoad {
  const env = options.env ?? {};
  const context: Context = { ignored: new Map() };
  const trees: ObjectTree[] = (options.paths ?? []).flatMap((path) => readConfigPath(path, options.format));
  const raw: Decoded<typeof fields> = section(fields).decode([...trees, emptyTree], '', context);
  const delimiters = raw.default_delimiters ?? {};
  const fromFiles = (raw.template ?? []).map((template) =>
    templateConfig({
      left_delimiter: delimiters.left ?? '{{',
      right_delimiter: delimiters.right ?? '}}',
      ...template,
    }),
  );
  const templates = [...fromFiles, ...(options.templates ?? []).map(templateOfFlag)];
  if (templates.length === 0) {
    throw new ConfigError(
      'conflict',
      'no template: name one with -template in:out[:command], or in a file with -config',
    );
  }
  return deepFreeze({
    consulAddress: raw.consul?.address ?? env['CONSUL_HTTP_ADDR'] ?? '127.0.0.1:8500',
    consulToken: raw.consul?.token ?? env['CONSUL_HTTP_TOKEN'] ?? env['CONSUL_TOKEN'] ?? '',
    templates,
    wait: options.wait === undefined ? waitConfig(raw.wait ?? {}) : waitOfFlag(options.wait),
    logLevel: raw.log_level === 'err' ? 'error' : (raw.log_level ?? 'info'),
    maxStaleMs: options.maxStale === undefined ? (raw.max_stale ?? 2000) : maxStaleOfFlag(options.maxStale),
    queryWaitMs: raw.block_query_wait ?? 60_000,
    once: raw.once ?? false,
    warnings: [...context.ignored].map(([key, { why }]) => `${key} has no effect: ${why}`),
  });
}

const emptyTree: ObjectTree = { kind: 'object', entries: [], at: noPosition };

function templateOfFlag(text: string): TemplateConfig {
  const at = { ...noPosition, source: 'flag -template' };
  return templateConfig({ ...splitTemplateFlag(text, at), at });
}

function maxStaleOfFlag(text: string): number {
  const at = { ...noPosition, source: 'flag -max-stale' };
  return duration().decode([{ kind: 'leaf', value: text, at }], 'max_stale', { ignored: new Map() });
}

function waitOfFlag(text: string): Wait | null {
  const at = { ...noPosition, source: 'flag -wait' };
  const [min, max] = text
    .split(':')
    .map((part) => duration().decode([{ kind: 'leaf', value: part, at }], 'wait', { ignored: new Map() }));
  return waitConfig({ ...(min === undefined ? {} : { min }), ...(max === undefined ? {} : { max }) }, at);
}
