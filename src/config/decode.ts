/**
 * Trees -> typed values, by small decoders that are put together in schema.ts.
 *
 * In: all values that one key was given, in order of precedence (files, environment, flags). Out: one value: the last
 * scalar wins, lists are joined, objects and maps are merged. Every refusal is a ConfigError with the value's place.
 */
import { formatDurationNs, parseDurationNs } from '../lib/duration.ts';
import { nearestWord } from '../lib/suggest.ts';
import type { Position, Tree, TreeEntry } from '../lib/tree.ts';
import { ConfigError } from './config-error.ts';

export interface Context {
  /** Keys that are accepted and have no effect: dotted name -> why. */
  readonly ignored: Map<string, { readonly why: string; readonly at: Position }>;
}

export interface Decoder<T> {
  /** `values` has at least one element; `path` is the dotted key, for messages. */
  decode(values: readonly Tree[], path: string, context: Context): T;
  /** Keys below this one, for suggestions in sections. */
  readonly fields?: Fields;
}

export type Fields = Readonly<Record<string, Decoder<unknown>>>;
export type Decoded<F extends Fields> = {
  readonly [K in keyof F]?: F[K] extends Decoder<infer T> ? T : never;
};

function fail(path: string, got: string, want: string, at: Position): never {
  throw new ConfigError('invalid-value', `${path}: ${got} is not ${want}`, at);
}

function show(tree: Tree): string {
  if (tree.kind === 'leaf') return JSON.stringify(tree.value);
  return tree.kind === 'list' ? 'a list' : 'a block';
}

/** A scalar: `read` gets the leaf's value, undefined means: not of this type. */
export function scalar<T>(
  want: string,
  read: (value: string | number | boolean) => T | undefined,
): Decoder<T> {
  return {
    // A value that a later one overrides is judged too: the mistake in the file would only show up some other day.
    decode: (values, path) =>
      values
        .map((tree) => {
          const value = tree.kind === 'leaf' && tree.value !== null ? read(tree.value) : undefined;
          return value === undefined ? fail(path, show(tree), want, tree.at) : value;
        })
        .at(-1)!,
  };
}

export const string = scalar('a text', String);

export const boolean = scalar('true or false', (value) => {
  if (typeof value === 'boolean') return value;
  return value === 'true' ? true : value === 'false' ? false : undefined;
});

/** A whole number; a text of digits counts. */
export function integer(min: number, max: number): Decoder<number> {
  return scalar(`a whole number from ${min} to ${max}`, (value) => {
    const number = typeof value === 'string' && /^-?\d+$/.test(value) ? Number(value) : value;
    return typeof number === 'number' && Number.isInteger(number) && number >= min && number <= max
      ? number
      : undefined;
  });
}

/** -1: off. */
export const port = integer(-1, 65535);

/** A Go duration -> milliseconds, at least `minMs`. */
export function duration(minMs = 0): Decoder<number> {
  const least = minMs === 0 ? '' : ` of at least ${formatDurationNs(minMs * 1e6)}`;
  return scalar(`a duration${least} such as "30s" or "1h5m"`, (value) => {
    const ns = typeof value === 'string' ? parseDurationNs(value) : value === 0 ? 0 : undefined;
    return ns === undefined || ns / 1e6 < minMs ? undefined : ns / 1e6;
  });
}

export function oneOf<const T extends string>(words: readonly T[]): Decoder<T> {
  return scalar(`one of ${words.join(', ')}`, (value) =>
    words.find((word) => word === String(value).toLowerCase()),
  );
}

/** File mode: a text of octal digits, `"0644"`, or a number: `0644` in HCL and YAML, `420` in JSON. */
export const fileMode = scalar('a file mode such as "0644"', (value) => {
  if (typeof value === 'number' && isUsualMode(value)) return value;
  // 644 without the zero: the digits are what the user meant.
  const text = String(value).replace(/^0o/, '');
  const mode = /^[0-7]{1,5}$/.test(text) ? parseInt(text, 8) : undefined;
  return mode === undefined || typeof value === 'string' || isUsualMode(mode) ? mode : undefined;
});

/** The owner may read, and nobody may do more than the owner. */
function isUsualMode(mode: number): boolean {
  const [owner, others] = [(mode >> 6) & 7, ((mode >> 3) | mode) & 7];
  return Number.isInteger(mode) && mode >= 0 && mode <= 0o7777 && owner >= 4 && (others & ~owner) === 0;
}

/** A list of texts; one text counts as a list of one. Lists of several places are joined. */
export const strings: Decoder<readonly string[]> = {
  decode: (values, path, context) =>
    values.flatMap((tree) =>
      tree.kind === 'list'
        ? tree.items.map((item) => string.decode([item], path, context))
        : string.decode([tree], path, context),
    ),
};

/** A command: a list is executed as it is, one text may go through a shell. */
export const command: Decoder<readonly string[] | string> = {
  decode: (values, path, context) => {
    const tree = values.at(-1)!;
    if (tree.kind !== 'list') return string.decode([tree], path, context);
    return tree.items.map((item) => string.decode([item], path, context));
  },
};

/** Map from any key to values of one kind. */
export function mapOf<T>(value: Decoder<T>): Decoder<Readonly<Record<string, T>>> {
  return {
    decode: (values, path, context) => {
      const grouped = new Map<string, Tree[]>();
      for (const { key, value: tree } of entriesOf(values, path))
        grouped.set(key, [...(grouped.get(key) ?? []), tree]);
      return Object.fromEntries(
        [...grouped].map(([key, trees]) => [key, value.decode(trees, `${path}.${key}`, context)]),
      );
    },
  };
}

/** A section with known keys; given several times it is merged. */
export function section<F extends Fields>(fields: F): Decoder<Decoded<F>> & { readonly fields: F } {
  return {
    fields,
    decode: (values, path, context) => decodeEntries(fields, entriesOf(values, path), path, context),
  };
}

/** Repeatable blocks: `x { … }` several times, or a list of objects. */
export function blocks<F extends Fields>(
  fields: F,
): Decoder<readonly (Decoded<F> & { readonly at: Position })[]> {
  return {
    decode: (values, path, context) =>
      values
        .flatMap((tree) => (tree.kind === 'list' ? tree.items : [tree]))
        .map((tree) => ({ ...decodeEntries(fields, entriesOf([tree], path), path, context), at: tree.at })),
  };
}

/** Accepted and without effect; `why` completes "has no effect: …". Its contents are not looked at. */
export function ignored(why: string): Decoder<undefined> {
  return {
    decode: (values, path, context) => {
      context.ignored.set(path, { why, at: values[0]!.at });
      return undefined;
    },
  };
}

function entriesOf(values: readonly Tree[], path: string): readonly TreeEntry[] {
  return values.flatMap((tree) => {
    if (tree.kind === 'object') return tree.entries;
    if (tree.kind === 'list') return entriesOf(tree.items, path);
    return fail(path === '' ? 'the file' : path, show(tree), 'a block of keys and values', tree.at);
  });
}

function decodeEntries<F extends Fields>(
  fields: F,
  entries: readonly TreeEntry[],
  path: string,
  context: Context,
): Decoded<F> {
  const names = new Map(Object.keys(fields).map((name) => [canonical(name), name]));
  const grouped = new Map<string, Tree[]>();
  for (const { key, at, value } of entries) {
    const name = names.get(canonical(key));
    if (name === undefined) throw unknownKey(path, key, Object.keys(fields), at);
    // null is what JSON and YAML writers put for "not set".
    if (value.kind === 'leaf' && value.value === null) continue;
    grouped.set(name, [...(grouped.get(name) ?? []), value]);
  }
  const result: Record<string, unknown> = {};
  for (const [name, values] of grouped) {
    result[name] = fields[name]!.decode(values, path === '' ? name : `${path}.${name}`, context);
  }
  return result as Decoded<F>;
}

/** `EnableTagOverride`, `enableTagOverride` and `enable_tag_override` are one key. */
function canonical(key: string): string {
  return key.replaceAll('_', '').toLowerCase();
}

function unknownKey(path: string, key: string, known: readonly string[], at: Position): ConfigError {
  const near = nearestWord(key, known);
  const full = path === '' ? key : `${path}.${key}`;
  const hint = near === undefined ? 'remove it' : `did you mean ${near}?`;
  return new ConfigError('unknown-key', `invalid config key ${full}: ${hint}`, at);
}
