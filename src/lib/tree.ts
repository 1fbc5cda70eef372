/** What HCL, JSON, YAML and TOML files have in common: values that know where they stand. */

/** 1-based; line 0 = not known. */
export interface Position {
  readonly line: number;
  readonly column: number;
  /** File, flag or variable, once somebody has said so with `withSource`. */
  readonly source?: string;
}

export type Tree =
  | { readonly kind: 'leaf'; readonly value: string | number | boolean | null; readonly at: Position }
  | { readonly kind: 'list'; readonly items: readonly Tree[]; readonly at: Position }
  | ObjectTree;

export interface ObjectTree {
  readonly kind: 'object';
  /** In file order; a key that is given several times stands here several times. */
  readonly entries: readonly TreeEntry[];
  readonly at: Position;
}

export interface TreeEntry {
  readonly key: string;
  readonly at: Position;
  readonly value: Tree;
}

export const noPosition: Position = Object.freeze({ line: 0, column: 0 });

/** A file that can't be read as its format; `at` is where the reader gave up. */
export class SyntaxProblem extends Error {
  readonly at: Position;

  constructor(message: string, at: Position) {
    super(message);
    this.name = 'SyntaxProblem';
    this.at = at;
  }
}

/** Plain data, as JSON.parse would give it; of a key given several times the values become a list. */
export function plainTree(tree: Tree): unknown {
  if (tree.kind === 'leaf') return tree.value;
  if (tree.kind === 'list') return tree.items.map(plainTree);
  const result = new Map<string, unknown[]>();
  for (const { key, value } of tree.entries) result.set(key, [...(result.get(key) ?? []), plainTree(value)]);
  return Object.fromEntries(
    [...result].map(([key, values]) => [key, values.length === 1 ? values[0] : values]),
  );
}

/** The same tree, every position naming its source. */
export function withSource<T extends Tree>(tree: T, source: string): T {
  const at = { ...tree.at, source };
  if (tree.kind === 'leaf') return { ...tree, at };
  if (tree.kind === 'list') return { ...tree, at, items: tree.items.map((item) => withSource(item, source)) };
  const entries = tree.entries.map((entry) => ({
    ...entry,
    at: { ...entry.at, source },
    value: withSource(entry.value, source),
  }));
  return { ...tree, at, entries };
}

/** `file:line:column`, `file`, or '' when nothing is known. */
export function formatPosition(at: Position): string {
  if (at.line === 0) return at.source ?? '';
  return `${at.source === undefined ? '' : `${at.source}:`}${at.line}:${at.column}`;
}
