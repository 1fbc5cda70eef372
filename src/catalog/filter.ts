import { compileGoRegexp } from '../lib/go-regexp.ts';
import { type Expression, FilterSyntaxError, type Operator, parseExpression } from './filter-parse.ts';
import type { Field, SelectorTable } from './selectors.ts';

export {
  checkServiceNodeSelectors,
  healthCheckSelectors,
  nodeSelectors,
  nodeServiceSelectors,
  serviceNodeSelectors,
} from './selectors.ts';
export type { SelectorTable } from './selectors.ts';

export class FilterError extends Error {
  override readonly name = 'FilterError';
  readonly code = 'invalid';
  /** The cause alone, as some endpoints show it. */
  readonly reason: string;

  constructor(reason: string, options?: { cause?: unknown }) {
    super(`Failed to create boolean expression evaluator: ${reason}`, options);
    this.reason = reason;
  }
}

export type Predicate<T> = (row: T) => boolean;

/**
 * Compiles a filter expression. '' (or nothing but spaces) accepts every row. `datacenter` is what the selector
 * Datacenter has. Throws FilterError, whose message is the whole text a client sees. Source: consul.md 2.3.
 */
export function parseFilter<T>(
  expression: string,
  selectors: SelectorTable<T>,
  datacenter = '',
): Predicate<T> {
  if (expression.trim() === '') return () => true;
  let tree: Expression;
  try {
    tree = parseExpression(expression);
  } catch (error) {
    if (error instanceof FilterSyntaxError) throw new FilterError(error.message, { cause: error });
    throw error;
  }
  return compile(tree, selectors as SelectorTable<unknown>, datacenter);
}

function compile(
  tree: Expression,
  selectors: SelectorTable<unknown>,
  datacenter: string,
): Predicate<unknown> {
  if (tree.type === 'match') return compileMatch(tree, selectors, datacenter);
  if (tree.type === 'not') {
    const operand = compile(tree.operand, selectors, datacenter);
    return (row) => !operand(row);
  }
  const left = compile(tree.left, selectors, datacenter);
  const right = compile(tree.right, selectors, datacenter);
  return tree.type === 'and' ? (row) => left(row) && right(row) : (row) => left(row) || right(row);
}

type Match = Extract<Expression, { type: 'match' }>;

function compileMatch(
  match: Match,
  selectors: SelectorTable<unknown>,
  datacenter: string,
): Predicate<unknown> {
  const { selector, operator } = match;
  const shown = JSON.stringify(selector.join('.'));
  const steps = resolve(selector, selectors);
  const leaf = steps.at(-1)!.field;
  if (!operators[leaf.type].has(operator)) {
    throw new FilterError(`Invalid match operator "${operator}" for selector ${shown}`);
  }
  const test = leafTest(leaf, operator, match.value ?? '', shown, datacenter);
  return walk(steps, 0, test, absentMatches(operator));
}

/** One name of a selector: a field, or the key of a map. */
interface SelectorStep {
  readonly name: string;
  readonly field: Field<unknown> | { readonly type: 'value' };
}

function resolve(selector: readonly string[], selectors: SelectorTable<unknown>): SelectorStep[] {
  const steps: SelectorStep[] = [];
  let table: SelectorTable<unknown> | undefined = selectors;
  let map: SelectorStep['field'] | undefined;
  for (const [i, name] of selector.entries()) {
    let field: SelectorStep['field'] | undefined;
    if (map !== undefined) field = map;
    else if (table !== undefined && Object.hasOwn(table, name)) field = table[name];
    if (field === undefined) {
      throw new FilterError(`Selector ${JSON.stringify(selector.slice(0, i + 1).join('.'))} is not valid`);
    }
    steps.push({ name, field });
    map = undefined;
    table = undefined;
    if (field.type === 'map') map = { type: 'value' };
    else if (field.type === 'structs') map = { type: 'struct', get: (row) => row, fields: field.fields };
    else if (field.type === 'struct' || field.type === 'list') table = field.fields;
  }
  return steps;
}

const equality: readonly Operator[] = ['Equal', 'Not Equal'];
const membership: readonly Operator[] = ['In', 'Not In'];
const emptiness: readonly Operator[] = ['Is Empty', 'Is Not Empty'];
const patterns: readonly Operator[] = ['Matches', 'Not Matches'];
const operators: Readonly<Record<SelectorStep['field']['type'], ReadonlySet<Operator>>> = {
  string: new Set([...equality, ...membership, ...patterns]),
  value: new Set([...equality, ...membership, ...patterns, ...emptiness]),
  int: new Set(equality),
  bool: new Set(equality),
  strings: new Set([...membership, ...emptiness]),
  map: new Set([...membership, ...emptiness]),
  structs: new Set([...membership, ...emptiness]),
  list: new Set(emptiness),
  struct: new Set<Operator>(),
};

/** What a match on the key of a map says when the key is not there; that `matches` is true is Consul's. */
function absentMatches(operator: Operator): boolean {
  return operator !== 'Equal' && operator !== 'In' && operator !== 'Is Not Empty';
}

/** Goes down the selector's steps to the leaf; in a list any element will do. */
function walk(
  steps: readonly SelectorStep[],
  at: number,
  test: Predicate<unknown>,
  absent: boolean,
): Predicate<unknown> {
  const { field } = steps[at]!;
  const get = 'get' in field ? field.get : (row: unknown) => row;
  if (at === steps.length - 1) return (row) => test(get(row));
  const next = walk(steps, at + 1, test, absent);
  if (field.type === 'list') return (row) => (get(row) as readonly unknown[]).some(next);
  if (field.type !== 'map' && field.type !== 'structs') return (row) => next(get(row));
  const key = steps[at + 1]!.name;
  return (row) => {
    const map = get(row) as Readonly<Record<string, unknown>> | null;
    return map !== null && Object.hasOwn(map, key) ? next(map[key]) : absent;
  };
}

/** Whether the selected thing itself matches. */
function leafTest(
  field: SelectorStep['field'],
  operator: Operator,
  value: string,
  shown: string,
  datacenter: string,
): Predicate<unknown> {
  const positive = positiveTest(field, operator, value, shown);
  const test = negations.has(operator) ? (found: unknown) => !positive(found) : positive;
  if (field.type !== 'string' || field.constant !== 'datacenter') return test;
  return () => test(datacenter);
}

const negations: ReadonlySet<Operator> = new Set(['Not Equal', 'Not In', 'Is Not Empty', 'Not Matches']);

function positiveTest(
  field: SelectorStep['field'],
  operator: Operator,
  value: string,
  shown: string,
): Predicate<unknown> {
  switch (operator) {
    case 'Equal':
    case 'Not Equal': {
      const wanted = coerce(field.type, value, shown);
      return (found) => found === wanted;
    }
    case 'In':
    case 'Not In':
      return (found) => holds(found, value);
    case 'Is Empty':
    case 'Is Not Empty':
      return isEmpty;
    case 'Matches':
    case 'Not Matches': {
      const pattern = regexp(value);
      return (found) => pattern.test(found as string);
    }
  }
}

function holds(found: unknown, value: string): boolean {
  if (typeof found === 'string') return found.includes(value);
  if (Array.isArray(found)) return found.includes(value);
  return found !== null && Object.hasOwn(found as object, value);
}

function isEmpty(found: unknown): boolean {
  if (typeof found === 'string' || Array.isArray(found)) return found.length === 0;
  return found === null || Object.keys(found as object).length === 0;
}

function regexp(value: string): { test(text: string): boolean } {
  try {
    return compileGoRegexp(value);
  } catch (error) {
    const reason = `Failed to compile regular expression ${JSON.stringify(value)}: ${(error as Error).message}`;
    throw new FilterError(reason, { cause: error });
  }
}

function coerce(type: SelectorStep['field']['type'], value: string, shown: string): unknown {
  if (type !== 'int' && type !== 'bool') return value;
  const coerced = type === 'int' ? parseGoInt(value) : goBools[value];
  if (typeof coerced === type.replace('int', 'number').replace('bool', 'boolean')) return coerced;
  const parser = type === 'int' ? 'ParseInt' : 'ParseBool';
  const problem = coerced === 'range' ? 'value out of range' : 'invalid syntax';
  const quoted = JSON.stringify(value);
  throw new FilterError(
    `Failed to coerce value ${quoted} for selector ${shown}: strconv.${parser}: parsing ${quoted}: ${problem}`,
  );
}

const goBools: Readonly<Record<string, boolean>> = Object.assign(Object.create(null), {
  ...Object.fromEntries(['1', 't', 'T', 'TRUE', 'true', 'True'].map((text) => [text, true])),
  ...Object.fromEntries(['0', 'f', 'F', 'FALSE', 'false', 'False'].map((text) => [text, false])),
});

const goInt =
  /^([+-]?)(?:0[xX]_?([0-9a-fA-F](?:_?[0-9a-fA-F])*)|0[bB]_?([01](?:_?[01])*)|0[oO]?_?([0-7](?:_?[0-7])*)|(0|[1-9](?:_?[0-9])*))$/;

/** Go's strconv.ParseInt with base 0. */
function parseGoInt(text: string): number | 'range' | undefined {
  const found = goInt.exec(text);
  if (found === null) return undefined;
  const [, sign, hex, binary, octal, decimal] = found;
  const [digits, base] = [
    [hex, 16],
    [binary, 2],
    [octal, 8],
    [decimal, 10],
  ].find(([part]) => part !== undefined) as [string, number];
  const value = Number.parseInt(digits.replaceAll('_', ''), base) * (sign === '-' ? -1 : 1);
  return value > 2 ** 63 - 1 || value < -(2 ** 63) ? 'range' : value;
}
