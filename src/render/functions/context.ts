/** What a template's functions are given: the world as one evaluation sees it. */
import type { Value } from '../../template/values.ts';
import type { Dependency } from '../dependency.ts';
import type { Answers, Query } from '../source.ts';

export interface FunctionContext {
  /**
   * Notes a dependency as used. Its answer, or undefined when there is none yet: then it is noted as missing too, and the
   * function gives an empty value of its type.
   */
  ask<Q extends Query['type']>(type: Q, dependency: Dependency): Answers[Q] | undefined;
  /** The same for a local file's text. */
  askFile(dependency: Dependency): string | undefined;
  /** Holds the output back although there is an answer (`safeLs` of an empty list). */
  markMissing(dependency: Dependency): void;
  /** Whether programs may run: every dependency so far has had its answer, unless that does not count. */
  mayRun(): boolean;
  /** The template's own environment first, then the process's. */
  environment(name: string): string | undefined;
  /** Milliseconds since the Unix epoch. */
  now(): number;
  /** Does something once the evaluation is over, if it was complete and without error. */
  afterwards(action: () => void): void;
  /** What `scratch` holds during this evaluation. */
  scratch(): Map<string, Value>;
  /** Runs a definition of the same template. */
  execute(definition: string, data: Value): string;
  /** Files outside are refused; undefined: any file. */
  readonly sandboxPath: string | undefined;
}
