import type { Model } from './linearizable.testkit.ts';

/** One lock, held by sessions. */
export type LockInput =
  | { readonly kind: 'acquire'; readonly session: string }
  | { readonly kind: 'release'; readonly session: string }
  /** The store ends a session on its own: recorded with an unknown outcome from the session's creation on. */
  | { readonly kind: 'invalidate'; readonly session: string }
  | { readonly kind: 'read' };

export type LockOutput =
  /** What acquire, release and invalidate answered. */
  | { readonly kind: 'did'; readonly done: boolean }
  /** '' = free. */
  | { readonly kind: 'holder'; readonly session: string; readonly lockIndex: number };

interface LockState {
  readonly holder: string;
  readonly lockIndex: number;
}

/** A lock that counts its acquisitions. A refused acquire says nothing: the lock's delay refuses it also when it is free. */
export const lock: Model<LockState, LockInput, LockOutput> = {
  initial: { holder: '', lockIndex: 0 },
  keyOf: ({ holder, lockIndex }) => `${holder} ${lockIndex}`,
  rankOf: () => undefined,
  hasNoEffect: (input, output) => input.kind === 'read' || (output.kind === 'did' && !output.done),
  step(state, input, output) {
    if (input.kind === 'read') return output === undefined || isSeen(state, output) ? state : undefined;
    if (output === undefined) return after(state, input) ?? state;
    if (output.kind !== 'did') return undefined;
    const next = after(state, input);
    if (!output.done) return input.kind === 'acquire' || next === undefined ? state : undefined;
    return next;
  },
};

function isSeen(state: LockState, output: LockOutput): boolean {
  return output.kind === 'holder' && output.session === state.holder && output.lockIndex === state.lockIndex;
}

/** The state when it takes effect; undefined when it can't. */
function after(state: LockState, input: LockInput): LockState | undefined {
  if (input.kind === 'acquire') {
    if (input.session === '' || (state.holder !== '' && state.holder !== input.session)) return undefined;
    const isNew = state.holder === '';
    return isNew ? { holder: input.session, lockIndex: state.lockIndex + 1 } : state;
  }
  if (input.kind === 'read' || state.holder !== input.session) return undefined;
  return { ...state, holder: '' };
}
