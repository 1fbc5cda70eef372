/** What goes wrong with a template, worded as Go words it. */
import { byteLength } from './text.ts';

/** parse: the text is no template; exec: it failed on these data; limit: it was stopped for what it costs. */
export type TemplatePhase = 'parse' | 'exec' | 'limit';

export interface TemplateErrorDetail {
  readonly phase: TemplatePhase;
  /** Name of the parsed text. */
  readonly name: string;
  /** 1-based; 0 when the error has no place. */
  readonly line: number;
  /** Offset in the line in bytes, from 0; undefined for errors of the parser, which knows lines only. */
  readonly column?: number;
  readonly cause?: unknown;
}

/**
 * The message is Go's: `template: NAME:LINE: ...` from the parser,
 * `template: NAME:LINE:COL: executing "DEFINITION" at <NODE>: ...` from an execution.
 */
export class TemplateError extends Error {
  override readonly name = 'TemplateError';
  readonly phase: TemplatePhase;
  readonly template: string;
  readonly line: number;
  readonly column: number | undefined;
  constructor(message: string, detail: TemplateErrorDetail) {
    super(message, detail.cause === undefined ? undefined : { cause: detail.cause });
    this.phase = detail.phase;
    this.template = detail.name;
    this.line = detail.line;
    this.column = detail.column;
  }
}

export interface Place {
  readonly line: number;
  readonly column: number;
}

/** Line from 1 and byte offset in it from 0 of a position in a text. */
export function placeOf(text: string, position: number): Place {
  const before = text.slice(0, position);
  const lineStart = before.lastIndexOf('\n') + 1;
  let line = 1;
  for (let i = before.indexOf('\n'); i >= 0; i = before.indexOf('\n', i + 1)) line++;
  return { line, column: byteLength(before.slice(lineStart)) };
}
