/**
 * How much this etcd takes in one transaction. Found by transactions whose compare can't hold and which would delete keys
 * that never exist; what is too large etcd refuses before it writes anything.
 */
import type { StoreLimits } from '../store.ts';
import type { Caller, CallOptions } from './caller.ts';
import { CallFailure } from './failure.ts';
import type { Keys } from './keys.ts';
import { encodeRange, encodeTxn, methods, type OperationMessage } from './messages.ts';

/** etcd's own defaults (--max-txn-ops, --max-request-bytes), and the most that is asked for. */
const defaultOps = 128;
const mostOps = 1024;
const defaultBytes = 1_500_000;
const leastBytes = 64 * 1024;
/** For namespace, head, compares and the encoding of a transaction within the limits; etcd's default has this to spare. */
const spareBytes = 64 * 1024;

interface LimitsDeps {
  readonly caller: Caller;
  readonly calls: CallOptions;
  readonly keys: Keys;
}

/** Never rejects: what can't be found out is etcd's default. */
export async function findLimits(deps: LimitsDeps): Promise<StoreLimits> {
  const ops = await findOps(deps).catch(() => defaultOps);
  const bytes = await findBytes(deps).catch(() => defaultBytes);
  // One operation is for the head.
  return { ops: ops - 1, bytes };
}

async function findOps(deps: LimitsDeps): Promise<number> {
  let passed = 1;
  let refused = mostOps + 1;
  // Most etcds have the default: two questions.
  for (let ops = defaultOps + 1; refused - passed > 1; ) {
    if (await passes(deps, ops, 0)) passed = ops;
    else refused = ops;
    if (passed > defaultOps && refused > mostOps) ops = Math.min(mostOps, passed * 2);
    else if (refused === defaultOps + 1 && passed === 1) ops = defaultOps;
    else ops = Math.floor((passed + refused) / 2);
    if (passed === mostOps) break;
  }
  return passed;
}

// What passes goes through etcd's log: 1.5 MB are written once for a cluster, not at each start of each agent.
async function findBytes(deps: LimitsDeps): Promise<number> {
  const known = await readBytes(deps);
  if (known !== undefined) return known;
  let bytes = defaultBytes;
  while (bytes > leastBytes && !(await passes(deps, 1, bytes + spareBytes))) bytes = Math.floor(bytes / 2);
  await writeBytes(deps, bytes).catch(() => undefined);
  return bytes;
}

async function passes({ caller, calls, keys }: LimitsDeps, ops: number, bytes: number): Promise<boolean> {
  const success = Array.from(
    { length: ops },
    (_, i): OperationMessage => ({ delete: { key: Buffer.concat([keys.limits, Buffer.from(`/${i}`)]) } }),
  );
  const never = { key: Buffer.concat([keys.limits, Buffer.from('/never')]) };
  // An absent key equals no value.
  const compare = [{ range: never, result: 'equal', target: { value: Buffer.alloc(bytes) } }] as const;
  try {
    await caller.call(methods.txn, encodeTxn({ compare, success, failure: [] }), calls);
    return true;
  } catch (error) {
    if (error instanceof CallFailure && error.code === 'too-large') return false;
    throw error;
  }
}

async function readBytes({ caller, calls, keys }: LimitsDeps): Promise<number | undefined> {
  const { answer } = await caller.call(methods.range, encodeRange({ key: keys.limits }), calls);
  const bytes = Number(answer.kvs[0]?.value.toString() ?? '');
  return Number.isSafeInteger(bytes) && bytes >= leastBytes / 2 ? bytes : undefined;
}

async function writeBytes({ caller, calls, keys }: LimitsDeps, bytes: number): Promise<void> {
  const put = { put: keys.limits, value: Buffer.from(String(bytes)) };
  await caller.call(methods.txn, encodeTxn({ compare: [], success: [put], failure: [] }), calls);
}

/** Forgets what was found, since etcd refused less than that: its flags were changed. */
export async function forgetLimits({ caller, calls, keys }: LimitsDeps): Promise<void> {
  const success = [{ delete: { key: keys.limits } }];
  await caller
    .call(methods.txn, encodeTxn({ compare: [], success, failure: [] }), calls)
    .catch(() => undefined);
}
