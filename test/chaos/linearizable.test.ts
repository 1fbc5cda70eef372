import assert from 'node:assert/strict';
import { test } from 'node:test';
import { checkLinearizable, type Model, type Operation } from './linearizable.testkit.ts';
import { lock, type LockInput, type LockOutput } from './lock.testkit.ts';
import { Random } from './random.testkit.ts';
import { checkRegister, type RegisterInput, type RegisterOutput } from './register.testkit.ts';

type Step<I, O> = readonly [from: number, to: number, input: I, output: O | undefined];

function history<I, O>(steps: readonly Step<I, O>[]): readonly Operation<I, O>[] {
  return steps.map(([calledAt, returnedAt, input, output], index) => ({
    client: `c${index}`,
    input,
    output,
    calledAt,
    returnedAt,
  }));
}

function verdict<S, I, O>(model: Model<S, I, O>, steps: readonly Step<I, O>[]): boolean {
  return checkLinearizable(model, history(steps)).linearizable;
}

const done: RegisterOutput = { kind: 'wrote', done: true };
const refused: RegisterOutput = { kind: 'wrote', done: false };
const absent: RegisterOutput = { kind: 'absent' };
const read: RegisterInput = { kind: 'read' };
const remove: RegisterInput = { kind: 'delete' };
const put = (value: string): RegisterInput => ({ kind: 'put', value });
const cas = (expected: string | undefined, value: string): RegisterInput => ({
  kind: 'cas',
  expected,
  value,
});
const row = (value: string, modifyIndex: number): RegisterOutput => ({ kind: 'row', value, modifyIndex });

const registers: readonly {
  readonly name: string;
  readonly steps: readonly Step<RegisterInput, RegisterOutput>[];
  readonly want: boolean;
}[] = [
  { name: 'nothing happened', steps: [], want: true },
  {
    name: 'a read sees what was written before it',
    steps: [
      [0, 1, put('a'), done],
      [2, 3, read, row('a', 5)],
    ],
    want: true,
  },
  {
    name: 'a read that misses an acknowledged write is found',
    steps: [
      [0, 1, put('a'), done],
      [2, 3, read, absent],
    ],
    want: false,
  },
  {
    name: 'a read beside a write sees either',
    steps: [
      [0, 5, put('a'), done],
      [1, 2, read, absent],
      [3, 4, read, row('a', 5)],
    ],
    want: true,
  },
  {
    name: 'a second read may not go back',
    steps: [
      [0, 5, put('a'), done],
      [1, 2, read, row('a', 5)],
      [3, 4, read, absent],
    ],
    want: false,
  },
  {
    name: 'of two cas on the same row one succeeds',
    steps: [
      [0, 1, put('a'), done],
      [2, 5, cas('a', 'b'), done],
      [3, 4, cas('a', 'c'), refused],
    ],
    want: true,
  },
  {
    name: 'two cas on the same row that both succeed are found',
    steps: [
      [0, 1, put('a'), done],
      [2, 5, cas('a', 'b'), done],
      [3, 4, cas('a', 'c'), done],
    ],
    want: false,
  },
  {
    name: 'a cas that was refused though nobody wrote is found',
    steps: [
      [0, 1, put('a'), done],
      [2, 3, cas('a', 'b'), refused],
    ],
    want: false,
  },
  {
    name: 'creating twice is found',
    steps: [
      [0, 1, cas(undefined, 'a'), done],
      [2, 3, cas(undefined, 'b'), done],
    ],
    want: false,
  },
  {
    name: 'creating again after a delete is right',
    steps: [
      [0, 1, cas(undefined, 'a'), done],
      [2, 3, remove, done],
      [4, 5, cas(undefined, 'b'), done],
      [6, 7, read, row('b', 9)],
    ],
    want: true,
  },
  {
    name: 'a write of unknown outcome may take effect late',
    steps: [
      [0, 1, put('a'), undefined],
      [2, 3, read, absent],
      [8, 9, read, row('a', 5)],
    ],
    want: true,
  },
  {
    name: 'a write of unknown outcome may never take effect',
    steps: [
      [0, 1, put('a'), undefined],
      [2, 3, put('b'), done],
      [4, 5, read, row('b', 5)],
      [6, 7, read, row('b', 5)],
    ],
    want: true,
  },
  {
    name: 'a write of unknown outcome takes effect once',
    steps: [
      [0, 1, put('a'), undefined],
      [2, 3, read, row('a', 5)],
      [4, 5, put('b'), done],
      [6, 7, read, row('a', 8)],
    ],
    want: false,
  },
  {
    name: 'a write of unknown outcome has no effect before its call',
    steps: [
      [0, 1, read, row('a', 5)],
      [2, 3, put('a'), undefined],
    ],
    want: false,
  },
  {
    name: 'a cas of unknown outcome can only take effect on its row',
    steps: [
      [0, 1, put('a'), done],
      [2, 3, put('b'), done],
      [4, 5, cas('a', 'c'), undefined],
      [6, 7, read, row('c', 9)],
    ],
    want: false,
  },
  {
    name: 'a refused cas may be explained by one of unknown outcome',
    steps: [
      [0, 1, put('a'), done],
      [2, 3, cas('a', 'b'), undefined],
      [4, 5, cas('a', 'c'), refused],
    ],
    want: true,
  },
  {
    name: 'an index that goes back is found',
    steps: [
      [0, 1, put('a'), done],
      [2, 3, read, row('a', 5)],
      [4, 5, put('b'), done],
      [6, 7, read, row('b', 4)],
    ],
    want: false,
  },
  {
    name: 'an index that moves without a write is found',
    steps: [
      [0, 1, put('a'), done],
      [2, 3, read, row('a', 5)],
      [4, 5, read, row('a', 6)],
    ],
    want: false,
  },
];

for (const { name, steps, want } of registers)
  test(`register: ${name}`, () => assert.equal(checkRegister(history(steps)).linearizable, want));

const did: LockOutput = { kind: 'did', done: true };
const not: LockOutput = { kind: 'did', done: false };
const acquire = (session: string): LockInput => ({ kind: 'acquire', session });
const release = (session: string): LockInput => ({ kind: 'release', session });
const invalidate = (session: string): LockInput => ({ kind: 'invalidate', session });
const look: LockInput = { kind: 'read' };
const holder = (session: string, lockIndex: number): LockOutput => ({ kind: 'holder', session, lockIndex });

const locks: readonly {
  readonly name: string;
  readonly steps: readonly Step<LockInput, LockOutput>[];
  readonly want: boolean;
}[] = [
  {
    name: 'one after the other',
    steps: [
      [0, 1, acquire('a'), did],
      [2, 3, acquire('b'), not],
      [4, 5, release('a'), did],
      [6, 7, acquire('b'), did],
      [8, 9, look, holder('b', 2)],
    ],
    want: true,
  },
  {
    name: 'two holders are found',
    steps: [
      [0, 1, acquire('a'), did],
      [2, 3, acquire('b'), did],
    ],
    want: false,
  },
  {
    name: 'a second holder after the first one was invalidated',
    steps: [
      [0, 1, acquire('a'), did],
      [0, 0, invalidate('a'), undefined],
      [2, 3, acquire('b'), did],
      [4, 5, release('a'), not],
    ],
    want: true,
  },
  {
    name: 'a release by another is found',
    steps: [
      [0, 1, acquire('a'), did],
      [2, 3, release('b'), did],
    ],
    want: false,
  },
  {
    name: 'a holder that acquires again keeps its index',
    steps: [
      [0, 1, acquire('a'), did],
      [2, 3, acquire('a'), did],
      [4, 5, look, holder('a', 1)],
    ],
    want: true,
  },
  {
    name: 'an index that did not grow is found',
    steps: [
      [0, 1, acquire('a'), did],
      [2, 3, release('a'), did],
      [4, 5, acquire('b'), did],
      [6, 7, look, holder('b', 1)],
    ],
    want: false,
  },
];

for (const { name, steps, want } of locks)
  test(`lock: ${name}`, () => assert.equal(verdict(lock, steps), want));

test('what can not be put into an order is named', () => {
  const found = checkRegister(
    history<RegisterInput, RegisterOutput>([
      [0, 1, put('a'), done],
      [2, 3, put('b'), done],
      [4, 5, read, row('a', 3)],
      [6, 7, read, row('b', 4)],
    ]),
  );
  assert.ok(!found.linearizable);
  assert.deepEqual(
    found.stuck.map(({ calledAt }) => calledAt),
    [2],
    'b can not have been written before a was read',
  );
  assert.equal(found.longest.length, 1);
});

test('histories of a real register pass, with one planted stale read they fail, at 10 clients and 300 operations', () => {
  for (let seed = 1; seed <= 20; seed++) {
    const random = new Random(seed);
    const made = simulate(random);
    assert.ok(checkRegister(made).linearizable, `seed ${seed}`);
    const planted = plantStaleRead(made);
    if (planted !== undefined) assert.ok(!checkRegister(planted).linearizable, `planted in seed ${seed}`);
  }
});

/** 10 clients on a register that takes effect at a random moment of each call; each 20th write loses its answer. */
function simulate(random: Random): readonly Operation<RegisterInput, RegisterOutput>[] {
  interface Pending {
    readonly at: number;
    readonly operation: Operation<RegisterInput, RegisterOutput>;
    readonly isLost: boolean;
  }
  const pending: Pending[] = [];
  for (let client = 0; client < 10; client++) {
    let clock = random.between(0, 5);
    for (let turn = 0; turn < 30; turn++) {
      const calledAt = clock;
      const returnedAt = calledAt + random.between(1, 10);
      clock = returnedAt + random.between(0.1, 5);
      const value = `${client}.${turn}`;
      const input = random.pick([read, read, put(value), cas('?', value), remove]);
      const isLost = input.kind !== 'read' && random.chance(0.05);
      const operation = { client: `${client}`, input, output: undefined, calledAt, returnedAt };
      pending.push({ at: random.between(calledAt, returnedAt + (isLost ? 30 : 0)), operation, isLost });
    }
  }
  let value: string | undefined;
  let index = 0;
  return pending
    .sort((a, b) => a.at - b.at)
    .map(({ operation, isLost }) => {
      // Most cas meet the row that is there.
      const input =
        operation.input.kind === 'cas'
          ? { ...operation.input, expected: random.chance(0.7) ? value : 'never' }
          : operation.input;
      const output = apply(input);
      return { ...operation, input, output: isLost ? undefined : output };
    });

  function apply(input: RegisterInput): RegisterOutput {
    if (input.kind === 'read') return value === undefined ? absent : row(value, index);
    if (input.kind === 'cas' && input.expected !== value) return refused;
    value = input.kind === 'put' || input.kind === 'cas' ? input.value : undefined;
    index++;
    return done;
  }
}

/** The last read of a row, made to see a value that had been overwritten long before. */
function plantStaleRead(
  operations: readonly Operation<RegisterInput, RegisterOutput>[],
): readonly Operation<RegisterInput, RegisterOutput>[] | undefined {
  const first = operations.find(({ output }) => output?.kind === 'row');
  const last = operations.findLast(({ output }) => output?.kind === 'row');
  if (first === undefined || last === undefined || last.calledAt < first.returnedAt + 100) return undefined;
  return operations.map((operation) =>
    operation === last ? { ...operation, output: first.output } : operation,
  );
}
