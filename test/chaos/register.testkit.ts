import { checkLinearizable, type Model, type Operation, type Verdict } from './linearizable.testkit.ts';

/**
 * One key of the KV store as a client sees it. Every write of a history has a value of its own, so that a row's index
 * and its value name the same write; `cas` is told by the value that the client had read with that index.
 */
export type RegisterInput =
  | { readonly kind: 'read' }
  | { readonly kind: 'put'; readonly value: string }
  /** `expected` undefined: only if the key is absent (cas=0). */
  | { readonly kind: 'cas'; readonly expected: string | undefined; readonly value: string }
  | { readonly kind: 'delete' }
  | { readonly kind: 'delete-cas'; readonly expected: string };

export type RegisterOutput =
  | { readonly kind: 'row'; readonly value: string; readonly modifyIndex: number }
  | { readonly kind: 'absent' }
  /** What a write answered: whether it took effect. */
  | { readonly kind: 'wrote'; readonly done: boolean };

interface RegisterState {
  /** undefined = absent. */
  readonly value: string | undefined;
  /** The highest index that a row had so far. */
  readonly floor: number;
}

export function checkRegister(
  history: readonly Operation<RegisterInput, RegisterOutput>[],
): Verdict<RegisterInput, RegisterOutput> {
  return checkLinearizable(register(indexesOf(history)), withWhatReadsTell(history));
}

/**
 * A write of unknown outcome whose value was read took effect, and did so before the first such read returned.
 */
function withWhatReadsTell(
  history: readonly Operation<RegisterInput, RegisterOutput>[],
): readonly Operation<RegisterInput, RegisterOutput>[] {
  const seenAt = new Map<string, number>();
  for (const { output, returnedAt } of history) {
    if (output?.kind !== 'row') continue;
    seenAt.set(output.value, Math.min(returnedAt, seenAt.get(output.value) ?? Infinity));
  }
  return history.map((operation) => {
    const { input, output } = operation;
    if (output !== undefined || (input.kind !== 'put' && input.kind !== 'cas')) return operation;
    const returnedAt = seenAt.get(input.value);
    if (returnedAt === undefined) return operation;
    return { ...operation, output: { kind: 'wrote', done: true }, returnedAt };
  });
}

/**
 * A register with compare-and-set and delete, for one history: `indexes` are those of its values as reads showed them
 * (see indexesOf). A row's index is that of its write, and above those of all rows before it.
 */
function register(indexes: ReadonlyMap<string, number>): Model<RegisterState, RegisterInput, RegisterOutput> {
  return {
    initial: { value: undefined, floor: 0 },
    keyOf: ({ value, floor }) => `${floor} ${value ?? ''}`,
    rankOf(input, output) {
      if (output.kind === 'row') return output.modifyIndex;
      const takesEffect = output.kind === 'wrote' && output.done;
      const isWrite = input.kind === 'put' || input.kind === 'cas';
      return isWrite && takesEffect ? indexes.get(input.value) : undefined;
    },
    hasNoEffect: (input, output) => input.kind === 'read' || (output.kind === 'wrote' && !output.done),
    step(state, input, output) {
      if (input.kind === 'read') return isSeen(state, output, indexes) ? state : undefined;
      const applies = holds(state, input);
      if (output !== undefined && (output.kind !== 'wrote' || output.done !== applies)) return undefined;
      if (!applies) return state;
      if (input.kind === 'delete' || input.kind === 'delete-cas') return { ...state, value: undefined };
      const index = indexes.get(input.value);
      if (index === undefined) return { ...state, value: input.value };
      return index > state.floor ? { value: input.value, floor: index } : undefined;
    },
  };
}

/** The index that the first read of each value showed. */
function indexesOf(
  history: readonly Operation<RegisterInput, RegisterOutput>[],
): ReadonlyMap<string, number> {
  const indexes = new Map<string, number>();
  for (const { output } of history) {
    if (output?.kind === 'row' && !indexes.has(output.value)) indexes.set(output.value, output.modifyIndex);
  }
  return indexes;
}

function isSeen(
  state: RegisterState,
  output: RegisterOutput | undefined,
  indexes: ReadonlyMap<string, number>,
): boolean {
  if (output?.kind === 'absent') return state.value === undefined;
  if (output?.kind !== 'row') return output === undefined;
  return state.value === output.value && indexes.get(output.value) === output.modifyIndex;
}

/** Whether the write takes effect. Deleting what is absent succeeds, with any cas, as Consul says. */
function holds(state: RegisterState, input: Exclude<RegisterInput, { kind: 'read' }>): boolean {
  if (input.kind === 'cas') return state.value === input.expected;
  if (input.kind === 'delete-cas') return state.value === undefined || state.value === input.expected;
  return true;
}
