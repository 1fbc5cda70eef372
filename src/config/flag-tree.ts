/** Flags of the command line -> a tree, as if they had been read from a file. */
import { noPosition, type ObjectTree, type Position, type Tree } from '../lib/tree.ts';

/** A flag that is a key of a configuration. */
export interface ConfigFlag {
  /** Without dashes. */
  readonly name: string;
  readonly type: 'boolean' | 'value' | 'list';
  /** Dotted configuration key. */
  readonly key: string;
  readonly help: string;
  /** Turns one value into the key's tree; default: the text itself. */
  readonly read?: (text: string, at: Position) => Tree;
}

type FlagValue = boolean | string | readonly string[];

/** By the flags' names; one that was not given is absent. */
export type FlagValues = Readonly<Record<string, FlagValue>>;

/** The tree of flag values by name. */
export function flagTree(flags: readonly ConfigFlag[], values: FlagValues): ObjectTree {
  return treeOf(
    flags,
    (flag) => values[flag.name],
    (flag) => `flag -${flag.name}`,
  );
}

/** The tree of values from anywhere; `sourceOf` is what messages call the place of one. */
export function treeOf<F extends ConfigFlag>(
  flags: readonly F[],
  valueOf: (flag: F) => FlagValue | undefined,
  sourceOf: (flag: F) => string,
): ObjectTree {
  const entries = flags.flatMap((flag) => {
    const value = valueOf(flag);
    if (value === undefined) return [];
    const at: Position = { ...noPosition, source: sourceOf(flag) };
    const items = typeof value === 'object' ? value : [value];
    return items.map((item) => nest(flag.key.split('.'), leaf(item, flag, at), at));
  });
  return { kind: 'object', entries, at: noPosition };
}

/** Keys and values as if they had been written as a block. */
export function block(values: Readonly<Record<string, string | boolean>>, at: Position): ObjectTree {
  const entries = Object.entries(values).map(([key, value]) => ({
    key,
    at,
    value: { kind: 'leaf' as const, value, at },
  }));
  return { kind: 'object', entries, at };
}

/** `min[:max]`. */
export function waitBlock(text: string, at: Position): Tree {
  const [min = '', max] = text.split(':');
  return block(max === undefined ? { min } : { min, max }, at);
}

function leaf(value: boolean | string, flag: ConfigFlag, at: Position): Tree {
  if (typeof value === 'string' && flag.read !== undefined) return flag.read(value, at);
  return { kind: 'leaf', value, at };
}

function nest(
  path: readonly string[],
  value: Tree,
  at: Position,
): { key: string; at: Position; value: Tree } {
  const [key, ...rest] = path;
  if (rest.length === 0) return { key: key!, at, value };
  return { key: key!, at, value: { kind: 'object', entries: [nest(rest, value, at)], at } };
}
