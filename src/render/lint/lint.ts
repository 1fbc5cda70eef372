/**
 * What is wrong with a template, or will be, as far as its text tells.
 *
 * In: a text and the limits under which it will be evaluated. Out: findings in the order of their places. Nothing is
 * evaluated and nothing is asked.
 */
import { byteLength } from '../../template/text.ts';
import { placeOf, TemplateError } from '../../template/errors.ts';
import {
  debugFunction,
  deniedFunction,
  deprecatedFunction,
  outsideSandbox,
  refusedFunction,
  unknownFunction,
  unstableOutput,
} from './functions.ts';
import { unknownField } from './fields.ts';
import { undefinedTemplate, unusedDefinition, unusedVariable } from './names.ts';
import {
  alwaysTrue,
  badQuery,
  dottedName,
  emptyUpstream,
  keyMayBeMissing,
  unguardedIndex,
  watchPerItem,
} from './queries.ts';
import { type LintOptions, parseSubject, type Subject } from './subject.ts';

/** error: it will fail; warning: it may, or does what nobody wants; info: worth knowing. */
export type Severity = 'error' | 'warning' | 'info';

export interface Rule {
  readonly name: string;
  readonly severity: Severity;
  readonly find: (subject: Subject) => readonly { readonly position: number; readonly message: string }[];
}

export interface Finding {
  readonly rule: string;
  readonly severity: Severity;
  /** The file. */
  readonly name: string;
  /** From 1. */
  readonly line: number;
  /** In bytes, from 1; 0 when only the line is known. */
  readonly column: number;
  readonly message: string;
  /** The line of the text. */
  readonly excerpt: string;
}

export const rules: readonly Rule[] = [
  unknownFunction,
  unknownField,
  refusedFunction,
  deniedFunction,
  outsideSandbox,
  undefinedTemplate,
  badQuery,
  emptyUpstream,
  keyMayBeMissing,
  unguardedIndex,
  unusedVariable,
  dottedName,
  alwaysTrue,
  unstableOutput,
  debugFunction,
  deprecatedFunction,
  watchPerItem,
  unusedDefinition,
];

/** The name of the finding for a text that does not parse. */
export const syntaxRule = 'syntax';

export function lintTemplate(options: LintOptions): readonly Finding[] {
  let subject: Subject;
  try {
    subject = parseSubject(options);
  } catch (error) {
    if (!(error instanceof TemplateError)) throw error;
    return [syntaxFinding(options, error)];
  }
  return rules
    .flatMap(({ name: rule, severity, find }) =>
      find(subject).map(({ position, message }) => {
        const { line, column } = placeOf(options.text, position);
        return finding(options, { rule, severity, line, column: column + 1, message });
      }),
    )
    .sort((a, b) => a.line - b.line || a.column - b.column);
}

// The parser knows lines only; what it quotes can often be found in its line.
function syntaxFinding(options: LintOptions, error: TemplateError): Finding {
  const line = Math.max(1, error.line);
  const message = error.message.replace(/^template: [^]*?:\d+: /, '');
  const quoted = /"((?:[^"\\]|\\.)+)"|(?:for |<)(\w+)/
    .exec(message)
    ?.slice(1)
    .find((part) => part !== undefined);
  const at = quoted === undefined ? -1 : lineOf(options.text, line).indexOf(quoted);
  const column = at < 0 ? 0 : byteLength(lineOf(options.text, line).slice(0, at)) + 1;
  return finding(options, { rule: syntaxRule, severity: 'error', line, column, message });
}

function finding({ name, text }: LintOptions, found: Omit<Finding, 'name' | 'excerpt'>): Finding {
  return { ...found, name, excerpt: lineOf(text, found.line) };
}

function lineOf(text: string, line: number): string {
  return (text.split('\n')[line - 1] ?? '').replace(/\r$/, '');
}
