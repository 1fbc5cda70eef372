/** Where variables live: names are resolved to places in the frame when a definition is compiled. */

export interface Variable {
  readonly name: string;
  /** Place of the value in the frame; the next one says whether its static type is an interface. */
  readonly slot: number;
  /** Declared in an argument that `and` or `or` may skip: its place then holds `unset`. */
  readonly isConditional: boolean;
}

/**
 * The variables visible at a point of one definition, innermost last. Statements run one after another, so what is on Go's
 * variable stack at a point is known beforehand, but for declarations inside arguments of `and` and `or`.
 */
export class Scope {
  readonly #variables: Variable[] = [];
  #size = 0;
  #conditional: Variable[] | undefined;

  constructor() {
    this.declare('$');
  }

  /** Places that a frame of the definition needs. */
  get size(): number {
    return this.#size;
  }

  mark(): number {
    return this.#variables.length;
  }

  pop(mark: number): void {
    this.#variables.length = mark;
  }

  /** A place without a name. */
  reserve(): number {
    return this.#size++;
  }

  declare(name: string): Variable {
    const variable = { name, slot: this.#size, isConditional: this.#conditional !== undefined };
    this.#size += 2;
    this.#variables.push(variable);
    this.#conditional?.push(variable);
    return variable;
  }

  /** Compiles something that may be skipped when it runs; gives the variables declared in it. */
  conditionally<T>(compile: () => T): { readonly result: T; readonly declared: readonly Variable[] } {
    const outer = this.#conditional;
    const declared: Variable[] = [];
    this.#conditional = declared;
    const result = compile();
    this.#conditional = outer;
    outer?.push(...declared);
    return { result, declared };
  }

  /** The variables that a name may mean, innermost first; the last is certain. Empty: none is declared when this runs. */
  resolve(name: string): Variable[] {
    const found: Variable[] = [];
    for (let i = this.#variables.length - 1; i >= 0; i--) {
      const variable = this.#variables[i]!;
      if (variable.name !== name) continue;
      found.push(variable);
      if (!variable.isConditional) break;
    }
    return found;
  }
}
