/** What the main thread and the thread for long evaluations tell each other. All of it survives a structured clone. */
import type { TemplatePhase } from '../template/errors.ts';
import { TemplateError } from '../template/errors.ts';
import type { Dependency } from './dependency.ts';
import type { Evaluation, TemplateText } from './evaluator.ts';

export type ToWorker =
  | { readonly type: 'template'; readonly id: number; readonly text: TemplateText }
  | { readonly type: 'forget'; readonly id: number }
  | { readonly type: 'answer'; readonly key: string; readonly data: unknown }
  /** The rest of an answer that is a list. */
  | { readonly type: 'rows'; readonly key: string; readonly rows: readonly unknown[] }
  | { readonly type: 'drop'; readonly key: string }
  | {
      readonly type: 'evaluate';
      readonly id: number;
      /** Answers that the evaluation may see. */
      readonly keys: readonly string[];
      readonly wallMs: number;
    };

export type FromWorker = 'begun' | Done;

export interface Done {
  readonly used: readonly Dependency[];
  readonly missing: readonly Dependency[];
  readonly result: { readonly output: string } | { readonly error: PlainError };
  readonly tookMs: number;
}

interface PlainError {
  readonly message: string;
  /** Left out: no error of the template language. */
  readonly template?: {
    readonly phase: TemplatePhase;
    readonly name: string;
    readonly line: number;
    readonly column: number | undefined;
  };
}

export function plainResult(result: Evaluation['result']): Done['result'] {
  if ('output' in result) return result;
  const { error } = result;
  const { message } = error;
  if (!(error instanceof TemplateError)) return { error: { message } };
  const { phase, template: name, line, column } = error;
  return { error: { message, template: { phase, name, line, column } } };
}

export function resultOf(result: Done['result']): Evaluation['result'] {
  if ('output' in result) return result;
  const { message, template } = result.error;
  if (template === undefined) return { error: new Error(message) };
  const { column, ...place } = template;
  return { error: new TemplateError(message, column === undefined ? place : { ...place, column }) };
}

/** By what a dependency is asked for: `key` and `keyExists` of one key have one answer. */
export function answerKey(dependency: Dependency): string {
  return dependency.kind === 'file' ? dependency.id : JSON.stringify(dependency.query);
}
