import { StoreError } from './store.ts';
import type { Commit, Key, Operation, StoreLimits } from './store.ts';

/** Throws StoreError `invalid` or `too-large` for a commit that no engine would take. */
export function checkCommit(commit: Commit, limits: StoreLimits): void {
  for (const compare of commit.when ?? []) if ('key' in compare) checkKey(compare.key);
  checkOperations(commit.then);
  if (commit.else !== undefined) checkOperations(commit.else);
  checkSize(commit, limits);
}

function checkOperations(operations: readonly Operation[]): void {
  const only = operations[0];
  if (operations.length === 1 && only !== undefined && !('deletePrefix' in only))
    return checkKey(namedKey(only));
  const named = new Set<Key>();
  const prefixes: string[] = [];
  for (const operation of operations) {
    if ('deletePrefix' in operation) {
      prefixes.push(operation.deletePrefix);
      continue;
    }
    const key = namedKey(operation);
    checkKey(key);
    if (named.has(key)) throw new StoreError('invalid', `The commit names the key ${show(key)} twice.`);
    named.add(key);
  }
  for (const prefix of prefixes) {
    for (const key of named) {
      if (key.startsWith(prefix)) {
        throw new StoreError(
          'invalid',
          `The commit deletes the prefix ${show(prefix)} and also names ${show(key)}.`,
        );
      }
    }
  }
}

function namedKey(operation: Exclude<Operation, { deletePrefix: string }>): Key {
  return 'put' in operation ? operation.put : operation.delete;
}

const loneSurrogate = /\p{Surrogate}/u;

function checkKey(key: Key): void {
  if (key === '') throw new StoreError('invalid', 'A key must not be empty.');
  // A lone surrogate has no UTF-8 form: two such keys would become one on disk.
  if (!isWellFormed(key)) throw new StoreError('invalid', `The key ${show(key)} is not valid Unicode.`);
}

// Node has String.prototype.isWellFormed since 20, the es2023 library has no type for it.
function isWellFormed(key: Key & { isWellFormed?: () => boolean }): boolean {
  return key.isWellFormed?.() ?? !loneSurrogate.test(key);
}

function checkSize(commit: Commit, limits: StoreLimits): void {
  const most = Math.max(commit.then.length, commit.else?.length ?? 0, commit.when?.length ?? 0);
  if (most > limits.ops) {
    throw new StoreError('too-large', `The commit has ${most} operations; the limit is ${limits.ops}.`);
  }
  // Three bytes a UTF-16 unit is the most that UTF-8 needs: most commits are passed without being measured.
  let bytes = bytesOf(commit.then, upperBytes) + bytesOf(commit.else, upperBytes);
  if (bytes > limits.bytes) bytes = bytesOf(commit.then, exactBytes) + bytesOf(commit.else, exactBytes);
  if (bytes > limits.bytes) {
    throw new StoreError('too-large', `The commit has ${bytes} bytes; the limit is ${limits.bytes}.`);
  }
}

const upperBytes = (text: string): number => text.length * 3;
const exactBytes = (text: string): number => Buffer.byteLength(text);

function bytesOf(operations: readonly Operation[] | undefined, measure: (text: string) => number): number {
  let bytes = 0;
  for (const operation of operations ?? []) {
    if ('put' in operation) bytes += measure(operation.put) + operation.value.byteLength;
    else bytes += measure('delete' in operation ? operation.delete : operation.deletePrefix);
  }
  return bytes;
}

function show(key: string): string {
  return JSON.stringify(key.length > 120 ? `${key.slice(0, 120)}...` : key);
}
