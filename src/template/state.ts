/** What one execution carries along: output, variables, the node at work for messages, and what it may still spend. */
import { placeOf, TemplateError } from './errors.ts';
import type { GoFunction } from './functions.ts';
import type { Node } from './nodes.ts';
import { printNode } from './nodes.ts';
import { quote } from './quote.ts';
import type { Value } from './values.ts';

/**
 * What an absent map key gives: `zero` the zero value of the map's elements, `error` a failure, `default` and `invalid`
 * no value.
 */
export type MissingKey = 'zero' | 'error' | 'default' | 'invalid';

export interface Limits {
  /** Statements, iterations and invocations in all. Default 10,000,000. */
  readonly steps?: number;
  /** Template invocations inside each other. Default and most: 100,000, or what the stack allows. */
  readonly depth?: number;
  /** UTF-16 units of the output, and of any string on the way. Default 64 Mi. */
  readonly outputLength?: number;
  /** Asked every 64 steps; true ends the execution. */
  readonly isOverdue?: () => boolean;
}

export const mostDepth = 100_000;
/** A step may be the call of a slow function: looking at a clock costs less than that. */
const overdueSteps = 64;

/** Spending against the limits; one may be shared by an execution and those that its functions start. */
export class Budget {
  readonly depth: number;
  readonly outputLength: number;
  readonly #steps: number;
  readonly #isOverdue: (() => boolean) | undefined;
  #spent = 0;
  // The next count at which something has to be looked at; the common step is one comparison.
  #checkAt = 0;

  constructor(limits: Limits = {}) {
    this.depth = Math.min(limits.depth ?? mostDepth, mostDepth);
    this.outputLength = limits.outputLength ?? 64 * 1024 * 1024;
    this.#steps = limits.steps ?? 10_000_000;
    this.#isOverdue = limits.isOverdue;
  }

  /** Counts one step; a text says which limit is passed. */
  step(): string | undefined {
    return ++this.#spent < this.#checkAt ? undefined : this.#check();
  }

  #check(): string | undefined {
    if (this.#spent > this.#steps) return `exceeded the limit of ${this.#steps} steps`;
    if (this.#isOverdue?.() === true) return 'exceeded the time allowed';
    this.#checkAt =
      this.#isOverdue === undefined ? this.#steps + 1 : Math.min(this.#spent + overdueSteps, this.#steps + 1);
    return undefined;
  }
}

/** A variable that its declaration has not reached: one inside an argument that `and` or `or` skipped. */
export const unset: unique symbol = Symbol('unset');
export type Slot = Value | typeof unset;

/** The text that an execution runs, for the places in its messages. */
export interface Source {
  readonly name: string;
  readonly text: string;
}

export class State {
  out = '';
  /** Variables of the running definition: a value and, beside it, whether its static type is an interface. */
  frame: Slot[] = [];
  /** What messages point at. Set before whatever may fail, exactly where Go sets it: the order shows. */
  node: Node | undefined;
  /** Name of the running definition. */
  definition: string;
  depth = 0;
  /** The newest `template` action and the definition it stands in: what a stack overflow is told of. */
  invoking: Node | undefined;
  invoker = '';
  readonly missingKey: MissingKey;
  readonly functions: readonly (GoFunction | undefined)[];
  readonly budget: Budget;
  readonly source: Source;

  constructor(
    source: Source,
    options: {
      readonly missingKey: MissingKey;
      readonly functions: readonly (GoFunction | undefined)[];
      readonly budget: Budget;
    },
  ) {
    this.source = source;
    this.definition = source.name;
    this.missingKey = options.missingKey;
    this.functions = options.functions;
    this.budget = options.budget;
  }

  /** Ends the execution with Go's message about the current node. */
  fail(message: string, cause?: unknown): never {
    throw this.#error('exec', message, cause);
  }

  /** The error of an execution that has used up the stack: almost always a template that invokes itself for ever. */
  overflow(cause: unknown): TemplateError {
    // A few invocations do not use up a stack: then it is deep data that are printed, or deep nesting in the text.
    if (this.invoking === undefined || this.depth < 100)
      return this.#error('limit', 'exceeded the stack', cause);
    this.node = this.invoking;
    this.definition = this.invoker;
    return this.#error('exec', `exceeded maximum template depth (${this.budget.depth})`, cause);
  }

  exceed(message: string): never {
    throw this.#error('limit', message, undefined);
  }

  step(): void {
    const exceeded = this.budget.step();
    if (exceeded !== undefined) this.exceed(exceeded);
  }

  write(text: string): void {
    this.out += text;
    if (this.out.length > this.budget.outputLength) {
      this.exceed(`exceeded the limit of ${this.budget.outputLength} characters of output`);
    }
  }

  #error(phase: 'exec' | 'limit', message: string, cause: unknown): TemplateError {
    const { name, text } = this.source;
    const { line, column } = placeOf(text, this.node?.position ?? 0);
    const at = this.node === undefined ? '' : ` at <${printNode(this.node)}>`;
    return new TemplateError(
      `template: ${name}:${line}:${column}: executing ${quote(this.definition)}${at}: ${message}`,
      { phase, name, line, column, cause },
    );
  }
}
