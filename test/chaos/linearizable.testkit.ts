/**
 * Is there an order of the operations, each taking effect at one moment between its call and its return, in which the
 * model gives every result that was seen? The search of Wing and Gong with Lowe's memory of what was tried
 * (G. Lowe, "Testing for linearizability", 2017).
 *
 * Meant for one key at a time: up to some 300 operations of 10 clients.
 */
export interface Operation<Input, Output> {
  readonly client: string;
  readonly input: Input;
  /** undefined: nobody knows whether it took effect; it may still do so at any time after its call, or never. */
  readonly output: Output | undefined;
  /** Any clock that all clients share. */
  readonly calledAt: number;
  /** Without meaning when the outcome is unknown. */
  readonly returnedAt: number;
}

export interface Model<State, Input, Output> {
  readonly initial: State;
  /** The state after the operation; undefined: it can't have had this output in this state. */
  step(state: State, input: Input, output: Output | undefined): State | undefined;
  /** Whether an operation with this output has no effect, in whatever state. */
  hasNoEffect(input: Input, output: Output): boolean;
  /** Operations come in the order of their ranks, those of equal rank in any; undefined: this one's place is not known. */
  rankOf(input: Input, output: Output): number | undefined;
  /** Equal states have equal keys. */
  keyOf(state: State): string;
}

export type Verdict<Input, Output> =
  | { readonly linearizable: true }
  | {
      readonly linearizable: false;
      /** The longest order that was found, in that order. */
      readonly longest: readonly Operation<Input, Output>[];
      /** Operations that had returned and could not be put next to it: the first of them is where to look. */
      readonly stuck: readonly Operation<Input, Output>[];
    };

/** Throws when more than `maxSteps` (default 5 million) steps don't decide: the history is too wide for this. */
export function checkLinearizable<State, Input, Output>(
  model: Model<State, Input, Output>,
  history: readonly Operation<Input, Output>[],
  maxSteps = 5_000_000,
): Verdict<Input, Output> {
  return new Search(model, history, maxSteps).run();
}

/** One operation in a list ordered by call; those that were put into the order are taken out of it. */
interface Cell<Input, Output> {
  readonly operation: Operation<Input, Output>;
  readonly bit: bigint;
  readonly returnedAt: number;
  readonly rank: number | undefined;
  previous: Cell<Input, Output> | undefined;
  next: Cell<Input, Output> | undefined;
}

interface Rank {
  readonly rank: number;
  left: number;
}

/** One place in the order: what was put there, and what else could have been. */
interface Choice<State, Input, Output> {
  readonly cell: Cell<Input, Output>;
  readonly before: State;
  readonly others: Cell<Input, Output>[];
}

class Search<State, Input, Output> {
  readonly #model: Model<State, Input, Output>;
  readonly #maxSteps: number;
  readonly #cells: readonly Cell<Input, Output>[];
  readonly #order: Choice<State, Input, Output>[] = [];
  readonly #tried = new Set<string>();
  /** How many operations of each rank are left, in the order of ranks, and the first of which any are. */
  readonly #ranks: readonly Rank[];
  #lowest = 0;
  #state: State;
  #done = 0n;
  #head: Cell<Input, Output> | undefined;
  /** Of operations with a known outcome. */
  #left: number;

  constructor(
    model: Model<State, Input, Output>,
    history: readonly Operation<Input, Output>[],
    maxSteps: number,
  ) {
    this.#model = model;
    this.#state = model.initial;
    this.#maxSteps = maxSteps;
    const byCall = [...history].sort((a, b) => a.calledAt - b.calledAt);
    this.#left = byCall.filter(({ output }) => output !== undefined).length;
    this.#cells = byCall.map((operation, index) => ({
      operation,
      bit: 1n << BigInt(index),
      returnedAt: operation.output === undefined ? Infinity : operation.returnedAt,
      rank: this.#rankOf(operation),
      previous: undefined,
      next: undefined,
    }));
    this.#cells.forEach((cell, index) => {
      cell.previous = this.#cells[index - 1];
      cell.next = this.#cells[index + 1];
    });
    this.#head = this.#cells[0];
    const ranks = this.#cells.flatMap(({ rank }) => (rank === undefined ? [] : [rank]));
    this.#ranks = [...new Set(ranks)]
      .sort((a, b) => a - b)
      .map((rank) => ({ rank, left: ranks.filter((other) => other === rank).length }));
  }

  run(): Verdict<Input, Output> {
    let longest: readonly Cell<Input, Output>[] = [];
    let candidates = this.#candidates();
    for (let steps = 0; this.#left > 0; steps++) {
      if (steps > this.#maxSteps) throw new Error(`not decided after ${this.#maxSteps} steps`);
      const cell = candidates.shift();
      if (cell !== undefined) {
        if (!this.#put(cell, candidates)) continue;
        if (this.#order.length > longest.length) longest = this.#order.map((choice) => choice.cell);
        candidates = this.#candidates();
      } else {
        const last = this.#order.pop();
        if (last === undefined) return this.#failure(longest);
        this.#undo(last);
        candidates = last.others;
      }
    }
    return { linearizable: true };
  }

  /**
   * What may come next, the likeliest first: whatever no operation that is left has returned before. An operation
   * without effect comes at once, and alone: it hinders no other order. One of unknown outcome that would change nothing
   * now need not come now.
   */
  #candidates(): Cell<Input, Output>[] {
    const known: Cell<Input, Output>[] = [];
    const unknown: Cell<Input, Output>[] = [];
    const key = this.#model.keyOf(this.#state);
    let soonest = Infinity;
    for (let cell = this.#head; cell !== undefined; cell = cell.next) {
      if (cell.operation.calledAt > soonest) break;
      soonest = Math.min(soonest, cell.returnedAt);
      const next = this.#step(cell);
      if (next === undefined) continue;
      if (cell.rank !== undefined && cell.rank !== this.#ranks[this.#lowest]?.rank) continue;
      const { input, output } = cell.operation;
      if (output === undefined) {
        if (this.#model.keyOf(next) !== key) unknown.push(cell);
      } else if (this.#model.hasNoEffect(input, output)) {
        return [cell];
      } else {
        known.push(cell);
      }
    }
    return [...known, ...unknown];
  }

  /** False when this was tried before. */
  #put(cell: Cell<Input, Output>, others: Cell<Input, Output>[]): boolean {
    const next = this.#step(cell);
    if (next === undefined) return false;
    const key = `${(this.#done | cell.bit).toString(36)} ${this.#model.keyOf(next)}`;
    if (this.#tried.has(key)) return false;
    this.#tried.add(key);
    this.#order.push({ cell, before: this.#state, others });
    this.#state = next;
    this.#done |= cell.bit;
    if (cell.operation.output !== undefined) this.#left--;
    this.#count(cell, -1);
    if (cell.previous === undefined) this.#head = cell.next;
    else cell.previous.next = cell.next;
    if (cell.next !== undefined) cell.next.previous = cell.previous;
    return true;
  }

  #undo({ cell, before }: Choice<State, Input, Output>): void {
    this.#state = before;
    this.#done &= ~cell.bit;
    if (cell.operation.output !== undefined) this.#left++;
    this.#count(cell, 1);
    if (cell.previous === undefined) this.#head = cell;
    else cell.previous.next = cell;
    if (cell.next !== undefined) cell.next.previous = cell;
  }

  #rankOf({ input, output }: Operation<Input, Output>): number | undefined {
    return output === undefined ? undefined : this.#model.rankOf(input, output);
  }

  #count({ rank }: Cell<Input, Output>, change: 1 | -1): void {
    if (rank === undefined) return;
    const at = this.#ranks.findIndex((entry) => entry.rank === rank);
    this.#ranks[at]!.left += change;
    this.#lowest = Math.min(this.#lowest, at);
    while (this.#ranks[this.#lowest]?.left === 0) this.#lowest++;
  }

  #step({ operation }: Cell<Input, Output>): State | undefined {
    return this.#model.step(this.#state, operation.input, operation.output);
  }

  #failure(longest: readonly Cell<Input, Output>[]): Verdict<Input, Output> {
    const taken = new Set(longest);
    const left = this.#cells.filter((cell) => !taken.has(cell));
    const soonest = Math.min(...left.map(({ returnedAt }) => returnedAt));
    const stuck = left.filter(
      ({ operation, returnedAt }) => operation.calledAt <= soonest && returnedAt !== Infinity,
    );
    return {
      linearizable: false,
      longest: longest.map(({ operation }) => operation),
      stuck: stuck.sort((a, b) => a.returnedAt - b.returnedAt).map(({ operation }) => operation),
    };
  }
}
