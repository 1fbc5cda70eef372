/** The functions of the language itself. `and`, `or` and `call` are of the evaluator: they need more than values. */
import { equal, equalAny, less, lessOrEqual } from './compare.ts';
import { index, length, slice } from './elements.ts';
import { escapeHtml, escapeJs, escapeQuery } from './escape.ts';
import { followed, noValue, sprint, sprintln } from './print.ts';
import { sprintf } from './printf.ts';
import { isTrue } from './truth.ts';
import type { Value } from './values.ts';

export interface Builtin {
  /** Arguments that must be there. */
  readonly least: number;
  /** Whether more are welcome. */
  readonly variadic: boolean;
  /** Parameters of Go type `any` make nil of no value; the others tell them apart. */
  readonly takesAny: boolean;
  /** The first parameter is a string. */
  readonly format?: boolean;
  readonly call: (args: readonly Value[]) => Value;
}

const value = (least: number, variadic: boolean, call: Builtin['call']): Builtin => {
  return Object.freeze({ least, variadic, takesAny: false, call });
};
const any = (call: Builtin['call']): Builtin => {
  return Object.freeze({ least: 0, variadic: true, takesAny: true, call });
};

/** Names that are evaluated in a way of their own. */
export const specialForms: ReadonlySet<string> = new Set(['and', 'or', 'call']);

export const builtins: ReadonlyMap<string, Builtin> = new Map([
  ['eq', value(1, true, ([first, ...others]) => equalAny(first, others))],
  ['ne', value(2, false, ([a, b]) => !equal(a, b))],
  ['lt', value(2, false, ([a, b]) => less(a, b))],
  ['le', value(2, false, ([a, b]) => lessOrEqual(a, b))],
  ['gt', value(2, false, ([a, b]) => !lessOrEqual(a, b))],
  ['ge', value(2, false, ([a, b]) => !less(a, b))],
  ['not', value(1, false, ([a]) => !isTrue(a))],
  ['len', value(1, false, ([a]) => length(a))],
  ['index', value(1, true, ([item, ...indexes]) => index(item, indexes))],
  ['slice', value(1, true, ([item, ...indexes]) => slice(item, indexes))],
  ['print', any(sprint)],
  ['println', any(sprintln)],
  ['printf', { ...any(([format, ...args]) => sprintf(format as string, args)), least: 1, format: true }],
  ['html', any((args) => escapeHtml(joined(args)))],
  ['js', any((args) => escapeJs(joined(args)))],
  ['urlquery', any((args) => escapeQuery(joined(args)))],
]);

/** The arguments of an escaper as `print` joins them: pointers are followed, and nil has the text of no value. */
function joined(args: readonly Value[]): string {
  if (args.length === 1 && typeof args[0] === 'string') return args[0];
  return sprint(args.map((arg) => (arg === undefined || arg === null ? noValue : followed(arg))));
}
