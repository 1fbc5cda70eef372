import { type CommitResult, StoreError } from '../store/store.ts';
import { KvError } from './errors.ts';

/** The result, if there is one. Throws KvError `unknown`. */
export function known(result: CommitResult): Exclude<CommitResult, { outcome: 'unknown' }> {
  if (result.outcome !== 'unknown') return result;
  const message = `the store did not confirm the write, it may have been applied: ${result.cause.message}`;
  throw new KvError('unknown', message, { cause: result.cause });
}

/** What a failure of the store is called here. */
export function translated(error: unknown): unknown {
  if (!(error instanceof StoreError) || error.code === 'invalid') return error;
  const code = error.code === 'too-large' ? 'too-large' : 'unavailable';
  return new KvError(code, error.message, { cause: error });
}
