/**
 * Go's text/template. `parseTemplate` once, `executeTemplate` as often as the data change: pure, synchronous, bounded.
 *
 * Invariants: the output, and every message, is what Go 1.26 gives for the same text, data and functions. Not here: any
 * function beyond the language's own, and any I/O.
 */
import { isStackOverflow } from './call.ts';
import { compileDefinition } from './compile.ts';
import type { Definition } from './compile.ts';
import { builtins, specialForms } from './builtins.ts';
import { placeOf, TemplateError } from './errors.ts';
import type { GoFunction } from './functions.ts';
import type { FunctionTable } from './evaluate.ts';
import type { Tree } from './nodes.ts';
import { printNode } from './nodes.ts';
import { parseTrees } from './parse.ts';
import { quote } from './quote.ts';
import type { Limits, MissingKey } from './state.ts';
import { Budget, State } from './state.ts';
import { rejoin } from './text.ts';
import type { Value } from './values.ts';

export interface ParseTemplateOptions {
  /** Names that may be called besides the builtins, which they replace; a Map of functions or a Set of names will do. */
  readonly functions?: { has(name: string): boolean };
  /** Default `{{`; empty means default too. */
  readonly leftDelimiter?: string;
  /** Default `}}`. */
  readonly rightDelimiter?: string;
}

export interface ExecuteOptions {
  /** What dot and `$` are at the start. Default: no value. */
  readonly data?: Value;
  readonly functions?: ReadonlyMap<string, GoFunction>;
  /** Default `zero`, as consul-template has it. */
  readonly missingKey?: MissingKey;
  /** A Budget is shared with the executions that are given the same one. */
  readonly limits?: Limits | Budget;
  /** Which definition to run. Default: the text itself. */
  readonly definition?: string;
}

/** A parsed text with everything that it defines. Immutable, and safe to execute while it is being executed. */
export class Template {
  readonly name: string;
  readonly text: string;
  /** The text itself under its own name, and each `define` and `block`. */
  readonly trees: ReadonlyMap<string, Tree>;
  /** Functions called anywhere in it that are not builtins, in the order of their first use. */
  readonly functionNames: readonly string[];
  readonly #definitions = new Map<string, Definition>();

  constructor(
    name: string,
    text: string,
    trees: ReadonlyMap<string, Tree>,
    isBuiltin: (name: string) => boolean,
  ) {
    this.name = name;
    this.text = text;
    this.trees = trees;
    const names: string[] = [];
    const functions: FunctionTable = {
      indexOf: (used) => (isBuiltin(used) ? undefined : placeIn(names, used)),
    };
    for (const tree of trees.values()) {
      this.#definitions.set(tree.name, compileDefinition(tree, this.#definitions, functions));
    }
    this.functionNames = names;
  }

  /** The canonical source: definitions first, then the text. Parsing it gives the same trees. */
  print(): string {
    const defined = [...this.trees.values()].filter((tree) => tree.name !== this.name);
    const definitions = defined.map((tree) => `{{define ${quote(tree.name)}}}${printNode(tree.root)}{{end}}`);
    const root = this.trees.get(this.name);
    return definitions.join('') + (root === undefined ? '' : printNode(root.root));
  }

  /** For `executeTemplate`. */
  find(definition: string): Definition | undefined {
    return this.#definitions.get(definition);
  }
}

function placeIn(names: string[], name: string): number {
  const known = names.indexOf(name);
  return known >= 0 ? known : names.push(name) - 1;
}

/** Throws a TemplateError of phase `parse`. */
export function parseTemplate(name: string, text: string, options: ParseTemplateOptions = {}): Template {
  const own = (used: string): boolean => options.functions?.has(used) ?? false;
  const builtin = (used: string): boolean => builtins.has(used) || specialForms.has(used);
  try {
    const trees = parseTrees(name, text, {
      left: options.leftDelimiter || '{{',
      right: options.rightDelimiter || '}}',
      breakIsKeyword: !own('break'),
      continueIsKeyword: !own('continue'),
      isFunction: (used) => own(used) || builtin(used),
    });
    return new Template(name, text, trees, (used) => builtin(used) && !own(used));
  } catch (error) {
    throw isStackOverflow(error) ? tooDeep(name, text, error) : error;
  }
}

function tooDeep(name: string, text: string, cause: unknown): TemplateError {
  const { line } = placeOf(text, text.length);
  const message = `template: ${name}:${line}: max expression depth exceeded`;
  return new TemplateError(message, { phase: 'parse', name, line, cause });
}

/**
 * The output of a template; `toBytes` of it gives the exact bytes where templates cut through characters. Throws a
 * TemplateError of phase `exec` (the output so far is dropped) or `limit`, or the Abort of a function; an unknown
 * `definition` is a plain Error with Go's text.
 */
export function executeTemplate(template: Template, options: ExecuteOptions = {}): string {
  const name = options.definition ?? template.name;
  const definition = template.find(name);
  if (definition === undefined) {
    throw new Error(`template: no template ${quote(name)} associated with template ${quote(template.name)}`);
  }
  const state = new State(template, {
    missingKey: options.missingKey ?? 'zero',
    functions: template.functionNames.map((used) => options.functions?.get(used)),
    budget: options.limits instanceof Budget ? options.limits : new Budget(options.limits),
  });
  try {
    // Go takes nil data for no value.
    definition.run(state, options.data ?? undefined);
  } catch (error) {
    throw isStackOverflow(error) ? state.overflow(error) : error;
  }
  return rejoin(state.out);
}
