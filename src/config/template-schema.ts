/**
 * Every key of consul-template's configuration, once, and a few of our own (`check`, `hold`, `state_dir`, `compat`). Old
 * spellings stand beside the new ones. Source: template.md 3.1.
 */
import { parseDurationNs } from '../lib/duration.ts';
import { parseSignal } from '../lib/signal-name.ts';
import type { Position, Tree } from '../lib/tree.ts';
import { ConfigError } from './config-error.ts';
import { consulAddressForms, isConsulAddress } from './consul-address.ts';
import {
  blocks,
  boolean,
  command,
  type Decoded,
  type Decoder,
  fileMode,
  ignored,
  integer,
  oneOf,
  scalar,
  section,
  string,
} from './decode.ts';
import { block, waitBlock } from './flag-tree.ts';

/** A Go duration -> milliseconds. A bare number is nanoseconds, as in Go. */
const duration: Decoder<number> = {
  decode: (values, path) => values.map((tree) => durationMs(tree, path)).at(-1)!,
};

function durationMs(tree: Tree, path: string): number {
  const value = tree.kind === 'leaf' ? tree.value : null;
  const ns = typeof value === 'string' ? parseDurationNs(value) : typeof value === 'number' ? value : NaN;
  if (ns !== undefined && ns >= 0) return ns / 1e6;
  throw refused(path, tree, 'a duration such as "30s" or "1h5m"');
}

/** A signal's name, null for none. */
const signal: Decoder<NodeJS.Signals | null> = {
  decode: (values, path) => values.map((tree) => signalOf(tree, path)).at(-1)!,
};

function signalOf(tree: Tree, path: string): NodeJS.Signals | null {
  const parsed = tree.kind === 'leaf' ? parseSignal(String(tree.value ?? '')) : undefined;
  if (parsed === undefined) throw refused(path, tree, 'the name of a signal such as "SIGHUP"');
  return parsed;
}

/** Signals that no process can listen to. */
const deaf: ReadonlySet<string> = new Set(['SIGKILL', 'SIGSTOP']);

/** A signal to this process. */
const ownSignal: Decoder<NodeJS.Signals | null> = {
  decode: (values, path, context) => {
    const found = values.find((tree) => deaf.has(signalOf(tree, path) ?? ''));
    if (found !== undefined) throw refused(path, found, 'a signal that a process can listen to');
    return signal.decode(values, path, context);
  },
};

const consulAddress = scalar(consulAddressForms, (value) => {
  const text = String(value);
  return isConsulAddress(text) ? text : undefined;
});

function refused(path: string, tree: Tree, want: string): ConfigError {
  const got = tree.kind === 'leaf' ? JSON.stringify(tree.value) : `a ${tree.kind}`;
  return new ConfigError('invalid-value', `${path}: ${got} is not ${want}`, tree.at);
}

/** A list of texts; one text is split at commas. Lists of several places are joined. */
const words: Decoder<readonly string[]> = {
  decode: (values, path, context) =>
    values.flatMap((tree) =>
      tree.kind === 'list'
        ? tree.items.map((item) => string.decode([item], path, context))
        : string.decode([tree], path, context).split(','),
    ),
};

/** NAME=value. */
const assignments: Decoder<readonly string[]> = {
  decode: (values, path, context) => {
    for (const tree of values.flatMap((tree) => (tree.kind === 'list' ? tree.items : [tree]))) {
      const wrong = words.decode([tree], path, context).find((text) => text.indexOf('=') < 1);
      if (wrong === undefined) continue;
      throw new ConfigError('invalid-value', `${path}: ${JSON.stringify(wrong)} is not NAME=value`, tree.at);
    }
    return words.decode(values, path, context);
  },
};

/** One text in the place of a block: `read` says which keys it stands for. */
function orText<T extends { readonly fields?: unknown }>(
  block: Decoder<unknown> & T,
  read: (text: string, at: Position) => Tree,
): Decoder<T extends Decoder<infer V> ? V : never> & T {
  return {
    ...block,
    decode: (values, path, context) => {
      const trees = values.map((tree) =>
        tree.kind === 'leaf' && typeof tree.value === 'string' ? read(tree.value, tree.at) : tree,
      );
      return block.decode(trees, path, context) as T extends Decoder<infer V> ? V : never;
    },
  };
}

/** `user[:password]`. */
export function authBlock(text: string, at: Position): Tree {
  const colon = text.indexOf(':');
  const [username, password] = colon < 0 ? [text, ''] : [text.slice(0, colon), text.slice(colon + 1)];
  return block({ enabled: true, username, password }, at);
}

const waitFields = orText(
  section({ enabled: boolean, bool: boolean, min: duration, max: duration }),
  waitBlock,
);

export const waitSection: typeof waitFields = {
  ...waitFields,
  decode: (values, path, context) => {
    const wait = waitFields.decode(values, path, context);
    const isOff = wait.enabled === false || wait.bool === false;
    if (!isOff && wait.min !== undefined && wait.max !== undefined && wait.min > wait.max)
      throw new ConfigError('invalid-value', `${path}: min is longer than max`, values.at(-1)!.at);
    return wait;
  },
};

/** `50%` -> 0.5. */
const part = scalar('a percentage such as "50%"', (value) => {
  const percent = Number(/^(\d+(?:\.\d+)?)%$/.exec(String(value))?.[1]);
  return percent <= 100 ? percent / 100 : undefined;
});

/** When a file is held as it is because its data look wrong. */
export const holdSection = section({ min_items: integer(0, 2 ** 31), max_drop: part, timeout: duration });

const oneShot = 'a template’s command runs to its end: nothing is signalled';

const envSection = section({
  pristine: boolean,
  custom: assignments,
  allowlist: words,
  denylist: words,
  whitelist: words,
  blacklist: words,
});

/** How a template's own command runs. */
const commandSection = section({
  enabled: ignored('an empty command is none'),
  command,
  timeout: duration,
  env: envSection,
  kill_signal: signal,
  kill_timeout: duration,
  reload_signal: ignored(oneShot),
  splay: ignored(oneShot),
});

/** The supervised child. */
const execSection = section({
  enabled: boolean,
  command,
  env: envSection,
  kill_signal: signal,
  kill_timeout: duration,
  reload_signal: signal,
  splay: duration,
  timeout: ignored('a supervised command runs until it is stopped'),
});

export const templateFields = {
  source: string,
  contents: string,
  destination: string,
  create_dest_dirs: boolean,
  command,
  command_timeout: duration,
  command_group: string,
  exec: commandSection,
  check: command,
  check_timeout: duration,
  perms: fileMode,
  user: string,
  group: string,
  uid: integer(-1, 2 ** 32 - 1),
  gid: integer(-1, 2 ** 32 - 1),
  backup: boolean,
  error_on_missing_key: boolean,
  error_fatal: boolean,
  left_delimiter: string,
  right_delimiter: string,
  function_denylist: words,
  function_blacklist: words,
  sandbox_path: string,
  hold: holdSection,
  wait: waitSection,
  map_to_environment_variable: ignored('only Vault’s agent renders into variables'),
};

const retrySection = section({
  enabled: boolean,
  attempts: integer(0, 2 ** 31),
  backoff: duration,
  max_backoff: duration,
});

const sslSection = section({
  enabled: boolean,
  verify: boolean,
  cert: string,
  key: string,
  ca_cert: string,
  ca_cert_bytes: string,
  ca_path: string,
  server_name: string,
});

const pooled = 'idle connections are kept as long as idle_conn_timeout says';

const transportSection = section({
  dial_keep_alive: duration,
  dial_timeout: duration,
  disable_keep_alives: boolean,
  idle_conn_timeout: duration,
  max_conns_per_host: integer(0, 2 ** 31),
  max_idle_conns: ignored(pooled),
  max_idle_conns_per_host: ignored(pooled),
  tls_handshake_timeout: duration,
});

const authSection = orText(section({ enabled: boolean, username: string, password: string }), authBlock);

const consulSection = orText(
  section({
    address: consulAddress,
    namespace: string,
    token: string,
    token_file: string,
    auth: authSection,
    retry: retrySection,
    ssl: sslSection,
    transport: transportSection,
  }),
  (address, at) => block({ address }, at),
);

const levels = ['trace', 'debug', 'info', 'warn', 'err', 'error'] as const;

export const runnerFields = {
  template: blocks(templateFields),
  consul: consulSection,
  // Where they stood in early versions.
  token: string,
  auth: authSection,
  ssl: sslSection,
  retry: orText(retrySection, (backoff, at) => block({ backoff }, at)),
  wait: waitSection,
  log_level: oneOf(levels),
  log_file: section({
    path: string,
    log_rotate_bytes: integer(0, 2 ** 53 - 1),
    log_rotate_duration: duration,
    log_rotate_max_files: integer(-1, 2 ** 31),
  }),
  syslog: section({ enabled: boolean, facility: string, name: string }),
  max_stale: duration,
  block_query_wait: duration,
  once: boolean,
  pid_file: string,
  kill_signal: ownSignal,
  reload_signal: ownSignal,
  dump_signal: ownSignal,
  template_error_fatal: boolean,
  err_on_failed_lookup: boolean,
  default_delimiters: section({ left: string, right: string }),
  deduplicate: section({
    enabled: boolean,
    prefix: string,
    ttl: duration,
    max_stale: duration,
    block_query_wait: duration,
  }),
  exec: execSection,
  vault: ignored('Vault is not supported'),
  nomad: ignored('Nomad is not supported'),
  // Ours.
  hold: holdSection,
  once_timeout: duration,
  watch: boolean,
  state_dir: string,
  status: section({ address: string }),
  compat: oneOf(['portolan', 'consul-template']),
};

export type RawRunner = Decoded<typeof runnerFields>;
export type RawTemplate = Decoded<typeof templateFields>;
export type RawHold = ReturnType<(typeof holdSection)['decode']>;
export type RawWait = ReturnType<(typeof waitSection)['decode']>;
export type RawEnv = ReturnType<(typeof envSection)['decode']>;
export type RawConsul = ReturnType<(typeof consulSection)['decode']>;
export type RawSsl = ReturnType<(typeof sslSection)['decode']>;
